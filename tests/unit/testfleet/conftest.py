"""Runs, shards, cases and files made by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from testfleet.runs import Artifact, Case, Run, Shard

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


class Make(Protocol):
    """Makes values that are ordinary but for the fields given."""

    def run(self, **fields: Any) -> Run: ...
    def shard(self, **fields: Any) -> Shard: ...
    def case(self, **fields: Any) -> Case: ...
    def artifact(self, **fields: Any) -> Artifact: ...


class _Make:
    def run(self, **fields: Any) -> Run:
        ordinary: dict[str, Any] = dict.fromkeys(Run.__dataclass_fields__)
        counts = dict.fromkeys(("shards_done", "total", "passed", "failed", "errored", "skipped", "flaky"), 0)
        named = {"run_id": "r1", "suite": "shop", "status": "running", "shards": 2, "started_at": START}
        if fields.get("status") in {"passed", "failed", "errored"}:
            named["finished_at"] = START + timedelta(seconds=185)
        return Run(**(ordinary | counts | named | fields))

    def shard(self, **fields: Any) -> Shard:
        ordinary: dict[str, Any] = dict.fromkeys(Shard.__dataclass_fields__)
        named = {"shard": 1, "attempt": 1, "status": "passed", "worker": "pod-a", "cases": 0, "started_at": START}
        return Shard(**(ordinary | named | fields))

    def case(self, **fields: Any) -> Case:
        ordinary: dict[str, Any] = dict.fromkeys(Case.__dataclass_fields__)
        named = {"name": "cart > pays", "shard": 1, "attempt": 1, "status": "failed", "flaky": False, "tries": 1}
        return Case(**(ordinary | named | fields))

    def artifact(self, **fields: Any) -> Artifact:
        named: dict[str, Any] = {
            "s3_uri": "s3://b/r1/1/1/trace.zip",
            "shard": 1,
            "attempt": 1,
            "kind": "trace",
            "bytes": 10,
        }
        more = {"case_name": "cart > pays", "content_type": "application/zip", "created_at": START}
        return Artifact(**(named | more | fields))


@pytest.fixture
def make() -> Make:
    return _Make()
