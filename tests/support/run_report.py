"""Reports made by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

from testfleet.report.run_report import Case, File, RunFacts, RunReport, Shard, Try
from testfleet.results.meaning import Failure

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


class Make:
    """Makes values of a report that are ordinary but for the fields given."""

    def run(self, **fields: Any) -> RunFacts:
        counts = ("shards_done", "total", "passed", "failed", "errored", "skipped", "flaky")
        ordinary: dict[str, Any] = dict.fromkeys(RunFacts.__dataclass_fields__) | dict.fromkeys(counts, 0)
        named = {"run_id": "r-42", "suite": "checkout", "status": "failed", "shards": 2, "shards_done": 2}
        times = {"started_at": START, "finished_at": START + timedelta(seconds=185)}
        return RunFacts(**(ordinary | named | times | fields))

    def shard(self, **fields: Any) -> Shard:
        ordinary: dict[str, Any] = dict.fromkeys(Shard.__dataclass_fields__)
        named = {"shard": 1, "attempt": 1, "status": "passed", "worker": "pod-a", "cases": 0}
        return Shard(**(ordinary | named | fields))

    def case(self, name: str = "cart > pays", status: str = "failed", **fields: Any) -> Case:
        ordinary: dict[str, Any] = dict.fromkeys(Case.__dataclass_fields__) | {"tries": (), "files": ()}
        named = {"name": name, "status": status, "shard": 1, "attempt": 1, "flaky": False, "duration_ms": 1500.0}
        return Case(**(ordinary | named | fields))

    def failure(self, name: str = "cart > pays", kind: str = "new", **fields: Any) -> Failure:
        return Failure(**({"name": name, "kind": kind} | fields))

    def bad(self, name: str, kind: str, **fields: Any) -> Case:
        meaning = {key: fields.pop(key) for key in list(fields) if key in Failure.__dataclass_fields__}
        return self.case(name, failure=self.failure(name, kind, **meaning), **fields)

    def file(self, **fields: Any) -> File:
        named: dict[str, Any] = {"s3_uri": "s3://qa/r-42/1/1/trace.zip", "kind": "trace"}
        more = {"bytes": 10, "content_type": "application/zip"}
        return File(**(named | more | fields))

    def report(self, *cases: Case, **fields: Any) -> RunReport:
        counts = {status: sum(case.status == status for case in cases) for status in ("passed", "failed", "errored")}
        counts |= {"skipped": sum(case.status == "skipped" for case in cases), "total": len(cases)}
        counts |= {"flaky": sum(case.flaky for case in cases)}
        other = {key: fields.pop(key) for key in ("shards", "link") if key in fields}
        shards = other.get("shards", (self.shard(), self.shard(shard=2)))
        return RunReport(self.run(**(counts | fields)), shards, cases, other.get("link"))

    def whole(self) -> RunReport:
        """Return a report with a case of every kind."""
        message = "expected 200\nreceived 500"
        tries = (Try("failed", 900.0, "timed out", "Timeout: timed out"), Try("passed", 700.0, None, None))
        return self.report(
            self.bad("pays", "new", cause_id=1, message=message, location="pay.spec.ts:12", files=(self.file(),),
                     error="AssertionError: expected 200\nat pay.spec.ts:12", error_type="AssertionError",
                     last_pass_commit="8c1d2e3f00", started_at=START, finished_at=START + timedelta(seconds=1)),
            self.bad("pays twice", "new", cause_id=1, message=message, shard=2),
            self.bad("signs in", "flaky", status="errored", message="no socket"),
            self.bad("finds", "broken", first_fail_commit="3f2a91c0ffee", first_fail_author="Ann", runs_since=4,
                     first_fail_run_id="r-38", first_fail_at=START - timedelta(days=1), message="no result"),
            self.bad("prints", "quarantined", quarantined=True),
            self.case("adds", "passed", flaky=True, tries=tries, file="add.spec.ts"),
            self.case("opens", "passed", shard=2, file="open.spec.ts"),
            self.case("left out", "skipped", duration_ms=None),
            commit="9f2c1ab77aa", branch="feature/x", ci_url="https://ci.example.com/1", environment="staging",
            link="https://fleet.example.com/runs/r-42",
        )  # fmt: skip
