"""Scores slowdowns, outages and causes.

Slowdowns: one case on the default branch at the end of the history. True: a labelled slowdown with at least ten passed
executions since it began and at least ten before it, all among the last fifty. Neither: a slowdown partly in sight.

Outages: one finished run counts once. True: an outage of a dependency made at least half of the run's cases fail, and
at least ten. Neither: a run that an outage hit less. A regression of as many cases is no outage.

Causes: one pair of failed cases of one run counts once. True: the same label is behind both.
"""

from collections import Counter, defaultdict
from itertools import combinations

from bench.detectors.answers import Answers
from bench.detectors.score import Score, compare
from testfleet.seeding.generate import History
from testfleet.seeding.repository import DEFAULT_BRANCH
from testfleet.seeding.values import BAD

SEEN = 50
LEAST = 10


def slowdowns(history: History, answers: Answers) -> Score:
    """Score the cases that are slower at the end of the history."""
    passed = defaultdict(list)
    for run in sorted(history.runs, key=lambda run: run.finished_at):
        if run.commit.branch == DEFAULT_BRANCH and run.status != "cancelled":
            for case in run.cases:
                if case.status == "passed" and len(case.tries) == 1:
                    passed[run.suite.name, case.spec.name].append(run.commit.at)
    true, partly = set(), set()
    for one in history.labels.slowdowns:
        for name in one.names:
            key = (one.suite, name)
            seen = passed[key][-SEEN:]
            slow = [at >= one.begins and (one.ends is None or at < one.ends) for at in seen]
            before = sum(at < one.begins for at in seen)
            if before >= LEAST and sum(slow) >= LEAST and all(slow[-LEAST:]):
                true.add(key)
            elif any(slow):
                partly.add(key)
    named = {(row.suite, row.name) for row in answers.slow if row.branch == DEFAULT_BRANCH}
    return compare(named, true, neither=partly)


def outages(history: History, answers: Answers) -> Score:
    """Score the runs that are called an outage."""
    down = {one.id for one in history.labels.outages}
    hit = Counter(bad.run_id for bad in history.labels.bad_cases if bad.status in BAD and set(bad.because) & down)
    ran = {run.run_id: sum(bool(case.tries) for case in run.cases) for run in history.runs if run.status != "cancelled"}
    true = {run_id for run_id, count in hit.items() if run_id in ran and count >= LEAST and 2 * count >= ran[run_id]}
    named = {row.run_id for row in answers.failures if row.outage}
    return compare(named, true, neither=set(hit), apart={"hit less": len(set(hit) & set(ran)) - len(true)})


def causes(history: History, answers: Answers) -> Score:
    """Score the pairs of failures of a run that have one cause."""
    because = {(bad.run_id, bad.name): bad.because for bad in history.labels.bad_cases}
    by_run = defaultdict(list)
    for row in answers.failures:
        if row.cause_id is not None and (row.run_id, row.name) in because:
            by_run[row.run_id].append((because[row.run_id, row.name], row.cause_id))
    found = wrong = missed = 0
    for failures in by_run.values():
        for (reason, cause), (other_reason, other_cause) in combinations(failures, 2):
            same, called = bool(set(reason) & set(other_reason)), cause == other_cause
            found, wrong, missed = (
                found + (same and called),
                wrong + (called and not same),
                missed + (same and not called),
            )
    return Score(found, wrong, missed)
