"""Servers as processes of their own, each of which ends with its parent."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import Event, Thread
from types import MappingProxyType

from testfleet.errors import Unavailable

END_SECONDS = 30
"""Seconds between SIGTERM and SIGKILL for a server. PostgreSQL writes a checkpoint meanwhile."""

OnDeath = Callable[[str], None]


@cache
def tied_to_parent() -> tuple[str, ...]:
    """Return a prefix of an argv that makes the kernel send SIGTERM to the process when its parent dies.

    The parent is the *thread* that starts the process (prctl(2), PR_SET_PDEATHSIG), so that thread has to live as long
    as the process should. The prefix is empty where `setpriv` cannot do this; there, processes end by their own
    deadlines.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    tied = (setpriv, "--pdeathsig", "TERM", "--")
    return tied if subprocess.run([*tied, "true"], check=False, capture_output=True).returncode == 0 else ()


def ignore_death(_: str) -> None:
    """Do nothing, for callers that detect a dead server themselves."""


@contextmanager
def server(
    name: str,
    module: str,
    *arguments: str,
    env: Mapping[str, str] = MappingProxyType({}),
    on_death: OnDeath = ignore_death,
) -> Iterator[str]:
    """Run `python -m module` while the block lasts; yield its URL.

    The program prints one line on stdout: its URL, or the reason why it cannot serve. `name` identifies it in messages.
    `env` is added to this process's environment. If the program ends before the block does, another thread calls
    `on_death` once. The argument is a line with the name and the exit code.

    Raises:
        Unavailable: the program printed no URL.
    """
    argv = [*tied_to_parent(), sys.executable, "-m", module, *arguments]
    ending = Event()

    def watch() -> None:
        exit_code = process.wait()
        if not ending.is_set():
            on_death(f"{name}: ended with exit code {exit_code}")

    # A session of its own: Ctrl-C in the terminal reaches this process only, which ends the server after its users.
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=os.environ | env, start_new_session=True
    ) as process:
        try:
            line = process.stdout.readline().decode().strip() if process.stdout else ""
            if "://" not in line:
                raise Unavailable(f"{name}: did not start{': ' if line else ''}{line}")
            Thread(target=watch, name=f"watch {name}", daemon=True).start()
            yield line
        finally:
            ending.set()
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
