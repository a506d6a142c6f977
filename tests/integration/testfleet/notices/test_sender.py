"""Notices reach a real HTTP server at least once, in order, and by one sender at a time."""

import base64
import hashlib
import hmac
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from testfleet.database.connection import Database
from testfleet.notices import overview
from testfleet.notices.decision import MAX_ATTEMPTS
from testfleet.notices.sender import Sender, Tally
from testfleet.notices.targets import Slack, Webhook
from tests.support.receiver import DEADLINE, Receiver, Response

KEY = b"s" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
RETRY_NOW = "UPDATE outbox_targets SET next_try_at = clock_timestamp()"

Execute = Callable[..., list[Any]]
Finish = Callable[..., None]


def webhook(receiver: Receiver, path: str = "/", **fields: Any) -> Webhook:
    return Webhook(kind="webhook", url=receiver.url + path, secret="env:SECRET", **fields)


def sender(database: Database, targets: dict[str, Any], **fields: Any) -> Sender:
    """Return a sender whose targets are known: they get the notices from now on."""
    made = Sender(database, targets, environ={"SECRET": SECRET}, **fields)
    made.send()
    return made


def subjects(receiver: Receiver, path: str = "/") -> list[str]:
    return [one.json["data"]["run_id"] for one in receiver.requests if one.path == path]


def test_a_finished_run_arrives_once_signed(database: Database, receiver: Receiver, finish: Finish) -> None:
    """A receiver verifies it as the specification describes. A second sweep sends nothing."""
    target = sender(database, {"ci": webhook(receiver)}, run_url="https://fleet.example.com/{run_id}")
    finish("r1")
    assert target.send() == {"ci": Tally(sent=1)}
    assert target.send() == {"ci": Tally()}
    (got,) = receiver.requests
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    signature = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{signature}"
    assert (got.method, got.headers["content-type"]) == ("POST", "application/json")
    assert (got.json["type"], got.json["data"]["status"]) == ("run.finished", "passed")
    assert got.json["data"]["sentence"] == "shop on main passed: 3 passed"
    assert got.json["data"]["url"] == "https://fleet.example.com/r1"


def test_notices_arrive_in_the_order_of_their_runs(database: Database, receiver: Receiver, finish: Finish) -> None:
    target = sender(database, {"ci": webhook(receiver)})
    runs = [f"r{number}" for number in range(20)]
    finish(*runs)
    assert target.send() == {"ci": Tally(sent=20)}
    assert subjects(receiver) == runs


def test_a_failed_notice_is_sent_again_before_later_ones(
    database: Database, receiver: Receiver, finish: Finish, execute: Execute
) -> None:
    """The order survives a failure. Both tries have one id, so that the receiver can ignore the second."""
    target = sender(database, {"ci": webhook(receiver)})
    finish("r1", "r2")
    receiver.answer = lambda _: Response(503, b"maintenance\n")
    assert target.send() == {"ci": Tally(problem="status 503: maintenance")}
    assert target.send() == {"ci": Tally()}  # the delay is not over
    assert subjects(receiver) == ["r1"]
    ((seconds,),) = execute("SELECT extract(epoch FROM next_try_at - now())::float FROM outbox_targets")
    assert 20 < seconds <= 37.5
    receiver.answer = lambda _: Response()
    execute(RETRY_NOW)
    assert target.send() == {"ci": Tally(sent=2)}
    assert subjects(receiver) == ["r1", "r1", "r2"]
    first, again, other = (one.headers["webhook-id"] for one in receiver.requests)
    assert first == again != other


def test_the_wish_of_a_busy_target_is_respected(
    database: Database, receiver: Receiver, finish: Finish, execute: Execute
) -> None:
    target = sender(database, {"ci": webhook(receiver)})
    finish("r1")
    receiver.answer = lambda _: Response(429, headers={"retry-after": "600"})
    target.send()
    ((seconds,),) = execute("SELECT extract(epoch FROM next_try_at - now())::float FROM outbox_targets")
    assert 500 < seconds <= 600


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:1/", "Connection refused"),
        ("env:MISSING", "the environment variable MISSING is not set"),
        ("env:PLAIN", "its URL must be an https:// URL; http:// is allowed on localhost only"),
    ],
)
def test_a_dead_target_delays_no_other(
    database: Database, receiver: Receiver, finish: Finish, url: str, problem: str
) -> None:
    targets: dict[str, Any] = {"dead": Slack(kind="slack", url=url), "ci": webhook(receiver)}
    target = Sender(database, targets, environ={"SECRET": SECRET, "PLAIN": "http://example.com/"})
    target.send()
    finish("r1", "r2")
    tallies = target.send()
    assert tallies["ci"] == Tally(sent=2)
    assert tallies["dead"].problem == problem


def test_a_target_that_never_answers_delays_no_other(database: Database, receiver: Receiver, finish: Finish) -> None:
    """The other target's notices arrive while the first request still waits."""
    release = threading.Event()

    def answer(request: Any) -> Response:
        if request.path == "/slow":
            assert release.wait(DEADLINE)
        return Response()

    target = sender(database, {"a-slow": webhook(receiver, "/slow"), "ci": webhook(receiver)})
    receiver.answer = answer
    finish("r1", "r2")
    thread = threading.Thread(target=target.send)
    thread.start()
    receiver.wait(3)
    assert subjects(receiver, "/slow") == ["r1"]
    assert subjects(receiver) == ["r1", "r2"]
    release.set()
    thread.join(DEADLINE)
    assert subjects(receiver, "/slow") == ["r1", "r2"]


def test_two_senders_never_send_to_a_target_at_the_same_time(
    database: Database, receiver: Receiver, finish: Finish
) -> None:
    """While the first sender waits for an answer, a second one leaves the target alone."""
    target = sender(database, {"ci": webhook(receiver)})
    finish("r1", "r2", "r3")
    release = threading.Event()
    receiver.answer = lambda _: Response() if release.wait(DEADLINE) else Response(500)
    first: list[dict[str, Tally]] = []
    thread = threading.Thread(target=lambda: first.append(target.send()))
    thread.start()
    receiver.wait(1)
    assert target.send() == {"ci": Tally()}
    assert subjects(receiver) == ["r1"]
    release.set()
    thread.join(DEADLINE)
    assert first == [{"ci": Tally(sent=3)}]
    assert subjects(receiver) == ["r1", "r2", "r3"]


def test_many_senders_together_send_each_notice_once(database: Database, receiver: Receiver, finish: Finish) -> None:
    target = sender(database, {"ci": webhook(receiver)})
    runs = [f"r{number}" for number in range(30)]
    finish(*runs)
    threads = [threading.Thread(target=target.send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    target.send()
    assert subjects(receiver) == runs


def _send_in_process(url: str, address: str) -> None:
    made = Webhook(kind="webhook", url=address, secret="env:SECRET")
    Sender(Database(url), {"ci": made}, environ={"SECRET": SECRET}).send()


def test_a_sender_that_dies_before_it_marks_a_notice_sends_it_again(
    database: Database, receiver: Receiver, finish: Finish
) -> None:
    """At least once: the lock is gone with the process, and the same id arrives a second time."""
    target = sender(database, {"ci": webhook(receiver)})
    finish("r1")
    hold = threading.Event()
    receiver.answer = lambda _: Response() if hold.wait(DEADLINE) else Response(500)
    process = multiprocessing.get_context("spawn").Process(
        target=_send_in_process, args=(database.url, receiver.url + "/")
    )
    process.start()
    receiver.wait(1)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(DEADLINE)
    hold.set()
    receiver.answer = lambda _: Response()
    sent = 0
    while not sent:  # until the server has noticed that the process is gone
        sent = target.send()["ci"].sent
    assert subjects(receiver) == ["r1", "r1"]
    assert len({one.headers["webhook-id"] for one in receiver.requests}) == 1


def test_a_redirect_is_not_followed(database: Database, receiver: Receiver, finish: Finish) -> None:
    target = sender(database, {"ci": webhook(receiver)})
    receiver.answer = lambda _: Response(307, headers={"location": f"{receiver.url}/elsewhere"})
    finish("r1")
    assert target.send()["ci"].problem == "status 307: redirects are not followed; set the final URL"
    assert [one.path for one in receiver.requests] == ["/"]


def test_a_notice_is_given_up_after_its_last_try_and_shown(
    database: Database, receiver: Receiver, finish: Finish, execute: Execute
) -> None:
    target = sender(database, {"ci": webhook(receiver)})
    finish("r1", "r2")
    receiver.answer = lambda _: Response(500)
    for _ in range(MAX_ATTEMPTS):
        execute(RETRY_NOW)
        target.send()
    receiver.answer = lambda _: Response()
    execute(RETRY_NOW)
    assert target.send() == {"ci": Tally(sent=1)}
    assert subjects(receiver) == ["r1"] * MAX_ATTEMPTS + ["r2"]
    with database.connect() as connection:
        shown = overview.read(connection)
        assert (shown.targets[0].dead, shown.targets[0].sent, shown.targets[0].waiting) == (1, 1, 0)
        assert (shown.dead[0].attempts, shown.dead[0].kind) == (MAX_ATTEMPTS, "run.finished")
        assert shown.dead[0].last_error == f"status 500; given up after {MAX_ATTEMPTS} tries"
        assert overview.retry(connection, "ci") == 1
    assert target.send() == {"ci": Tally(sent=1)}


def test_a_target_that_is_gone_gets_no_notice_twice(database: Database, receiver: Receiver, finish: Finish) -> None:
    """Status 410 means that the receiver wants no further notices."""
    target = sender(database, {"ci": webhook(receiver)})
    finish("r1", "r2")
    receiver.answer = lambda _: Response(410)
    assert target.send() == {"ci": Tally(dead=2, problem="status 410")}
    assert target.send() == {"ci": Tally()}
    assert subjects(receiver) == ["r1", "r2"]


def test_a_notice_that_waited_three_days_is_given_up_untried(
    database: Database, receiver: Receiver, finish: Finish, execute: Execute
) -> None:
    target = sender(database, {"ci": webhook(receiver)})
    finish("r1")
    receiver.answer = lambda _: Response(500)
    target.send()
    execute("UPDATE outbox_deliveries SET waits_since = now() - interval '73 h'")
    execute(RETRY_NOW)
    assert target.send() == {"ci": Tally(dead=1, problem="given up after three days")}
    assert len(receiver.requests) == 1


def test_a_target_gets_what_its_filters_let_through(database: Database, receiver: Receiver, finish: Finish) -> None:
    targets = {
        "all": webhook(receiver, "/all"),
        "failed": webhook(receiver, "/failed", statuses=("failed",)),
        "load": webhook(receiver, "/load", suites=("load-*",)),
        "cases": webhook(receiver, "/cases", events=("case.*",)),
        "dev": webhook(receiver, "/dev", branches=("dev",)),
    }
    target = sender(database, targets)
    finish("r1")
    finish("r2", status="failed")
    finish("r3", suite="load-shop")
    target.send()
    found = {name: subjects(receiver, f"/{name}") for name in targets}
    assert found == {"all": ["r1", "r2", "r3"], "failed": ["r2"], "load": ["r3"], "cases": [], "dev": []}


def test_a_new_target_gets_only_what_happens_from_then_on(
    database: Database, receiver: Receiver, finish: Finish
) -> None:
    """An installation with a long history does not flood a chat."""
    finish("old")
    target = sender(database, {"ci": webhook(receiver)})
    finish("new")
    target.send()
    assert subjects(receiver) == ["new"]


def test_notices_without_a_target_are_planned_and_deleted_after_a_month(
    database: Database, finish: Finish, execute: Execute
) -> None:
    finish("r1", "r2")
    target = sender(database, {})
    assert execute("SELECT count(*) FROM outbox WHERE planned_at IS NULL") == [(0,)]
    execute("UPDATE outbox SET created_at = now() - interval '31 days' WHERE key = 'r1'")
    target.send()
    assert execute("SELECT key FROM outbox") == [("r2",)]
