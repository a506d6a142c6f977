"""HTTP requests to other systems. The only module that imports its library.

Addresses are https, or http on this machine. Redirects are never followed, so that an answer cannot send a request with
its credentials to another place.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError

from runtime.text import one_line

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
"""Maximum seconds between two bytes of an answer, and of the reading of its body."""

MAX_BODY = 4_000_000
"""Maximum bytes of a body that are read."""

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_NO_RETRIES = urllib3.Retry(0, redirect=False, raise_on_status=False)  # the caller owns the retries


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """The server did not answer in time, or its certificate is not valid. The text is one line without the URL."""


def check_address(url: str) -> str:
    """Return the URL.

    Raises:
        ValueError: the URL is not https, and not http on this machine; or it holds a user or a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    allowed = "must be an https:// URL; http:// is allowed on localhost only"
    if not host or port == 0 or any(char.isspace() or ord(char) < 32 for char in url):  # noqa: PLR2004  # control characters
        raise ValueError(allowed)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
        raise ValueError(allowed)
    if parts.username or parts.password:
        raise ValueError("must hold no user and no password")
    return url


def request(
    method: Literal["GET", "POST", "PUT", "PATCH"],
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float = READ_SECONDS,
    limit: int = MAX_BODY,
) -> Answer:
    """Send one request and return the answer, whatever its status. At most `limit` bytes of its body are read.

    The proxies are those of HTTPS_PROXY and NO_PROXY.

    Raises:
        NoAnswer: no connection, no answer within `seconds`, or an invalid certificate.
        ValueError: as `check_address`.
    """
    check_address(url)
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
    until = time.monotonic() + seconds
    try:
        with _pool(url) as pool:
            response = pool.request(
                method,
                url,
                headers={"user-agent": "testfleet", **headers},
                body=body,
                timeout=timeout,
                retries=_NO_RETRIES,
                redirect=False,
                preload_content=False,
            )
            try:
                content = b""
                while len(content) < limit and (piece := response.read1(min(65_536, limit - len(content)))):
                    content += piece
                    if time.monotonic() > until:
                        raise NoAnswer(f"no whole answer within {seconds:.0f} s")
            finally:
                response.close()
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)
    except HTTPError as error:
        raise NoAnswer(_reason(error)) from error


def _pool(url: str) -> urllib3.PoolManager:
    parts = urlsplit(url)
    proxy = getproxies().get("https") if parts.scheme == "https" else None
    if proxy and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _reason(error: HTTPError) -> str:
    """Return the innermost reason, without the URL, which may be a secret."""
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, BaseException) else error
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        origin = cause.__cause__
        return str(origin.strerror) if isinstance(origin, OSError) and origin.strerror else "no connection"
    if isinstance(cause, urllib3.exceptions.TimeoutError):
        return "timed out"
    inner = cause.args[-1] if cause.args and isinstance(cause.args[-1], BaseException) else cause
    return f"{type(inner).__name__}: {one_line(inner)}"[:300] if isinstance(inner, OSError) else type(cause).__name__
