"""A pod's program runs as a process of its own, though it begins as a fork."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testfleet.local.pods.program import Program

Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a program with this source and these settings; its output goes to `log`."""
    monkeypatch.syspath_prepend(tmp_path)

    def start(source: str, *arguments: str, **env: str) -> Program:
        (tmp_path / "sample_program.py").write_text(source)
        return Program("sample_program", *arguments, env=env, folder=tmp_path, log=tmp_path / "log")

    return start


def test_it_gets_only_its_own_settings_and_arguments(start: Start, tmp_path: Path) -> None:
    """Settings of the fork server, and so of the terminal, do not reach it."""
    source = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:], os.getcwd(), __name__]))"
    assert start(source, "--check", WORKER_CATALOG="c.toml").wait(60) == 0
    found = json.loads((tmp_path / "log").read_text())
    assert found == [{"WORKER_CATALOG": "c.toml"}, ["--check"], str(tmp_path), "__main__"]


def test_its_output_is_appended(start: Start, tmp_path: Path) -> None:
    """A restarted reporter keeps the log of the one before."""
    (tmp_path / "log").write_text("before\n")
    assert start("import os, sys; print('out'); sys.stdout.flush(); os.write(2, b'err')").wait(60) == 0
    assert (tmp_path / "log").read_text() == "before\nout\nerr"


@pytest.mark.parametrize("code", [0, 75, 143])
def test_its_exit_code_is_read(start: Start, code: int) -> None:
    """The controller decides by it whether the pod is replaced."""
    program = start(f"import sys; sys.exit({code})")
    assert program.wait(60) == code
    assert program.poll() == code


def test_an_error_is_exit_code_1_and_a_traceback(start: Start, tmp_path: Path) -> None:
    """An interpreter of its own does the same."""
    assert start("raise LookupError('no such thing')").wait(60) == 1
    assert "LookupError: no such thing" in (tmp_path / "log").read_text()


def test_a_signal_ends_it(start: Start) -> None:
    """The exit code is the negative number of the signal. A signal to an ended program is ignored."""
    program = start("import signal; signal.pause()")
    assert program.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0)
    program.kill()
    assert program.wait(60) == -signal.SIGKILL
    program.terminate()


def test_ctrl_c_in_the_terminal_does_not_reach_it(start: Start, tmp_path: Path) -> None:
    """It is in a session of its own, and its handlers of signals are Python's defaults."""
    source = "import os, signal; print(os.getsid(0) == os.getpid(), signal.getsignal(signal.SIGINT).__name__)"
    assert start(source).wait(60) == 0
    assert (tmp_path / "log").read_text() == "True default_int_handler\n"


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """A controller that is killed leaves no pods behind."""
    inner = (
        "import sys, time; from pathlib import Path; from testfleet.local.pods.program import Program\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "program = Program('sleeper', env={}, folder=folder, log=folder / 'sleeper.log')\n"
        "print(program.pid, flush=True); time.sleep(600)\n"
    )
    (tmp_path / "sleeper.py").write_text("import time; print('started', flush=True); time.sleep(600)")
    with subprocess.Popen([sys.executable, "-c", inner], stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout
        pid = int(controller.stdout.readline())
        pidfd = os.pidfd_open(pid)
        controller.kill()
    try:
        poll = select.poll()  # a pidfd is readable when its process has ended
        poll.register(pidfd)
        assert poll.poll(60_000)
    finally:
        os.close(pidfd)
