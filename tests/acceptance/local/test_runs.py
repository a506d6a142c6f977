"""No result is lost and none is counted twice, whichever process of a pod dies.

The tests share a fleet, and each one ends when no pod is left.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from testfleet.local.fleet import Fleet, FleetConfig
from tests.support.fleet import (
    CASES,
    eventually,
    in_the_middle,
    is_alive,
    results,
    rows,
    send,
    wait_until_empty,
    wait_until_finished,
)


@pytest.fixture(scope="module")
def shared(module_config: FleetConfig) -> Iterator[Fleet]:
    """A running fleet."""
    with Fleet(module_config) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(shared: Fleet) -> dict[str, Any]:
    """Return the rows of an undisturbed run."""
    send(shared, "undisturbed", CASES=str(CASES))
    wait_until_finished(shared, "undisturbed")
    return results(shared, "undisturbed")


@pytest.fixture
def fleet(shared: Fleet) -> Iterator[Fleet]:
    """The shared fleet; after the test, its queue and its pods are gone."""
    yield shared
    wait_until_empty(shared)


def attempt(fleet: Fleet, run_id: str) -> int:
    (shard,) = rows(fleet, "SELECT attempt FROM test_shards WHERE run_id = %(r)s", r=run_id)
    return int(shard["attempt"])


def test_an_undisturbed_run_has_every_row_and_every_file(undisturbed: dict[str, Any]) -> None:
    """The other tests compare disturbed runs with this one."""
    assert undisturbed["run"] | {"p95_ms": None} == {
        "suite": "steps",
        "status": "passed",
        "shards": 1,
        "shards_done": 1,
        "total": CASES,
        "passed": CASES,
        "failed": 0,
        "errored": 0,
        "skipped": 0,
        "flaky": 0,
        "p95_ms": None,
        "detail": None,
    }
    assert undisturbed["run"]["p95_ms"] == pytest.approx(5.75)  # of 1 to 6 ms
    assert len(undisturbed["cases"]) == CASES
    assert {file["kind"] for file in undisturbed["files"]} >= {"junit", "log"}
    assert "note.txt" in {file["s3_uri"] for file in undisturbed["files"]}


def test_twenty_messages_at_once_become_twenty_runs(fleet: Fleet) -> None:
    """Every row is right, and both queues are empty."""
    sizes = {f"r-{number}": 1 + number % 5 for number in range(20)}
    for run_id, size in sizes.items():
        send(fleet, run_id, CASES=str(size))
    wait_until_finished(fleet, *sizes)
    wait_until_empty(fleet)
    ended = rows(fleet, "SELECT run_id, total, status FROM test_runs WHERE run_id LIKE 'r-%%'")
    assert {row["run_id"]: row["total"] for row in ended} == sizes
    assert {row["status"] for row in ended} == {"passed"}
    counted = rows(fleet, "SELECT run_id, count(*) FROM test_cases WHERE run_id LIKE 'r-%%' GROUP BY run_id")
    assert {row["run_id"]: row["count"] for row in counted} == sizes
    assert fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (0, 0)


def test_a_message_that_is_enqueued_three_times_runs_once(fleet: Fleet, tmp_path: Path) -> None:
    """The suite writes a line for each of its executions."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    for _ in range(3):
        send(fleet, "thrice", CASES=str(CASES), LEDGER=str(ledger), GATE=str(gate))
    in_the_middle(fleet, "thrice")
    eventually(lambda: fleet.aws.depth(fleet.aws.queue_url) == (0, 1), "the two others were answered")
    gate.touch()
    wait_until_finished(fleet, "thrice")
    wait_until_empty(fleet)
    assert ledger.read_text() == "thrice 1\n"
    assert len(results(fleet, "thrice")["cases"]) == CASES
    assert attempt(fleet, "thrice") == 1
    assert fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (0, 0)


@pytest.mark.parametrize("victims", [("worker",), ("worker", "reporter")], ids=["worker", "both"])
def test_a_killed_worker_costs_an_attempt_and_no_row(
    fleet: Fleet, undisturbed: dict[str, Any], tmp_path: Path, victims: tuple[str, ...]
) -> None:
    """After the redelivery, the rows are those of an undisturbed run."""
    gate, run_id = tmp_path / "gate", f"killed-{len(victims)}"
    send(fleet, run_id, CASES=str(CASES), GATE=str(gate))
    pod = in_the_middle(fleet, run_id)
    for victim in victims:
        getattr(pod, victim).kill()
    gate.touch()
    wait_until_finished(fleet, run_id)
    assert results(fleet, run_id) == undisturbed
    assert attempt(fleet, run_id) == 2
    wait_until_empty(fleet)
    assert fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (0, 0)


def test_a_killed_worker_leaves_no_process_of_its_suite(fleet: Fleet, tmp_path: Path) -> None:
    """Otherwise two attempts would run at the same time."""
    send(fleet, "killed-suite", CASES=str(CASES), GATE=str(tmp_path / "gate"))
    pod = in_the_middle(fleet, "killed-suite")
    suite = psutil.Process(pod.worker.pid).children(recursive=True)
    assert suite
    pod.worker.kill()
    eventually(lambda: not [process for process in suite if is_alive(process)], "the suite is gone")
    (tmp_path / "gate").touch()
    wait_until_finished(fleet, "killed-suite")


def test_a_killed_reporter_continues_its_attempt(fleet: Fleet, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    """It is restarted over the same folders. There is no redelivery, and attempt and rows stay the same."""
    gate = tmp_path / "gate"
    send(fleet, "killed-reporter", CASES=str(CASES), GATE=str(gate))
    pod = in_the_middle(fleet, "killed-reporter")
    pod.reporter.kill()
    eventually(lambda: pod.reporter_restarts == 1, "the reporter is back")
    gate.touch()
    wait_until_finished(fleet, "killed-reporter")
    assert results(fleet, "killed-reporter") == undisturbed
    assert attempt(fleet, "killed-reporter") == 1


def test_a_drained_pod_is_replaced(fleet: Fleet, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    """After SIGTERM, as in an eviction, the partial rows are stored, and the next attempt completes them."""
    gate = tmp_path / "gate"
    send(fleet, "drained", CASES=str(CASES), GATE=str(gate))
    pod = in_the_middle(fleet, "drained")
    pod.worker.terminate()
    assert pod.worker.wait(timeout=60) == 143
    gate.touch()
    wait_until_finished(fleet, "drained")
    assert results(fleet, "drained") == undisturbed
    assert attempt(fleet, "drained") == 2


def test_the_shards_of_a_run_become_one_verdict(fleet: Fleet) -> None:
    """Each shard reports the same names here: none is dropped, the later ones carry their shard.

    The run is one line of metrics, however many pods it had.
    """
    for index in (1, 2, 3):
        send(fleet, "sharded", shard=f"{index}/3", CASES="2")
    wait_until_finished(fleet, "sharded")
    found = results(fleet, "sharded")
    assert (found["run"]["shards_done"], found["run"]["total"], found["run"]["status"]) == (3, 6, "passed")
    assert {row["shard"] for row in found["cases"]} == {1, 2, 3}
    wait_until_empty(fleet)  # a reporter logs the metrics after its commit
    logs = [line for log in fleet.config.state.glob("pods/*/reporter.log") for line in log.read_text().splitlines()]
    found_metrics = [json.loads(line) for line in logs if '"_aws"' in line]  # a killed reporter may leave other text
    (metrics,) = [line for line in found_metrics if line["runId"] == "sharded"]
    assert (metrics["runId"], metrics["suite"], metrics["status"]) == ("sharded", "steps", "passed")
    assert (metrics["Runs"], metrics["Cases"], metrics["CasesFailed"], metrics["Retries"]) == (1, 6, 0, 0)
