"""The message and the exit code at the end of each kind of session."""

import json
import sys

import pytest

from handoff.records import (
    Admission,
    AlreadyComplete,
    Busy,
    Cancelled,
    Committed,
    Failed,
    Interrupted,
    JobRecord,
    Receipt,
    Rejected,
    Superseded,
    Unavailable,
    ValidJob,
)
from handoff.volume import read
from tests.support.forks.popen import run_program
from tests.support.worker_pod import Pod, Script, until

TOUCH = 'touch "$ARTIFACTS_DIR/started"; '


@pytest.mark.parametrize("code", [0, 3])
def test_a_passed_and_a_failed_suite_are_handled(code: int, pod: Pod) -> None:
    """A failed suite is a result: the Job succeeds, and the message is deleted."""
    pod.suite(f"echo hello; echo oops >&2; exit {code}")
    pod.send()
    assert pod.run() == 0
    assert pod.is_empty()
    assert (pod.outcome().ending, pod.outcome().exit_code) == ("finished", code)
    assert (pod.artifacts / "log" / "suite.log").read_text() == "hello\noops\n"


def test_the_reporter_gets_the_job_unchanged(pod: Pod) -> None:
    """job.json contains the data of the claim."""
    pod.send(shard="2/3", commit="abc")
    assert pod.run() == 0
    record = read(pod.handoff, JobRecord)
    assert record is not None
    received = record.root
    assert isinstance(received, ValidJob)
    assert (received.receive_count, received.job.run_id, str(received.job.shard)) == (1, "r-42", "2/3")


def test_no_message_is_handled(pod: Pod) -> None:
    """A surplus Job receives no message and exits with 0."""
    worker = pod.start(WORKER_RECEIVE_WAIT="0")
    assert worker.wait() == 0
    assert worker.events() == ["no_message"]


def test_a_message_that_becomes_visible_late_is_received(pod: Pod) -> None:
    """A Job created for a crashed worker's message still runs when that becomes visible."""
    pod.sqs.send_message(
        QueueUrl=pod.aws.queue_url, MessageBody='{"runId": "r-1", "suite": "checkout"}', DelaySeconds=2
    )
    assert pod.run() == 0
    assert pod.is_empty()
    assert pod.outcome().exit_code == 0


@pytest.mark.parametrize("admission", [AlreadyComplete(), Busy(retry_after=60, same_message=False)])
def test_a_repeated_job_is_deleted_and_runs_nothing(admission: AlreadyComplete | Busy, pod: Pod) -> None:
    """The shard is complete, or the holder's own message still guards it."""
    pod.suite(TOUCH)
    pod.send()
    assert pod.run(Script(Admission(admission))) == 0
    assert pod.is_empty()
    assert not (pod.artifacts / "started").exists()


def test_a_message_delivered_twice_is_hidden_for_a_lease(pod: Pod) -> None:
    """It becomes visible when the holder may have died, and not before."""
    pod.send()
    assert pod.run(Script(Admission(Busy(retry_after=2, same_message=True)))) == 0
    assert (pod.waiting(), pod.in_flight()) == (0, 1)
    until(lambda: pod.waiting() == 1)  # long before the visibility timeout of 120 s


def test_a_message_that_the_reporter_rejects_is_dead_lettered(pod: Pod) -> None:
    """A message that contradicts its run can never succeed."""
    body = pod.send()
    assert pod.run(Script(Admission(Rejected(reason="other_total", detail="shard: must be i/4")))) == 0
    assert pod.is_empty()
    assert pod.dead() == [(body, "other_total", "shard: must be i/4")]


def test_a_message_that_could_not_be_handled_waits_before_the_next_attempt(pod: Pod) -> None:
    """An outage must not use up the receives of a whole queue within seconds."""
    pod.send()
    script = Script(Admission(Unavailable(detail="no answer within 300 s")))
    assert pod.run(script, WORKER_RETRY_DELAY="60") == 75
    assert (pod.waiting(), pod.in_flight()) == (0, 1)


def test_the_last_receive_dead_letters_with_its_reason(pod: Pod) -> None:
    """The dead-letter queue shows what was out of reach."""
    body = pod.send()
    script = Script(Admission(Unavailable(detail="no answer within 300 s")))
    assert pod.run(script, WORKER_MAX_RECEIVES="1") == 75
    assert pod.is_empty()
    assert pod.dead() == [(body, "out_of_receives", "no answer within 300 s")]


def test_without_a_database_no_suite_starts(pod: Pod) -> None:
    """The claim proves that the database answers before anything expensive begins."""
    pod.suite(TOUCH)
    pod.send()
    assert pod.run(Script(Admission(Unavailable(detail="no answer within 300 s")))) == 75
    assert pod.waiting() == 1
    assert not (pod.artifacts / "started").exists()


@pytest.mark.parametrize(
    ("receipt", "code", "waiting", "in_flight"),
    [
        (Committed(status="failed"), 0, 0, 0),
        (Failed(detail="S3 did not answer"), 75, 1, 0),
        (Interrupted(), 143, 1, 0),
        (Superseded(), 0, 0, 1),
        (Cancelled(), 0, 0, 0),
    ],
    ids=["committed", "failed", "interrupted", "superseded", "cancelled"],
)
def test_the_receipt_decides(
    receipt: Committed | Failed | Interrupted | Superseded | Cancelled,
    code: int,
    waiting: int,
    in_flight: int,
    pod: Pod,
) -> None:
    """Only `committed` and `cancelled` delete the message. `superseded` leaves it to its new owner."""
    pod.send()
    assert pod.run(Script(receipt=Receipt(receipt))) == code
    assert (pod.waiting(), pod.in_flight()) == (waiting, in_flight)


def test_a_lost_shard_stops_the_suite_at_once(pod: Pod) -> None:
    """Two pods never run one shard."""
    pod.suite(TOUCH + "sleep 600")
    pod.send()
    script = Script(receipt=Receipt(Superseded()), receipt_after_outcome=False)
    assert pod.run(script) == 0
    assert (pod.waiting(), pod.in_flight()) == (0, 1)
    assert not (pod.handoff / "outcome.json").exists()


def test_a_cancelled_run_stops_the_suite_and_deletes_the_message(pod: Pod) -> None:
    """No part of the run starts again."""
    pod.suite(TOUCH + "sleep 600")
    pod.send()
    script = Script(receipt=Receipt(Cancelled()), receipt_after_outcome=False)
    assert pod.run(script) == 0
    assert (pod.waiting(), pod.in_flight()) == (0, 0)
    assert not (pod.handoff / "outcome.json").exists()


@pytest.mark.parametrize("script", [Script(admission=None), Script(receipt=None)], ids=["admission", "receipt"])
def test_the_wait_for_a_silent_reporter_has_a_deadline(script: Script, pod: Pod) -> None:
    """The message is hidden for the back-off."""
    pod.send()
    assert pod.run(script, WORKER_RECEIPT_TIMEOUT="1") == 75
    assert pod.waiting() == 1


def test_a_suite_that_runs_too_long_is_ended(pod: Pod) -> None:
    """The outcome has the ending `timed_out` and the timeout."""
    pod.suite(TOUCH + "sleep 600", timeout=1)
    pod.send()
    assert pod.run() == 0
    assert (pod.outcome().ending, pod.outcome().exit_code) == ("timed_out", -15)
    assert pod.outcome().detail == "the suite ran longer than its timeout of 1 s"


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ('"sh"', '"no-such-program"', "no-such-program"),
        ('path = "."', 'path = "elsewhere"', "suites.checkout.path"),
    ],
)
def test_a_suite_that_cannot_start_is_an_outcome(old: str, new: str, detail: str, pod: Pod) -> None:
    """The run is errored with the reason, and the worker does not crash."""
    catalog = pod.suites / "catalog.toml"
    catalog.write_text(catalog.read_text().replace(old, new))
    pod.send()
    assert pod.run() == 0
    assert pod.outcome().ending == "failed_to_start"
    assert detail in (pod.outcome().detail or "")


def test_the_suite_gets_its_job_and_secret_and_nothing_of_the_pod(pod: Pod) -> None:
    """No AWS variable, no setting of ours, no path of the handoff."""
    pod.aws.client("secretsmanager").create_secret(
        Name=f"{pod.aws.bucket}/checkout", SecretString=json.dumps({"PASSWORD": "p w", "RETRIES": 3, "RUN_ID": "mine"})
    )
    pod.suite('env > "$ARTIFACTS_DIR/env"', more=f'secret = "{pod.aws.bucket}/checkout"\nenv = {{ STAGE = "qa" }}')
    pod.send(shard="1/2", commit="abc", targetUrl="http://shop", params={"depth": "3"})
    worker = pod.start(WORKER_X="1", UNRELATED="1")
    assert worker.wait() == 0
    env = dict(line.partition("=")[::2] for line in (pod.artifacts / "env").read_text().splitlines())
    given = (
        {"PASSWORD": "p w", "RETRIES": "3", "STAGE": "qa", "TARGET_URL": "http://shop", "BASE_URL": "http://shop"}
        | {"RUN_ID": "r-42", "SHARD_INDEX": "1", "SHARD_TOTAL": "2", "COMMIT": "abc", "PARAM_DEPTH": "3"}
        | {"ARTIFACTS_DIR": str(pod.artifacts), "JUNIT_FILE": str(pod.artifacts / "junit" / "junit.xml")}
    )
    assert given.items() <= env.items()
    assert not [name for name in env if name.startswith(("AWS_", "WORKER_", "HANDOFF_", "UNRELATED"))]
    assert "p w" not in json.dumps(worker.log)


def test_a_job_without_a_target_gets_the_platforms(pod: Pod) -> None:
    """The suite and the run's row get the same target."""
    pod.suite('printf %s "$TARGET_URL" > "$ARTIFACTS_DIR/target"')
    pod.send()
    assert pod.start(WORKER_BASE_URL="http://shop.example.com").wait() == 0
    assert (pod.artifacts / "target").read_text() == "http://shop.example.com"
    record = read(pod.handoff, JobRecord)
    assert record is not None
    received = record.root
    assert isinstance(received, ValidJob)
    assert received.job.target_url == "http://shop.example.com"


def test_a_check_receives_no_message(pod: Pod) -> None:
    """An installation runs the check beside a queue that may hold messages."""
    pod.send()
    done = run_program([sys.executable, "-m", "worker", "--check"], env=pod.env, timeout=60)
    assert done.returncode == 0
    assert pod.waiting() == 1


def test_a_missing_secret_is_an_outcome(pod: Pod) -> None:
    """No redelivery can succeed, so the run records it."""
    pod.suite("exit 0", more='secret = "no/such"')
    pod.send()
    assert pod.run() == 0
    assert pod.outcome().ending == "failed_to_start"
    assert pod.outcome().detail == "secret no/such: ResourceNotFoundException"


def test_a_used_handoff_folder_is_rejected(pod: Pod) -> None:
    """The worker would take files of an earlier pod for answers to its own."""
    (pod.handoff / "receipt.json").write_text('{"version": 1, "result": "committed", "status": "passed"}')
    pod.send()
    worker = pod.start()
    assert worker.wait() == 75
    assert pod.waiting() == 1
    assert worker.log[0]["files"] == ["receipt.json"]


def test_a_suite_may_run_longer_than_the_visibility_timeout(pod: Pod) -> None:
    """The worker extends the visibility timeout, so that no other worker receives the message."""
    pod.suite(TOUCH + 'while [ ! -e "$ARTIFACTS_DIR/enough" ]; do sleep 0.1; done')
    pod.send()
    worker = pod.start(WORKER_VISIBILITY_TIMEOUT="2")
    pod.started()
    for _ in range(2):  # each poll lasts longer than the visibility timeout
        answer = pod.sqs.receive_message(QueueUrl=pod.aws.queue_url, WaitTimeSeconds=3)
        assert "Messages" not in answer
    (pod.artifacts / "enough").touch()
    assert worker.wait() == 0
    assert pod.is_empty()


def test_every_log_line_names_its_run(pod: Pod) -> None:
    """run_id, shard, attempt and message_id are bound once they are known."""
    pod.send(shard="2/3")
    worker = pod.start()
    assert worker.wait() == 0
    last = worker.log[-1]
    assert last["event"] == "message_deleted"
    assert (last["run_id"], last["shard"], last["attempt"]) == ("r-42", "2/3", 1)
    assert last["message_id"]
