"""The owners of files, from the catalog's patterns and from CODEOWNERS."""

import pytest

from handoff.records import Owners
from reporter.owners import MAX_OWNER, FileOwners

CODEOWNERS = """
# Everything
*                     @org/qa
/suites/checkout/     @org/shop @ann   # two owners
*.spec.ts             web@example.com
/suites/checkout/old/
/suites/with\\ space/ @org/space
"""


def owners(**given: object) -> FileOwners:
    return FileOwners.of(Owners.model_validate({"codeowners": CODEOWNERS, "folder": "suites/checkout", **given}))


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("tests/test_cart.py", "@org/shop @ann"),
        ("cart.spec.ts", "web@example.com"),
        ("./tests/test_cart.py", "@org/shop @ann"),
        ("tests\\test_cart.py", "@org/shop @ann"),
        ("old/test_cart.py", None),
        ("../search/test_a.py", "@org/qa"),
    ],
)
def test_the_last_matching_line_of_codeowners_decides(file: str, owner: str | None) -> None:
    """Files are relative to the suite's folder, and the lines to that of CODEOWNERS."""
    assert owners().owner(file) == owner


def test_a_pattern_of_the_catalog_comes_before_codeowners() -> None:
    """It is closer to the suite. Its owner needs no @ and may contain spaces."""
    found = owners(patterns={"*.py": "team shop", "tests/pay/": "team-pay", "a b.py": "team-space"})
    assert found.owner("tests/test_cart.py") == "team shop"
    assert found.owner("tests/pay/test_card.py") == "team-pay"
    assert found.owner("a b.py") == "team-space"
    assert found.owner("cart.spec.ts") == "web@example.com"


def test_a_file_without_a_line_has_no_owner() -> None:
    """It belongs to the suite's owner."""
    found = owners(codeowners="/docs/ @org/docs", suite="team-shop")
    assert (found.owner("test_cart.py"), found.suite) == (None, "team-shop")


@pytest.mark.parametrize("text", ["a[b @x", "\x00 @x", "*" * 5000, "@x", "\n" * 1000])
def test_no_text_of_codeowners_raises_an_error(text: str) -> None:
    """Owners are no reason to lose a result."""
    assert owners(codeowners=text).owner("a.py") in {None, "@x"}


def test_many_owners_are_cut() -> None:
    assert len(owners(codeowners="* " + "@org/team " * 100).owner("a.py") or "") == MAX_OWNER
