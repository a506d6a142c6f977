"""The stand-in for KEDA and the Job controller.

It starts a pod for each message, restarts reporters, replaces interrupted pods and removes the folders of old pods.
"""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import structlog

from testfleet.local.pods.pod import Pod, PodSpec
from testfleet.local.pods.scaling import pods_to_start

log = structlog.get_logger()

INTERRUPTED = 143
"""The worker's exit code after SIGTERM. A pod that ends with it is replaced."""

REPORTER_GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL for a reporter whose worker has ended; the kubelet's default."""

POLL_SECONDS = 0.2

BACK_OFF = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds without a new pod, by the number of failed pods in a row. A wrong setting must not start pods without end."""


class Step(Enum):
    """The next action for one pod."""

    WAIT = auto()
    RESTART_REPORTER = auto()
    STOP_REST = auto()
    KILL_REPORTER = auto()
    FINISH = auto()


def next_step(*, worker_ended: bool, reporter_ended: bool, stopping_for: float | None) -> Step:
    """Return the next action for a pod, by the rules of a native sidecar.

    A reporter that ends is restarted while the worker lives. It gets SIGTERM after the worker has ended, and SIGKILL
    after its grace. `stopping_for` is the time since that SIGTERM in seconds, None before it.
    """
    if not worker_ended:
        return Step.RESTART_REPORTER if reporter_ended else Step.WAIT
    if stopping_for is None:
        return Step.STOP_REST
    if reporter_ended:
        return Step.FINISH
    return Step.KILL_REPORTER if stopping_for > REPORTER_GRACE else Step.WAIT


def exit_code(returncode: int) -> int:
    """Return the exit code as a container runtime reports it: 128 plus the signal's number for a killed process.

    SIGTERM may kill a worker that has stored its results, in the moment after its event loop has closed.
    """
    return returncode if returncode >= 0 else 128 - returncode


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the controller.

    `max_pods` run at once. A finished pod's folder stays for `ttl` seconds. A drain takes at most `stop_grace` seconds.
    """

    max_pods: int
    ttl: float
    stop_grace: float


class Controller:
    """Runs pods for the messages of the queue, in a thread.

    `depth` returns the number of messages that wait and the number in flight. The controller sets `broken` when it
    cannot continue: the endpoint does not answer, or no process can be started.
    """

    def __init__(
        self,
        folder: Path,
        spec: PodSpec,
        limits: Limits,
        depth: Callable[[], tuple[int, int]],
        *,
        broken: threading.Event,
    ) -> None:
        self._folder = folder
        self._spec = spec
        self._limits = limits
        self._depth = depth
        self._broken = broken
        self._numbers = itertools.count(1)
        self._stopped_at: dict[str, float] = {}
        self._finished: dict[str, tuple[Pod, float]] = {}
        self._failures = 0
        self._paused_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        self.pods: dict[str, Pod] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Send SIGTERM to each worker and then to its reporter, and SIGKILL after the grace; return when all ended."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(POLL_SECONDS):
                self._advance_pods()
                self._scale()
                self._remove_old_folders()
        except Exception:
            log.exception("controller_broken")
            self._broken.set()
            self._stop.wait()
        self._drain()

    def _drain(self) -> None:
        try:
            for pod in self.pods.values():
                pod.worker.terminate()
            deadline = time.monotonic() + self._limits.stop_grace
            while self.pods and time.monotonic() < deadline:
                self._advance_pods()
                time.sleep(POLL_SECONDS)
        finally:
            for pod in self.pods.values():
                pod.kill()
            self.pods.clear()

    def _scale(self) -> None:
        if time.monotonic() < self._paused_until:
            return
        waiting, in_flight = self._depth()
        running = len(self.pods)
        start = pods_to_start(waiting=waiting, in_flight=in_flight, running=running, max_pods=self._limits.max_pods)
        for _ in range(start):
            self._start_pod()

    def _start_pod(self) -> None:
        name = f"pod-{next(self._numbers)}"
        self.pods[name] = Pod(name, self._folder / name, self._spec)
        log.info("pod_started", pod=name)

    def _advance_pods(self) -> None:
        for name, pod in list(self.pods.items()):
            stopped_at = self._stopped_at.get(name)
            step = next_step(
                worker_ended=pod.worker.poll() is not None,
                reporter_ended=pod.reporter.poll() is not None,
                stopping_for=None if stopped_at is None else time.monotonic() - stopped_at,
            )
            if step is Step.RESTART_REPORTER:
                pod.reporter_restarts += 1
                log.warning("reporter_restarted", pod=name, exit_code=exit_code(pod.reporter.wait()))
                pod.start_reporter()
            elif step is Step.STOP_REST:
                if left := pod.stop_rest():
                    log.warning("leftovers_killed", pod=name, processes=left)
                self._stopped_at[name] = time.monotonic()
            elif step is Step.KILL_REPORTER:
                pod.reporter.kill()
            elif step is Step.FINISH:
                self._finish(pod)

    def _finish(self, pod: Pod) -> None:
        del self.pods[pod.name]
        pod.remove_secrets()
        self._stopped_at.pop(pod.name, None)
        self._finished[pod.name] = (pod, time.monotonic())
        ended = exit_code(pod.worker.wait())
        if ended in {0, INTERRUPTED}:
            self._failures = 0
            log.info("pod_finished", pod=pod.name, exit_code=ended)
        else:
            self._failures = min(self._failures + 1, len(BACK_OFF) - 1)
            self._paused_until = time.monotonic() + BACK_OFF[self._failures]
            log.error("pod_failed", pod=pod.name, exit_code=ended, last_line=pod.last_log_line())
        if ended == INTERRUPTED and not self._stop.is_set():
            self._start_pod()

    def _remove_old_folders(self) -> None:
        for name, (pod, finished_at) in list(self._finished.items()):
            if time.monotonic() - finished_at >= self._limits.ttl:
                pod.remove()
                del self._finished[name]
