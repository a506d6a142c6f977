"""Scores what is called flaky at the end of a history, and in each run.

At the end: one case of a suite, on any branch, counts once. True: a labelled flaky case that failed a try because of it
within the last 7 days. Apart: one that was flaky in these days but did not fail. Neither: a case that a partial
regression made fail in these days, because it has both outcomes, too. Any other answer is wrong, also where an outage
or a regression explains it, or where the case stopped to be flaky more than 7 days ago.
"""

from datetime import datetime, timedelta

from bench.detectors.answers import DETECTORS, Answers
from bench.detectors.score import Score, compare
from testfleet.seeding.generate import History
from testfleet.seeding.values import BAD

WINDOW = timedelta(days=7)


def at_the_end(history: History, answers: Answers) -> dict[str, Score]:
    """Return the score of the combined answer and of each detector by itself."""
    truth = history.labels
    since = answers.at - WINDOW
    recent = {run.run_id for run in history.runs if run.finished_at > since and run.status != "cancelled"}
    failed = {identity for bad in truth.bad_cases if bad.run_id in recent for identity in bad.because}
    active = [one for one in truth.flaky if one.ends is None or one.ends > since]
    true = {(one.suite, one.name) for one in active if one.id in failed}
    silent = {(one.suite, one.name) for one in active if one.id not in failed}
    partial = {
        (one.suite, name) for one in truth.regressions if one.rate < 1 and one.id in failed for name in one.names
    }
    scores = {
        "combined": compare(
            {(row.suite, row.name) for row in answers.states if row.state == "flaky"},
            true,
            neither=partial | silent,
            apart={"flaky, but without a failure in the last 7 days": len(silent)},
        )
    }
    for detector in DETECTORS:
        named = {(row.suite, row.name) for row in answers.states if detector in row.reasons}
        scores[detector] = compare(named, true, neither=partial | silent)
    return scores


def in_each_run(history: History, answers: Answers) -> Score:
    """Score each failure that its run calls flaky.

    True: a failed case that only its flakiness explains, with an earlier try that failed by it in the 7 days before.
    Apart: without such a try, because no detector can know it. Neither: a failure of a partial regression.
    """
    truth = history.labels
    flaky = {one.id for one in truth.flaky}
    partial = {one.id for one in truth.regressions if one.rate < 1}
    finished = {run.run_id: run.finished_at for run in history.runs if run.status != "cancelled"}
    true: set[tuple[str, str]] = set()
    first: set[tuple[str, str]] = set()
    last: dict[str, datetime] = {}
    bad_cases = [bad for bad in truth.bad_cases if bad.run_id in finished]
    for bad in sorted(bad_cases, key=lambda bad: finished[bad.run_id]):
        if set(bad.because) <= flaky:
            at, before = finished[bad.run_id], last.get(bad.because[0])
            last[bad.because[0]] = at
            if bad.status in BAD:
                (true if before and before > at - WINDOW else first).add((bad.run_id, bad.name))
    named = {(row.run_id, row.name) for row in answers.failures if row.kind == "flaky"}
    neither = {(bad.run_id, bad.name) for bad in bad_cases if set(bad.because) & partial}
    return compare(named, true, neither=neither | first, apart={"first failure within 7 days": len(first)})
