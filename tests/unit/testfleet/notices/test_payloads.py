"""The bodies of notices."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from testfleet.notices.notice import KINDS, Notice
from testfleet.notices.payloads import Message, eventbridge, sentence, slack, webhook

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = {"run_id": "r1", "suite": "shop", "status": "failed", "passed": 2, "failed": 1, "new_failures": ["pays"]}
CASE = {"suite": "shop", "name": "pays"}
RATES = {"after_rate": 0.5, "before_rate": 0.99}
QUARANTINE = {"owner": "team-a", "until": "2026-11-24T09:30:00+00:00"}


def notice(kind: Any = "run.finished", branch: str = "main", **data: Any) -> Notice:
    return Notice(1, "3f2a", kind, "shop", branch, data or RUN, NOON)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("run.finished", RUN, "shop on main failed: 2 passed, 1 failed"),
        ("run.finished", {"run_id": "r1", "status": "errored", "detail": "no report"}, "r1 on main errored: no report"),
        ("run.finished", {"run_id": "r1", "status": "errored"}, "r1 on main errored: no case ran"),
        (
            "regression.opened",
            CASE | RATES,
            "shop on main: pays fails more often: it passed 50 % of the last 7 days, 99 % before",
        ),
        ("regression.closed", CASE | RATES, "shop on main: pays has recovered"),
        ("case.flaky", CASE, "shop on main: pays became flaky"),
        (
            "quarantine.expiring",
            CASE | QUARANTINE,
            "shop on main: the quarantine of pays ends on 2026-11-24 09:30 UTC; its owner is team-a",
        ),
    ],
)
def test_each_notice_is_one_sentence(kind: Any, data: dict[str, Any], expected: str) -> None:
    assert sentence(notice(kind, **data)) == expected


def test_the_sentence_of_a_run_has_the_meaning_of_its_failures() -> None:
    assert sentence(notice(branch=""), "1 new failure") == "shop failed: 1 new failure"


def test_every_kind_has_a_sentence() -> None:
    whole: dict[str, Any] = RUN | CASE | RATES | QUARANTINE
    assert len({sentence(notice(kind, **whole)) for kind in KINDS}) == len(KINDS)


def test_a_webhook_has_the_structure_that_standard_webhooks_recommends() -> None:
    body = json.loads(webhook(Message(notice(), "shop failed", "https://x.example/r1")))
    assert body == {
        "type": "run.finished",
        "timestamp": "2026-11-20T12:00:00Z",
        "data": {**RUN, "sentence": "shop failed", "url": "https://x.example/r1"},
    }


def test_a_chat_shows_the_sentence_the_new_failures_and_a_link() -> None:
    body = json.loads(slack(Message(notice(), "shop failed", "https://x.example/?a=1&b=2")))
    assert body["text"] == ":x: shop failed"
    texts = [block["text"]["text"] for block in body["blocks"]]
    assert texts == [":x: shop failed", "• pays\n<https://x.example/?a=1&amp;b=2|Open the run>"]


def test_text_of_a_report_mentions_nobody_in_a_chat() -> None:
    hostile = "<!channel> <https://e.vil|click> & <@U1>\x1b[31m\n" + "x" * 9000
    data = RUN | {"suite": hostile, "new_failures": [hostile] * 10}
    given = notice(branch=hostile, **data)
    body = json.loads(slack(Message(given, sentence(given))))
    for text in (body["text"], *(block["text"]["text"] for block in body["blocks"])):
        assert "<" not in text
        assert "\x1b" not in text
    assert all(len(block["text"]["text"]) <= 3000 for block in body["blocks"])


def test_an_event_has_source_kind_and_an_id_that_stays() -> None:
    entry = eventbridge(Message(notice(), "shop failed"), "bus")
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("testfleet", "run.finished", "bus")
    assert entry["Time"] == NOON
    assert json.loads(entry["Detail"]) == {"id": "3f2a", **RUN, "sentence": "shop failed"}
