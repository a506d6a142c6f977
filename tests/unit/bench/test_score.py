"""The scores of the detectors' bench, on histories of a few rows."""

import pytest

from bench.detectors.score import Score, compare


def test_precision_and_recall() -> None:
    score = compare({"a", "b", "c"}, {"b", "c", "d", "e"})
    assert (score.found, score.wrong, score.missed) == (2, 1, 2)
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == pytest.approx(1 / 2)
    assert score.examples == ("wrong a", "missed d", "missed e")


def test_an_answer_that_counts_neither_way_changes_no_figure() -> None:
    assert compare({"a", "x"}, {"a"}, neither={"x", "y"}) == compare({"a"}, {"a"})


def test_no_answer_has_no_precision_and_nothing_true_has_no_recall() -> None:
    assert compare(set(), set()).precision is None
    assert compare(set(), set()).recall is None


def test_scores_of_several_histories_add_up() -> None:
    total = Score(1, 2, 3, {"silent": 1}) + Score(4, 5, 6, {"silent": 2, "new": 1})
    assert (total.found, total.wrong, total.missed) == (5, 7, 9)
    assert total.apart == {"silent": 3, "new": 1}
