"""Secret values in text: found in their usual forms, whole or cut off, in pieces of any size."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.masking import Masking

VALUE = "p&ss w/rd'\"<1>é"


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        repr(VALUE)[1:-1],
        html.escape(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("="),
    ],
)
def test_each_usual_form_is_masked(form: str) -> None:
    """As tools print a value in messages, URLs, reports and headers."""
    masked = Masking([VALUE]).text(f"before {form} after")
    assert masked.startswith("before ***")
    assert masked.rstrip("=").endswith("after")
    assert "rd" not in masked.replace("after", "")


def test_each_line_of_a_value_is_masked() -> None:
    """A private key is printed line by line. A line that is too short stays."""
    mask = Masking(["-----BEGIN-----\nabcdefgh\nxy\n", "qa", "true"])
    assert mask.text("key: abcdefgh, xy of qa is true\n-----BEGIN-----") == "key: ***, xy of qa is true\n***"


def test_nothing_is_masked_without_a_value_that_is_long_enough() -> None:
    """The text stays unchanged."""
    mask = Masking(["", "a", "12345"])
    assert not mask
    assert mask.text("a 12345") == "a 12345"
    assert mask.data(b"a", last=False) == (b"a", b"")


def test_a_longer_value_goes_before_its_own_beginning() -> None:
    """Otherwise its rest would stay readable after the mask."""
    assert Masking(["secret", "secretary"]).text("secretary secret") == "*** ***"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("token hunter2-sec", "token ***"),
        ("token hunter", "token ***"),
        ("token hunt", "token hunt"),
        ("hunter2-secret", "***"),
    ],
)
def test_the_beginning_of_a_value_at_the_end_of_a_cut_text_is_masked(text: str, masked: str) -> None:
    """The beginning of a secret is a secret, too."""
    assert Masking(["hunter2-secret"]).cut(text) == masked


@given(value=st.text("ab", min_size=7, max_size=12), text=st.text("ab", max_size=12), length=st.integers(6, 11))
def test_the_longest_beginning_at_the_end_is_masked(value: str, text: str, length: int) -> None:
    """Also in a value that repeats its own beginning."""
    whole = Masking([value]).text(text + value[:length])
    longest = max((n for n in range(6, len(value)) if whole.endswith(value[:n])), default=0)
    expected = whole[: len(whole) - longest] + "***" if longest else whole
    assert Masking([value]).cut(text + value[:length]) == expected


@given(
    values=st.lists(st.text("ab\n", min_size=6, max_size=12), max_size=3),
    text=st.text("ab\n", max_size=200),
    size=st.integers(1, 40),
)
def test_masking_in_pieces_gives_what_masking_at_once_gives(values: list[str], text: str, size: int) -> None:
    """A value may be split anywhere, and the result is never longer than the input."""
    mask = Masking(values)
    raw, rest, done = text.encode(), b"", b""
    for begin in range(0, len(raw), size):
        piece, rest = mask.data(rest + raw[begin : begin + size], last=False)
        done += piece
        assert len(done) <= begin + size
    piece, rest = mask.data(rest, last=True)
    assert (done + piece, rest) == (mask.text(text).encode(), b"")


def test_a_blank_line_of_a_value_masks_no_indentation() -> None:
    """A configuration with several lines may hold one of nothing but spaces."""
    masking = Masking(["user: admin-1\n        \npassword: hunter2"])
    assert masking.text("        at login (password: hunter2)") == "        at login (***)"


@pytest.mark.parametrize("text", ["hun\ufffdter2\tsecret", "hun\ufffdter2 secret"])
def test_a_value_is_masked_as_an_xml_parser_returns_it(text: str) -> None:
    """The parser replaces forbidden characters, and tabs within an attribute."""
    assert Masking(["hun\x1bter2\tsecret"]).text(f"login with {text}") == "login with ***"
