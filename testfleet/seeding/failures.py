"""The texts of failures, as the tools of the suites write them."""

import hashlib
import random
import uuid
import zlib
from dataclasses import dataclass
from typing import Literal

from testfleet.seeding.values import CaseSpec, Failure, Status, ToolName

Kind = Literal["assertion", "timing", "dependency"]
"""What a test sees: a wrong value, something that came too late, or a part of the tested system that is down."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The text of one cause. Numbers, times and ids differ in each failure.

    With `varied`, a word of the text belongs to the case, as with a locator: such failures are near-duplicates.
    """

    status: Status
    error_type: str
    lines: tuple[str, ...]
    varied: bool


_BUTTONS = ("Pay now", "Continue", "Apply voucher", "Save address", "Sign in", "Show more", "Remove", "Confirm order")
_FIELDS = ("total", "status", "currency", "email", "delivery_date", "stock", "role", "tax_rate", "title", "locale")
_STATES = ("active", "expired", "pending", "paid", "locked", "draft", "sold out", "shipped", "visible", "hidden")
_HOSTS = ("payments", "catalogue", "identity", "pricing", "mailer", "ledger", "search-index")

_TEXTS: dict[tuple[ToolName, Kind], tuple[tuple[Status, str, str], ...]] = {
    ("playwright", "assertion"): (
        (
            "failed",
            "Error",
            (
                "Error: expect(locator).toHaveText(expected) failed\nLocator:  getByTestId('{field}')\n"
                'Expected: "{state}"\nReceived: "{other}"\nTimeout:  5000ms'
            ),
        ),
        (
            "failed",
            "Error",
            (
                'Error: expect(received).toBe(expected) // Object.is equality\nExpected: "{field} {state}"\n'
                'Received: "{field} {other} {n}"'
            ),
        ),
    ),
    ("playwright", "timing"): (
        (
            "failed",
            "TimeoutError",
            (
                "TimeoutError: locator.click: Timeout 30000ms exceeded.\n"
                "waiting for getByRole('button', {{ name: '{button}' }})\nelement is not stable, attempt {n}"
            ),
        ),
        (
            "failed",
            "Error",
            (
                "Error: expect(locator).toBeVisible() failed\nLocator: getByText('{button}')\nExpected: visible\n"
                "Received: hidden\nTimeout: 5000ms, after {ms} ms"
            ),
        ),
    ),
    ("playwright", "dependency"): (
        ("failed", "Error", "Error: page.goto: net::ERR_CONNECTION_REFUSED at https://{host}.staging.example.com/{n}"),
        (
            "failed",
            "Error",
            (
                "Error: expect(response).toBeOK() failed\nExpected: 200..299\n"
                "Received: 503 Service Unavailable from {host}, request {uuid}"
            ),
        ),
    ),
    ("pytest", "assertion"): (
        (
            "failed",
            "AssertionError",
            "AssertionError: assert '{other}' == '{state}'\n  - {state}\n  + {other}\nexpected {field} of member {n}",
        ),
        ("failed", "KeyError", "KeyError: '{field}_{button}'"),
    ),
    ("pytest", "timing"): (
        ("failed", "TimeoutError", "TimeoutError: {field} was not {state} after {ms} ms"),
        (
            "errored",
            "sqlalchemy.exc.OperationalError",
            "sqlalchemy.exc.OperationalError: deadlock detected on table {field}, process {n} waits for {n}",
        ),
    ),
    ("pytest", "dependency"): (
        (
            "errored",
            "requests.exceptions.ConnectionError",
            (
                "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='{host}.staging.example.com', "
                "port=443): Max retries exceeded with url: /v1/{uuid}"
            ),
        ),
    ),
    ("newman", "assertion"): (
        ("failed", "AssertionError", "expected response to have status code 201 but got 500: {field} is {other}"),
        ("failed", "AssertionError", "expected '{other}' to equal '{state}' at $.{field}, order {n}"),
    ),
    ("newman", "timing"): (
        ("failed", "AssertionError", "expected {ms} to be below 800: the answer with {field} was {state} too late"),
        ("errored", "Error", "Error: ESOCKETTIMEDOUT while reading {field} of {state} orders"),
    ),
    ("newman", "dependency"): (
        ("errored", "Error", "Error: connect ECONNREFUSED 10.0.{n}.17:8443 ({host})"),
        ("failed", "AssertionError", "expected response to have status code 200 but got 503 from {host}, {uuid}"),
    ),
    ("command", "assertion"): (
        (
            "failed",
            "org.opentest4j.AssertionFailedError",
            "{field} of a {state} invoice ==> expected: <12.50> but was: <12.{n}>",
        ),
        (
            "errored",
            "java.lang.NullPointerException",
            'Cannot invoke "{field}()" because "{state}Invoice" is null',
        ),
    ),
    ("command", "timing"): (
        (
            "failed",
            "org.awaitility.core.ConditionTimeoutException",
            "Condition with alias '{field} is {state}' didn't complete within {ms} milliseconds",
        ),
    ),
    ("command", "dependency"): (
        ("errored", "java.net.SocketTimeoutException", "Connect to {host}.staging.example.com:443 timed out, {uuid}"),
    ),
    ("k6", "assertion"): (("failed", "AssertionError", "{n} of 1200 requests failed: {field} is {other}"),),
    ("k6", "timing"): (("failed", "ThresholdError", "threshold crossed for {field}: p(95)={ms}"),),
    ("k6", "dependency"): (("failed", "AssertionError", "{n} of 1200 requests got 503 from {host}"),),
}


def draw(chance: random.Random, tool: ToolName, kind: Kind, *, varied: bool = False, host: str | None = None) -> Cause:
    """Return a new cause. `host` is the part of the tested system that is down."""
    status, error_type, text = chance.choice(_TEXTS[tool, kind])
    state, other = chance.sample(_STATES, k=2)
    words = {
        "state": state,
        "other": other,
        "field": "{field}" if varied else chance.choice(_FIELDS),
        "button": "{button}" if varied else chance.choice(_BUTTONS),
        "host": host or chance.choice(_HOSTS),
    }
    lines = text.format(**words, n="{n}", ms="{ms}", uuid="{uuid}").splitlines()
    return Cause(status, error_type, tuple(lines), varied)


def draw_host(chance: random.Random) -> str:
    """Return a part of the tested system."""
    return chance.choice(_HOSTS)


def render(chance: random.Random, cause: Cause, spec: CaseSpec, tool: ToolName) -> Failure:
    """Return one failure of the cause in this case."""
    identity = zlib.crc32(spec.name.encode())
    own = {"field": _FIELDS[identity % len(_FIELDS)], "button": _BUTTONS[identity % len(_BUTTONS)]}
    volatile = {
        "n": str(chance.randrange(2, 250)),
        "ms": str(chance.randrange(800, 31_000)),
        "uuid": str(uuid.UUID(int=chance.getrandbits(128))),
    }
    message = "\n".join(_fill(line, own | volatile) for line in cause.lines)
    stable = "\n".join(_fill(line, own) for line in cause.lines)
    line = identity % 180 + 12
    location = None if tool in {"newman", "k6"} else f"{spec.file}:{line}"
    return Failure(
        status=cause.status,
        error_type=cause.error_type,
        message=message,
        error=f"{message}\n{_stack(tool, spec, line)}".rstrip(),
        location=location,
        fingerprint=hashlib.sha256(f"{cause.error_type}\0{stable}".encode()).hexdigest()[:16],
    )


def _fill(line: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        line = line.replace(f"{{{word}}}", value)
    return line


def _stack(tool: ToolName, spec: CaseSpec, line: int) -> str:
    if tool == "playwright":
        return f"    at {spec.file}:{line}:7"
    if tool == "pytest":
        return f"{spec.file}:{line}: in the test"
    if tool == "command":
        method = spec.name.partition("[")[0]
        return f"    at {method}({spec.file.rpartition('/')[2]}:{line})"
    return ""
