"""CODEOWNERS of a suite's checkout."""

from pathlib import Path

import pytest

from handoff.records import Owners
from worker.catalog import Suite, load
from worker.owners import MAX_BYTES, of_suite

CATALOG = """
[suites.shop]
runner = "pytest"
path = "suites/shop"
timeout = 60
"""


def suite(folder: Path, more: str = "") -> Suite:
    (folder / "suites" / "shop").mkdir(parents=True, exist_ok=True)
    file = folder / "catalog.toml"
    file.write_text(CATALOG + more)
    return load(file)["shop"]


def put(file: Path, text: str = "* @qa") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def found(folder: Path, more: str = "") -> Owners | None:
    return of_suite(suite(folder, more), folder / "catalog.toml")


@pytest.mark.parametrize(
    ("place", "inside"),
    [
        ("CODEOWNERS", "suites/shop"),
        (".github/CODEOWNERS", "suites/shop"),
        ("suites/docs/CODEOWNERS", "shop"),
        ("suites/shop/CODEOWNERS", "."),
    ],
)
def test_the_nearest_file_up_to_the_catalog_is_read(tmp_path: Path, place: str, inside: str) -> None:
    put(tmp_path / place)
    assert found(tmp_path) == Owners(codeowners="* @qa", folder=inside)


def test_no_file_above_the_catalog_is_read(tmp_path: Path) -> None:
    """It belongs to another checkout."""
    put(tmp_path / "CODEOWNERS")
    assert found(tmp_path / "image") is None


def test_the_catalog_names_owners_too(tmp_path: Path) -> None:
    more = 'owner = "team-shop"\nowners = { "pay/" = "team-pay" }\n'
    assert found(tmp_path, more) == Owners(suite="team-shop", patterns={"pay/": "team-pay"})


def test_an_unusable_file_is_ignored(tmp_path: Path) -> None:
    """A link may lead to a file that no suite may read, and a huge file fills the handoff."""
    (tmp_path / "secret").write_text("* @qa")
    (tmp_path / "CODEOWNERS").symlink_to(tmp_path / "secret")
    assert found(tmp_path) is None
    put(tmp_path / "suites" / "shop" / "CODEOWNERS", "#" * (MAX_BYTES + 1))
    assert found(tmp_path) is None
