"""Decides whether a run has enough cases: `--min-cases 120`, or `--min-cases 75%` of the suite's usual number."""

import re
from dataclasses import dataclass

from testfleet.errors import Refused
from testfleet.results.runs import RunRow

MAX_CASES = 100_000_000


@dataclass(frozen=True, slots=True)
class MinCases:
    """The least number of cases of a run, or the least percentage of its usual cases."""

    number: int
    percent: bool = False


def parse(text: str) -> MinCases:
    """Parse the value of `--min-cases`.

    Raises:
        Refused: it is neither a number of cases nor a percentage.
    """
    match = re.fullmatch(r"([0-9]{1,9})(%?)", text)
    least = MinCases(int(match[1]), bool(match[2])) if match else None
    if least is None or least.number > (100 if least.percent else MAX_CASES):
        raise Refused(
            "--min-cases: must be a number of cases, such as 120, or a percentage of the usual number, such as 75%, "
            f"but is {text[:60]!a}"
        )
    return least


def shortfall(run: RunRow, least: MinCases) -> str | None:
    """Return one line if a finished run has too few cases. Skipped cases count: the report names them.

    The percentage of a run without a usual number is unknown, and the run has enough cases.
    """
    if not least.percent:
        if run.total >= least.number:
            return None
        return f"--min-cases: {run.run_id} has {run.total} cases, but must have at least {least.number}"
    if run.expected_cases is None or run.total * 100 >= run.expected_cases * least.number:
        return None
    share = run.total * 100 // run.expected_cases
    return (
        f"--min-cases: {run.run_id} has {run.total} cases, {share} % of the usual {run.expected_cases}, "
        f"but must have at least {least.number} %"
    )
