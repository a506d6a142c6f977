"""The sample web shop over HTTP: the behaviour that the sample suites test."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from testfleet.local.samples import examples

DEADLINE = 30.0
"""Seconds, far more than a slow machine needs."""

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a shop that only this module uses."""
    with examples.shop() as url:
        yield url


@pytest.fixture
def visitor(url: str) -> Callable[..., Ask]:
    """Make a function that sends requests within one session."""

    def come(**cookies: str) -> Ask:
        jar = dict(cookies)
        address = urlsplit(url)

        def ask(method: str, path: str, *, form: dict[str, str] | None = None, send: object = None) -> tuple[int, Any]:
            connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=DEADLINE)
            kind = "application/x-www-form-urlencoded" if form else "application/json"
            body = urlencode(form) if form else (json.dumps(send) if send is not None else None)
            headers = {"Content-Type": kind, "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                content = answer.read().decode()
            finally:
                connection.close()
            if cookie := answer.getheader("Set-Cookie"):
                name, _, value = cookie.partition(";")[0].partition("=")
                jar[name] = value
            if answer.status == http.client.SEE_OTHER:
                return ask("GET", str(answer.getheader("Location")))
            return answer.status, json.loads(content) if path.startswith(("/api/", "/health")) else content

        return ask

    return come


def test_a_cart_belongs_to_its_session(visitor: Callable[..., Ask]) -> None:
    """Suites that run at the same time do not interfere."""
    ada, grace = visitor(), visitor()
    assert ada("POST", "/api/cart/items", send={"product": "mug", "count": 2}) == (
        201,
        {"items": {"mug": 2}, "total": 2500},
    )
    assert grace("GET", "/api/cart") == (200, {"items": {}, "total": 0})


def test_many_sessions_at_once_each_get_their_own_order(visitor: Callable[..., Ask]) -> None:
    """Each order has its own number and the total of its own cart."""

    def buy(count: int) -> tuple[int, int]:
        ask = visitor()
        ask("POST", "/api/cart/items", send={"product": "bowl", "count": count})
        _, order = ask("POST", "/api/orders", send={"name": "Ada", "email": "ada@example.com"})
        return order["number"], order["total"]

    with ThreadPoolExecutor(8) as pool:
        orders = list(pool.map(buy, [1 + number % 5 for number in range(40)]))
    assert len({number for number, _ in orders}) == 40
    assert [total for _, total in orders] == [1900 * (1 + number % 5) for number in range(40)]


def test_the_last_lamp_is_held_at_the_first_try_of_each_visit(visitor: Callable[..., Ask]) -> None:
    """A retry in a new session belongs to the same visit. The next run is a new visit and gets the same answer."""
    lamp = {"product": "lamp"}
    for visit in ("first", "second"):
        assert visitor(visit=visit)("POST", "/api/cart/items", send=lamp)[0] == 409
        assert visitor(visit=visit)("POST", "/api/cart/items", send=lamp)[0] == 201


def test_a_coupon_is_subtracted_each_time_it_is_redeemed(visitor: Callable[..., Ask]) -> None:
    """The checkout suite finds this deliberate bug."""
    ask = visitor()
    ask("POST", "/cart", form={"product": "blanket"})
    assert "€71.10" in ask("POST", "/cart/coupon", form={"code": "welcome10"})[1]
    assert "€63.20" in ask("POST", "/cart/coupon", form={"code": "welcome10"})[1]


@pytest.mark.parametrize(
    ("method", "path", "send", "status"),
    [
        ("GET", "/health", None, 200),
        ("GET", "/api/products/kettle", None, 200),
        ("GET", "/api/products/spaceship", None, 404),
        ("PUT", "/cart", None, 405),
        ("POST", "/api/cart/items", {"product": "spaceship"}, 422),
        ("POST", "/api/cart/items", {"product": "mug", "count": 0}, 422),
        ("POST", "/api/cart/items", {"product": "mug", "count": "2"}, 422),
        ("POST", "/api/cart/items", ["mug"], 422),
        ("POST", "/api/orders", {"name": "Ada", "email": "ada"}, 422),
        ("POST", "/api/orders", {"name": "Ada", "email": "ada@example.com"}, 422),
    ],
)
def test_the_api_answers_with_the_fitting_status(
    visitor: Callable[..., Ask], *, method: str, path: str, send: object, status: int
) -> None:
    """A request that the shop rejects gets a status of its own."""
    assert visitor()(method, path, send=send)[0] == status


def test_a_deeply_nested_body_is_rejected(url: str) -> None:
    """Python's parser raises RecursionError and not the error of wrong JSON."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=DEADLINE)
    try:
        connection.request("POST", "/api/cart/items", "[" * 60_000, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 422
    finally:
        connection.close()


def test_input_of_a_customer_is_text_and_not_markup(visitor: Callable[..., Ask]) -> None:
    """The page shows a search word as it was typed."""
    status, page = visitor()("GET", "/?q=%3Cscript%3E")
    assert status == 200
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_program_prints_its_url_and_ends_on_sigterm(clean_env: dict[str, str]) -> None:
    """A newcomer starts it by hand in the folder `examples`."""
    argv = [sys.executable, "-m", "shop", "--port", "0"]
    process = subprocess.Popen(argv, env=clean_env, cwd=examples.folder(), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        address = urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=DEADLINE)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.communicate()
