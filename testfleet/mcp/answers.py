"""The tools: each is a method that reads the database and returns one bounded record.

The SDK makes the schema of a tool from the annotations, and its description from the docstring.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from testfleet import results
from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.mcp.bounded import bounded

MAX_ROWS = 50

Suite = Annotated[str | None, Field(description="Only of this suite.")]
Branch = Annotated[str | None, Field(description="Only of this branch.")]
Limit = Annotated[int, Field(ge=1, le=MAX_ROWS, description="Maximum number of entries of each list.")]
Run = Annotated[
    str,
    Field(description="A run: its id, the id's beginning or end of at least 4 characters, or - for the newest run."),
]
FinishedRun = Annotated[
    str,
    Field(
        description="A finished run: its id, the id's beginning or end of at least 4 characters, or - for the newest."
    ),
]


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers from one database, which only reads."""

    database: Database

    def runs(
        self,
        suite: Suite = None,
        branch: Branch = None,
        status: Annotated[
            Literal["queued", "running", "passed", "failed", "errored", "cancelled"] | None,
            Field(description="Only in this status."),
        ] = None,
        limit: Limit = 10,
    ) -> dict[str, Any]:
        """List runs of test suites, the newest first: status, commit, branch, counts of cases, times."""
        with self.database.connect() as connection:
            found = results.runs.find(connection, suite=suite, branch=branch, status=status, limit=limit)
        return bounded({"runs": found})

    def run(self, run_id: Run = "-", suite: Suite = None, branch: Branch = None) -> dict[str, Any]:
        """Show one run: its row, its shards, and in one sentence what its failures mean.

        The meaning counts new failures, new cases that fail, known flaky ones, cases that were broken before, and
        quarantined ones. It is null if the run has no verdict or was not compared with earlier runs.
        """
        with self.database.connect() as connection:
            named = results.references.find_run(connection, run_id, suite=suite, branch=branch)
            row = results.runs.get(connection, named)
            shards = results.runs.shards(connection, named)
            failures = results.failures.of_run(connection, named)
        meaning = None if failures is None else results.meaning.of(failures)
        return bounded({"run": row, "meaning": meaning, "shards": shards})

    def failures(
        self, run_id: FinishedRun = "-", suite: Suite = None, branch: Branch = None, limit: Limit = 20
    ) -> dict[str, Any]:
        """List the failing cases of one run with message, location, kind, first failing commit and evidence.

        The kind is new (the case passed before), new_case (no earlier run had it), broken (it failed before), flaky (it
        was known to be flaky) or quarantined. New failures come first.
        """
        with self.database.connect() as connection:
            named = results.references.find_run(connection, run_id, suite=suite, branch=branch, finished=True)
            found = results.failing.of_run(connection, named, limit=limit)
        return bounded({"run_id": named, "failures": found})

    def flaky(
        self,
        suite: Suite = None,
        branch: Branch = None,
        state: Annotated[Literal["flaky", "broken"], Field(description="List the cases in this state.")] = "flaky",
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """List flaky cases, those that blocked most runs first, or broken ones. `evidence` explains each state.

        A case is flaky if it passed on retry (retry), passed and failed on one commit (mixed_commit), often changed
        between good and bad (flips), or has a posterior above 0.10. `outcomes` has its last executions, oldest first: p
        passed, r passed on retry, f failed, e errored, o failed in an outage.
        """
        read = results.states.flaky if state == "flaky" else results.states.broken
        with self.database.connect() as connection:
            found = read(connection, suite=suite, branch=branch, limit=limit)
        evidence = [results.tables.states.why(one) for one in found]
        return bounded({"cases": found, "evidence": evidence})

    def regressions(
        self,
        run_id: Annotated[
            str | None, Field(description="A run as in the tool failures. Without it: the newest run of each suite.")
        ] = None,
        suite: Suite = None,
        branch: Branch = None,
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """List what fails and passed before, with the first failing commit, its author and the last passing commit.

        `drops` are cases whose pass rate in 7 days is significantly below that of the 30 days before.
        """
        with self.database.connect() as connection:
            if run_id is None:
                return bounded(results.regressions.newest(connection, suite=suite, branch=branch, limit=limit))
            named = results.references.find_run(connection, run_id, suite=suite, branch=branch, finished=True)
            return bounded(results.regressions.of_run(connection, named, limit=limit))

    def causes(
        self,
        run_id: Annotated[
            str | None, Field(description="A run as in the tool failures. Without it: the causes of all runs.")
        ] = None,
        suite: Suite = None,
        branch: Branch = None,
        order: Annotated[
            Literal["last", "most"], Field(description="Without run_id: seen last first, or of most failures first.")
        ] = "last",
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """List the causes of failures: failures whose messages are the same but for the values of one run."""
        with self.database.connect() as connection:
            if run_id is None:
                return bounded({"causes": results.causes.newest(connection, suite=suite, order=order, limit=limit)})
            named = results.references.find_run(connection, run_id, suite=suite, branch=branch, finished=True)
            return bounded(results.causes.of_run(connection, named, limit=limit))

    def compare(
        self, before: FinishedRun, after: FinishedRun, suite: Suite = None, limit: Limit = 10
    ) -> dict[str, Any]:
        """Compare the cases of two runs: what broke, was fixed, added, removed, skipped, slower or faster."""
        with self.database.connect() as connection:
            first, second = (
                results.references.find_run(connection, text, suite=suite, finished=True, argument=argument)
                for argument, text in (("before", before), ("after", after))
            )
            found = results.compare.compare(connection, first, second, limit=limit)
        if found is None:
            raise Refused(f"before: the run {first} or {second} was removed while it was read")
        return bounded(found)

    def history(
        self,
        case: Annotated[str, Field(min_length=1, description="The name of a case, or a part that no other case has.")],
        suite: Suite = None,
        branch: Branch = None,
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """Show one case: its state with the evidence, and its last executions, the newest first."""
        with self.database.connect() as connection:
            named = results.references.find_case(connection, case, suite=suite, branch=branch, argument="case")
            found = results.history.of_case(connection, named, branch=branch, limit=limit)
        evidence = results.tables.states.why(found.state) if found.state else ()
        return bounded({"history": found, "evidence": evidence})

    def trends(
        self,
        suite: Annotated[str, Field(min_length=1, description="The name of the suite.")],
        branch: Branch = None,
        days: Annotated[int, Field(ge=1, le=90, description="Number of days.")] = 14,
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """Show how a suite develops: pass rate and durations by day, fleet time and cost, cases that became slower."""
        with self.database.connect() as connection:
            return bounded(results.trends.of_suite(connection, suite, branch=branch, days=days, limit=limit))
