"""Joins a new cause to a known one with nearly the same text: the same words, and a few more in one of the two.

The distance is that of RapidFuzz. A distance alone joins too much: texts of different causes often differ in one word
("column orders.discount does not exist", "column orders.voucher does not exist"). Therefore one text must have all
words of the other, and the quoted words must be the same.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice

from rapidfuzz import fuzz

from reporter.junit.cause import Cause

THRESHOLD = 70.0
"""Lowest `token_sort_ratio` (0 to 100) of two texts of one cause.

`tests/fixtures/causes` shows the gap. Of the pairs in which one text has all words of the other, those of one cause
reach at least 76, and those of different causes at most 45.
"""

MAX_COMPARED = 20
"""Largest number of causes with the same words whose distance is computed. It bounds the time for hostile texts."""

_QUOTED = re.compile(r"""(?<!\w)(["'`])((?:(?!\1).){1,60})\1""")
_WORD = re.compile(r"\w+(?:[.:#-]+\w+)*")
_PLACEHOLDER = re.compile(r"<[a-z]+>")
_NEGATIONS = frozenset({"not", "no", "never", "without", "isn", "doesn", "un"})


class Known:
    """The causes that a new one is compared with, each prepared once. Their order decides between equal scores."""

    def __init__(self, causes: Iterable[Cause] = ()) -> None:
        self._causes: list[Cause] = []
        self._words: list[frozenset[str]] = []
        for cause in causes:
            self.add(cause)

    def add(self, cause: Cause) -> None:
        """Add a cause. Its index is the number of causes before it."""
        self._causes.append(cause)
        self._words.append(frozenset(_words(cause.text)))

    def nearest(self, cause: Cause) -> int | None:
        """Return the index of the nearest cause that is the same, or None."""
        ours = frozenset(_words(cause.text))
        # Comparing sets takes a thousandth of the time of the distance, and rules out nearly all causes.
        alike = (index for index, theirs in enumerate(self._words) if ours <= theirs or theirs <= ours)
        best: tuple[float, int] | None = None
        for index in islice(alike, MAX_COMPARED):
            other = self._causes[index]
            score = fuzz.token_sort_ratio(cause.text, other.text, score_cutoff=THRESHOLD)
            if score >= THRESHOLD and (best is None or score > best[0]) and may_be_same(cause, other):
                best = score, index
        return best and best[1]


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
