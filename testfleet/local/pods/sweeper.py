"""The stand-in for the CronJob that sweeps abandoned shards."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog

from testfleet.database.connection import Database
from testfleet.errors import CommandError
from testfleet.local.pods.pod import OURS
from testfleet.local.processes import tied_to_parent
from testfleet.recording.sweep import has_unfinished_run

EVERY_SECONDS = 30.0
PAUSE = "2s"
"""Time between the two counts of the queue's messages. It may be short, because moto's counts are exact."""
LIMIT_SECONDS = 120
"""Maximum seconds of one sweep."""

log = structlog.get_logger()


@contextmanager
def sweeping(env: Mapping[str, str], *, older_than: int, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Run `testfleet sweep` every `every` seconds while the block lasts, if a run is older than `older_than` seconds.

    `env` holds the command's settings.
    """
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(every):
            try:
                if has_unfinished_run(Database(env["TESTFLEET_DATABASE_URL"]), older_than):
                    _sweep(env, older_than)
            except (CommandError, subprocess.TimeoutExpired) as error:
                log.warning("sweep_failed", detail=str(error))

    thread = threading.Thread(target=work, name="sweeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _sweep(env: Mapping[str, str], older_than: int) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    options = ("sweep", "--older-than", f"{older_than}s", "--pause", PAUSE, "--json")
    done = subprocess.run(
        [*tied_to_parent(), sys.executable, "-m", "testfleet", *options],
        env=inherited | dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        start_new_session=True,  # Ctrl-C in the terminal reaches this process only
        check=False,
    )
    if done.returncode != 0:
        log.warning("sweep_failed", detail=done.stderr.strip())
    elif done.stdout.strip() != "[]":
        log.warning("runs_swept", runs=done.stdout)
