"""The sentence that says what the failures of a run mean."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from testfleet.results import meaning
from testfleet.results.meaning import Failure, Kind, RunMeaning

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
COMMIT = "3f2a91c0d4e5f60718293a4b5c6d7e8f90a1b2c3"


def some(kind: Kind, count: int = 1, *, cause: int | None = None) -> list[Failure]:
    return [Failure(f"{kind} {number}", kind, cause_id=cause) for number in range(count)]


def broken(name: str = "pays", *, days: int = 0, commit: str | None = COMMIT, author: str | None = "Ada") -> Failure:
    return Failure(name, "broken", f"run-{days}", commit, START + timedelta(days=days), author, runs_since=4)


@pytest.mark.parametrize(
    ("failures", "sentence"),
    [
        ([], ""),
        (some("new"), "1 new failure"),
        (some("new", cause=1), "1 new failure"),
        (some("new", 2), "2 new failures"),
        (some("new", 2, cause=1), "2 new failures (1 cause)"),
        ([*some("new", 2, cause=1), *some("new", 3, cause=2)], "5 new failures (2 causes)"),
        ([*some("new", 2, cause=1), *some("new")], "3 new failures"),
        (some("new_case"), "1 new case fails"),
        (some("new_case", 2), "2 new cases fail"),
        (some("flaky", 3), "3 known flaky"),
        (some("quarantined"), "1 quarantined"),
        ([broken()], "1 broken since 3f2a91c by Ada"),
        ([broken(author=None)], "1 broken since 3f2a91c"),
        ([broken(commit=None)], "1 broken since run run-0 by Ada"),
        (some("broken"), "1 broken before"),
        ([broken("a"), broken("b")], "2 broken since 3f2a91c by Ada"),
        (
            [broken("a", days=1, commit="b" * 40, author="Bob"), broken("b")],
            "2 broken, the oldest since 3f2a91c by Ada",
        ),
        ([broken(), *some("broken")], "2 broken, the oldest since 3f2a91c by Ada"),
        (
            [*some("quarantined"), broken(), *some("flaky"), *some("new_case"), *some("new", 2, cause=7)],
            "2 new failures (1 cause), 1 new case fails, 1 known flaky, 1 broken since 3f2a91c by Ada, 1 quarantined",
        ),
    ],
)
def test_the_sentence_counts_each_kind_with_what_is_known(failures: list[Failure], sentence: str) -> None:
    assert meaning.of(failures).sentence == sentence


def test_the_counts_are_those_of_the_sentence() -> None:
    """Programs read the fields, and people read the sentence."""
    found = meaning.of([*some("new", 2, cause=1), *some("flaky", cause=2), replace(broken(), cause_id=2)])
    assert found == RunMeaning(
        new=2,
        new_case=0,
        flaky=1,
        broken=1,
        quarantined=0,
        causes=2,
        new_causes=1,
        broken_since=meaning.BrokenSince("run-0", COMMIT, "Ada", START),
        sentence="2 new failures (1 cause), 1 known flaky, 1 broken since 3f2a91c by Ada",
    )


def test_a_failure_without_a_known_cause_leaves_the_number_of_causes_unknown() -> None:
    found = meaning.of([*some("new", cause=1), *some("flaky")])
    assert (found.causes, found.new_causes) == (None, 1)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (some("new")[0], "new failure"),
        (some("new_case")[0], "new case"),
        (some("flaky")[0], "known flaky"),
        (some("quarantined")[0], "quarantined"),
        (broken(), "broken since 3f2a91c by Ada, 4 runs"),
        (replace(broken(), runs_since=1), "broken since 3f2a91c by Ada, 1 run"),
        (some("broken")[0], "broken"),
        (Failure("a", "broken", first_fail_at=START), "broken since 2026-01-31"),
    ],
)
def test_a_failure_is_described_in_a_few_words(failure: Failure, words: str) -> None:
    assert meaning.describe(failure) == words


@pytest.mark.parametrize(
    ("commit", "shown"),
    [(COMMIT, "3f2a91c"), (COMMIT.upper(), "3F2A91C"), ("9f2c1ab", "9f2c1ab"), ("release-2026-01", "release-2026-01")],
)
def test_only_a_hash_is_shortened_to_its_beginning(commit: str, shown: str) -> None:
    """The beginning of a tag names nothing."""
    assert meaning.short_commit(commit) == shown


def test_text_of_a_message_is_one_bounded_line() -> None:
    """A message names commit and author, and anyone who may send one chooses them."""
    hostile = "\x1b[31mA\nB\x07" + "x" * 10_000
    sentence = meaning.of([broken(commit=hostile, author=hostile)]).sentence
    assert sentence.startswith("1 broken since A Bxxx")
    assert sentence.isprintable()
    assert len(sentence) < 3 * meaning.MAX_NAME
