"""The guard of the embedded AWS endpoint: it refuses requests of browsers, and every service but three.

moto checks no signature, so a web page that reaches the endpoint could enqueue jobs, which run unsandboxed on a laptop.
Four rules keep pages out. A browser can't forge the headers that they read
(https://developer.mozilla.org/en-US/docs/Glossary/Forbidden_request_header):

- `Origin` must be absent: a browser sends it with every request of a script to another site.
- `Sec-Fetch-Site` must be absent: a browser sends it also with images, frames and links.
- `Authorization` must hold an AWS signature: no image, frame or link can carry one.
- `Host` must be one of the endpoint's names: DNS rebinding reaches the address under a foreign name.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SERVED: Final = frozenset({"s3", "secretsmanager", "sqs"})
"""Services that the fleet needs, by moto's names."""

HEALTH: Final = "/healthz"
"""Path of the health answer. It is open to every caller, because a kubelet's probe names the pod's address."""

LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")

_SIGNED = "AWS4-HMAC-SHA256 "


class Guard:
    """WSGI middleware that answers a request itself, with 403, unless an AWS SDK made it for one of `names`."""

    def __init__(self, app: WSGIApplication, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == HEALTH:
            return _answer(start_response, "200 OK", "ok")
        reason = self._refusal(environ)
        if reason is not None:
            return _answer(start_response, "403 Forbidden", f"refused: {reason}")
        return self._app(environ, start_response)

    def _refusal(self, environ: WSGIEnvironment) -> str | None:
        for header in ("Origin", "Sec-Fetch-Site"):
            if f"HTTP_{header.upper().replace('-', '_')}" in environ:
                return f"the header {header} is set; the endpoint serves no browser"
        if _host(environ) not in self._names:
            return f"the header Host must name one of {', '.join(sorted(self._names))}"
        if not environ.get("HTTP_AUTHORIZATION", "").startswith(_SIGNED):
            return "the header Authorization must hold an AWS signature, version 4"
        return None


def served(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap moto's factory of one application for each service: a service that is not in `SERVED` answers 403."""

    def make_served(service: Any) -> Any:
        if service in SERVED:
            return make(service)
        reason = f"refused: the service {service} is not served; allowed: {', '.join(sorted(SERVED))}"
        return lambda _environ, start_response: _answer(start_response, "403 Forbidden", reason)

    return make_served


def _host(environ: WSGIEnvironment) -> str:
    host = str(environ.get("HTTP_HOST", "")).lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _answer(start_response: StartResponse, status: str, text: str) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
