"""Flaky and broken cases, with the detectors that found them."""

from collections.abc import Sequence

from testfleet.output import units
from testfleet.output.blocks import Table, Tone
from testfleet.results.meaning import BrokenSince, in_words
from testfleet.results.states import CaseState, Detector, State
from testfleet.results.tables.cells import ABSENT, name, number

POSTERIOR_LIMIT = 0.1
FLIPS_LIMIT = 4
SHOWN_OUTCOMES = 20

EXPLANATION = (
    "A case is flaky for 7 days, or 100 executions, after one of these detectors has found it:",
    "  retry: it passed after a failed try of the same run.",
    "  one commit: it passed and failed on one commit within 14 days.",
    f"  flips: on a default branch, it changed between good and bad at least {FLIPS_LIMIT} times in 20 executions.",
    "    Three or more failures in a row are a defect and no flips.",
    f"  posterior: a try of it fails without a cause in the code with a probability above {POSTERIOR_LIMIT:.2f},",
    "    estimated from its last ten executions (Allure's formula; docs/metrics.md).",
    "A case is broken if it failed three times in a row, or at its last execution and is not flaky.",
    "BLOCKED: runs of the last 30 days, on any branch, in which the case failed as a known flaky one.",
    "LOST: the time of these runs, each shared among its failures.",
    "FAILED: failures of all executions. LAST: the last executions, the newest on the right: . passed,",
    "  R passed on retry, F failed, E errored, O failed in an outage.",
)

_OUTCOMES = str.maketrans("prfeo", ".RFEO")
STATE_TONES: dict[State, Tone] = {"broken": "bad", "flaky": "odd", "healthy": "good"}


def table(states: Sequence[CaseState]) -> Table:
    return Table(
        ("CASE", "SUITE", "BLOCKED", "LOST", "FAILED", "LAST", "OWNER", "WHY"),
        tuple(
            (
                name(state.name),
                name(state.suite),
                str(state.runs_blocked),
                units.duration(state.minutes_lost * 60_000),
                f"{state.failures}/{state.executions}",
                outcomes(state),
                name(state.owner),
                "; ".join(why(state)) or ABSENT,
            )
            for state in states
        ),
        tuple(STATE_TONES[state.state] for state in states),
    )


def outcomes(state: CaseState) -> str:
    """Return the last executions, the newest on the right."""
    return state.outcomes[-SHOWN_OUTCOMES:].translate(_OUTCOMES) or ABSENT


def why(state: CaseState) -> tuple[str, ...]:
    """Return the evidence for the state, one text for each detector."""
    if state.state == "broken":
        start = BrokenSince(
            state.first_fail_run_id, state.first_fail_commit, state.first_fail_author, state.first_fail_at
        )
        return (f"{_times(state.streak)}{in_words(start)}",)
    return tuple(_evidence(state, detector) for detector in state.reasons)


def _evidence(state: CaseState, detector: Detector) -> str:
    match detector:
        case "retry":
            return f"passed on retry in {state.retried_runs} of {len(state.outcomes)} runs"
        case "mixed_commit":
            return "passed and failed on one commit"
        case "flips" if state.flips >= FLIPS_LIMIT:
            return f"{state.flips} flips over 20 runs"
        case "flips":
            return f"{FLIPS_LIMIT} flips or more in the last 7 days, {state.flips} now"
        case "posterior" if state.posterior > POSTERIOR_LIMIT:
            return f"posterior {number(state.posterior)} > {POSTERIOR_LIMIT:.2f} over ten runs"
        case "posterior":
            return f"posterior above {POSTERIOR_LIMIT:.2f} in the last 7 days, {number(state.posterior)} now"


def _times(count: int) -> str:
    return "failed once" if count == 1 else f"failed {count} times in a row"
