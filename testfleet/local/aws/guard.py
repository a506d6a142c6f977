"""The guard of the embedded endpoint. It rejects requests of browsers, and serves three services only.

moto checks no signature. A web page that reaches the endpoint could therefore enqueue jobs, which run without a sandbox
on a laptop. Four rules reject requests of pages. They read headers that a page cannot set
(https://developer.mozilla.org/en-US/docs/Glossary/Forbidden_request_header):

- `Origin` must be absent. A browser sends it with each request of a script to another site.
- `Sec-Fetch-Site` must be absent. A browser sends it with images, frames and links, too.
- `Authorization` must hold an AWS signature. A request for an image, frame or link cannot carry one.
- `Host` must be one of the endpoint's names. DNS rebinding reaches the address under another name.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SERVED: Final = frozenset({"s3", "secretsmanager", "sqs"})
"""Services that the fleet needs, by moto's names."""

HEALTH: Final = "/healthz"
"""Path of the health check. It is open to every caller: a kubelet's probe has the pod's address as `Host`."""

LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")

_SIGNED = "AWS4-HMAC-SHA256 "


class Guard:
    """WSGI middleware that answers 403 to a request unless an AWS SDK sent it to one of `names`."""

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
    """Wrap moto's factory of applications, one for each service. A service that is not in `SERVED` answers 403."""

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
