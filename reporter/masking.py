"""Masking a suite's secret values in what is stored of a case. Its name and file are its identity and stay."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from handoff.masking import Masking
from reporter.cases import Case

_CUT = re.compile(r"\n\[… \d+ bytes left out\]\Z")


def masked(cases: Iterable[Case], mask: Masking) -> Iterator[Case]:
    """The cases without any value of the secret in their texts."""
    return (_masked(case, mask) for case in cases) if mask else iter(cases)


def _masked(case: Case, mask: Masking) -> Case:
    tries = tuple(replace(one, error=_text(one.error, mask)) for one in case.tries)
    return replace(case, error=_text(case.error, mask), error_type=_text(case.error_type, mask), tries=tries)


def _text(text: str | None, mask: Masking) -> str | None:
    if text is None:
        return None
    marker = _CUT.search(text)
    return mask.text(text) if marker is None else mask.cut(text[: marker.start()]) + marker[0]
