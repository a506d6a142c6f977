"""JSON requests to a forge: limits of the rate, errors in words."""

import email.utils
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from testfleet import web
from testfleet.errors import BadSetting, CommandError, Refused, Unavailable
from testfleet.output.blocks import clean_line
from testfleet.web import Answer

MAX_WAIT = 120.0
"""Longest time in seconds that the command waits for a limit of the rate to end, over all requests."""

TRIES = 4
_PASSING = {429, 500, 502, 503, 504}


@dataclass(slots=True)
class Api:
    """The REST interface of a forge at `url`. `token_name` is the variable that holds the token, for errors."""

    forge: str
    url: str
    headers: Mapping[str, str]
    token_name: str
    sleep: Callable[[float], object] = time.sleep
    waited: float = 0.0

    def call(self, method: Literal["GET", "POST", "PUT", "PATCH"], path: str, body: Any = None) -> tuple[Any, Answer]:
        """Send a request and return the JSON of its answer. A read and a limit of the rate are tried again.

        A write is tried again only if the forge certainly did not execute it: it answered 429, or 403 with a limit.

        Raises:
            Refused: the forge refuses the request, or the pull request does not exist.
            BadSetting: the token is missing or wrong.
            Unavailable: the forge does not answer, fails, or limits the rate for too long.
        """
        headers = {"accept": "application/json", "content-type": "application/json", **self.headers}
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(1, TRIES + 1):
            try:
                answer = web.request(method, self.url + path, headers=headers, body=data)
            except web.NoAnswer as error:
                problem: CommandError = Unavailable(f"{self.forge}: {error}")
                delay = 2.0**attempt
                again = method == "GET"
            except ValueError as error:
                raise BadSetting(f"{self.forge}: its address {error}") from error
            else:
                if 200 <= answer.status < 300:  # noqa: PLR2004  # success
                    return self._content(answer), answer
                problem = self._problem(answer)
                limit = limited(answer, datetime.now(UTC))
                delay = 2.0**attempt if limit is None else limit
                again = limit is not None or (method == "GET" and answer.status in _PASSING)
            if not again or attempt == TRIES or self.waited + delay > MAX_WAIT:
                raise problem
            self.waited += delay
            self.sleep(delay)
        raise AssertionError("unreachable")

    def _content(self, answer: Answer) -> Any:
        try:
            return json.loads(answer.body) if answer.body else None
        except ValueError as error:
            raise Unavailable(f"{self.forge}: answered with something that is no JSON") from error

    def _problem(self, answer: Answer) -> CommandError:
        said, status = _said(answer), answer.status
        if limited(answer, datetime.now(UTC)) is not None:
            return Unavailable(f"{self.forge}: limits the rate of requests{said}; try again later")
        if status >= 500:  # noqa: PLR2004  # an error of the server
            return Unavailable(f"{self.forge}: status {status}{said}")
        if status == 401:  # noqa: PLR2004  # unauthorized
            return BadSetting(f"{self.token_name}: {self.forge} does not accept the token{said}")
        known = {
            403: f"{self.token_name}: the token may not write comments here{said}",
            404: f"{self.forge}: no such repository or pull request, or the token may not read it{said}",
        }
        moved = f"{self.forge}: has moved (status {status}); set its new address"
        other = moved if 300 <= status < 400 else f"{self.forge}: status {status}{said}"  # noqa: PLR2004  # a redirect
        return Refused(known.get(status, other))


def limited(answer: Answer, now: datetime) -> float | None:
    """Return the seconds until the forge accepts requests again, or None if the answer is no limit of the rate.

    GitHub limits with 403 or 429, and Retry-After or X-RateLimit-Remaining 0 with X-RateLimit-Reset; GitLab with 429.
    """
    if answer.status not in {403, 429}:
        return None
    after = answer.headers.get("retry-after")
    if after is not None:
        return _seconds(after, now)
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        return max(float(reset) - now.timestamp(), 0.0) + 1 if reset.isdecimal() else 60.0
    return 60.0 if answer.status == 429 else None  # noqa: PLR2004  # too many requests


def _seconds(value: str, now: datetime) -> float:
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 60.0
    return max(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds(), 0.0)


def _said(answer: Answer) -> str:
    """Return the forge's own reason, if it gave one."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        return ""
    text = content.get("message") or content.get("error") if isinstance(content, dict) else None
    return f": {clean_line(str(text))[:200]}" if text else ""
