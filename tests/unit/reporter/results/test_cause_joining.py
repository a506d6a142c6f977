"""Causes with nearly the same text, joined against failures that people grouped by cause."""

import time
import tomllib
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest
from rapidfuzz import fuzz

from reporter.junit.cause import Cause
from reporter.junit.failure import Failure
from reporter.junit.failure_message import without_places
from reporter.results.cause_joining import THRESHOLD, Known, may_be_same

FAILURES = Path(__file__).parents[3] / "fixtures" / "causes" / "failures.toml"


@dataclass(frozen=True)
class Labelled:
    what: str
    cause: Cause


def labelled() -> list[Labelled]:
    """Return the failures of the sample in its order, each with the cause that a person gave it."""
    found = []
    for group in tomllib.loads(FAILURES.read_text(encoding="utf-8"))["cause"]:
        for one in group["failures"]:
            failure = Failure.of(one["type"], one["message"], one.get("text", ""))
            place = one.get("location") or failure.location
            found.append(Labelled(group["what"], Cause.of(failure.type, without_places(failure.message or ""), place)))
    return found


def joined(sample: list[Labelled]) -> list[int]:
    """Return the number of the joined cause for each failure."""
    known = Known()
    numbers: dict[str, int] = {}
    for one in sample:
        if one.cause.fingerprint in numbers:
            continue
        index = known.nearest(one.cause)
        if index is None:
            index = len({*numbers.values()})
            known.add(one.cause)
        numbers[one.cause.fingerprint] = index
    return [numbers[one.cause.fingerprint] for one in sample]


def test_no_failure_of_the_sample_is_joined_to_another_cause() -> None:
    """A wrong join hides the second cause behind the first."""
    sample = labelled()
    wrong = [
        (one.cause.text, other.cause.text)
        for (one, a), (other, b) in combinations(zip(sample, joined(sample), strict=True), 2)
        if a == b and one.what != other.what and one.cause.fingerprint != other.cause.fingerprint
    ]
    assert wrong == []


def test_no_two_causes_of_the_sample_share_a_fingerprint() -> None:
    """The normalisation leaves what distinguishes them."""
    names: dict[str, set[str]] = {}
    for one in labelled():
        names.setdefault(one.cause.fingerprint, set()).add(one.what)
    assert [sorted(shared) for shared in names.values() if len(shared) > 1] == []


def test_nine_of_ten_causes_of_the_sample_stay_one_cause() -> None:
    """The rest is missed: a value in a text is no different from a word."""
    numbers: dict[str, set[int]] = {}
    for one, number in zip(labelled(), joined(labelled()), strict=True):
        numbers.setdefault(one.what, set()).add(number)
    assert sum(len(found) == 1 for found in numbers.values()) >= 0.9 * len(numbers)


def test_the_threshold_lies_in_the_gap_of_the_sample() -> None:
    """Of the pairs in which one text has all words of the other, those of one cause score higher than the others."""
    scores: dict[bool, list[float]] = {True: [], False: []}
    for one, other in combinations(labelled(), 2):
        if one.cause.text != other.cause.text and may_be_same(one.cause, other.cause):
            scores[one.what == other.what].append(fuzz.token_sort_ratio(one.cause.text, other.cause.text))
    assert max(scores[False]) < THRESHOLD - 20
    assert min(scores[True]) > THRESHOLD


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expected the banner of the cart to be visible", "expected the banner of the cart not to be visible"),
        ("column orders.discount does not exist", "column orders.voucher does not exist"),
        ("cannot read properties of undefined (reading 'token')", "cannot read properties of undefined (reading 'id')"),
    ],
)
def test_one_other_word_is_another_cause(one: str, other: str) -> None:
    """A negation or the name of a thing decides, although nearly all characters are the same."""
    assert Known([Cause(None, one)]).nearest(Cause(None, other)) is None


def test_a_few_more_words_are_the_same_cause() -> None:
    """A tool adds figures or cuts the end of a text."""
    known = Known([Cause("E", "the pool of connections is exhausted, request timed out after <duration>")])
    assert (
        known.nearest(Cause("E", "the pool of connections is exhausted, request timed out after <duration> (<n>)")) == 0
    )
    assert known.nearest(Cause(None, "the pool of connections is exhausted, request timed out")) == 0


def test_errors_of_different_types_are_different_causes() -> None:
    """A failure without a type may be of any."""
    known = Known([Cause("ReadTimeout", "the bank did not answer within <duration>")])
    assert known.nearest(Cause("ConnectError", "the bank did not answer within <duration> <n>")) is None


def test_the_nearest_of_several_causes_is_taken() -> None:
    """With equal scores, the first one."""
    known = Known(
        [Cause(None, "no answer of the bank within the given time"), Cause(None, "no answer of the bank within")]
    )
    assert known.nearest(Cause(None, "no answer of the bank within the")) == 1
    assert Known([Cause(None, "a b c d e f"), Cause(None, "a b c d e f")]).nearest(Cause(None, "a b c d e f g")) == 0


def test_hostile_texts_are_joined_within_a_bounded_time() -> None:
    """Each text has all words of the shorter ones, so that the sets of words rule out none of them."""
    words = [f"word{number}x" for number in range(80)]
    causes = [Cause("E", " ".join(words[: 10 + number % 70])) for number in range(800)]
    start = time.process_time()
    known = Known(causes[:500])
    for cause in causes[500:]:
        known.nearest(cause)
    assert time.process_time() - start < 5
