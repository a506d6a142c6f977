"""Answers for an agent: small, and without hidden text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testfleet.mcp.bounded import MAX_ANSWER, bounded, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("got 500\n\tat cart.py:3", "got 500\n\tat cart.py:3"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\u202eb\u200bc\ufeffd", "abcd"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("größer ✓ 日本", "größer ✓ 日本"),
        ("line\u2028break\x00", "linebreak"),
    ],
)
def test_only_visible_characters_are_kept(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_small_answer_is_unchanged() -> None:
    assert bounded({"runs": [{"run_id": "r1", "p95_ms": float("inf")}]}) == {"runs": [{"run_id": "r1", "p95_ms": None}]}


def test_a_cut_list_says_how_many_entries_are_missing() -> None:
    found = bounded({"cases": [{"name": f"case {number}"} for number in range(150)]})
    assert (len(found["cases"]), found["cases_left_off"]) == (100, 50)


def test_a_cut_text_ends_with_an_ellipsis() -> None:
    assert bounded({"message": "x" * 3000})["message"] == "x" * 1999 + "…"


def test_long_texts_are_cut_further_before_entries_are_left_off() -> None:
    """A hundred short messages help more than ten long ones."""
    found = bounded({"cases": [{"message": "x" * 2000} for _ in range(60)]})
    assert (len(found["cases"]), len(found["cases"][0]["message"])) == (60, 500)


@given(
    st.recursive(
        st.text() | st.integers(0, 9), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner)
    )
)
def test_every_answer_is_bounded(value: object) -> None:
    answer = bounded({"value": [value] * 500})
    assert len(json.dumps(answer, ensure_ascii=False)) <= MAX_ANSWER
