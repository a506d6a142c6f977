"""Joins a new cause to a known one with nearly the same text: the same words, and a few more in one of the two.

The distance is that of RapidFuzz. A distance alone joins too much: texts of different causes often differ in one word
("column orders.discount does not exist", "column orders.voucher does not exist"). Therefore one text must have all
words of the other, and the quoted words must be the same.
"""

import re
from collections import Counter
from collections.abc import Iterable

from rapidfuzz import fuzz, process

from reporter.junit.cause import Cause

THRESHOLD = 70.0
"""Lowest `token_sort_ratio` (0 to 100) of two texts of one cause.

`tests/fixtures/causes` shows the gap. Of the pairs in which one text has all words of the other, those of one cause
reach at least 76, and those of different causes at most 45.
"""

_QUOTED = re.compile(r"""(?<!\w)(["'`])((?:(?!\1).){1,60})\1""")
_WORD = re.compile(r"\w+(?:[.:#-]+\w+)*")
_PLACEHOLDER = re.compile(r"<[a-z]+>")
_NEGATIONS = frozenset({"not", "no", "never", "without", "isn", "doesn", "un"})


class Known:
    """The causes that a new one is compared with, each prepared once. Their order decides between equal scores."""

    def __init__(self, causes: Iterable[Cause] = ()) -> None:
        self._causes: list[Cause] = []
        self._sorted: list[str] = []
        for cause in causes:
            self.add(cause)

    def add(self, cause: Cause) -> None:
        """Add a cause. Its index is the number of causes before it."""
        self._causes.append(cause)
        self._sorted.append(_sorted(cause.text))

    def nearest(self, cause: Cause) -> int | None:
        """Return the index of the nearest cause that is the same, or None."""
        found = process.extract(
            _sorted(cause.text), self._sorted, scorer=fuzz.ratio, score_cutoff=THRESHOLD, limit=None
        )
        return next((index for _, _, index in found if may_be_same(cause, self._causes[index])), None)


def _sorted(text: str) -> str:
    """Return the text with its words sorted: the ratio of two such texts is the `token_sort_ratio` of the originals."""
    return " ".join(sorted(text.split()))


def may_be_same(one: Cause, other: Cause) -> bool:
    """Return whether one text has all words of the other and none that decides, regardless of their distance."""
    if one.by_file or other.by_file or (one.kind and other.kind and one.kind != other.kind):
        return False
    if _quoted(one.text) != _quoted(other.text):
        return False
    ours, theirs = _words(one.text), _words(other.text)
    more, less = ours - theirs, theirs - ours
    if more and less:
        return False
    return not any(word.lower() in _NEGATIONS for word in more | less)


def _quoted(text: str) -> frozenset[str]:
    found = (match[2] for match in _QUOTED.finditer(text))
    return frozenset(word for word in found if _PLACEHOLDER.sub("", word).strip())


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(_PLACEHOLDER.sub(" ", text)))
