"""The stand-in for the CronJob that sweeps abandoned shards and sends notices."""

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

    Otherwise, notices are sent if there are targets. `env` holds the command's settings.
    """
    stop = threading.Event()
    sends = "TESTFLEET_NOTICES" in env

    def work() -> None:
        while True:  # at once, too: a target gets the notices that are created after it was first seen
            try:
                if has_unfinished_run(Database(env["TESTFLEET_DATABASE_URL"]), older_than):
                    _sweep(env, older_than)
                elif sends:
                    _log_problems(_run(env, "notices", "send", "--json"))
            except (CommandError, subprocess.TimeoutExpired) as error:
                log.warning("sweep_failed", detail=str(error))
            if stop.wait(every):
                return

    thread = threading.Thread(target=work, name="sweeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _sweep(env: Mapping[str, str], older_than: int) -> None:
    done = _run(env, "sweep", "--older-than", f"{older_than}s", "--pause", PAUSE, "--json")
    _log_problems(done)
    if done.returncode == 0 and done.stdout.strip() != "[]":
        log.warning("runs_swept", runs=done.stdout)


def _log_problems(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode != 0:
        log.warning("sweep_failed", detail=done.stderr.strip())
    elif done.stderr.strip():
        log.warning("notices_not_sent", detail=done.stderr.strip())


def _run(env: Mapping[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [*tied_to_parent(), sys.executable, "-m", "testfleet", *options],
        env=inherited | dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        start_new_session=True,  # Ctrl-C in the terminal reaches this process only
        check=False,
    )
