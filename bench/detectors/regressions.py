"""Scores what each run says of its failures, and the significant drops.

Against green: one failed case of one finished run counts once. The answer is that it is a regression: the kind is `new`
or `broken`, and it did not begin in an outage. True: a commit broke it. Wrong: only chance, an outage or a glitch
explains it. A partial regression counts as true where it is named, and stands apart where it is not. So does a break of
a case that failed by its flakiness, or by a partial regression, in the 7 days before: the definition sets it apart.

Drops: one case on the default branch counts once for each label. True: a regression that failed at least three times
within 7 days, in more than 5 % of the case's executions in them, after at least 20 executions. Wrong: an episode of a
case with no failure by a regression, and by no flakiness that began within the 37 days before.
"""

from collections import defaultdict
from datetime import timedelta

from bench.detectors.answers import Answers
from bench.detectors.score import Score, compare
from testfleet.seeding.generate import History
from testfleet.seeding.repository import DEFAULT_BRANCH
from testfleet.seeding.values import BAD, Run

WEEK = timedelta(days=7)
WINDOWS = timedelta(days=37)
NAMED = ("new", "broken")


def against_green(history: History, answers: Answers, *, default_branch: bool) -> Score:
    """Score the failed cases of the finished runs of the default branch, or of the pull requests."""
    truth = history.labels
    full = {one.id for one in truth.regressions if one.rate >= 1}
    partial = {one.id for one in truth.regressions if one.rate < 1}
    scored = {
        run.run_id
        for run in history.runs
        if run.status != "cancelled" and (run.commit.branch == DEFAULT_BRANCH) == default_branch
    }
    true, half = set(), set()
    for bad in truth.bad_cases:
        if bad.run_id in scored and bad.status in BAD:
            if set(bad.because) & full:
                true.add((bad.run_id, bad.name))
            elif set(bad.because) & partial:
                half.add((bad.run_id, bad.name))
    uncertain = _uncertain(history, true)
    named = {
        (row.run_id, row.name)
        for row in answers.failures
        if row.run_id in scored and row.kind in NAMED and not (row.outage and row.kind == "new")
    }
    new_cases = {(row.run_id, row.name) for row in answers.failures if row.kind == "new_case"}
    score = compare(
        named,
        (true - new_cases - uncertain) | ((half | uncertain) & named),
        apart={
            "partial, not named": len(half - named),
            "of a case that was flaky, not named": len(uncertain - named),
            "new cases": len(true & new_cases),
        },
    )
    reasons = {(bad.run_id, bad.name): ",".join(bad.because).split("-")[0] for bad in truth.bad_cases}
    wrong = defaultdict(int)
    for key in named - true - half:
        wrong[f"wrong: {reasons.get(key, 'none')}"] += 1
    return Score(score.found, score.wrong, score.missed, {**score.apart, **wrong}, score.examples)


def _uncertain(history: History, broken: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the failures of cases that failed by chance in the 7 days before, by their labels."""
    truth = history.labels
    by_chance = {one.id for one in truth.flaky} | {one.id for one in truth.regressions if one.rate < 1}
    runs = {run.run_id: run for run in history.runs}
    times = defaultdict(list)
    for bad in truth.bad_cases:
        if set(bad.because) & by_chance:
            run = runs[bad.run_id]
            times[run.suite.name, bad.name].append(run.finished_at)
    found = set()
    for run_id, name in broken:
        run = runs[run_id]
        if any(run.finished_at - WEEK < at < run.finished_at for at in times[run.suite.name, name]):
            found.add((run_id, name))
    return found


def suspects(history: History, answers: Answers) -> Score:
    """Score the range of suspect commits that the first failing run of the default branch names.

    True: the commit that broke the case is after the last passed commit, and not after the first failed one.
    """
    commits = {run.commit.sha: run.commit for run in history.runs}
    runs = {run.run_id: run for run in history.runs}
    breaks = {one.id: one for one in history.labels.regressions if one.rate >= 1 and one.branch == DEFAULT_BRANCH}
    because = {(bad.run_id, bad.name): bad.because for bad in history.labels.bad_cases}
    right = wrong = 0
    for row in answers.failures:
        labels = [breaks[one] for one in because.get((row.run_id, row.name), ()) if one in breaks]
        run = runs[row.run_id]
        if row.kind != "new" or row.outage or run.commit.branch != DEFAULT_BRANCH or not labels:
            continue
        after, until = commits.get(row.last_pass_commit or ""), commits.get(row.first_fail_commit or "")
        inside = after is not None and until is not None and after.at < labels[0].broken_at <= until.at
        right, wrong = right + inside, wrong + (not inside)
    return Score(right, wrong)


def drops(history: History, answers: Answers) -> Score:
    """Score the episodes of significant drops on the default branch."""
    truth = history.labels
    runs = [run for run in history.runs if run.commit.branch == DEFAULT_BRANCH and run.status != "cancelled"]
    executed = _executions(runs)
    failing = _failures(history, runs)
    flaky_since = {(one.suite, one.name): one.begins for one in truth.flaky}
    labelled = {(one.suite, name): [] for one in truth.regressions for name in one.names}
    true = {}
    for one in truth.regressions:
        for name in one.names:
            times = failing.get((one.id, name), [])
            labelled[one.suite, name] += times
            if _is_significant(times, executed[one.suite, name], one.broken_at):
                true[one.id, name] = (one.suite, name, times)
    found, right, wrong, unchanged = set(), 0, [], 0
    for row in (row for row in answers.episodes if row.branch == DEFAULT_BRANCH):
        key = (row.suite, row.name)
        ends = row.closed_at or answers.at
        found |= {
            identity
            for identity, (suite, name, times) in true.items()
            if (suite, name) == key and row.opened_at <= times[-1] + WEEK and ends >= times[0]
        }
        near = [at for at in labelled.get(key, []) if row.opened_at - WEEK <= at <= ends]
        began = flaky_since.get(key)
        if near or (began and history.labels.begins < began and row.opened_at - WINDOWS <= began):
            right += 1
        else:
            wrong.append(f"wrong {key} {row.opened_at:%m-%d}")
            unchanged += began is not None
    missed = [f"missed {identity} {len(true[identity][2])}" for identity in true if identity not in found]
    apart = {"right episodes": right, "wrong, of cases that are flaky all the time": unchanged}
    return Score(len(found), len(wrong), len(missed), apart, (*wrong, *missed))


def _executions(runs: list[Run]) -> dict[tuple[str, str], list]:
    found = defaultdict(list)
    for run in runs:
        for case in run.cases:
            if case.tries:
                found[run.suite.name, case.spec.name].append(run.finished_at)
    return {key: sorted(times) for key, times in found.items()} | defaultdict(list)


def _failures(history: History, runs: list[Run]) -> dict[tuple[str, str], list]:
    ended = {run.run_id: run.finished_at for run in runs}
    found = defaultdict(list)
    for bad in history.labels.bad_cases:
        if bad.run_id in ended and bad.status in BAD:
            for identity in bad.because:
                found[identity, bad.name].append(ended[bad.run_id])
    return {key: sorted(times) for key, times in found.items()}


def _is_significant(times: list, executed: list, broken_at: object) -> bool:
    if sum(at < broken_at for at in executed) < 20:  # noqa: PLR2004  # the least number that the definition names
        return False
    for at in times:
        failures = sum(at - WEEK < one <= at for one in times)
        executions = sum(at - WEEK < one <= at for one in executed)
        if failures >= 3 and failures / executions > 0.05:  # noqa: PLR2004  # likewise
            return True
    return False
