"""Two runs and what changed between them."""

from testfleet.output.blocks import Line, Table, Tone
from testfleet.results import render
from testfleet.results.compare import CHANGES, SLOWER_FACTOR, SLOWER_MS, Change, Comparison
from testfleet.results.tables import cells

EXPLANATION = (
    "broke: passed, was skipped or was absent of failures before, and fails after. fails in both: fails in both runs.",
    "fixed: failed before, passes after. skipped: ran before and is skipped after.",
    "added, removed: only the second or only the first run has the case.",
    f"slower, faster: passed in both, and took {SLOWER_FACTOR:g} times as long and {SLOWER_MS:g} ms longer in one.",
)

_WORDS: dict[Change, str] = {change: change.replace("_", " ") for change in CHANGES}
_TONES: dict[Change, Tone] = {
    "broke": "bad",
    "fails_in_both": "bad",
    "fixed": "good",
    "faster": "good",
    "slower": "odd",
}


def lines(found: Comparison) -> list[Line]:
    """Return one line for each run, and one with the number of each change."""
    counts = [f"{count} {_WORDS[change]}" for change, count in found.counts.items() if count]
    before, after = render.summary(found.before), render.summary(found.after)
    result = [Line(f"before: {before.text}", before.tone), Line(f"after: {after.text}", after.tone)]
    if found.before.suite != found.after.suite:
        result.append(Line("The runs are of different suites.", "odd"))
    result.append(Line(", ".join(counts) or "no case differs"))
    return result


def table(found: Comparison) -> Table:
    return Table(
        ("CHANGE", "CASE", "BEFORE", "AFTER", "TOOK", "WHY"),
        tuple(
            (
                _WORDS[case.change],
                cells.name(case.name),
                case.before_status or cells.ABSENT,
                case.after_status or cells.ABSENT,
                cells.durations(case.before_ms, case.after_ms),
                cells.words(case.message),
            )
            for case in found.cases
        ),
        tuple(_TONES.get(case.change, "plain") for case in found.cases),
    )
