"""One pod of the laptop: a worker and a reporter as processes, with their own handoff and artifacts folders."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from testfleet.local.pods.leftovers import kill_leftovers
from testfleet.local.processes import tied_to_us

OURS: Final = ("AWS_", "WORKER_", "REPORTER_", "TESTFLEET_", "HANDOFF_", "ARTIFACTS_", "LOG_")


@dataclass(frozen=True, slots=True)
class PodSpec:
    """What the two programs are told, besides their folders; neither sees a setting of the other's."""

    worker_env: Mapping[str, str]
    reporter_env: Mapping[str, str]


@dataclass(slots=True)
class Pod:
    """A running or finished pair. `reporter_restarts` counts how often the reporter had to be started again."""

    name: str
    folder: Path
    spec: PodSpec
    worker: "subprocess.Popen[bytes]" = field(init=False)
    reporter: "subprocess.Popen[bytes]" = field(init=False)
    reporter_restarts: int = 0

    def __post_init__(self) -> None:
        for name in ("handoff", "artifacts"):
            (self.folder / name).mkdir(parents=True)
        self.start_reporter()
        self.worker = self._start("worker", self.spec.worker_env)

    def start_reporter(self) -> None:
        """Start the reporter over what the folders hold, as the kubelet does when it has died."""
        self.reporter = self._start("reporter", self.spec.reporter_env)

    def stop_rest(self) -> int:
        """The worker has ended: end its suite if it could not do so itself, and tell the reporter to stop.

        The answer is how many processes a killed worker had left.
        """
        left = 0
        if self.worker.returncode is not None and self.worker.returncode < 0:
            left = kill_leftovers(self._artifacts, spared={self.reporter.pid})
        self.reporter.terminate()
        return left

    def kill(self) -> None:
        """End every process of the pod, at once."""
        for process in (self.worker, self.reporter):
            process.kill()
            process.wait()
        kill_leftovers(self._artifacts, spared=())

    def forget(self) -> None:
        """Remove the suite's secret values, which are on the disk here; a cluster's handoff is in memory."""
        (self.folder / "handoff" / "mask.json").unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last line that the worker said."""
        lines = (self.folder / "worker.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else ""

    def remove(self) -> None:
        """Remove the pod's folders; its results stand in the database and the bucket."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _artifacts(self) -> Path:
        return self.folder / "artifacts"

    def _start(self, program: str, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        own = {
            "HOSTNAME": self.name,
            "HANDOFF_DIR": str(self.folder / "handoff"),
            "ARTIFACTS_DIR": str(self._artifacts),
        }
        with (self.folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(
                [*tied_to_us(), sys.executable, "-m", program],
                env=inherited | own | dict(env),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone; we stop the pods in order
            )
