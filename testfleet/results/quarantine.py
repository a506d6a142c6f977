"""Quarantines in the database: add, remove and list them. The reporter reads them when it completes a shard."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from handoff.message import Text
from runtime import durations, expiry
from runtime.errors import first_problem
from testfleet.database.connection import Connection
from testfleet.errors import Refused

MAX_DAYS = 366
"""Longest quarantine. A longer one would be forgotten."""

MAX_NAME_BYTES = 2000
"""Longest name of a case, in UTF-8."""

_TEXT: TypeAdapter[str] = TypeAdapter(Text)

# A duration counts from now by the database's clock, which also decides when the quarantine expires.
UNTIL = """
SELECT coalesce(%(until)s::timestamptz, clock_timestamp() + make_interval(secs => %(seconds)s)) AS until,
    coalesce(%(until)s::timestamptz, clock_timestamp() + make_interval(secs => %(seconds)s))
        <= clock_timestamp() + make_interval(days => %(days)s) AS near
"""
ADD = """
SELECT add_quarantine(%(suite)s, %(branch)s, %(name)s, %(owner)s, %(until)s, %(reason)s, %(force)s) AS done
"""
REMOVE = "SELECT remove_quarantine(%(suite)s, %(branch)s, %(name)s) AS removed"
ALIKE = """
SELECT DISTINCT name FROM case_states
WHERE suite = %(suite)s AND strpos(lower(name), lower(%(name)s)) > 0 ORDER BY name LIMIT 3
"""
LIST = """
SELECT q.suite, q.branch, q.name, q.owner, q.until, q.reason, q.source, q.forced, q.created_at, q.created_by,
    q.until <= clock_timestamp() AS expired,
    ceil(extract(epoch FROM q.until - clock_timestamp()) / 86400)::integer AS days,
    (SELECT s.state FROM case_states AS s
     WHERE s.suite = q.suite AND s.name = q.name AND (q.branch IS NULL OR s.branch = q.branch)
     ORDER BY s.last_seen_at DESC LIMIT 1) AS state
FROM quarantines AS q
WHERE (%(suite)s::text IS NULL OR q.suite = %(suite)s) AND (%(expired)s OR q.until > clock_timestamp())
ORDER BY q.suite, q.name, q.branch NULLS FIRST, q.source
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A quarantine to add. `until` is as a person wrote it. A `branch` of None means every branch."""

    suite: str
    branch: str | None
    name: str
    owner: str
    until: str
    reason: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A row of `quarantines`. A row of the file repeats `quarantine.toml` as the last run of the branch had it."""

    suite: str
    branch: str | None
    name: str
    owner: str
    until: datetime
    reason: str
    source: Literal["command", "file"]
    forced: bool
    created_at: datetime
    created_by: str
    expired: bool
    days: int
    """Days until it expires, rounded up."""
    state: Literal["broken", "flaky", "healthy"] | None
    """The state of the case at its last execution; None if no finished run has it."""


@dataclass(frozen=True, slots=True)
class Added:
    """A quarantine that is active now, and whether it replaced another one of the same case."""

    until: datetime
    replaced: bool


def add(connection: Connection, wanted: Wanted) -> Added:
    """Add the quarantine, or replace that of the same suite, branch and name.

    Raises:
        Refused: a value is not allowed, the case is unknown, or it is broken; the error names the argument or option.
        Unavailable, BadSetting: as `Connection.rows`.
    """
    _check(wanted)
    until = _until(connection, wanted.until)
    values = {
        "suite": wanted.suite,
        "branch": wanted.branch,
        "name": wanted.name,
        "owner": wanted.owner,
        "until": until,
        "reason": wanted.reason,
        "force": wanted.force,
    }
    done = connection.rows(ADD, values)[0]["done"]
    if done == "past":
        raise Refused(f"--until: {until:%Y-%m-%dT%H:%M:%SZ} is past by the database's clock; must be later")
    if done == "unknown":
        raise Refused(_unknown(connection, wanted))
    if done == "broken":
        raise Refused(
            f"NAME: {wanted.name} is broken and not flaky: it failed in its last run; repair it, or add --force"
        )
    return Added(until, replaced=done == "replaced")


def remove(connection: Connection, *, suite: str, branch: str | None, name: str) -> None:
    """Remove a quarantine of the command, active or expired.

    Raises:
        Refused: there is none.
        Unavailable, BadSetting: as `Connection.rows`.
    """
    if not connection.rows(REMOVE, {"suite": suite, "branch": branch, "name": name})[0]["removed"]:
        where = "every branch" if branch is None else f"branch {branch}"
        raise Refused(
            f"NAME: suite {suite} has no quarantine of {name} on {where}; testfleet quarantine list prints them, "
            "and an entry of quarantine.toml is removed there"
        )


def find(
    connection: Connection, *, suite: str | None = None, expired: bool = False, limit: int = 1000
) -> tuple[Quarantine, ...]:
    """Return the active quarantines by suite and name, and the expired ones if `expired` is set."""
    values = {"suite": suite, "expired": expired, "limit": limit}
    return tuple(Quarantine(**row) for row in connection.rows(LIST, values))


def _check(wanted: Wanted) -> None:
    for option, value in (
        ("--suite", wanted.suite),
        ("--branch", wanted.branch),
        ("--owner", wanted.owner),
        ("--reason", wanted.reason),
    ):
        try:
            _TEXT.validate_python("x" if value is None else value)
        except ValidationError as error:
            raise Refused(f"{option}: {first_problem(error).allowed}") from error
    if not 0 < len(wanted.name.encode(errors="replace")) <= MAX_NAME_BYTES or any(char < " " for char in wanted.name):
        raise Refused(f"NAME: must be 1 to {MAX_NAME_BYTES} bytes of UTF-8 text without control characters")


def _until(connection: Connection, text: str) -> datetime:
    seconds, moment = durations.seconds(text), expiry.moment(text)
    if (seconds is None and moment is None) or (seconds is not None and seconds > MAX_DAYS * 86_400):
        raise Refused(f'--until: must be a duration of at most {MAX_DAYS}d such as "14d", or {expiry.GRAMMAR}')
    values = {"until": moment, "seconds": seconds or 0.0, "days": MAX_DAYS}
    found = connection.rows(UNTIL, values)[0]
    if not found["near"]:
        raise Refused(f"--until: must be at most {MAX_DAYS} days ahead, so that no quarantine is forgotten")
    until: datetime = found["until"]
    return until


def _unknown(connection: Connection, wanted: Wanted) -> str:
    alike = [row["name"] for row in connection.rows(ALIKE, {"suite": wanted.suite, "name": wanted.name})]
    hint = f"similar names: {'; '.join(alike)}" if alike else "must be a whole name as testfleet show prints it"
    return f"NAME: no finished run of suite {wanted.suite} has the case {wanted.name}; {hint}; or add --force"
