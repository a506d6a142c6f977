"""The migration files: named, numbered and never changed."""

import re
from pathlib import Path

import pytest

from testfleet.database.migrations import check, folder, load
from testfleet.errors import BadSetting


def files(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).write_text(f"SELECT '{name}';\n")
    return path


def test_versions_sort_as_numbers(tmp_path: Path) -> None:
    """V10 comes after V9, although it sorts before it as a text."""
    names = [f"V{version}__step.sql" for version in range(1, 12)]
    assert [migration.file for migration in load(files(tmp_path, *reversed(names)))] == names


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ((), "holds no V1__….sql"),
        (("V2__b.sql",), "V2__b.sql: version 1 is missing"),
        (("V1__a.sql", "V3__c.sql"), "V3__c.sql: version 2 is missing"),
        (("V1__a.sql", "V1__b.sql"), "V1__b.sql: version 1 occurs twice"),
        (("V1__a.sql", "V2_b.sql"), "V2_b.sql: must be named V<number>__<words>.sql"),
        (("V1__a.sql", "V1.1__b.sql"), "V1.1__b.sql: must be named"),
        (("V01__a.sql",), "V01__a.sql: must be named"),
    ],
)
def test_an_error_names_the_wrong_file(names: tuple[str, ...], line: str, tmp_path: Path) -> None:
    """Two branches may both add V7; the first start after the merge fails."""
    with pytest.raises(BadSetting, match=re.escape(line)):
        load(files(tmp_path, *names))


def test_an_applied_file_must_not_change(tmp_path: Path) -> None:
    """Every database gets the same statements."""
    before = load(files(tmp_path, "V1__a.sql", "V2__b.sql"))
    (tmp_path / "V1__a.sql").write_text("SELECT 2;")
    applied = [(migration.version, migration.file, migration.sha256) for migration in before]
    with pytest.raises(BadSetting, match=r"V1__a.sql: was changed after it had been applied; .* V3__"):
        check(load(tmp_path), applied)
    check(before, applied)


def test_other_line_breaks_are_no_change(tmp_path: Path) -> None:
    """Git may write CRLF on one machine and LF on another."""
    (tmp_path / "V1__a.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    unix = load(tmp_path)
    (tmp_path / "V1__a.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert load(tmp_path) == unix


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """An old image must not write to newer tables."""
    with pytest.raises(BadSetting, match=r"at version 2 \(V2__b.sql\); this testfleet ends at version 1"):
        check(load(files(tmp_path, "V1__a.sql")), [(2, "V2__b.sql", "x")])


def test_a_history_with_a_gap_is_refused(tmp_path: Path) -> None:
    """The last file would be applied twice."""
    migrations = load(files(tmp_path, "V1__a.sql", "V2__b.sql", "V3__c.sql"))
    applied = [(one.version, one.file, one.sha256) for one in migrations if one.version != 2]
    with pytest.raises(BadSetting, match=r"testfleet_migrations lacks version 2 below version 3 \(V3__c.sql\)"):
        check(migrations, applied)


def test_flyway_could_run_the_files() -> None:
    """No psql commands, no placeholders, no transaction of their own: plain SQL only."""
    migrations = load(folder())
    assert migrations
    for migration in migrations:
        code = re.sub(r"--[^\n]*", "", migration.sql)
        assert not re.search(r"^\s*\\", code, re.MULTILINE), "psql's own commands"
        assert not re.search(r"\$\{|%\(|(?<!')\{\w*\}", code), "placeholders"  # '{}' is an empty array
        assert not re.search(r"^\s*(BEGIN|COMMIT|ROLLBACK)\s*;", code, re.MULTILINE | re.IGNORECASE), "transactions"
