"""The rows of the outbox: plan deliveries, take the next one of a target, record what became of it.

A target's deliveries are sent in the order in which they were planned. The lock on the target's row, which a sender
holds while it sends, keeps two senders from sending at once. A sender that dies loses the lock, and nothing is marked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from testfleet.database.connection import Connection
from testfleet.notices.decision import MAX_AGE, Dead, Decision, Retry, Sent
from testfleet.notices.notice import Notice

BATCH = 500

KEEP_HOUSE = "SELECT keep_house()"

REGISTER = """
    INSERT INTO outbox_targets (target) SELECT unnest(%(targets)s::text[]) ON CONFLICT DO NOTHING
    RETURNING target
"""

# One sender plans at a time. Two would write the deliveries of a target out of order.
PLANNER = "SELECT pg_try_advisory_xact_lock(hashtext('outbox'), hashtext('plan')) AS mine"

UNPLANNED = """
    SELECT id, notice_id::text AS notice_id, kind, suite, branch, data, created_at FROM outbox
    WHERE planned_at IS NULL ORDER BY id LIMIT %(limit)s
"""

PLAN = """
    WITH planned AS (
        UPDATE outbox SET planned_at = clock_timestamp() WHERE id = ANY (%(all)s::bigint[])
    )
    INSERT INTO outbox_deliveries (outbox_id, target)
    SELECT o.id, t.target
    FROM unnest(%(ids)s::bigint[], %(targets)s::text[]) WITH ORDINALITY AS wanted (id, target, place)
    JOIN outbox AS o ON o.id = wanted.id
    JOIN outbox_targets AS t ON t.target = wanted.target AND t.since <= o.created_at
    ORDER BY wanted.place
    ON CONFLICT (outbox_id, target) DO NOTHING
    RETURNING id
"""

# NO KEY: a planner that inserts a delivery of the target locks its key, and need not wait for the sender.
LOCK = """
    SELECT failures FROM outbox_targets
    WHERE target = %(target)s AND next_try_at <= clock_timestamp()
    FOR NO KEY UPDATE SKIP LOCKED
"""

NEXT = """
    SELECT d.id AS delivery, d.attempts, d.waits_since < clock_timestamp() - make_interval(secs => %(age)s) AS expired,
           o.id, o.notice_id::text AS notice_id, o.kind, o.suite, o.branch, o.data, o.created_at
    FROM outbox_deliveries AS d JOIN outbox AS o ON o.id = d.outbox_id
    WHERE d.target = %(target)s AND d.sent_at IS NULL AND d.dead_at IS NULL
    ORDER BY d.id LIMIT 1
"""

SENT = """
    WITH delivered AS (
        UPDATE outbox_deliveries SET sent_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
        WHERE id = %(delivery)s
    )
    UPDATE outbox_targets SET failures = 0, sent_at = clock_timestamp(), last_error = NULL WHERE target = %(target)s
    RETURNING target
"""

FAILED = """
    WITH delivered AS (
        UPDATE outbox_deliveries SET
            attempts = attempts + %(tried)s, last_error = %(reason)s,
            dead_at = CASE WHEN %(dead)s THEN clock_timestamp() END
        WHERE id = %(delivery)s
    )
    UPDATE outbox_targets SET
        failures = failures + %(tried)s, last_error = %(reason)s,
        next_try_at = clock_timestamp() + make_interval(secs => %(delay)s)
    WHERE target = %(target)s
    RETURNING target
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The next notice of a target, which this sender alone may send. `attempts` counts the tries before this one.

    `failures` counts the target's failures in a row. `expired`: it has waited too long and is not tried any more.
    """

    id: int
    target: str
    notice: Notice
    attempts: int
    failures: int
    expired: bool


def keep_house(connection: Connection) -> None:
    """Do the work that no run does, among it the notices of ended regressions and of quarantines."""
    connection.rows(KEEP_HOUSE)


def plan(connection: Connection, wants: Mapping[str, Callable[[Notice], bool]]) -> int:
    """Write the deliveries of all new notices and return their number. `wants` has the filter of each target.

    A target gets the notices that are created after it was first planned for. While another sender plans, this one
    does nothing.
    """
    connection.rows(REGISTER, {"targets": sorted(wants)})
    planned = 0
    while True:
        with connection.transaction():
            if not connection.rows(PLANNER)[0]["mine"]:
                return planned
            new = [Notice(**row) for row in connection.rows(UNPLANNED, {"limit": BATCH})]
            if not new:
                return planned
            pairs = [(notice.id, target) for notice in new for target, wanted in wants.items() if wanted(notice)]
            values: dict[str, Sequence[Any]] = {
                "all": [notice.id for notice in new],
                "ids": [number for number, _ in pairs],
                "targets": [target for _, target in pairs],
            }
            planned += len(connection.rows(PLAN, values))


@contextmanager
def next_delivery(connection: Connection, target: str) -> Iterator[Delivery | None]:
    """Yield the target's next delivery, locked while the block lasts; record its decision in the block.

    None: nothing waits, the target's delay is not over, or another sender sends to it now.
    """
    with connection.transaction():
        locked = connection.rows(LOCK, {"target": target})
        found = connection.rows(NEXT, {"target": target, "age": MAX_AGE}) if locked else []
        if not found:
            yield None
            return
        row = found[0]
        delivery, attempts, expired = row.pop("delivery"), row.pop("attempts"), row.pop("expired")
        yield Delivery(delivery, target, Notice(**row), attempts, locked[0]["failures"], expired)


def record(connection: Connection, delivery: Delivery, decision: Decision) -> None:
    """Write the decision about a delivery, in the transaction of `next_delivery`."""
    which = {"delivery": delivery.id, "target": delivery.target}
    match decision:
        case Sent():
            connection.rows(SENT, which)
        case Retry(delay, reason):
            connection.rows(FAILED, {**which, "tried": 1, "reason": reason, "dead": False, "delay": delay})
        case Dead(reason, delay):
            tried = 0 if delivery.expired else 1
            connection.rows(FAILED, {**which, "tried": tried, "reason": reason, "dead": True, "delay": delay})
