"""One answer of an examination."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    `wrong` includes what is missing. `unknown` means that the check could not look, or that the part is optional; it
    does not change the exit code. `mend` is the line that puts a wrong or unknown thing right.
    """

    check: str
    status: Status
    detail: str
    mend: str = ""


def ok(check: str, detail: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(check, "ok", detail)


def wrong(check: str, detail: str, mend: str) -> Finding:
    """Return a finding of something that is missing or wrong."""
    return Finding(check, "wrong", detail, mend)


def unknown(check: str, detail: str, mend: str = "") -> Finding:
    """Return a finding of something that could not be looked at, or that only some users need."""
    return Finding(check, "unknown", detail, mend)
