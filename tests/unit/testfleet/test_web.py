"""HTTP requests to other systems."""

import socket
import threading
from collections.abc import Iterator

import pytest

from testfleet import web
from tests.support.receiver import Receiver, Response, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.mark.parametrize(
    "url", ["https://a.example/x?y=1", "http://localhost:8080/", "http://127.0.0.1/", "http://[::1]:9/"]
)
def test_an_address_is_https_or_on_this_machine(url: str) -> None:
    assert web.check_address(url) == url


OTHERS = """
    http://a.example/ http://169.254.169.254/latest http://localhost.e.vil/ ftp://a.example file:///etc/passwd https://
    https://user:word@a.example/ https://a.example:0/ https://a.example:x/ http://127.0.0.1@a.example/ http://[::1
    gopher://localhost/
"""


@pytest.mark.parametrize("url", [*OTHERS.split(), "https://a.example/ b", ""])
def test_another_address_is_refused_without_its_text(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as caught:
        web.request("GET", url, headers={})
    assert "a.example" not in str(caught.value)


def test_a_request_returns_status_headers_and_body(receiver: Receiver) -> None:
    receiver.answer = lambda _: Response(404, {"message": "no"}, {"X-Next-Page": "2"})
    answer = web.request("POST", receiver.url, headers={"x-one": "1"}, body=b"{}")
    assert (answer.status, answer.headers["x-next-page"], answer.body) == (404, "2", b'{"message": "no"}')
    (got,) = receiver.requests
    assert (got.method, got.body, got.headers["x-one"], got.headers["user-agent"]) == ("POST", b"{}", "1", "testfleet")


def test_a_redirect_is_an_answer(receiver: Receiver) -> None:
    receiver.answer = lambda _: Response(302, b"", {"location": f"{receiver.url}/other"})
    assert web.request("GET", receiver.url, headers={}).status == 302
    assert len(receiver.requests) == 1


def test_a_long_body_is_cut(receiver: Receiver) -> None:
    receiver.answer = lambda _: Response(200, b"x" * 500_000)
    assert len(web.request("GET", receiver.url, headers={}, limit=1000).body) == 1000


def test_a_server_that_does_not_answer_is_given_up(receiver: Receiver) -> None:
    release = threading.Event()
    receiver.answer = lambda _: Response() if release.wait(30) else Response(500)
    with pytest.raises(web.NoAnswer, match=r"^timed out$"):
        web.request("GET", receiver.url, headers={}, seconds=0.2)
    release.set()


def test_a_server_that_hangs_up_is_no_answer(receiver: Receiver) -> None:
    def hang_up(_: object) -> Response:
        raise ConnectionError

    receiver.answer = hang_up
    with pytest.raises(web.NoAnswer) as caught:
        web.request("GET", f"{receiver.url}/secret-path", headers={})
    assert "secret-path" not in str(caught.value)


def test_a_closed_port_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(web.NoAnswer, match=r"^Connection refused$"):
        web.request("GET", f"http://127.0.0.1:{port}/secret", headers={})


def test_a_server_without_a_valid_certificate_is_no_answer(receiver: Receiver) -> None:
    """It does not even speak TLS."""
    with pytest.raises(web.NoAnswer, match="SSL"):
        web.request("GET", receiver.url.replace("http:", "https:"), headers={})
