"""Runs, shards, cases and files made by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from testfleet.results.runs import ArtifactRow, CaseRow, RunRow, ShardRow

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


class Make(Protocol):
    """Makes values that are ordinary but for the fields given."""

    def run(self, **fields: Any) -> RunRow: ...
    def shard(self, **fields: Any) -> ShardRow: ...
    def case(self, **fields: Any) -> CaseRow: ...
    def artifact(self, **fields: Any) -> ArtifactRow: ...


class _Make:
    def run(self, **fields: Any) -> RunRow:
        ordinary: dict[str, Any] = dict.fromkeys(RunRow.__dataclass_fields__)
        counts = dict.fromkeys(("shards_done", "total", "passed", "failed", "errored", "skipped", "flaky"), 0)
        named = {"run_id": "r1", "suite": "shop", "status": "running", "shards": 2, "started_at": START}
        if fields.get("status") in {"passed", "failed", "errored"}:
            named["finished_at"] = START + timedelta(seconds=185)
        return RunRow(**(ordinary | counts | named | fields))

    def shard(self, **fields: Any) -> ShardRow:
        ordinary: dict[str, Any] = dict.fromkeys(ShardRow.__dataclass_fields__)
        named = {"shard": 1, "attempt": 1, "status": "passed", "worker": "pod-a", "cases": 0, "started_at": START}
        return ShardRow(**(ordinary | named | fields))

    def case(self, **fields: Any) -> CaseRow:
        ordinary: dict[str, Any] = dict.fromkeys(CaseRow.__dataclass_fields__)
        named = {"name": "cart > pays", "shard": 1, "attempt": 1, "status": "failed", "flaky": False, "tries": 1}
        return CaseRow(**(ordinary | named | fields))

    def artifact(self, **fields: Any) -> ArtifactRow:
        named: dict[str, Any] = {
            "s3_uri": "s3://b/r1/1/1/trace.zip",
            "shard": 1,
            "attempt": 1,
            "kind": "trace",
            "bytes": 10,
        }
        more = {"case_name": "cart > pays", "content_type": "application/zip", "created_at": START}
        return ArtifactRow(**(named | more | fields))


@pytest.fixture
def make() -> Make:
    return _Make()
