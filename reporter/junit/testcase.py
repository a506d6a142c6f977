"""Converts a `<testcase>` element into a case.

The elements are those of JUnit and of Surefire (`rerunFailure`, `flakyFailure` and the like):
https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reporter.junit.case import Case, Status, Try
from reporter.junit.element import Element
from reporter.junit.failure import Failure
from reporter.junit.location import Origin
from reporter.junit.names import case_name
from reporter.junit.times import instant, later, milliseconds
from runtime.text import storable

STATUSES = {"failure": Status.FAILED, "error": Status.ERRORED, "skipped": Status.SKIPPED}
"""Elements of a final result. The first decides: a failed assertion explains more than a failed clean-up."""

FURTHER_TRIES = {
    "rerunFailure": Status.FAILED,
    "rerunError": Status.ERRORED,
    "flakyFailure": Status.FAILED,
    "flakyError": Status.ERRORED,
}
"""Surefire's elements of a further try that did not pass."""

_MAX_FILE = 1024  # characters
_NOT_RUN = {"disabled", "notrun", "skipped"}
"""Values of `status` by which CTest and GoogleTest mark a case without children that did not run."""

_FAILED = {"failed", "failure", "error", "errored", "broken"}
"""Values of `status` that fail a case without children. An unclear case must not pass."""


@dataclass(frozen=True, slots=True)
class EnclosingSuites:
    """The suites around a case: their names, outermost first, and the file and start of the innermost."""

    names: tuple[str, ...] = ()
    file: str | None = None
    started_at: datetime | None = None


def read(element: Element, enclosing: EnclosingSuites, printed: str) -> Case:
    """Return the case of a `<testcase>` element. Its name may occur again.

    `printed` is the case's output. It replaces the error text of a failed case without any text (CTest).
    """
    classname, name = element.get("classname") or "", element.get("name") or ""
    file = _file(element.get("file") or enclosing.file)
    origin = Origin(classname, file, element.get("line"))
    results = [child for child in element.children if child.tag in STATUSES]
    status = _status(results, element)
    duration = milliseconds(element.get("time"))
    bad = [result for result in results if result.tag != "skipped"]
    wrong = _failure(bad, (classname, name), origin, printed)
    tries = [Try(status, duration, wrong.text, wrong.message)]
    location = wrong.location
    for child in element.children:
        if child.tag in FURTHER_TRIES:
            wrong_then = _failure([child], (classname, name), origin, "")
            status_then, duration_then = FURTHER_TRIES[child.tag], milliseconds(child.get("time"))
            tries.append(Try(status_then, duration_then, wrong_then.text, wrong_then.message))
            location = location or wrong_then.location
    if len(tries) > 1 and status in {Status.FAILED, Status.ERRORED}:
        # The element itself describes the first try, and its children describe the others.
        status, wrong = tries[-1].status, wrong_then
        duration = duration if tries[-1].duration_ms is None else tries[-1].duration_ms
    else:
        tries.append(tries.pop(0))
    started_at = instant(element.get("timestamp"))
    return Case(
        name=case_name(classname, name, enclosing.names),
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
        started_at=started_at or enclosing.started_at,
        finished_at=later(started_at, duration),
    )


def _status(results: Sequence[Element], element: Element) -> Status:
    tags = {result.tag for result in results}
    for tag, status in STATUSES.items():
        if tag in tags:
            return status
    word = (element.get("status") or "").lower()
    if word in _FAILED:
        return Status.FAILED
    return Status.SKIPPED if word in _NOT_RUN else Status.PASSED


def _failure(results: Sequence[Element], names: tuple[str, str], origin: Origin, printed: str) -> Failure:
    """Return the failure of all results. Soft assertions and subtests leave several; equal texts count once."""
    if not results:
        return Failure()
    texts = list(dict.fromkeys(filter(None, map(_text, results))))
    first = results[0]
    message = first.get("message") or ""
    return Failure.of(
        first.get("type") or "",
        message,
        "\n\n".join(texts) or ("" if message else printed),
        left_out=sum(part.left_out for result in results for part in (result, *result.children)),
        names=names,
        origin=origin,
    )


def _text(result: Element) -> str:
    """Return message and text of a result. Surefire writes the text of a further try into `<stackTrace>`."""
    message = result.get("message") or ""
    text = "".join([result.text, *(child.text for child in result.children)]).strip()
    return text if message in text else f"{message}\n{text}".strip()


def _file(path: str | None) -> str | None:
    return storable(path)[:_MAX_FILE] if path else None
