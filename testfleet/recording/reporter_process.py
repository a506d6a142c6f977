"""Starts a program of the reporter with this command's settings, and translates how it ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testfleet.database.connection import Database
from testfleet.errors import BadSetting, CommandError, Unavailable

STOP_SECONDS = 10.0
"""Time between SIGTERM and SIGKILL."""

DATABASE_PATIENCE_SECONDS = 20
"""Longest time for which the reporter retries an unreachable database: short, because the command is interactive."""

_SETTING_WRONG = 78  # the reporter's own exit code for it


@dataclass(frozen=True, slots=True)
class ReporterProcess:
    """A running program of the reporter and the files that hold its output."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def last_line(self) -> str:
        """Return the last line of stderr, or else of stdout."""
        for file in (self.stderr, self.stdout):
            if lines := file.read_text(errors="replace").splitlines():
                return lines[-1]
        return "it printed nothing"

    def failure(self) -> CommandError:
        """Return the error of a program that has ended. A setting has this command's name of it."""
        line = self.last_line().removeprefix("reporter: ")
        if self.process.returncode == _SETTING_WRONG:
            return BadSetting(line.replace("REPORTER_", "TESTFLEET_"))
        return Unavailable(f"reporter: ended with exit code {self.process.returncode}: {line}")


@contextmanager
def reporter_process(
    module: str, settings: Mapping[str, str], *, database: Database, folder: Path, stdin: bytes = b""
) -> Iterator[ReporterProcess]:
    """Run `python -m module` in `folder` while the block lasts. No process is left, also after SIGTERM.

    `settings` are added to those of the database and to the AWS access of this process.
    """
    given = folder / "stdin"
    given.write_bytes(stdin)
    out, err = folder / "stdout", folder / "stderr"
    previous = signal.signal(signal.SIGTERM, _exit)
    with given.open("rb") as source, out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],  # -P: a folder named reporter in `folder` is not the package
            env={**_environment(os.environ, database), **settings},
            cwd=folder,
            stdin=source,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C reaches this process only, which then stops the reporter in order
        )
    try:
        yield ReporterProcess(process, out, err)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        signal.signal(signal.SIGTERM, previous)


def _environment(environ: Mapping[str, str], database: Database) -> dict[str, str]:
    own = ("TESTFLEET_", "REPORTER_", "WORKER_")
    return {name: value for name, value in environ.items() if not name.startswith(own)} | {
        "REPORTER_DATABASE_URL": database.url,
        "REPORTER_DATABASE_AUTH": database.auth,
        "REPORTER_DATABASE_CA": database.authorities,
        "REPORTER_DATABASE_PATIENCE": str(DATABASE_PATIENCE_SECONDS),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "warning",
    }


def _exit(signum: int, _: object) -> None:
    sys.exit(128 + signum)
