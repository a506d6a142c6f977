"""Converts the parameters of a postgresql:// URL, as libpq defines them, for asyncpg.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS

Without this conversion, asyncpg sends unknown parameters to the server, which then refuses the connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlencode

_PASSED_ON = frozenset(
    {
        *("dbname", "host", "krbsrvname", "gsslib", "passfile", "password", "port", "service", "target_session_attrs"),
        *("ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcrl", "sslkey", "sslmode"),
        *("sslnegotiation", "sslpassword", "sslrootcert", "user"),
    }
)
_OURS = frozenset({"application_name", "client_encoding", "connect_timeout", "fallback_application_name", "options"})
SUPPORTED = tuple(sorted(_PASSED_ON | _OURS))


@dataclass(frozen=True, slots=True)
class Address:
    """A URL for asyncpg and its separate arguments. `connect_seconds` is None if the URL sets none."""

    url: str = field(repr=False)  # it may hold a password
    connect_seconds: float | None = None
    session: Mapping[str, str] = field(default_factory=dict)
    """Settings of the session that are sent when the connection starts."""


def read(url: str) -> Address:
    """Read a URL's parameters.

    Raises:
        ValueError: a parameter is not supported or invalid. The text contains no value, which may be a password.
    """
    base, _, parameters = url.partition("?")
    values: dict[str, str] = {}
    for pair in filter(None, parameters.split("&")):
        name, equals, value = pair.partition("=")
        name = unquote(name)
        if not equals or name not in SUPPORTED:
            shown = name if name.isidentifier() else "a name that is no identifier"
            msg = f"its parameter {shown} is not supported; supported are {', '.join(SUPPORTED)}"
            raise ValueError(msg)
        values[name] = unquote(value)  # libpq does not decode a plus sign
    if values.get("client_encoding", "auto").lower().replace("-", "") not in {"auto", "utf8", "unicode"}:
        msg = "its parameter client_encoding must be utf8"
        raise ValueError(msg)
    application = values.get("application_name") or values.get("fallback_application_name")
    session = {"application_name": application} if application else {}
    if options := values.get("options"):
        session["options"] = options
    query = urlencode({name: value for name, value in values.items() if name in _PASSED_ON}, quote_via=quote)
    return Address(f"{base}?{query}" if query else base, _connect_seconds(values.get("connect_timeout")), session)


def _connect_seconds(written: str | None) -> float | None:
    if not written:
        return None
    try:
        seconds = int(written)
    except ValueError:
        msg = "its parameter connect_timeout must be a whole number of seconds"
        raise ValueError(msg) from None
    return float(max(2, seconds)) if seconds > 0 else None  # libpq waits at least 2 seconds
