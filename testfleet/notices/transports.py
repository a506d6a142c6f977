"""Sends one message to one target. Every error is an outcome, so that no target can stop another one."""

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime

from runtime.text import one_line
from testfleet import notices, web
from testfleet.notices import payloads, signing
from testfleet.notices.decision import GONE, Accepted, Failed, Outcome
from testfleet.notices.payloads import Message
from testfleet.notices.targets import EventBridge, Slack, Webhook

_BODY_BYTES = 2000
"""Bytes of an answer that are read: its beginning may explain a failure."""


def send(target: Webhook | Slack | EventBridge, message: Message, environ: Mapping[str, str], now: datetime) -> Outcome:
    """Send the message once and return the outcome. Blocks for at most some 20 seconds."""
    if isinstance(target, EventBridge):
        return notices.aws.put_event(payloads.eventbridge(message, target.bus))
    try:
        url = web.check_address(_value(target.url, environ))
        if isinstance(target, Slack):
            body, headers = payloads.slack(message), {}
        else:
            body = payloads.webhook(message)
            keys = [signing.key(_value(reference, environ)) for reference in target.secrets]
            headers = signing.headers(keys, message.notice.notice_id, int(now.timestamp()), body)
    except _Missing as error:
        return Failed(str(error))
    except ValueError as error:
        return Failed(f"its {'secret' if 'base64' in str(error) else 'URL'} {error}")
    return _post(url, headers, body, now)


def _post(url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Outcome:
    try:
        answer = web.request(
            "POST", url, headers={"content-type": "application/json", **headers}, body=body, limit=_BODY_BYTES
        )
    except web.NoAnswer as error:
        return Failed(str(error))
    if 200 <= answer.status < 300:  # noqa: PLR2004  # success
        return Accepted()
    if 300 <= answer.status < 400:  # noqa: PLR2004  # a redirect
        return Failed(f"status {answer.status}: redirects are not followed; set the final URL")
    text = one_line(answer.body.decode(errors="replace").replace("\0", ""))[:200]
    reason = f"status {answer.status}" + (f": {text}" if text else "")
    return Failed(reason, retry_after(answer.headers.get("retry-after"), now), final=answer.status == GONE)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds of the header Retry-After: a number, or a date of HTTP."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(float(value), 1e9)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


class _Missing(Exception):
    """The value of a reference is not there."""


def _value(reference: str, environ: Mapping[str, str]) -> str:
    scheme, _, place = reference.partition(":")
    if scheme == "env":
        if not environ.get(place):
            raise _Missing(f"the environment variable {place} is not set")
        return environ[place]
    if scheme == "secret":
        try:
            return notices.aws.secret(place)
        except notices.aws.Unusable as error:
            raise _Missing(str(error)) from error
    return reference
