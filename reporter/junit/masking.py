"""Masks a suite's secret values in the texts of cases before they are stored."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar

from reporter.junit.case import Case, Try
from runtime.masking import Masking

T = TypeVar("T", Case, Try)

IDENTITY = frozenset({"name", "file", "fingerprint"})
"""Fields that identify a case or its failure across runs. Every other text of a case is masked."""

_CUT = re.compile(r"\n\[… \d+ bytes left out\]\Z|…?\Z")


def masked(cases: Iterable[Case], mask: Masking) -> Iterator[Case]:
    """Return the cases with every value of the secret masked in their texts."""
    return (_case(case, mask) for case in cases) if mask else iter(cases)


def _case(case: Case, mask: Masking) -> Case:
    return replace(_texts(case, mask), tries=tuple(_texts(one, mask) for one in case.tries))


def _texts(one: T, mask: Masking) -> T:
    values = {field.name: getattr(one, field.name) for field in fields(one)}
    texts: dict[str, Any] = {
        name: masked_text(value, mask) for name, value in values.items() if type(value) is str and name not in IDENTITY
    }
    return replace(one, **texts)


def masked_text(text: str, mask: Masking) -> str:
    """Return the text with its values masked. If a value was cut at the end, mask its beginning, too."""
    mark = _CUT.search(text)
    end = mark.start() if mark else len(text)
    return mask.cut(text[:end]) + text[end:]
