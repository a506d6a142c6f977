"""The suite's process: started in a session of its own, watched, and ended with everything that it has started."""

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
"""How often orphans that have ended are collected, so that a long suite's never fill the table of processes."""

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
        """Start the process with `env` as its whole environment; stdout and stderr go to the file `output`.

        Raises:
            CannotStart: there is no such program or folder, or the file can't be written; one line says which.
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
        """As the kernel gave it, negative for a signal; None while the process runs."""
        return self._process.returncode

    async def wait(self) -> None:
        """Return when the first process has ended; others may still run."""
        loop = asyncio.get_running_loop()
        reap_at = loop.time() + REAP_SECONDS
        while self._process.poll() is None:
            await asyncio.sleep(POLL_SECONDS)
            if loop.time() >= reap_at:
                await in_thread(self._tree.reap)
                reap_at = loop.time() + REAP_SECONDS

    async def end(self, grace: float) -> None:
        """Leave none of the suite's processes: SIGTERM to each, `grace` seconds later SIGKILL."""
        survivors = await in_thread(lambda: self._tree.end(grace))
        if survivors:
            log.error("processes_left", pids=survivors)
