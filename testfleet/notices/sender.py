"""Sends what waits in the outbox: one thread for each target, so that a slow target delays no other."""

import os
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from testfleet.database.connection import Connection, Database
from testfleet.errors import CommandError
from testfleet.notices import outbox, payloads, transports
from testfleet.notices.decision import Dead, Decision, Failed, Retry, Sent, decide
from testfleet.notices.outbox import Delivery
from testfleet.notices.payloads import Message
from testfleet.notices.targets import EventBridge, Slack, Webhook
from testfleet.report import reading
from testfleet.results import meaning

SECONDS = 60.0
"""Time after which a sender begins no further delivery. The next sender continues."""

_GRACE_SECONDS = 30.0
"""Time beyond it that the last request of each target may take."""


@dataclass(slots=True)
class Tally:
    """What became of a target's notices, and why its last one is not sent."""

    sent: int = 0
    dead: int = 0
    problem: str | None = None


def problems(tallies: Mapping[str, Tally]) -> list[str]:
    """Return one line for each target whose last notice was not sent."""
    return [
        f"notices: {name}: {tally.problem}"
        + (f" ({tally.dead} given up: testfleet notices list)" if tally.dead else "")
        for name, tally in sorted(tallies.items())
        if tally.problem
    ]


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends the notices of a database to these targets. `run_url` is the address of a run's page with `{run_id}`."""

    database: Database
    targets: Mapping[str, Webhook | Slack | EventBridge]
    run_url: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    stop: threading.Event = field(default_factory=threading.Event)

    def send(self, seconds: float = SECONDS) -> dict[str, Tally]:
        """Write the notices that are due, and send for at most `seconds` what waits. Return a tally for each target.

        Several senders may run at once: each target is served by one of them at a time. A target that fails waits, and
        so do its later notices, but no other target.

        Raises:
            Unavailable, BadSetting: as `Database.connect`, before anything was sent.
        """
        with self.database.connect() as connection:
            outbox.keep_house(connection)
            outbox.plan(connection, {name: target.wants for name, target in self.targets.items()})
        tallies = {name: Tally() for name in self.targets}
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._serve, args=(name, tallies[name], until), name=f"notices {name}", daemon=True)
            for name in self.targets
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(until + _GRACE_SECONDS - time.monotonic(), 0))
        return {name: tallies[name] for name in sorted(tallies)}

    def _serve(self, name: str, tally: Tally, until: float) -> None:
        try:
            with self.database.connect() as connection:
                while time.monotonic() < until and not self.stop.is_set():
                    if not self._next(connection, name, tally):
                        return
        except CommandError as error:  # the transaction is rolled back, and the notice waits
            tally.problem = str(error)

    def _next(self, connection: Connection, name: str, tally: Tally) -> bool:
        """Send the target's next notice. Return whether the next one may follow at once."""
        with outbox.next_delivery(connection, name) as delivery:
            if delivery is None:
                return False
            decision = self._try(connection, delivery)
            outbox.record(connection, delivery, decision)
        match decision:
            case Sent():
                tally.sent += 1
                tally.problem = None
                return True
            case Retry(_, reason):
                tally.problem = reason
                return False
            case Dead(reason, delay):
                tally.dead += 1
                tally.problem = reason
                return delay == 0

    def _try(self, connection: Connection, delivery: Delivery) -> Decision:
        if delivery.expired:
            return Dead("given up after three days", 0.0)
        try:
            message = self._message(connection, delivery)
            outcome = transports.send(self.targets[delivery.target], message, self.environ, datetime.now(UTC))
        except (KeyError, TypeError, ValueError) as error:  # a notice of another version: it must not block the target
            outcome = Failed(f"the notice cannot be written: {type(error).__name__}")
        return decide(
            outcome,
            attempts=delivery.attempts + 1,
            failures=delivery.failures,
            chance=random.Random(),  # noqa: S311  # a delay is no secret
        )

    def _message(self, connection: Connection, delivery: Delivery) -> Message:
        notice = delivery.notice
        run_id = notice.data.get("run_id") or notice.data.get("opened_run_id")
        failures = reading.failures(connection, run_id) if notice.kind == "run.finished" and run_id else ()
        sentence = payloads.sentence(notice, meaning.of(failures).sentence)
        return Message(notice, sentence, reading.page(self.run_url, run_id) if run_id else None)
