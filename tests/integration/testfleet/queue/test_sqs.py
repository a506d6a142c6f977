"""A queue that refuses some entries of a batch. moto never does, so a small server stands in."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from testfleet.errors import BadSetting, NotSent, Refused
from testfleet.queue.dead_letters import DeadLetters
from testfleet.queue.jobs import jobs
from testfleet.queue.sqs import BATCH, DELAYS, Message, Queue

Answer = tuple[int, dict[str, Any]]


class Sqs:
    """Records each batch request and answers it by `answer`."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.answer: Callable[[list[dict[str, str]]], Answer] = accept
        self.url = ""

    def shards(self) -> list[list[str]]:
        """The shards of each call."""
        return [[json.loads(body)["shard"] for body in call] for call in self.calls]


def accept(entries: list[dict[str, str]]) -> Answer:
    return batch(entries, lambda _: None)


def batch(entries: list[dict[str, str]], code: Callable[[str], str | None]) -> Answer:
    """Fail the entries for whose body `code` returns an error code."""
    failed = [
        {"Id": entry["Id"], "Code": why, "Message": f"{why} it is", "SenderFault": False}
        for entry in entries
        if (why := code(entry["MessageBody"]))
    ]
    bad = {entry["Id"] for entry in failed}
    good = [
        {"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x"} for entry in entries if entry["Id"] not in bad
    ]
    return 200, {"Successful": good, "Failed": failed}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sqs]:
    state = Sqs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            entries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Entries"]
            state.calls.append([entry.get("MessageBody", entry.get("ReceiptHandle")) for entry in entries])
            status, body = state.answer(entries)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep the test's output free of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    state.url = f"{endpoint}/123456789012/jobs"
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def queue(sqs: Sqs, slept: list[float] | None = None) -> Queue:
    return Queue(sqs.url, sleep=(slept if slept is not None else []).append)


def test_ten_shards_are_one_request(sqs: Sqs) -> None:
    """Ten entries are the maximum of a batch."""
    queue(sqs).send(jobs("s", run_id="r", shards=25))
    assert [len(call) for call in sqs.calls] == [BATCH, BATCH, 5]


def test_only_refused_entries_are_sent_again(sqs: Sqs) -> None:
    """The others are on the queue already."""
    refused_once = {"2/25", "24/25"}

    def answer(entries: list[dict[str, str]]) -> Answer:
        def code(body: str) -> str | None:
            shard = json.loads(body)["shard"]
            if shard in refused_once:
                refused_once.remove(shard)
                return "InternalError"
            return None

        return batch(entries, code)

    sqs.answer = answer
    slept: list[float] = []
    queue(sqs, slept).send(jobs("s", run_id="r", shards=25))
    assert [len(call) for call in sqs.calls] == [10, 10, 5, 2]
    assert sqs.shards()[-1] == ["2/25", "24/25"]
    assert slept == list(DELAYS[:2])


def test_shards_that_are_refused_in_every_round_are_named(sqs: Sqs) -> None:
    """The number of rounds is limited."""
    sqs.answer = lambda entries: batch(entries, lambda body: "Busy" if '"3/4"' in body else None)
    with pytest.raises(NotSent) as caught:
        queue(sqs).send(jobs("s", run_id="r", shards=4))
    assert caught.value.shards == ("3/4",)
    assert str(caught.value) == "queue: not sent: shard 3/4: Busy it is; enqueue the same run id again"
    assert len(sqs.calls) == len(DELAYS)


def test_a_service_error_is_retried(sqs: Sqs) -> None:
    """Each round is one request: the SDK's own retries are off."""
    answers = [(503, {"__type": "ServiceUnavailable", "message": "later"})]
    sqs.answer = lambda entries: answers.pop() if answers else accept(entries)
    queue(sqs).send(jobs("s", run_id="r"))
    assert len(sqs.calls) == 2


def test_a_denial_is_final(sqs: Sqs) -> None:
    """A retry cannot succeed. The line names the setting."""
    sqs.answer = lambda _: (403, {"__type": "AccessDeniedException", "message": "not yours"})
    with pytest.raises(BadSetting, match=r"^TESTFLEET_QUEUE_URL: .*not yours"):
        queue(sqs).send(jobs("s", run_id="r"))
    assert len(sqs.calls) == 1


def test_shards_for_an_unreachable_queue_are_not_sent(sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names all of them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(NotSent, match=r"^queue: not sent: shard 1/2, 2/2: .*Could not connect"):
        queue(sqs).send(jobs("s", run_id="r", shards=2))


def test_a_message_too_long_for_a_batch_is_refused(sqs: Sqs) -> None:
    """Ten of them would not fit into one batch. No message is sent."""
    params = {f"p{number}": "x" * 1000 for number in range(30)}
    with pytest.raises(Refused, match=r"^--param: the message must be at most 26214 bytes"):
        queue(sqs).send(jobs("s", run_id="r", params=params))
    assert sqs.calls == []


def held(count: int) -> list[Message]:
    return [Message(f"m{number}", "", {}, 1, datetime.now(UTC), f"h{number}") for number in range(count)]


def refuse(handles: set[str]) -> Callable[[list[dict[str, str]]], Answer]:
    """An answer to ChangeMessageVisibilityBatch that fails these receipt handles."""

    def answer(entries: list[dict[str, str]]) -> Answer:
        failed = [
            {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
            for entry in entries
            if entry["ReceiptHandle"] in handles
        ]
        bad = {entry["Id"] for entry in failed}
        return 200, {"Successful": [{"Id": one["Id"]} for one in entries if one["Id"] not in bad], "Failed": failed}

    return answer


def test_a_release_that_sqs_refuses_is_tried_once_more(sqs: Sqs) -> None:
    """A whole batch succeeds although some of its entries fail."""
    tries = iter([{"h3", "h11"}, {"h3", "h11"}, {"h3"}])  # two batches, and the second try of what they refused

    def answer(entries: list[dict[str, str]]) -> Answer:
        return refuse(next(tries))(entries)

    sqs.answer = answer
    slept: list[float] = []
    hidden = queue(sqs, slept).release(held(12))
    assert [message.message_id for message in hidden] == ["m3"]
    assert sqs.calls[2] == ["h3", "h11"]
    assert slept == list(DELAYS[:2])


def test_a_message_that_is_not_released_is_named(sqs: Sqs, capsys: pytest.CaptureFixture[str]) -> None:
    """Another command would not find it."""
    sqs.answer = refuse({"h1"})
    letters = DeadLetters(queue(sqs), None)
    letters._held = {message.message_id: message for message in held(2)}
    letters.__exit__()
    assert capsys.readouterr().err == "testfleet: SQS did not release m1: hidden for at most 60 s\n"
