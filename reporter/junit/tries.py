"""Joins the repeated elements of one case into one case with several tries."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from reporter.errors import BrokenReport
from reporter.junit.case import Case, Status, Try
from reporter.junit.failure import cut
from reporter.junit.names import identity
from reporter.junit.parser import Reported
from reporter.junit.testsuite import Dialect

MAX_HELD = 1000
"""Maximum number of held elements, which bounds memory. Beyond it, a repeat becomes a case of its own."""

_TEARDOWN = "failed on teardown with "  # the text that pytest writes
_BAD = {Status.FAILED, Status.ERRORED}


def join_tries(elements: Iterable[Reported], *, survey: Iterable[Reported]) -> Iterator[Reported]:
    """Yield the cases of one report, each with all its tries, at the position of its last try.

    `survey` are the same elements. They are read before the first element that may be repeated. This finds the
    repeated cases without keeping all elements in memory. A repeat in another suite of the report is another case.

    Raises:
        BrokenReport: `elements` raised it. It is raised after the last case.
    """
    tries = _Tries(survey)
    try:
        for element in elements:
            yield from tries.add(element)
    except BrokenReport:
        yield from tries.rest()
        raise
    yield from tries.rest()


def _count(elements: Iterable[Reported]) -> Counter[int]:
    """Return the number of elements of each case that has more than one."""
    counts: Counter[int] = Counter()
    with suppress(BrokenReport):
        counts.update(_key(element) for element in elements if element.dialect is not Dialect.OTHER)
    return Counter({key: times for key, times in counts.items() if times > 1})


class _Tries:
    """Holds elements until the last try of their case is read. An element without further tries is not held."""

    def __init__(self, survey: Iterable[Reported]) -> None:
        self._survey = survey
        self._left: Counter[int] | None = None
        self._held: defaultdict[int, list[Reported]] = defaultdict(list)
        self._size = 0

    def add(self, element: Reported) -> Iterator[Reported]:
        """Yield the cases that this element completes."""
        if element.dialect is Dialect.OTHER:
            yield element
            return
        if self._left is None:
            self._left = _count(self._survey)
        key = _key(element)
        if key not in self._left:
            yield element
            return
        held = self._held[key]
        held.append(element)
        self._left[key] -= 1
        self._size += 1
        passed = element.dialect is Dialect.GOTESTSUM and element.case.status not in _BAD
        if passed or not self._left[key] or self._size > MAX_HELD:
            del self._held[key]
            self._size -= len(held)
            yield _join(held)

    def rest(self) -> Iterator[Reported]:
        """Yield the held cases: none of their tries passed, or the file changed during the reading."""
        for held in self._held.values():
            yield _join(held)
        self._held.clear()


def _join(elements: list[Reported]) -> Reported:
    """Return one case of all its elements in the report's order. Its status is that of the last try."""
    pytest = elements[0].dialect is Dialect.PYTEST
    tries: list[Case] = []
    for case in (element.case for element in elements):
        if pytest and tries and _is_teardown(tries[-1], case):
            tries[-1] = replace(tries[-1], error=cut(f"{tries[-1].error or ''}\n\n{case.error}"))
            continue
        if pytest and tries and tries[-1].status is Status.PASSED:
            # pytest's report has no mark for a try that is repeated: it looks passed.
            tries[-1] = replace(tries[-1], status=Status.FAILED)
        tries.append(case)
    attachments = tuple(path for element in elements for path in element.attachments)
    last = tries[-1]
    if len(tries) > 1:
        each = tuple(one for case in tries for one in case.tries or (_as_try(case),))
        last = replace(last, tries=each, flaky=last.status is Status.PASSED)
    return replace(elements[-1], case=last, attachments=attachments)


def _as_try(case: Case) -> Try:
    return Try(case.status, case.duration_ms, case.error, case.message)


def _is_teardown(before: Case, case: Case) -> bool:
    """Return whether the element only describes the failed clean-up after a try that had failed."""
    return before.status is Status.FAILED and (case.error or "").startswith(_TEARDOWN)


def _key(element: Reported) -> int:
    return identity(element.case.name, element.case.file, str(element.suite))
