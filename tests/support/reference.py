"""A second definition of what results mean, written from docs/metrics.md: the tests compare the database with it.

It keeps every execution and looks at all of them again, which the summaries of the database avoid.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from tests.support.exact import posterior
from tests.support.history import PastCase, PastRun

BAD = ("failed", "errored")
DEFAULT_BRANCHES = ("main", "master", "trunk", None)


@dataclass(frozen=True)
class Execution:
    """A case in a run. `evidence` is false for a failure of an outage."""

    run: PastRun
    case: PastCase
    evidence: bool = True

    @property
    def bad(self) -> bool:
        return self.case.status in BAD

    @property
    def tried(self) -> tuple[int, int]:
        if not self.evidence:
            return (0, 0)
        return (1, 0) if self.bad else (int(self.case.flaky), 1)

    @property
    def outcome(self) -> str:
        if not self.evidence:
            return "o"
        return self.case.status[0] if self.bad else "r" if self.case.flaky else "p"


@dataclass
class CaseHistory:
    """The executions of a case on a branch, and when each detector found it last."""

    executions: list[Execution] = field(default_factory=list)
    found_at: dict[str, datetime] = field(default_factory=dict)

    @property
    def failures_in_a_row(self) -> list[Execution]:
        """The failures since the last pass, without those of outages."""
        since = len(self.executions)
        while since and self.executions[since - 1].bad:
            since -= 1
        return [one for one in self.executions[since:] if one.evidence]

    @property
    def streak(self) -> int:
        return len(self.failures_in_a_row)

    @property
    def outcomes(self) -> str:
        return "".join(one.outcome for one in self.executions)[-50:]

    @property
    def flips(self) -> int:
        return flips(self.outcomes)

    @property
    def posterior(self) -> float:
        return float(posterior([one.tried for one in self.executions[-10:]]))

    @property
    def last_pass(self) -> PastRun | None:
        return next((one.run for one in reversed(self.executions) if not one.bad), None)

    @property
    def first_fail(self) -> PastRun | None:
        return self.failures_in_a_row[0].run if self.streak else None

    def flaky(self, at: datetime) -> bool:
        return bool(self.reasons(at))

    def reasons(self, at: datetime) -> list[str]:
        """Return the detectors whose finding still counts."""
        if not self.found_at:
            return []
        quiet = sum(one.run.finished_at > max(self.found_at.values()) for one in self.executions)
        order = ("retry", "mixed_commit", "flips", "posterior")
        recent = [each for each in order if each in self.found_at and self.found_at[each] > at - timedelta(days=7)]
        return recent if quiet < 100 else []

    def state(self, at: datetime) -> str:
        if self.streak >= 3:
            return "broken"
        if self.flaky(at):
            return "flaky"
        return "broken" if self.streak else "healthy"


def flips(outcomes: str) -> int:
    """Count the changes, after every three or more bad ones in a row and all outages are cut out."""
    signs = "".join("+" if each in "pr" else "-" for each in outcomes if each != "o")
    return sum(a != b for a, b in pairwise(re.sub("-{3,}", "", signs)[-20:]))


Key = tuple[str, str | None, str]
"""Suite, branch and name of a case."""


@dataclass
class Meaning:
    """What is known after each run, and the kind of each failure."""

    cases: dict[Key, CaseHistory] = field(default_factory=dict)
    kinds: dict[tuple[str, str], str] = field(default_factory=dict)
    """By run and name."""

    outages: set[str] = field(default_factory=set)
    _runs: list[PastRun] = field(default_factory=list)

    def fold(self, run: PastRun) -> None:
        """Add a run. Runs come in the order of their end."""
        ran = [case for case in run.cases if case.status != "skipped"]
        known = {case.name: self._known(run, case.name) for case in ran}
        passing = [case for case in ran if (past := next(filter(None, known[case.name]), None)) and not past.streak]
        down = [case for case in passing if case.status in BAD]
        outage = len(down) >= 10 and 2 * len(down) >= len(passing) and self._outage_may_last(run)
        if outage:
            self.outages.add(run.run_id)
        for case in ran:
            if case.status in BAD:
                self.kinds[run.run_id, case.name] = self._kind(*known[case.name], run, case.name)
        for case in ran:
            self._add(run, case, evidence=not (outage and case.status in BAD))
        self._runs.append(run)

    def _outage_may_last(self, run: PastRun) -> bool:
        """Return whether the last run was no outage, or had the same commit, or another suite or branch shows one."""
        own = [earlier for earlier in self._runs if (earlier.suite, earlier.branch) == (run.suite, run.branch)]
        base = [earlier for earlier in self._runs if (earlier.suite, earlier.branch) == (run.suite, self._base(run))]
        last = next(reversed(own or base), None)
        if last is None or last.run_id not in self.outages or (run.commit and last.commit == run.commit):
            return True
        return any(
            other.run_id in self.outages
            and run.finished_at - timedelta(hours=2) < other.finished_at < run.finished_at
            and other.commit != run.commit
            and (other.suite, other.branch) != (run.suite, run.branch)
            for other in self._runs
        )

    def of(self, suites: Iterable[str], branches: Iterable[str | None]) -> Iterator[tuple[Key, CaseHistory]]:
        """Return the cases of these suites and branches."""
        chosen = (set(suites), set(branches))
        return ((key, case) for key, case in self.cases.items() if key[0] in chosen[0] and key[1] in chosen[1])

    def _known(self, run: PastRun, name: str) -> tuple[CaseHistory | None, CaseHistory | None]:
        """Return what is known of a case on the run's branch, and on the default branch if that is another."""
        base = self._base(run)
        theirs = self.cases.get((run.suite, base, name)) if base != run.branch else None
        return self.cases.get((run.suite, run.branch, name)), theirs

    def _base(self, run: PastRun) -> str | None:
        """Return the default branch of the suite, or the run's own branch if no other is known."""
        used = {earlier.branch for earlier in self._runs if earlier.suite == run.suite}
        return next((branch for branch in DEFAULT_BRANCHES if branch in used and branch != run.branch), run.branch)

    def _kind(self, own: CaseHistory | None, theirs: CaseHistory | None, run: PastRun, name: str) -> str:
        past = own
        if own is None or (not own.streak and theirs and theirs.streak and run.branch not in DEFAULT_BRANCHES):
            past = theirs
        if past is None:
            return "new_case"
        if past.streak >= 3:
            return "broken"
        everywhere = (case for key, case in self.cases.items() if (key[0], key[2]) == (run.suite, name))
        if any(known.flaky(run.finished_at) for known in everywhere):
            return "flaky"
        return "broken" if past.streak else "new"

    def _add(self, run: PastRun, case: PastCase, *, evidence: bool) -> None:
        history = self.cases.setdefault((run.suite, run.branch, case.name), CaseHistory())
        before = history.outcomes[-1:]
        one = Execution(run, case, evidence)
        history.executions.append(one)
        if not evidence:
            return
        flipped = before not in ("", "o") and (before in "pr") == one.bad
        found = {
            "retry": case.flaky and not one.bad,
            "mixed_commit": self._both_outcomes(run, case),
            "flips": flipped and run.branch in DEFAULT_BRANCHES and history.flips >= 4,
            "posterior": (one.bad or case.flaky) and history.posterior > 0.1,
        }
        history.found_at |= {reason: run.finished_at for reason, is_found in found.items() if is_found}

    def _both_outcomes(self, run: PastRun, case: PastCase) -> bool:
        """Return whether the outcome differs from that at the execution before on this commit, on any branch.

        It is among the last ten runs of the suite on the commit within 14 days.
        """
        earlier = [
            other
            for other in reversed(self._runs)
            if (other.suite, other.commit) == (run.suite, run.commit)
            and other.finished_at > run.finished_at - timedelta(days=14)
            and other.run_id not in self.outages
        ][:10]
        if run.commit is None or run.run_id in self.outages:
            return False
        statuses = (one.status for other in earlier for one in other.cases if one.name == case.name)
        before = next((status for status in statuses if status != "skipped"), None)
        return before is not None and (before in BAD) != (case.status in BAD)
