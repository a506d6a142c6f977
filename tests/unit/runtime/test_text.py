import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.text import one_line, storable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n  b\tc", "a b c"),
        ("", ""),
        (OSError("no\nspace"), "no space"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_text_becomes_one_line(text: str | BaseException, line: str) -> None:
    """An error without a text is named by its class."""
    assert one_line(text) == line


@given(st.text())
def test_what_postgresql_refuses_is_replaced(text: str) -> None:
    """NUL and lone surrogates become U+FFFD; every other character stays."""
    stored = storable(f"{text}\0\ud800x\udfff")
    assert "\0" not in stored
    stored.encode()  # raises on a lone surrogate
    assert stored.endswith("\ufffd\ufffdx\ufffd")
    assert len(stored) == len(text) + 4
