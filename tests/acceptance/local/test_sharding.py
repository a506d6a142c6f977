"""Sharded suites with real workers and reporters: shards that collect different tests make the run errored."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handoff.message import JobMessage, Shard
from testfleet.local.pods.pod import Pod
from tests.support import results
from tests.support.aws.endpoint import Aws
from tests.support.fleet import eventually, pod_spec

Run = Callable[..., dict[str, Any]]

OF_A_SET = """
import dataclasses, os, pathlib, pytest

@dataclasses.dataclass(frozen=True)
class Product:
    name: str

@pytest.mark.parametrize("product", {Product(name) for name in ("tea", "milk", "rice", "salt", "figs", "eggs")})
def test_buys(product):
    pathlib.Path(os.environ["ARTIFACTS_DIR"], product.name).touch()
"""
OF_THE_POD = """
import os, pytest

@pytest.mark.parametrize("number", range(4 if os.environ["PYTEST_POD"] == "1" else 6))
def test_counts(number): pass
"""


@pytest.fixture
def run(tmp_path: Path, aws: Aws, database_url: str) -> Iterator[Run]:
    """Run one pod and shard for each set of variables; return the run's row."""
    started: list[Pod] = []

    def start(tests: str, *variables: dict[str, str]) -> dict[str, Any]:
        (tmp_path / "suite").mkdir()
        (tmp_path / "suite" / "test_it.py").write_text(tests)
        (tmp_path / "suite" / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly\n")
        catalog = tmp_path / "catalog.toml"
        catalog.write_text('[suites.mine]\nrunner = "pytest"\npath = "suite"\ntimeout = "2m"\n')
        for index, own in enumerate(variables, start=1):
            job = JobMessage(run_id="r-1", suite="mine", shard=Shard(index=index, total=len(variables)))
            aws.client("sqs").send_message(QueueUrl=aws.queue_url, MessageBody=job.to_json())
            spec = pod_spec(aws, database_url, catalog, **own)
            started.append(Pod(f"pod-{index}", tmp_path / f"pod-{index}", spec))
        eventually(lambda: results.finished(database_url, "r-1"), "the run is finished")
        (row,) = results.rows(database_url, "SELECT status, detail, total, passed FROM test_runs")
        return row

    yield start
    for pod in started:
        pod.kill()


def test_each_test_of_a_set_runs_once_whatever_seed_a_pod_has(run: Run, tmp_path: Path) -> None:
    """pytest numbers the ids by the set's order, which depends on the seed. All suites get the same seed."""
    row = run(OF_A_SET, {"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"})
    assert row == {"status": "passed", "detail": None, "total": 6, "passed": 6}
    bought = sorted(file.name for file in tmp_path.glob("pod-*/artifacts/*") if file.is_file())
    assert bought == ["eggs", "figs", "milk", "rice", "salt", "tea"]


def test_a_run_whose_pods_collect_different_tests_is_errored(run: Run, tmp_path: Path) -> None:
    """Every case passed, but the shards are not parts of one suite. The reason names the shards and their lists."""
    row = run(OF_THE_POD, {"PYTEST_POD": "1"}, {"PYTEST_POD": "2"})
    records = [json.loads(file.read_text()) for file in sorted(tmp_path.glob("pod-*/artifacts/log/collected.json"))]
    assert row["status"] == "errored", row
    assert row["detail"].startswith("the shards collected different tests (log/collected.txt lists them): shard ")
    assert {f"{each['collected']['count']} tests ({each['collected']['digest'][:8]})" for each in records} == {
        part.split(" ", 2)[2] for part in row["detail"].split(": ", 1)[1].split("; ")
    }
    assert row["passed"] == row["total"] > 0
