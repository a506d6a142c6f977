"""The text of a cause: what stays of a message when the values of one run are left out."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.junit.cause import MAX_CHARACTERS, Cause, normalised


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("order 17 costs -4.50", "order <n> costs <n>"),
        ("no user 123e4567-e89b-12d3-a456-426614174000", "no user <uuid>"),
        ("expired at 2026-11-20T22:52:38.2Z", "expired at <time>"),
        ("expired on Sat Nov 21 19:06:04 UTC 2026", "expired on <time> <time> UTC <n>"),
        ("expired on 21 November 2026 at 7:06:04 PM", "expired on <time> <n> at <time>"),
        ("open /tmp/pytest-of-ci/pytest-17/test_a0/x.csv: denied", "open <path>: denied"),
        ("at C:\\Temp\\a1\\x.cs:7", "at <path>"),
        ("commit 9f2c1ab77c is unknown", "commit <hash> is unknown"),
        ("object at 0x7fd91ebaaa10", "object at <address>"),
        ("GET http://localhost:38211/cart?x=1 gave 500", "GET http://<host> gave <n>"),
        ("GET https://ci:pw@pr-17.shop.example:8443/cart gave 500", "GET https://pr<n>.shop.example gave <n>"),
        ("connect ECONNREFUSED 10.42.0.17:8080", "connect ECONNREFUSED <host>:<n>"),
        ("mail to anna17@shop.example was lost", "mail to <email> was lost"),
        ("no order 'ord-8f3kd92x'", "no order '<id>'"),
        ("no order \"8f3kd92x\" at step 'step-2'", "no order \"<id>\" at step 'step<n>'"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.abcDEF12345 expired", "token <id> expired"),
        ("Timeout 30000ms exceeded", "Timeout <duration> exceeded"),
        ("page.click: Target page has been closed", "<call>: Target page has been closed"),
        ("a  b\n\n c", "a b c"),
    ],
)
def test_generated_values_become_placeholders(message: str, text: str) -> None:
    """Numbers, times, addresses, ids, paths, ports and hosts of one run are left out; words and names stay."""
    assert normalised(message) == text


def test_a_message_of_compared_values_has_its_file() -> None:
    """Two tests that compare numbers fail for different reasons unless their file is the same."""
    cart = Cause.of("AssertionError", "assert 1 == 2", "/builds/7/tests/test_cart.py:12")
    assert cart == Cause.of("AssertionError", "assert 3 == 5", "tests/test_cart.py:40")
    assert cart.by_file
    assert cart.text == "assert <n> == <n> in test_cart.py"
    assert cart != Cause.of("AssertionError", "assert 1 == 2", "tests/test_search.py:12")


def test_a_message_with_words_has_no_file() -> None:
    """The same message in two files has one cause."""
    assert Cause.of(None, "no session for 17", "a.py:1") == Cause.of(None, "no session for 4", "b.py:9")


def test_the_fingerprint_is_of_type_and_text() -> None:
    """The case's name, its file and the stack have no part in it."""
    assert re.fullmatch(r"[0-9a-f]{16}", Cause("E", "no session").fingerprint)
    assert Cause("E", "no session").fingerprint != Cause("F", "no session").fingerprint
    assert Cause("E", "no session").fingerprint != Cause("E", "no database").fingerprint


@given(st.text(alphabet="aZ0f.@:/\\-_'\"<> \n", max_size=3000))
def test_any_text_is_normalised_within_the_time_limit(message: str) -> None:
    """No input causes catastrophic backtracking: the test's time limit would end it."""
    assert len(normalised(message)) <= 20 * MAX_CHARACTERS


@pytest.mark.parametrize("piece", ["a", "1", "a1", "/", "a.", "'a", "a@", "0x", "-1", "A1a", "://", "a:1 "])
def test_a_hostile_text_takes_milliseconds(piece: str) -> None:
    """The time is bounded by the first characters, however long the text is."""
    text = piece * 1_000_000
    start = time.process_time()
    normalised(text)
    assert time.process_time() - start < 0.5
