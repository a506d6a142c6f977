"""The result of one check of `testfleet doctor`."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    `wrong` includes what is missing. `unknown` means that the check was not possible, or that the part is
    optional; it does not change the exit code. `mend` is the fix: a command or an instruction.
    """

    check: str
    status: Status
    detail: str
    mend: str = ""


def ok(check: str, detail: str) -> Finding:
    """Return a finding without a fault."""
    return Finding(check, "ok", detail)


def wrong(check: str, detail: str, mend: str) -> Finding:
    """Return a finding of a missing or wrong part."""
    return Finding(check, "wrong", detail, mend)


def unknown(check: str, detail: str, mend: str = "") -> Finding:
    """Return a finding that could not be checked, or of an optional part."""
    return Finding(check, "unknown", detail, mend)
