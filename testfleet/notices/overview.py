"""The state of the outbox, for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from testfleet.database.connection import Connection
from testfleet.output.blocks import Table, clean_line

TARGETS = """
    SELECT t.target, count(d.id) FILTER (WHERE d.sent_at IS NULL AND d.dead_at IS NULL) AS waiting,
           count(d.id) FILTER (WHERE d.dead_at IS NOT NULL) AS dead,
           count(d.id) FILTER (WHERE d.sent_at IS NOT NULL) AS sent, t.failures, t.sent_at,
           CASE WHEN t.failures > 0 THEN t.next_try_at END AS next_try_at, t.last_error
    FROM outbox_targets AS t LEFT JOIN outbox_deliveries AS d USING (target)
    GROUP BY t.target ORDER BY t.target
"""

DEAD = """
    SELECT d.target, o.kind, o.suite, o.created_at, d.attempts, d.dead_at, d.last_error
    FROM outbox_deliveries AS d JOIN outbox AS o ON o.id = d.outbox_id
    WHERE d.dead_at IS NOT NULL AND (%(target)s::text IS NULL OR d.target = %(target)s)
    ORDER BY d.id DESC LIMIT %(limit)s
"""

RETRY = "SELECT retry_notices(%(target)s) AS revived"

MAX_DEAD = 20


@dataclass(frozen=True, slots=True)
class TargetState:
    """A target and the number of its notices by state. `failures` counts its failed tries in a row."""

    target: str
    waiting: int
    dead: int
    sent: int
    failures: int
    sent_at: datetime | None
    next_try_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class DeadNotice:
    """A notice that was given up for a target."""

    target: str
    kind: str
    suite: str | None
    created_at: datetime
    attempts: int
    dead_at: datetime
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All targets, and the newest dead notices."""

    targets: tuple[TargetState, ...]
    dead: tuple[DeadNotice, ...]


def read(connection: Connection, *, limit: int = MAX_DEAD) -> Overview:
    """Return the state of the outbox."""
    dead = connection.rows(DEAD, {"target": None, "limit": limit})
    return Overview(
        tuple(TargetState(**row) for row in connection.rows(TARGETS)), tuple(DeadNotice(**row) for row in dead)
    )


def retry(connection: Connection, target: str | None) -> int:
    """Let dead notices wait again, of one target or of all. Return their number."""
    revived: int = connection.rows(RETRY, {"target": target})[0]["revived"]
    return revived


def tables(overview: Overview) -> Sequence[Table]:
    """Return the tables of the targets and of the dead notices."""
    targets = Table(
        ("TARGET", "WAITING", "DEAD", "SENT", "LAST SENT", "NEXT TRY", "LAST ERROR"),
        tuple(
            (
                one.target,
                str(one.waiting),
                str(one.dead),
                str(one.sent),
                _time(one.sent_at),
                _time(one.next_try_at),
                clean_line(one.last_error or "-"),
            )
            for one in overview.targets
        ),
        tuple("bad" if one.dead else "odd" if one.failures else "plain" for one in overview.targets),
        title="Targets",
    )
    dead = Table(
        ("TARGET", "NOTICE", "SUITE", "CREATED", "TRIES", "LAST ERROR"),
        tuple(
            (
                one.target,
                one.kind,
                clean_line(one.suite or "-"),
                _time(one.created_at),
                str(one.attempts),
                clean_line(one.last_error or "-"),
            )
            for one in overview.dead
        ),
        tuple("bad" for _ in overview.dead),
        title="Dead notices",
    )
    return [table for table in (targets, dead) if table.rows]


def _time(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else "-"
