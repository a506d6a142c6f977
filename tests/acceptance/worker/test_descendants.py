"""When a suite ends, none of its descendants is left, and no other process is touched."""

import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.support.worker_pod import Pod, Script, is_running, until

# A real daemon: two forks and its own session. It writes its PID to the file of its argument.
DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if "deaf" in sys.argv:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open(sys.argv[1] + ".tmp", "w") as file:
            file.write(str(os.getpid()))
        os.rename(sys.argv[1] + ".tmp", sys.argv[1])
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
"""

# Each process forks a child into a new session and exits at once.
RELAY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
    open(sys.argv[1], "w").close()
    time.sleep(0.001)
"""


@pytest.fixture
def daemon(tmp_path: Path) -> str:
    return _script(tmp_path, "daemon.py", DAEMON)


def _script(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(textwrap.dedent(text))
    return f"{sys.executable} {folder / name}"


def _pid(file: Path) -> int:
    return int(until(lambda: file.exists() and file.read_text()))


@pytest.mark.parametrize("kind", ["", "deaf"])
def test_a_daemon_does_not_outlive_its_suite(kind: str, pod: Pod, daemon: str) -> None:
    """Two forks, an own session and ignoring SIGTERM do not help it."""
    pod.suite(f'{daemon} "$ARTIFACTS_DIR/pid" {kind}')
    pod.send()
    assert pod.run(WORKER_STOP_GRACE="1") == 0
    assert not is_running(_pid(pod.artifacts / "pid"))
    assert pod.outcome().exit_code == 0


def test_a_daemon_ends_before_the_outcome_is_written(pod: Pod, daemon: str) -> None:
    """No process may write to the files that the reporter reads."""
    pod.suite(f'{daemon} "$ARTIFACTS_DIR/pid"; exit 4')
    pod.send()
    worker = pod.start(Script(receipt=None))
    until((pod.handoff / "outcome.json").exists)
    assert not is_running(_pid(pod.artifacts / "pid"))
    assert pod.outcome().exit_code == 4
    assert worker.process.poll() is None


def test_a_timeout_ends_a_whole_tree_that_ignores_sigterm(pod: Pod, daemon: str) -> None:
    """SIGKILL ends the processes that ignore SIGTERM."""
    pod.suite(f"""{daemon} "$ARTIFACTS_DIR/pid" deaf; trap "" TERM; (trap "" TERM; sleep 600) & sleep 600""", timeout=3)
    pod.send()
    worker = pod.start(WORKER_STOP_GRACE="1")
    pid = _pid(pod.artifacts / "pid")
    assert worker.wait() == 0
    assert (pod.outcome().ending, pod.outcome().exit_code) == ("timed_out", -9)
    assert not is_running(pid)


def test_a_suite_may_clean_up_on_sigterm(pod: Pod) -> None:
    """It has its grace, and its own exit code is recorded."""
    pod.suite("""trap 'echo cleaned; exit 9' TERM; touch "$ARTIFACTS_DIR/started"; while :; do sleep 0.1; done""")
    pod.send()
    worker = pod.start()
    pod.started()
    worker.terminate()
    worker.wait()
    assert pod.outcome().exit_code == 9
    assert (pod.artifacts / "log" / "suite.log").read_text().endswith("cleaned\n")


def test_a_chain_of_forks_is_ended(pod: Pod, tmp_path: Path) -> None:
    """Each process forks into a new session and exits faster than a list of processes can be read."""
    relay = _script(tmp_path, "relay.py", RELAY)
    pod.suite(f'{relay} "$ARTIFACTS_DIR/started"; while [ ! -e "$ARTIFACTS_DIR/started" ]; do sleep 0.01; done')
    pod.send()
    worker = pod.start(WORKER_STOP_GRACE="1")
    assert worker.wait() == 0
    assert "processes_left" not in worker.events()
    assert (pod.artifacts / "started").exists()
    assert not [one for one in psutil.process_iter(["cmdline"]) if relay.split()[-1] in (one.info["cmdline"] or [])]


def test_orphans_that_have_ended_are_collected_while_the_suite_runs(pod: Pod) -> None:
    """A long suite's zombies would fill the pod's table of processes."""
    pod.suite('for i in 1 2 3 4 5; do sh -c "sleep 0.1 & exit"; done; touch "$ARTIFACTS_DIR/started"; sleep 600')
    pod.send()
    worker = pod.start()
    pod.started()
    until(lambda: _children(worker.process.pid) == {"sh"})
    worker.terminate()
    worker.wait()


def test_only_processes_of_the_suite_are_ended(pod: Pod, daemon: str, tmp_path: Path) -> None:
    """Another program on the machine survives, even if it looks like the daemon."""
    subprocess.run([*daemon.split(), str(tmp_path / "other")], check=True)
    other = _pid(tmp_path / "other")
    try:
        pod.suite(f'{daemon} "$ARTIFACTS_DIR/pid"')
        pod.send()
        assert pod.run() == 0
        assert is_running(other)
    finally:
        subprocess.run(["kill", "-9", str(other)], check=True)


def _children(pid: int) -> set[str]:
    """Return the names of the direct children, with zombies."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        if fields["PPid"] == str(pid):
            found.add(fields["Name"] + " (zombie)" * fields["State"].startswith("Z"))
    return found
