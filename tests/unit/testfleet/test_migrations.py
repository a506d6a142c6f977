"""The migration files: named, numbered and never changed."""

import re
from pathlib import Path

import pytest

from testfleet.errors import BadSetting
from testfleet.migrations import check, folder, load


def files(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).write_text(f"SELECT '{name}';\n")
    return path


def test_versions_are_numbers_not_words(tmp_path: Path) -> None:
    """V10 comes after V9, whatever a listing says."""
    names = [f"V{version}__step.sql" for version in range(1, 12)]
    assert [migration.file for migration in load(files(tmp_path, *reversed(names)))] == names


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ((), "no V1__….sql is there"),
        (("V2__b.sql",), "V2__b.sql: version 1 must come first and is missing"),
        (("V1__a.sql", "V3__c.sql"), "V3__c.sql: version 2 must come first and is missing"),
        (("V1__a.sql", "V1__b.sql"), "version 1 is there twice"),
        (("V1__a.sql", "V2_b.sql"), "V2_b.sql: must be named V<number>__<words>.sql"),
        (("V1__a.sql", "V1.1__b.sql"), "V1.1__b.sql: must be named"),
        (("V01__a.sql",), "V01__a.sql: must be named"),
    ],
)
def test_wrong_files_are_named(names: tuple[str, ...], line: str, tmp_path: Path) -> None:
    """Two branches that both add V7 must notice at the first start."""
    with pytest.raises(BadSetting, match=re.escape(line)):
        load(files(tmp_path, *names))


def test_an_applied_file_must_not_change(tmp_path: Path) -> None:
    """What one database was given must be what every database was given."""
    before = load(files(tmp_path, "V1__a.sql", "V2__b.sql"))
    (tmp_path / "V1__a.sql").write_text("SELECT 2;")
    applied = [(migration.version, migration.file, migration.sha256) for migration in before]
    with pytest.raises(BadSetting, match=r"V1__a.sql: was changed after it had been applied; .* V3__"):
        check(load(tmp_path), applied)
    check(before, applied)


def test_line_breaks_of_a_checkout_are_no_change(tmp_path: Path) -> None:
    """Git may write CRLF on one machine and LF on another."""
    (tmp_path / "V1__a.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    unix = load(tmp_path)
    (tmp_path / "V1__a.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert load(tmp_path) == unix


def test_a_newer_database_is_told(tmp_path: Path) -> None:
    """An old image must not work on tables that it does not understand."""
    with pytest.raises(BadSetting, match=r"at version 2 \(V2__b.sql\), which this testfleet does not know"):
        check(load(files(tmp_path, "V1__a.sql")), [(2, "V2__b.sql", "x")])


def test_flyway_could_run_the_files() -> None:
    """No psql commands, no placeholders, no transaction of their own: plain SQL only."""
    migrations = load(folder())
    assert migrations
    for migration in migrations:
        code = re.sub(r"--[^\n]*", "", migration.sql)
        assert not re.search(r"^\s*\\", code, re.MULTILINE), "psql's own commands"
        assert not re.search(r"\$\{|%\(|\{\w*\}", code), "placeholders"
        assert not re.search(r"^\s*(BEGIN|COMMIT|ROLLBACK)\s*;", code, re.MULTILINE | re.IGNORECASE), "transactions"
