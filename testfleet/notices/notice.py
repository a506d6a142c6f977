"""A notice as a frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["run.finished", "regression.opened", "regression.closed", "case.flaky", "quarantine.expiring"]

KINDS: tuple[Kind, ...] = (
    "run.finished",
    "regression.opened",
    "regression.closed",
    "case.flaky",
    "quarantine.expiring",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of `outbox`. `notice_id` stays the same when the notice is sent again. An empty branch is no branch."""

    id: int
    notice_id: str
    kind: Kind
    suite: str | None
    branch: str
    data: Mapping[str, Any]
    created_at: datetime
