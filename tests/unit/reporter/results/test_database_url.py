"""The parameters of the database's URL, as libpq defines them."""

import psycopg
import pytest

from reporter.results.database_url import SUPPORTED, read

KEYWORDS = sorted(option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults())


def test_parameters_that_asyncpg_does_not_know_are_converted() -> None:
    """asyncpg sends an unknown parameter to the server as a setting, and the server refuses the connection."""
    address = read(
        "postgresql://u:p%40@h:5/d?connect_timeout=7&sslmode=require&application_name=ci%20gate&options=-cx%3D1"
    )
    assert address.url == "postgresql://u:p%40@h:5/d?sslmode=require"
    assert address.connect_seconds == 7
    assert dict(address.session) == {"application_name": "ci gate", "options": "-cx=1"}


@pytest.mark.parametrize(
    ("query", "seconds"),
    [("", None), ("connect_timeout=1", 2), ("connect_timeout=0", None), ("connect_timeout=-1", None)],
)
def test_connect_timeout_has_the_meaning_of_libpq(query: str, seconds: float | None) -> None:
    """One second becomes two. Zero or less sets no limit."""
    assert read(f"postgresql:///d?{query}").connect_seconds == seconds


def test_a_plus_sign_is_no_blank() -> None:
    """asyncpg decodes a plus sign as a blank, and libpq does not."""
    assert read("postgresql:///d?password=a+b").url == "postgresql:///d?password=a%2Bb"


@pytest.mark.parametrize("name", [*sorted(set(KEYWORDS) - set(SUPPORTED)), "search_path"])
def test_every_other_parameter_is_refused_by_name(name: str) -> None:
    """Each parameter of the installed libpq works or is refused by name. No value is repeated."""
    with pytest.raises(ValueError, match=rf"^its parameter {name} is not supported; supported are ") as caught:
        read(f"postgresql:///d?{name}=s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("query", ["connect_timeout=soon", "client_encoding=latin1", "s3cret!", "a%20b=1"])
def test_a_wrong_value_is_refused_without_repeating_it(query: str) -> None:
    """The line goes to a log."""
    with pytest.raises(ValueError, match=r"^its parameter ") as caught:
        read(f"postgresql:///d?{query}")
    assert not any(word in str(caught.value) for word in ("soon", "latin1", "s3cret", "a b"))
