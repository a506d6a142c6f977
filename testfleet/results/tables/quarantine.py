"""Quarantines as a table."""

from collections.abc import Sequence

from testfleet.output.blocks import Table, Tone
from testfleet.results.quarantine import Quarantine
from testfleet.results.tables.cells import ABSENT, name, words

SOON = 3
"""Days before its end at which a quarantine is highlighted."""


def table(found: Sequence[Quarantine]) -> Table:
    return Table(
        ("CASE", "SUITE", "BRANCH", "OWNER", "UNTIL", "STATE", "SOURCE", "REASON"),
        tuple(
            (
                name(one.name),
                name(one.suite),
                _branch(one.branch),
                words(one.owner),
                f"{one.until:%Y-%m-%d %H:%M}" + (" expired" if one.expired else f" ({_days(one.days)})"),
                one.state or ABSENT,
                one.source,
                words(one.reason),
            )
            for one in found
        ),
        tuple(_tone(one) for one in found),
    )


def _branch(branch: str | None) -> str:
    if branch is None:
        return "every"
    return name(branch) if branch else "none"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _tone(one: Quarantine) -> Tone:
    if one.expired:
        return "faint"
    return "odd" if one.days <= SOON or one.state == "broken" else "plain"
