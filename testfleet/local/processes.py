"""Servers of the laptop as processes of their own: started, asked for their URL, ended with us."""

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
"""How long a server may take to end; PostgreSQL writes its checkpoint."""

OnDeath = Callable[[str], None]


@cache
def tied_to_us() -> tuple[str, ...]:
    """What to put before an argv so that the kernel sends SIGTERM to the process when we die without a word.

    "We" is the thread that starts it (prctl(2), PR_SET_PDEATHSIG): it has to live as long as the process should.
    It is Linux's, and not every `setpriv` can do it; elsewhere a process that loses us ends by its own deadlines.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    tied = (setpriv, "--pdeathsig", "TERM", "--")
    return tied if subprocess.run([*tied, "true"], check=False, capture_output=True).returncode == 0 else ()


def ignore_death(_: str) -> None:
    """Do nothing: for callers that notice a dead server by themselves."""


@contextmanager
def server(
    module: str,
    *arguments: str,
    env: Mapping[str, str] = MappingProxyType({}),
    on_death: OnDeath = ignore_death,
) -> Iterator[str]:
    """Run `python -m module` for as long as the block lasts; yields the URL that it prints first.

    `env` is added to our own environment. Where the process ends before the block does, `on_death` is called once,
    in a thread of its own, with one line that names the module and its exit code.

    Raises:
        Unavailable: it ended without a URL.
    """
    argv = [*tied_to_us(), sys.executable, "-m", module, *arguments]
    ending = Event()

    def watch() -> None:
        exit_code = process.wait()
        if not ending.is_set():
            on_death(f"{module}: ended with exit code {exit_code}")

    # A session of its own: Ctrl-C in the terminal is for us alone, and we end it after those who use it.
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=os.environ | env, start_new_session=True
    ) as process:
        try:
            url = process.stdout.readline().decode().strip() if process.stdout else ""
            if "://" not in url:
                raise Unavailable(f"{module}: it did not start")
            Thread(target=watch, name=f"watch {module}", daemon=True).start()
            yield url
        finally:
            ending.set()
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
