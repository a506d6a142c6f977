"""The suite's process: start it in its own session, wait for it, and end it with all its descendants."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from runtime.text import one_line
from runtime.waiting import in_thread
from worker.errors import CannotStart
from worker.suite.process_tree import ProcessTree

POLL_SECONDS = 0.05

REAP_SECONDS = 1.0
"""Seconds between two collections of ended orphans, so that they never fill the process table."""

log = structlog.get_logger()


class SuiteProcess:
    """A running suite."""

    def __init__(self, process: subprocess.Popen[bytes], tree: ProcessTree) -> None:
        self._process = process
        self._tree = tree
        tree.head = process

    @classmethod
    def start(
        cls, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path, tree: ProcessTree
    ) -> "SuiteProcess":
        """Start the process with exactly the environment `env`. Its stdout and stderr go to the file `output`.

        Raises:
            CannotStart: the program or folder does not exist, or the file can't be written.
        """
        try:
            with output.open("wb") as file:
                process = subprocess.Popen(
                    list(argv),
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:
            raise CannotStart(one_line(f"{argv[0]}: {error}")) from error
        return cls(process, tree)

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal. None while the process runs."""
        return self._process.returncode

    async def wait(self) -> None:
        """Wait for the first process. Its descendants may still run."""
        loop = asyncio.get_running_loop()
        reap_at = loop.time() + REAP_SECONDS
        while self._process.poll() is None:
            await asyncio.sleep(POLL_SECONDS)
            if loop.time() >= reap_at:
                await in_thread(self._tree.reap)
                reap_at = loop.time() + REAP_SECONDS

    async def end(self, grace: float) -> None:
        """End all of the suite's processes: SIGTERM, and SIGKILL after `grace` seconds."""
        survivors = await in_thread(lambda: self._tree.end(grace))
        if survivors:
            log.error("processes_left", pids=survivors)
