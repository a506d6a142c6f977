"""Converts a `<testcase>` element into a case. junitparser interprets its children; this module adds the rest.

The elements are those of JUnit and of Surefire (`rerunFailure`, `flakyFailure` and their like):
https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET  # elements are only built with it, never parsed

from junitparser import Error, Failure, Skipped
from junitparser.xunit2 import FlakyError, RerunError, TestCase

from reporter.junit import failure
from reporter.junit.case import Case, Status, Try
from reporter.junit.location import Origin
from reporter.junit.names import case_name
from reporter.junit.times import instant, later, milliseconds
from runtime.text import storable

_MAX_FILE = 1024  # characters
_NOT_RUN = {"disabled", "notrun", "skipped"}
"""Values of `status` by which CTest and GoogleTest say that a case without any child did not run."""

_BAD = {"failed", "failure", "error", "errored", "broken"}
"""Values of `status` that make a case without any child a failed one: no green follows from what is not understood."""

_STATUSES = ((Failure, Status.FAILED), (Error, Status.ERRORED), (Skipped, Status.SKIPPED))
"""What a case is that holds several kinds: what broke while cleaning up says less than what did not hold."""


class Part(ET.Element):
    """An element of a report that keeps only the head of a long text; `left_out` counts the bytes of the rest."""

    left_out = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the suites around a case say: their names, outermost first, and what the innermost of them says besides."""

    names: tuple[str, ...] = ()
    file: str | None = None
    started_at: datetime | None = None


def read(element: Part, around: Surroundings, printed: str) -> Case:
    """The case that the element describes, with a name that others may have too.

    `printed` is what it printed; it stands in for the error of a case that failed without a word (CTest).
    """
    told: Any = TestCase.fromelem(element)  # type: ignore[no-untyped-call]  # junitparser ships no types
    names = (told.classname or "", told.name or "")
    status = _status(told.result, element)
    duration = milliseconds(element.get("time"))
    file = _file(element.get("file") or around.file)
    origin = Origin(names[0], file, element.get("line"))
    wrong = _failure((one for one in told.result if isinstance(one, (Failure, Error))), names, origin, printed)
    tries = [Try(status, duration, wrong.text, wrong.message)]
    location = wrong.location
    for one in told.interim_result:
        wrong_then = _failure([one], names, origin, "")
        status_then = Status.ERRORED if isinstance(one, (RerunError, FlakyError)) else Status.FAILED
        tries.append(Try(status_then, milliseconds(_part(one).get("time")), wrong_then.text, wrong_then.message))
        location = location or wrong_then.location
    if len(tries) > 1 and status in {Status.FAILED, Status.ERRORED}:
        # The element itself is about the first try, and its children about the others.
        status, wrong = tries[-1].status, wrong_then
        duration = duration if tries[-1].duration_ms is None else tries[-1].duration_ms
    else:
        tries.append(tries.pop(0))
    started_at = instant(element.get("timestamp"))
    return Case(
        name=case_name(*names, around.names),
        status=status,
        file=file,
        flaky=len(tries) > 1 and status is Status.PASSED,
        tries=tuple(tries) if len(tries) > 1 else (),
        duration_ms=duration,
        error=wrong.text,
        error_type=wrong.type,
        fingerprint=wrong.fingerprint,
        message=wrong.message,
        location=wrong.location or location,
        started_at=started_at or around.started_at,
        finished_at=later(started_at, duration),
    )


def _status(results: list[Any], element: Part) -> Status:
    kinds = {type(result) for result in results}
    for kind, status in _STATUSES:
        if kind in kinds:
            return status
    word = (element.get("status") or "").lower()
    if word in _BAD:
        return Status.FAILED
    return Status.SKIPPED if word in _NOT_RUN else Status.PASSED


def _failure(results: Iterable[Any], names: tuple[str, str], origin: Origin, printed: str) -> failure.Failure:
    """Of all results together: a soft assertion or a subtest leaves more than one; what repeats is said once."""
    results = list(results)
    if not results:
        return failure.Failure()
    texts = list(dict.fromkeys(filter(None, map(_text, results))))
    first = results[0]
    message = first.message or ""
    return failure.Failure.of(
        first.type or "",
        message,
        "\n\n".join(texts) or ("" if message else printed),
        left_out=sum(_left_out(result) for result in results),
        names=names,
        origin=origin,
    )


def _text(result: Any) -> str:
    """Surefire puts the text of a further try into `stackTrace`, that of a final one into the element itself."""
    message, text = result.message or "", "".join(_pieces(_part(result))).strip()
    return text if message in text else f"{message}\n{text}".strip()


def _pieces(part: Part) -> Iterator[str]:
    yield part.text or ""
    for child in part:
        if child.tag == "stackTrace":
            yield child.text or ""


def _left_out(result: Any) -> int:
    return sum(one.left_out for one in _part(result).iter() if isinstance(one, Part))


def _part(result: Any) -> Part:
    part: Part = result._elem  # noqa: SLF001  # junitparser has no other way to an attribute that it doesn't name
    return part


def _file(path: str | None) -> str | None:
    return storable(path)[:_MAX_FILE] if path else None
