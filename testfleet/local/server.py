"""Servers of the laptop as processes of their own: started, asked for their URL, ended with us."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType

from testfleet.errors import Unavailable

END_SECONDS = 30
"""How long a server may take to end; PostgreSQL writes its checkpoint."""


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


@contextmanager
def server(module: str, *arguments: str, env: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """Run `python -m module` for as long as the block lasts; yields the URL that it prints first.

    `env` is added to our own environment.

    Raises:
        Unavailable: it ended without one.
    """
    argv = [*tied_to_us(), sys.executable, "-m", module, *arguments]
    # A session of its own: Ctrl-C in the terminal is for us alone, and we end it after those who use it.
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=os.environ | env, start_new_session=True
    ) as process:
        try:
            url = process.stdout.readline().decode().strip() if process.stdout else ""
            if "://" not in url:
                raise Unavailable(f"{module}: it did not start")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
