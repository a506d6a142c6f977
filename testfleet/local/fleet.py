"""The whole fleet on one machine: embedded endpoint, PostgreSQL, and pods for the messages of the queue."""

import fcntl
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Self

import structlog

from testfleet.errors import Refused
from testfleet.local.aws.endpoint import endpoint
from testfleet.local.pods.controller import Controller, Limits
from testfleet.local.pods.pod import PodSpec
from testfleet.local.pods.sweeper import EVERY_SECONDS, sweeping
from testfleet.local.postgres.database import postgres
from testfleet.local.samples import tools
from testfleet.local.samples.browser import EXECUTABLE, find_browser

log = structlog.get_logger()

FLUSH_SECONDS = 40
"""Seconds that a pod needs beyond twice its grace to store partial results; see WORKER_STOP_GRACE."""

_OF_NOTICES = ("TESTFLEET_NOTICES", "TESTFLEET_RUN_URL")


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """How the fleet runs. `state` is a folder that no other fleet uses. Times are in seconds."""

    state: Path
    catalog: Path
    max_pods: int = 2
    visibility_timeout: int = 30
    lease: int = 30
    stop_grace: int = 10
    ttl: float = 3600
    aws_port: int = 0
    sweep_after: int = 600
    """The age in seconds from which a run may be swept: 20 visibility timeouts."""
    sweep_every: float = EVERY_SECONDS
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    base_url: str | None = None
    """The target URL of jobs that name none; see WORKER_BASE_URL."""


class Fleet:
    """A fleet that runs while the `with` block lasts. Afterwards, none of its processes is left.

    Raises:
        Refused: another fleet uses the state folder.
    """

    def __init__(self, config: FleetConfig) -> None:
        self.config = replace(config, state=config.state.absolute(), catalog=config.catalog.absolute())
        self.broken = Event()
        """Set when the endpoint, PostgreSQL or the controller ended unexpectedly."""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._lock(opening)
            self.database_url = opening.enter_context(
                postgres(self.config.state / "postgres", on_death=self._server_died)
            )
            self.aws = opening.enter_context(
                endpoint(
                    port=self.config.aws_port,
                    visibility_timeout=self.config.visibility_timeout,
                    secrets=self.config.secrets,
                    on_death=self._server_died,
                )
            )
            pods = self.config.state / "pods"
            shutil.rmtree(pods, ignore_errors=True)  # of an earlier fleet: its queue is gone, its results are stored
            self.controller = Controller(
                pods,
                self._spec(),
                Limits(self.config.max_pods, self.config.ttl, 2 * self.config.stop_grace + FLUSH_SECONDS),
                lambda: self.aws.depth(self.aws.queue_url),
                broken=self.broken,
            )
            self.controller.start()
            opening.callback(self.controller.stop)
            notices = {name: os.environ[name] for name in _OF_NOTICES if os.environ.get(name)}
            opening.enter_context(
                sweeping(self.env | notices, older_than=self.config.sweep_after, every=self.config.sweep_every)
            )
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that another terminal needs to use this fleet."""
        return self.aws.env | {
            "TESTFLEET_DATABASE_URL": self.database_url,
            "TESTFLEET_QUEUE_URL": self.aws.queue_url,
            "TESTFLEET_DEAD_LETTER_QUEUE_URL": self.aws.dead_letter_queue_url,
            "TESTFLEET_BUCKET": self.aws.bucket,
        }

    def _server_died(self, detail: str) -> None:
        log.error("server_died", detail=detail)
        self.broken.set()

    def _lock(self, opening: ExitStack) -> None:
        self.config.state.mkdir(parents=True, exist_ok=True)
        lock = opening.enter_context((self.config.state / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                f"--state: another fleet uses {self.config.state}; stop it, or choose another folder"
            ) from error

    def _spec(self) -> PodSpec:
        browser = find_browser()
        return PodSpec(
            worker_env=self.aws.env
            | {
                "WORKER_QUEUE_URL": self.aws.queue_url,
                "WORKER_DEAD_LETTER_QUEUE_URL": self.aws.dead_letter_queue_url,
                "WORKER_CATALOG": str(self.config.catalog),
                "WORKER_VISIBILITY_TIMEOUT": str(self.config.visibility_timeout),
                "WORKER_STOP_GRACE": str(self.config.stop_grace),
                "WORKER_SUITE_SANDBOX": "off",  # the embedded endpoint needs no credentials, so there are none to hide
            }
            | ({"WORKER_BASE_URL": self.config.base_url} if self.config.base_url else {})
            | ({EXECUTABLE: browser} if browser else {})
            | ({"NODE_PATH": path} if (path := tools.node_path(os.environ)) else {}),
            reporter_env=self.aws.env
            | {
                "REPORTER_DATABASE_URL": self.database_url,
                "REPORTER_BUCKET": self.aws.bucket,
                "REPORTER_LEASE": str(self.config.lease),
            },
        )
