"""One pod on a laptop: a worker and a reporter as processes, with their own handoff and artifacts folders."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from testfleet.local.pods.leftovers import kill_leftovers
from testfleet.local.pods.program import Program

OURS: Final = ("AWS_", "WORKER_", "REPORTER_", "TESTFLEET_", "HANDOFF_", "ARTIFACTS_", "LOG_")
"""Prefixes of settings that a program must not inherit from the terminal."""


@dataclass(frozen=True, slots=True)
class PodSpec:
    """The settings of the two programs besides their folders. Neither program gets a setting of the other."""

    worker_env: Mapping[str, str]
    reporter_env: Mapping[str, str]


@dataclass(slots=True)
class Pod:
    """A running or finished pod. `reporter_restarts` counts the restarts of its reporter."""

    name: str
    folder: Path
    spec: PodSpec
    worker: Program = field(init=False)
    reporter: Program = field(init=False)
    reporter_restarts: int = 0

    def __post_init__(self) -> None:
        for name in ("handoff", "artifacts"):
            (self.folder / name).mkdir(parents=True)
        self.start_reporter()
        self.worker = self._start("worker", self.spec.worker_env)

    def start_reporter(self) -> None:
        """Start the reporter over the existing folders, as the kubelet does after a crash."""
        self.reporter = self._start("reporter", self.spec.reporter_env)

    def stop_rest(self) -> int:
        """Send SIGTERM to the reporter after the worker has ended. A killed worker's suite is killed first.

        Returns the number of processes that the worker left.
        """
        left = 0
        if self.worker.wait() < 0:
            left = kill_leftovers(self._artifacts, spared={self.reporter.pid})
        self.reporter.terminate()
        return left

    def kill(self) -> None:
        """Kill every process of the pod."""
        for process in (self.worker, self.reporter):
            process.kill()
            process.wait()
        kill_leftovers(self._artifacts, spared=())

    def remove_secrets(self) -> None:
        """Remove the suite's secret values. Here they are on a disk; in a cluster, the handoff is in memory."""
        (self.folder / "handoff" / "mask.json").unlink(missing_ok=True)

    def last_log_line(self) -> str:
        """Return the last line of the worker's log."""
        lines = (self.folder / "worker.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else ""

    def remove(self) -> None:
        """Remove the pod's folders. Its results stay in the database and the bucket."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _artifacts(self) -> Path:
        return self.folder / "artifacts"

    def _start(self, program: str, env: Mapping[str, str]) -> Program:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        own = {
            "HOSTNAME": self.name,
            "HANDOFF_DIR": str(self.folder / "handoff"),
            "ARTIFACTS_DIR": str(self._artifacts),
        }
        log = self.folder / f"{program}.log"
        return Program(program, env=inherited | own | dict(env), folder=self.folder, log=log)
