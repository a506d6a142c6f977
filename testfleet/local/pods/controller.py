"""Stands in for KEDA and the Job controller.

It starts a pod for each message, restarts reporters, replaces interrupted pods and removes the folders of old ones.
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
"""The worker's exit code after SIGTERM: the Job stays and replaces its pod."""

REPORTER_GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL for a reporter whose worker has ended; the kubelet's default."""

POLL_SECONDS = 0.2

BACK_OFF = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds without a new pod after so many failed ones in a row: a wrong setting must not become a storm."""


class Step(Enum):
    """What to do about one pod."""

    WAIT = auto()
    RESTART_REPORTER = auto()
    STOP_REST = auto()
    KILL_REPORTER = auto()
    FINISH = auto()


def next_step(*, worker_ended: bool, reporter_ended: bool, stopping_for: float | None) -> Step:
    """A native sidecar's life: restarted while the main container lives, told to stop after it, killed after its grace.

    `stopping_for` is the time in seconds since the rest of the pod was told to stop, None if it was not.
    """
    if not worker_ended:
        return Step.RESTART_REPORTER if reporter_ended else Step.WAIT
    if stopping_for is None:
        return Step.STOP_REST
    if reporter_ended:
        return Step.FINISH
    return Step.KILL_REPORTER if stopping_for > REPORTER_GRACE else Step.WAIT


@dataclass(frozen=True, slots=True)
class Limits:
    """How many pods run at once; in seconds, how long a finished pod's folder stays and how long a drain may take."""

    max_pods: int
    ttl: float
    stop_grace: float


class Controller:
    """Keeps the fleet in step with the queue, in a thread.

    `depth` returns how many messages wait and how many are in flight. `broken` is set when the controller can't go on:
    the endpoint is gone, or no process can be started.
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
        self._stopping: dict[str, float] = {}
        self._finished: dict[str, tuple[Pod, float]] = {}
        self._failures = 0
        self._hold_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        self.pods: dict[str, Pod] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Drain: SIGTERM to every worker, then to the reporters, SIGKILL to whoever outlives the grace."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(POLL_SECONDS):
                self._tend()
                self._scale()
                self._clean()
        except Exception:
            log.exception("controller_broken")
            self._broken.set()
            self._stop.wait()
        self._drain()  # in this thread, which the pods are tied to: its end would tell all of them to stop at once

    def _drain(self) -> None:
        try:
            for pod in self.pods.values():
                pod.worker.terminate()
            deadline = time.monotonic() + self._limits.stop_grace
            while self.pods and time.monotonic() < deadline:
                self._tend()
                time.sleep(POLL_SECONDS)
        finally:
            for pod in self.pods.values():
                pod.kill()
            self.pods.clear()

    def _scale(self) -> None:
        if time.monotonic() < self._hold_until:
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

    def _tend(self) -> None:
        for name, pod in list(self.pods.items()):
            told_at = self._stopping.get(name)
            step = next_step(
                worker_ended=pod.worker.poll() is not None,
                reporter_ended=pod.reporter.poll() is not None,
                stopping_for=None if told_at is None else time.monotonic() - told_at,
            )
            if step is Step.RESTART_REPORTER:
                pod.reporter_restarts += 1
                log.warning("reporter_restarted", pod=name, exit_code=pod.reporter.returncode)
                pod.start_reporter()
            elif step is Step.STOP_REST:
                if left := pod.stop_rest():
                    log.warning("leftovers_killed", pod=name, processes=left)
                self._stopping[name] = time.monotonic()
            elif step is Step.KILL_REPORTER:
                pod.reporter.kill()
            elif step is Step.FINISH:
                self._finish(pod)

    def _finish(self, pod: Pod) -> None:
        del self.pods[pod.name]
        pod.forget()
        self._stopping.pop(pod.name, None)
        self._finished[pod.name] = (pod, time.monotonic())
        exit_code = pod.worker.returncode
        if exit_code in {0, INTERRUPTED}:
            self._failures = 0
            log.info("pod_finished", pod=pod.name, exit_code=exit_code)
        else:
            self._failures = min(self._failures + 1, len(BACK_OFF) - 1)
            self._hold_until = time.monotonic() + BACK_OFF[self._failures]
            log.error("pod_failed", pod=pod.name, exit_code=exit_code, said=pod.last_words())
        if exit_code == INTERRUPTED and not self._stop.is_set():
            self._start_pod()

    def _clean(self) -> None:
        for name, (pod, finished_at) in list(self._finished.items()):
            if time.monotonic() - finished_at >= self._limits.ttl:
                pod.remove()
                del self._finished[name]
