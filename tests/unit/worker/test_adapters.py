"""How the adapters convert text, without servers."""

import pytest

from worker.errors import SecretUnusable
from worker.queue import MAX_DETAIL, attribute_text
from worker.secrets import parse


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain", "plain"),
        ("", "-"),
        ("tab\tline\nreturn\r", "tab\tline\nreturn\r"),
        ("nul\0 bell\a", "nul\ufffd bell\ufffd"),
        ("lone \ud800", "lone \ufffd"),
        ("\uffff", "\ufffd"),
        ("smile \U0001f600", "smile \U0001f600"),
    ],
)
def test_an_attribute_holds_only_characters_that_sqs_allows(text: str, sent: str) -> None:
    """SQS rejects the whole message for one forbidden character."""
    assert attribute_text(text) == sent


def test_an_attribute_is_cut_between_characters() -> None:
    """Half a character is invalid UTF-8."""
    cut = attribute_text("x" + "ä" * MAX_DETAIL)
    assert cut == "x" + "ä" * ((MAX_DETAIL - 1) // 2)


def test_a_secret_is_a_flat_object() -> None:
    """Numbers and booleans become their JSON text."""
    text = '{"USER": "me", "PORT": 80, "RATE": 0.5, "ON": true, "EMPTY": ""}'
    assert parse("s", text) == {"USER": "me", "PORT": "80", "RATE": "0.5", "ON": "true", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "secret s: must be a JSON object"),
        ("hunter2", "secret s: must be a JSON object"),
        ('["hunter2"]', "secret s: must be a JSON object"),
        ('{"A": ["hunter2"]}', "secret s: A: must be a string without NUL, a number or a boolean"),
        ('{"A": null}', "secret s: A: must be a string without NUL, a number or a boolean"),
        ('{"A": "hunter2\\u0000"}', "secret s: A: must be a string without NUL, a number or a boolean"),
        ('{"A": "hunter2\\ud800"}', "secret s: A: must be a string without NUL, a number or a boolean"),
        ('{"A-B": "hunter2"}', "secret s: A-B: the name must be of A-Z a-z 0-9 _, with no leading digit"),
    ],
)
def test_an_invalid_secret_is_reported_without_its_value(text: str | None, line: str) -> None:
    """The error names the key. Neither it nor its cause holds a value."""
    with pytest.raises(SecretUnusable) as caught:
        parse("s", text)
    assert str(caught.value) == line
    assert caught.value.__cause__ is None
