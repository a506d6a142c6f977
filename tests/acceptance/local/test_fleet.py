"""Start and end of a fleet: no result is lost, and no process stays."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from testfleet.database.connection import Database
from testfleet.errors import Refused
from testfleet.local.fleet import Fleet, FleetConfig
from testfleet.results.cancel import cancel
from tests.support.fleet import (
    CASES,
    CATALOG,
    eventually,
    in_the_middle,
    is_alive,
    results,
    rows,
    send,
    wait_until_empty,
    wait_until_finished,
)


def test_a_stopped_fleet_leaves_no_process(config: FleetConfig, tmp_path: Path) -> None:
    """A running suite ends with its fleet."""
    gate = tmp_path / "gate"
    with Fleet(config) as fleet:
        send(fleet, "stopped", CASES=str(CASES), GATE=str(gate))
        pod = in_the_middle(fleet, "stopped")
        family = [process for pid in (pod.worker.pid, pod.reporter.pid) for process in _family(pid)]
    assert len(family) >= 3
    assert not [process for process in family if is_alive(process)]


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
        eventually(lambda: not [process for process in (*family, postmaster) if is_alive(process)], "all of it is gone")


def test_a_drained_fleet_keeps_the_partial_results(config: FleetConfig, tmp_path: Path) -> None:
    """Each reporter gets SIGTERM after its worker has ended, not together with it."""
    with Fleet(config) as fleet:
        send(fleet, "drained", CASES=str(CASES), GATE=str(tmp_path / "gate"))
        in_the_middle(fleet, "drained")
    with Fleet(config) as after:
        (shard,) = rows(after, "SELECT status, outcome FROM test_shards WHERE run_id = 'drained'")
        assert shard == {"status": "interrupted", "outcome": "interrupted"}
        assert rows(after, "SELECT count(*) FROM test_cases WHERE run_id = 'drained'") == [{"count": CASES // 2}]


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
