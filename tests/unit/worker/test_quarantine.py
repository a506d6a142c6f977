"""The file of reviewed quarantines beside the catalog."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from handoff.records import QuarantinedCase
from runtime.errors import InvalidInput
from worker.quarantine import load

ENTRY = """
[[quarantine]]
suite = "checkout"
name = "cart > pays twice"
owner = "team-pay"
until = 2030-01-31
reason = "SHOP-1: the bank answers late"
"""


def loaded(folder: Path, text: str) -> dict[str, tuple[QuarantinedCase, ...]]:
    (folder / "quarantine.toml").write_text(text, encoding="utf-8")
    return dict(load(folder / "catalog.toml", {"checkout", "search"}))


def test_an_entry_names_its_case_exactly(tmp_path: Path) -> None:
    """A date includes its day in UTC. Expired entries stay: the database's clock decides."""
    case = QuarantinedCase(
        name="cart > pays twice",
        owner="team-pay",
        until=datetime(2030, 2, 1, tzinfo=UTC),
        reason="SHOP-1: the bank answers late",
    )
    assert loaded(tmp_path, ENTRY) == {"checkout": (case,)}
    past = ENTRY.replace("2030-01-31", "2020-01-31T12:00:00+01:00")
    assert loaded(tmp_path, past)["checkout"][0].until == datetime(2020, 1, 31, 11, tzinfo=UTC)


def test_without_a_file_no_case_is_quarantined(tmp_path: Path) -> None:
    assert load(tmp_path / "catalog.toml", {"checkout"}) == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[quarantine", "quarantine.toml: must be TOML in UTF-8: "),
        ("x = 1", "quarantine.toml: x: is unknown; allowed: quarantine"),
        (f"{ENTRY}x = 1", "quarantine.toml: quarantine.0.x: is unknown; allowed: suite, name, owner, until, "),
        (ENTRY.replace('owner = "team-pay"\n', ""), "quarantine.toml: quarantine.0.owner: is required"),
        (ENTRY.replace("2030-01-31", '"soon"'), "quarantine.toml: quarantine.0.until: must be a date such as"),
        (ENTRY.replace("2030-01-31", "2030-01-31T12:00:00"), "quarantine.toml: quarantine.0.until: must be a date"),
        (ENTRY.replace("checkout", "nope"), "quarantine.toml: quarantine.0.suite: must be one of checkout, search"),
        (ENTRY + ENTRY, "quarantine.toml: quarantine.1.name: must occur once for each suite and branch"),
        (ENTRY.replace("cart > pays twice", ""), "quarantine.toml: quarantine.0.name: must be 1 to 2000 bytes"),
    ],
)  # fmt: skip
def test_a_bad_file_gives_one_line_with_the_field(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(InvalidInput) as error:
        loaded(tmp_path, text)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_two_branches_may_quarantine_one_case(tmp_path: Path) -> None:
    other = ENTRY.replace("owner", 'branch = "main"\nowner')
    assert [case.branch for case in loaded(tmp_path, ENTRY + other)["checkout"]] == [None, "main"]
