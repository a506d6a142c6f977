"""The guard in front of the embedded endpoint, without a server."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from testfleet.local.aws.guard import LOCAL_NAMES, SERVED, Guard, served

SIGNED = {
    "PATH_INFO": "/",
    "HTTP_HOST": "127.0.0.1:5000",
    "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=testing/20261121/eu-central-1/sqs/aws4_request, Signature=0",
}


def behind(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"behind"]


def ask(app: Any, environ: dict[str, Any]) -> tuple[str, bytes]:
    """Return the status line and the body of the application's answer."""
    statuses: list[str] = []
    body = b"".join(app(environ, lambda status, _headers: statuses.append(status)))
    return statuses[0], body


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5000", "localhost", "LOCALHOST:1", "[::1]:5000", "embedded.testfleet:5000"]
)
def test_a_signed_request_under_a_known_name_passes(host: str) -> None:
    guard = Guard(behind, (*LOCAL_NAMES, "embedded.testfleet"))
    assert ask(guard, SIGNED | {"HTTP_HOST": host}) == ("200 OK", b"behind")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"HTTP_ORIGIN": "https://example.com"}, b"refused: the header Origin is set"),
        ({"HTTP_ORIGIN": "null"}, b"refused: the header Origin is set"),
        ({"HTTP_ORIGIN": "http://127.0.0.1:5000"}, b"refused: the header Origin is set"),
        ({"HTTP_SEC_FETCH_SITE": "none"}, b"refused: the header Sec-Fetch-Site is set"),
        ({"HTTP_HOST": "rebound.example.com:5000"}, b"refused: the header Host must name one of"),
        ({"HTTP_HOST": "127.0.0.1.example.com"}, b"refused: the header Host must name one of"),
        ({"HTTP_HOST": ""}, b"refused: the header Host must name one of"),
        ({"HTTP_AUTHORIZATION": ""}, b"refused: the header Authorization must hold"),
        ({"HTTP_AUTHORIZATION": "Basic dGVzdA=="}, b"refused: the header Authorization must hold"),
    ],
)
def test_a_request_that_a_page_can_make_is_refused(change: dict[str, str], reason: bytes) -> None:
    status, body = ask(Guard(behind, LOCAL_NAMES), SIGNED | change)
    assert status == "403 Forbidden"
    assert body.startswith(reason)


def test_a_probe_needs_neither_name_nor_signature() -> None:
    assert ask(Guard(behind, ()), {"PATH_INFO": "/healthz", "HTTP_HOST": "10.0.0.7:5000"}) == ("200 OK", b"ok\n")


def test_only_the_services_of_the_fleet_get_an_application() -> None:
    make = served(lambda service: service)
    assert {make(service) for service in SERVED} == SERVED
    for service in ("batch", "ec2", "moto_api", "instance_metadata", "sts", "iam"):
        status, body = ask(make(service), {})
        assert (status, service.encode() in body) == ("403 Forbidden", True)
