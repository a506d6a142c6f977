"""A consumer on one message with fakes for queue and secrets, and a reporter that admits and commits."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handoff import volume
from handoff.message import JobMessage
from handoff.records import Admission, Committed, JobRecord, Outcome, Receipt, Run, ValidJob
from worker.catalog import Suite
from worker.consumer import Consumer
from worker.disposition import Backoff
from worker.errors import QueueOutOfReach, SecretsOutOfReach
from worker.handler import Handler
from worker.queue import Message, Queue
from worker.runners.plan import Folders, Plan
from worker.secrets import Secrets
from worker.sidecar import Sidecar
from worker.suite.execution import Planner, SuiteHost
from worker.suite.sandbox import Sandbox
from worker.suite.space import Limit

BACKOFF = Backoff(first_delay=0, max_receives=5)
BODY = json.dumps({"runId": "r-1", "suite": "checkout"})


@dataclass
class FakeQueue(Queue):
    """A queue with at most one message. The calls that `fails` names raise `error`."""

    body: str | None = BODY
    fails: frozenset[str] = frozenset()
    error: type[Exception] = QueueOutOfReach
    calls: list[str] = field(default_factory=list)

    def receive(self, wait: int) -> Message | None:
        self._call(f"receive {wait}")
        return None if self.body is None else Message("m-1", self.body, "handle", 1)

    def extend(self, message: Message) -> None:
        self._call(f"extend {message.message_id}")

    def release(self, message: Message, delay: int) -> None:
        self._call(f"release {message.message_id} {delay}")

    def delete(self, message: Message) -> None:
        self._call(f"delete {message.message_id}")

    def dead_letter(self, message: Message, *, reason: str, detail: str) -> None:
        assert detail
        self._call(f"dead_letter {message.message_id} {reason}")

    def _call(self, call: str) -> None:
        self.calls.append(call)
        if call.split(maxsplit=1)[0] in self.fails:
            raise self.error("no answer")


class FakeSecrets(Secrets):
    """Secrets Manager out of reach."""

    def environment(self, secret_id: str) -> dict[str, str]:
        raise SecretsOutOfReach(f"secret {secret_id}: EndpointConnectionError")


class KnownSecrets(Secrets):
    """Secrets Manager with one secret."""

    def environment(self, secret_id: str) -> dict[str, str]:
        assert secret_id == "s"
        return {"PASSWORD": "hunter2-secret"}


def planned(argv: str, after: object = None) -> Planner:
    def plan(_suite: Suite, _job: JobMessage, folders: Folders) -> Plan:
        return Plan(("sh", "-c", argv), folders.artifacts, after=after)  # type: ignore[arg-type]  # what a test hands in

    return plan


class Stage:
    """A consumer, its fakes and its folders."""

    def __init__(
        self,
        folder: Path,
        queue: FakeQueue,
        plan: Planner,
        *,
        secret: str | None = None,
        secrets: Secrets | None = None,
        memory_events: Path = Path("/nowhere"),
        limits: tuple[Limit, ...] = (),
        versions: Callable[[Suite], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self.folder, self.queue, self.stop = folder, queue, asyncio.Event()
        suite = Suite(name="checkout", runner="command", path=folder, timeout=60, command=("true",), secret=secret)
        handler = Handler(
            Sidecar(folder, worker="pod-1", claim_id="c-1", patience=20),
            secrets or FakeSecrets(region=None),
            {"checkout": suite},
            SuiteHost(
                handoff=folder,
                folders=Folders(folder / "artifacts"),
                environment={"PATH": "/usr/bin:/bin"},
                stop_grace=5,
                sandbox=Sandbox(),
                limits=limits,
                memory_events=memory_events,
                plan=plan,
                versions=versions,
            ),
        )
        (folder / "artifacts").mkdir()
        self.consumer = Consumer(queue, handler, visibility_timeout=60, receive_wait=0, backoff=BACKOFF, stop=self.stop)

    async def run(self) -> int:
        """Return the exit code, with a reporter that admits and commits."""
        reporting = asyncio.create_task(self._report())
        try:
            return await self.consumer.run()
        finally:
            reporting.cancel()

    async def _report(self) -> None:
        if isinstance((await volume.wait_for(self.folder, JobRecord, timeout=20)).root, ValidJob):
            volume.write(self.folder, Admission(Run(attempt=1)))
            await volume.wait_for(self.folder, Outcome, timeout=20)
        volume.write(self.folder, Receipt(Committed(status="passed")))

    def outcome(self) -> Outcome:
        outcome = volume.read(self.folder, Outcome)
        assert outcome is not None
        return outcome
