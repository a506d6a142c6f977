"""The bodies of notices: our JSON, Slack's, and entries of EventBridge. All text of reports is hostile."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from testfleet.notices.notice import Notice
from testfleet.output.blocks import clean_line

SOURCE = "testfleet"
MAX_LINE = 300
"""Maximum number of characters of a name in a line for people."""

_SIGNS = {"passed": ":white_check_mark:", "failed": ":x:", "errored": ":boom:"}


@dataclass(frozen=True, slots=True)
class Message:
    """A notice with its sentence for people and the address of its run, if there is one."""

    notice: Notice
    sentence: str
    link: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The notice's data as every target gets them."""
        return {**self.notice.data, "sentence": self.sentence, **({"url": self.link} if self.link else {})}


def sentence(notice: Notice, meaning: str = "") -> str:
    """Return what happened, in one line. `meaning` is the sentence on the failures of a finished run."""
    data = notice.data
    where = _named(data.get("suite") or data.get("run_id")) + (f" on {_named(notice.branch)}" if notice.branch else "")
    name = _named(data.get("name"))
    match notice.kind:
        case "run.finished":
            return f"{where} {data['status']}: {meaning or _counts(data)}"
        case "regression.opened":
            rates = f"{_percent(data['after_rate'])} of the last 7 days, {_percent(data['before_rate'])} before"
            return f"{where}: {name} fails more often: it passed {rates}"
        case "regression.closed":
            return f"{where}: {name} has recovered"
        case "case.flaky":
            return f"{where}: {name} became flaky"
        case "quarantine.expiring":
            until, owner = data["until"][:16].replace("T", " "), _named(data.get("owner"))
            return f"{where}: the quarantine of {name} ends on {until} UTC; its owner is {owner}"


def webhook(message: Message) -> bytes:
    """Return the body of a webhook, in the structure that Standard Webhooks recommends."""
    notice = message.notice
    return _json({"type": notice.kind, "timestamp": _time(notice.created_at), "data": message.data})


def slack(message: Message) -> bytes:
    """Return the body of Slack's incoming webhooks. Chats that are compatible with it show at least `text`."""
    notice = message.notice
    sign = _SIGNS.get(str(notice.data.get("status")), "") if notice.kind == "run.finished" else ""
    text = " ".join(filter(None, [sign, _mrkdwn(message.sentence)]))
    names = [f"• {_mrkdwn(_named(name))}" for name in notice.data.get("new_failures") or ()]
    if message.link:
        names.append(f"<{_mrkdwn(message.link)}|Open the run>")
    blocks = [text, *(["\n".join(names)] if names else [])]
    return _json(
        {
            "text": text,
            "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": block[:3000]}} for block in blocks],
        }
    )


def eventbridge(message: Message, bus: str) -> Mapping[str, Any]:
    """Return the entry of PutEvents. `detail.id` is the same when a notice is sent again."""
    notice = message.notice
    detail = {"id": notice.notice_id, **message.data}
    return {
        "Source": SOURCE,
        "DetailType": notice.kind,
        "Detail": _json(detail).decode(),
        "EventBusName": bus,
        "Time": notice.created_at,
    }


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _named(text: object) -> str:
    line = clean_line(str(text or "-"))
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"


def _counts(data: Mapping[str, Any]) -> str:
    counts = [f"{data[name]} {name}" for name in ("passed", "failed", "errored", "skipped") if data.get(name)]
    detail = [_named(data["detail"])] if data.get("detail") else []
    return ", ".join([*detail, *counts]) or "no case ran"


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.0f} %"


def _mrkdwn(text: str) -> str:
    """Return the text with Slack's three control characters escaped, so that it mentions and links nothing."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
