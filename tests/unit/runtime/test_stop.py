"""SIGTERM sets the event, also when it arrives before the event loop runs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.stop import Stop


@pytest.fixture
def stop() -> Iterator[Stop]:
    """A stop whose handlers are installed for one test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stop = Stop()
    stop.install()
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_signal_sets_the_event(stop: Stop) -> None:
    """SIGTERM sets the event."""
    event = stop.bind()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await event.wait()


async def test_a_signal_before_the_loop_is_not_forgotten(stop: Stop) -> None:
    """A signal that arrived during the imports has set the event when the loop starts."""
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.bind().is_set()


@pytest.mark.parametrize("program", ["worker", "reporter"])
def test_a_signal_while_the_interpreter_ends_does_not_change_the_exit_code(program: str, tmp_path: Path) -> None:
    """Kubernetes and a second Ctrl-C may signal a program that has already decided its exit code."""
    last_object = """
import os, signal, sys

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
        kill(pid, number)

sys.last_object = Last()
"""
    (tmp_path / "sitecustomize.py").write_text(last_object)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "HANDOFF_DIR": str(tmp_path / "missing")}
    done = subprocess.run([sys.executable, "-m", program], env=env, capture_output=True, check=False, timeout=60)
    assert done.returncode == 78
