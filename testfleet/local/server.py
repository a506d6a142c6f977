"""Servers of the laptop as processes of their own: started, asked for their URL, ended with us."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from testfleet.errors import Unavailable

END_SECONDS = 10
"""How long a server may take to end."""


def tied_to_us() -> list[str]:
    """What to put before an argv so that the kernel ends the process when we die without a word.

    It is Linux's; elsewhere a process that loses us ends by its own deadlines.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


@contextmanager
def server(module: str, *arguments: str) -> Iterator[str]:
    """Run `python -m module` for as long as the block lasts; yields the URL that it prints first.

    Raises:
        Unavailable: it ended without one.
    """
    argv = [*tied_to_us(), sys.executable, "-m", module, *arguments]
    # A session of its own: Ctrl-C in the terminal is for us alone, and we end it after those who use it.
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            url = process.stdout.readline().decode().strip() if process.stdout else ""
            if not url.startswith("http://"):
                raise Unavailable(f"{module}: it did not start")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
