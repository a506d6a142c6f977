"""The meaning of the summaries, in plain Python over the rows of every run: what the fold is compared with."""

import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.support.exact import posterior

DEFAULTS = ("main", "master", "trunk", "")
RUNS = """
SELECT run_id, number, suite, coalesce(branch, '') AS branch, commit, status, total, finished_at FROM test_runs
WHERE status IN ('passed', 'failed', 'errored') AND suite IS NOT NULL ORDER BY finished_at, run_id
"""
CASES = "SELECT run_id, name, file, status, flaky, attempt, duration_ms, fingerprint FROM test_cases ORDER BY name"
TRIES = "SELECT run_id, name, attempt, status FROM case_tries"
Row = dict[str, Any]


@dataclass
class Summary:
    """Everything that happened to a case on a branch so far."""

    executions: list[tuple[Row, Row, str, tuple[int, int]]] = field(default_factory=list)
    """Run, case, letter, and the numbers of failed and passed tries."""
    retried_at: datetime | None = None
    mixed_at: datetime | None = None
    flipped_at: datetime | None = None
    suspected_at: datetime | None = None
    flaky_since: datetime | None = None
    last_evidence: int | None = None
    """The place of the last evidence in executions."""

    @property
    def letters(self) -> str:
        return "".join(letter for _, _, letter, _ in self.executions)

    @property
    def streak(self) -> list[Row]:
        """The runs of the failures in a row up to the last execution, without those of outages."""
        runs = []
        for run, case, letter, _ in reversed(self.executions):
            if case["status"] == "passed":
                break
            if letter != "o":
                runs.append(run)
        return runs[::-1]

    @property
    def last_pass(self) -> Row | None:
        return next((run for run, case, _, _ in reversed(self.executions) if case["status"] == "passed"), None)

    @property
    def flaky_at(self) -> datetime | None:
        return None if self.last_evidence is None else self.executions[self.last_evidence][0]["finished_at"]

    def flaky(self, at: datetime) -> bool:
        if self.last_evidence is None or self.flaky_at is None:
            return False
        quiet = len(self.executions) - 1 - self.last_evidence
        return self.flaky_at > at - timedelta(days=7) and quiet < 100


def chance(summary: Summary) -> float:
    """Return the posterior of the last ten executions. Their order does not matter, and (0, 0) is no evidence."""
    return _posterior(tuple(sorted(tries for *_, tries in summary.executions[-10:] if tries != (0, 0))))


@cache
def _posterior(tries: tuple[tuple[int, int], ...]) -> float:
    return float(posterior(tries))


def flips(letters: str) -> int:
    signs = "".join("+" if each in "pr" else "-" for each in letters[-50:] if each != "o")
    return sum(a != b for a, b in pairwise(re.sub("-{3,}", "", signs)[-20:]))


def day_of(run: Row) -> date:
    finished: datetime = run["finished_at"]
    return finished.astimezone(UTC).date()


class Oracle:
    """Replays the runs in the order of their ends."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        with connection.cursor(row_factory=dict_row) as cursor:
            runs = cursor.execute(RUNS).fetchall()
            self._cases: dict[str, list[Row]] = {run["run_id"]: [] for run in runs}
            for case in cursor.execute(CASES).fetchall():
                if case["status"] != "skipped":
                    self._cases.setdefault(case["run_id"], []).append(case)
            self._tries: dict[tuple[str, str, int], list[str]] = {}
            for one in cursor.execute(TRIES).fetchall():
                self._tries.setdefault((one["run_id"], one["name"], one["attempt"]), []).append(one["status"])
        self.summaries: dict[tuple[str, str], dict[str, Summary]] = {}
        self.suites: dict[tuple[str, str], list[Row]] = {}
        self.failures: dict[tuple[str, str], Row] = {}
        self.outages: set[str] = set()
        self.expected: dict[str, int | None] = {}
        for run in runs:
            self._fold(run)

    def _fold(self, run: Row) -> None:
        key = (run["suite"], run["branch"])
        own = self.summaries.setdefault(key, {})
        base_key = next(
            (k for d in DEFAULTS if d != run["branch"] and (k := (run["suite"], d)) in self.suites),
            (run["suite"], None),
        )
        base = self.summaries.get(base_key, {})  # type: ignore[arg-type]  # no suite has the branch None
        self.expected[run["run_id"]] = self._usual(key) or self._usual(base_key)  # type: ignore[arg-type]  # as above
        cases = self._cases[run["run_id"]]
        passing = [c for c in cases if (s := own.get(c["name"]) or base.get(c["name"])) and not s.streak]
        broken = sum(case["status"] != "passed" for case in passing)
        outage = broken >= 10 and broken * 2 >= len(passing) and self._outage_may_last(run, base_key)
        if outage:
            self.outages.add(run["run_id"])
        earlier = self._on_commit(run)
        for case in cases:
            if case["status"] != "passed":
                self.failures[run["run_id"], case["name"]] = self._failure(
                    run, case["name"], own.get(case["name"]), base.get(case["name"])
                )
        for case in cases:
            self._execute(own.setdefault(case["name"], Summary()), run, case, earlier=earlier, outage=outage)
        self.suites.setdefault(key, []).append(run)

    def _outage_may_last(self, run: Row, base_key: tuple[str, str | None]) -> bool:
        key = (run["suite"], run["branch"])
        before = self.suites.get(key) or self.suites.get(base_key)  # type: ignore[arg-type]  # no suite has the branch None
        last = before[-1] if before else None
        if last is None or last["run_id"] not in self.outages or (run["commit"] and last["commit"] == run["commit"]):
            return True
        return any(
            one["run_id"] in self.outages
            and one["commit"] != run["commit"]
            and run["finished_at"] - timedelta(hours=2) < one["finished_at"] < run["finished_at"]
            for other, all_runs in self.suites.items()
            for one in all_runs
            if other != key
        )

    def _usual(self, key: tuple[str, str]) -> int | None:
        totals = [run["total"] for run in self.suites.get(key, []) if run["status"] != "errored"][-10:]
        return statistics.median_low(totals) if totals else None

    def _on_commit(self, run: Row) -> list[Row]:
        """The last ten runs of the suite on the commit, the newest first."""
        runs = [
            one for (suite, _), all_runs in self.suites.items() if suite == run["suite"] for one in all_runs
            if run["commit"] and one["commit"] == run["commit"] and one["run_id"] not in self.outages
            and one["finished_at"] > run["finished_at"] - timedelta(days=14)
        ]  # fmt: skip
        return sorted(runs, key=lambda one: one["finished_at"], reverse=True)[:10]

    def _execute(self, summary: Summary, run: Row, case: Row, *, earlier: list[Row], outage: bool) -> None:
        bad = case["status"] != "passed"
        before = summary.letters[-1:]
        letter = ("o" if outage else case["status"][0]) if bad else "r" if case["flaky"] else "p"
        summary.executions.append((run, case, letter, self._count_tries(run, case, outage=outage)))
        at, place, found = run["finished_at"], len(summary.executions) - 1, False
        known = summary.flaky(at) if summary.last_evidence is not None else False
        if summary.last_evidence is not None:  # the quiet executions before this one
            quiet = place - 1 - summary.last_evidence
            flaky_at = summary.flaky_at
            known = flaky_at is not None and flaky_at > at - timedelta(days=7) and quiet < 100
        if letter == "r":
            summary.retried_at, found = at, True
        if not outage and self._other_outcome_on_commit(case, earlier):
            summary.mixed_at, found = at, True
        flipped = before and letter != "o" and before != "o" and (before in "fe") != (letter in "fe")
        if flipped and run["branch"] in DEFAULTS and flips(summary.letters) >= 4:
            summary.flipped_at, found = at, True
        if letter in "fer" and chance(summary) > 0.1:
            summary.suspected_at, found = at, True
        if found:
            summary.last_evidence = place
            if not known:
                summary.flaky_since = at

    def _count_tries(self, run: Row, case: Row, *, outage: bool) -> tuple[int, int]:
        bad = case["status"] != "passed"
        if bad and outage:
            return (0, 0)
        tries = self._tries.get((run["run_id"], case["name"], case["attempt"]))
        if tries:
            passed = sum(one == "passed" for one in tries)
            return (min(sum(one in {"failed", "errored"} for one in tries), 9), min(passed, 9))
        return (1, 1) if case["flaky"] else (1, 0) if bad else (0, 1)

    def _other_outcome_on_commit(self, case: Row, earlier: list[Row]) -> bool:
        for run in earlier:
            for other in self._cases[run["run_id"]]:
                if other["name"] == case["name"]:
                    return bool((other["status"] == "passed") != (case["status"] == "passed"))
        return False

    def _failure(self, run: Row, name: str, own: Summary | None, base: Summary | None) -> Row:
        source = own or base
        if not (own and own.streak) and base and base.streak and run["branch"] not in DEFAULTS:
            source = base
        streak = source.streak if source else []
        everywhere = [
            cases[name] for (suite, _), cases in self.summaries.items() if suite == run["suite"] and name in cases
        ]
        flaky = any(one.flaky(run["finished_at"]) for one in everywhere)
        if source is None:
            kind = "new_case"
        elif len(streak) >= 3:
            kind = "broken"
        elif flaky:
            kind = "flaky"
        else:
            kind = "broken" if streak else "new"
        first = streak[0] if streak else run
        last_pass = source.last_pass if source else None
        return {
            "kind": kind,
            "first_fail_run_id": first["run_id"],
            "first_fail_commit": first["commit"],
            "first_fail_at": first["finished_at"],
            "runs_since": len(streak),
            "last_pass_run_id": last_pass and last_pass["run_id"],
            "last_pass_commit": last_pass and last_pass["commit"],
        }


def by_day(summary: Summary) -> tuple[date, list[int], list[int]]:
    """Return the last day, and the executions and failures of each of the 36 days before it and of itself."""
    last = day_of(summary.executions[-1][0])
    ran, bad = [0] * 37, [0] * 37
    for run, _, letter, _ in summary.executions:
        ago = (last - day_of(run)).days
        if ago <= 36 and letter != "o":
            ran[36 - ago] += 1
            bad[36 - ago] += letter in "fe"
    return last, ran, bad


def numbers(runs: Iterable[Row | None]) -> list[int | None]:
    return [None if run is None else run["number"] for run in runs]
