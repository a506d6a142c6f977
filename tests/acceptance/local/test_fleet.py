"""No result is lost and none is counted twice, whichever process dies."""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from handoff import volume
from handoff.records import Admission, JobRecord, Run, ValidJob
from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.local.fleet import Fleet, FleetConfig
from testfleet.local.pods.pod import Pod
from testfleet.results.cancel import cancel
from tests.support.fleet import (
    CATALOG,
    eventually,
    results,
    rows,
    send,
    wait_until_empty,
    wait_until_finished,
)

CASES = 6


@pytest.fixture
def undisturbed(fleet: Fleet) -> dict[str, Any]:
    """Return the rows of an undisturbed run."""
    send(fleet, "undisturbed", CASES=str(CASES))
    wait_until_finished(fleet, "undisturbed")
    return results(fleet, "undisturbed")


def in_the_middle(fleet: Fleet, run_id: str) -> Pod:
    """Return the pod that runs the suite, as soon as the first half of its cases is in the database."""
    eventually(
        lambda: rows(fleet, "SELECT count(*) FROM test_cases WHERE run_id = %(r)s", r=run_id)[0]["count"] == CASES // 2,
        "half of the cases are there",
    )
    (pod,) = [pod for pod in fleet.controller.pods.values() if admitted(pod, run_id)]
    return pod


def admitted(pod: Pod, run_id: str) -> bool:
    folder = pod.folder / "handoff"
    record, admission = volume.read(folder, JobRecord), volume.read(folder, Admission)
    if record is None or admission is None or not isinstance(record.root, ValidJob):
        return False
    return record.root.job.run_id == run_id and isinstance(admission.root, Run)


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
    assert {row["run_id"]: row["total"] for row in rows(fleet, "SELECT run_id, total FROM test_runs")} == sizes
    counted = rows(fleet, "SELECT run_id, count(*) FROM test_cases WHERE status = 'passed' GROUP BY run_id")
    assert {row["run_id"]: row["count"] for row in counted} == sizes
    assert {row["status"] for row in rows(fleet, "SELECT status FROM test_runs")} == {"passed"}
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
    gate = tmp_path / "gate"
    send(fleet, "killed", CASES=str(CASES), GATE=str(gate))
    pod = in_the_middle(fleet, "killed")
    for victim in victims:
        getattr(pod, victim).kill()
    gate.touch()
    wait_until_finished(fleet, "killed")
    assert results(fleet, "killed") == undisturbed
    assert attempt(fleet, "killed") == 2
    wait_until_empty(fleet)
    assert fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (0, 0)


def test_a_killed_worker_leaves_no_process_of_its_suite(fleet: Fleet, tmp_path: Path) -> None:
    """Otherwise two attempts would run at the same time."""
    send(fleet, "killed", CASES=str(CASES), GATE=str(tmp_path / "gate"))
    pod = in_the_middle(fleet, "killed")
    suite = psutil.Process(pod.worker.pid).children(recursive=True)
    assert suite
    pod.worker.kill()
    eventually(lambda: not [process for process in suite if _lives(process)], "the suite is gone")
    (tmp_path / "gate").touch()
    wait_until_finished(fleet, "killed")


def test_a_killed_reporter_continues_its_attempt(fleet: Fleet, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    """It is restarted over the same folders. There is no redelivery, and attempt and rows stay the same."""
    gate = tmp_path / "gate"
    send(fleet, "killed", CASES=str(CASES), GATE=str(gate))
    pod = in_the_middle(fleet, "killed")
    pod.reporter.kill()
    eventually(lambda: pod.reporter_restarts == 1, "the reporter is back")
    gate.touch()
    wait_until_finished(fleet, "killed")
    assert results(fleet, "killed") == undisturbed
    assert attempt(fleet, "killed") == 1


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
    logs = [line for log in fleet.config.state.glob("pods/*/reporter.log") for line in log.read_text().splitlines()]
    (metrics,) = [line for line in map(json.loads, logs) if "_aws" in line]
    assert (metrics["runId"], metrics["suite"], metrics["status"]) == ("sharded", "steps", "passed")
    assert (metrics["Runs"], metrics["Cases"], metrics["CasesFailed"], metrics["Retries"]) == (1, 6, 0, 0)


def test_a_stopped_fleet_leaves_no_process(config: FleetConfig, tmp_path: Path) -> None:
    """A running suite ends with its fleet."""
    gate = tmp_path / "gate"
    with Fleet(config) as fleet:
        send(fleet, "stopped", CASES=str(CASES), GATE=str(gate))
        pod = in_the_middle(fleet, "stopped")
        family = [process for pid in (pod.worker.pid, pod.reporter.pid) for process in _family(pid)]
    assert len(family) >= 3
    assert not [process for process in family if _lives(process)]


def test_the_servers_of_a_killed_fleet_end() -> None:
    """PostgreSQL is a daemon. If it stayed, the next fleet with the same folder would share it."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        argv = [sys.executable, "-m", "testfleet", "up", "--state", str(state), "--catalog", str(CATALOG)]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as fleet:
            eventually((state / "env").exists, "the fleet is up")
            family = _family(fleet.pid)
            postmaster = psutil.Process(int((state / "postgres" / "postmaster.pid").read_text().splitlines()[0]))
            fleet.kill()
        eventually(lambda: not [process for process in (*family, postmaster) if _lives(process)], "all of it is gone")


def test_a_drained_fleet_keeps_the_partial_results(config: FleetConfig, tmp_path: Path) -> None:
    """Each reporter gets SIGTERM after its worker has ended, not together with it."""
    with Fleet(config) as fleet:
        send(fleet, "drained", CASES=str(CASES), GATE=str(tmp_path / "gate"))
        in_the_middle(fleet, "drained")
    with Fleet(config) as after:
        (shard,) = rows(after, "SELECT status, outcome FROM test_shards WHERE run_id = 'drained'")
        assert shard == {"status": "interrupted", "outcome": "interrupted"}
        assert rows(after, "SELECT count(*) FROM test_cases WHERE run_id = 'drained'") == [{"count": CASES // 2}]


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def test_the_folder_of_a_finished_pod_is_removed_after_its_ttl(config: FleetConfig) -> None:
    """Its results are in the database and the bucket."""
    with Fleet(replace(config, ttl=0)) as fleet:
        send(fleet, "tidy")
        wait_until_finished(fleet, "tidy")
        pods = config.state / "pods"
        eventually(lambda: not list(pods.iterdir()), "the folder is gone")
        assert results(fleet, "tidy")["run"]["status"] == "passed"


def test_a_second_fleet_over_the_same_state_is_refused(fleet: Fleet) -> None:
    """Two controllers with one folder would remove each other's pods."""
    with pytest.raises(Refused, match=r"^--state: another fleet uses "), Fleet(fleet.config):
        pass


def test_results_outlive_the_fleet(config: FleetConfig) -> None:
    """The endpoint keeps its data in memory, the database keeps them on disk."""
    with Fleet(config) as first:
        send(first, "kept")
        wait_until_finished(first, "kept")
    with Fleet(config) as second:
        assert rows(second, "SELECT status FROM test_runs WHERE run_id = 'kept'") == [{"status": "passed"}]


def test_a_run_of_an_earlier_fleet_is_swept(config: FleetConfig, tmp_path: Path) -> None:
    """The queue ended with that fleet. Without a sweep, its run would stay `running` for ever."""
    with Fleet(config) as fleet:
        send(fleet, "lost", CASES=str(CASES), GATE=str(tmp_path / "gate"))
        in_the_middle(fleet, "lost")
    with Fleet(replace(config, sweep_after=1, sweep_every=0.5)) as fleet:
        wait_until_finished(fleet, "lost")
        (run,) = rows(fleet, "SELECT status, detail, total FROM test_runs")
        assert (run["status"], run["total"]) == ("errored", CASES // 2)
        assert run["detail"].startswith("abandoned: 1 attempt gave no result, the last")
        assert run["detail"].endswith("; its message is gone from the queue")


def test_a_cancelled_run_stops_and_its_queued_shard_never_starts(config: FleetConfig, tmp_path: Path) -> None:
    """Both messages are deleted, the results so far stay, and no process of the run is left."""
    ledger = tmp_path / "ledger"
    with Fleet(replace(config, max_pods=1)) as fleet:
        send(fleet, "stopped", shard="1/2", CASES=str(CASES), GATE=str(tmp_path / "gate"), LEDGER=str(ledger))
        in_the_middle(fleet, "stopped")
        send(fleet, "stopped", shard="2/2", CASES=str(CASES), LEDGER=str(ledger))
        assert cancel(Database(fleet.database_url), "stopped")
        wait_until_empty(fleet)
        assert rows(fleet, "SELECT status, total FROM test_runs") == [{"status": "cancelled", "total": CASES // 2}]
        assert rows(fleet, "SELECT shard, status FROM test_shards") == [{"shard": 1, "status": "cancelled"}]
        assert fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (0, 0)
    assert ledger.read_text() == "stopped 1\n"
