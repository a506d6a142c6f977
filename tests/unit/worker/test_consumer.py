"""The consumer with a fake queue, for failures that real servers rarely show."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from handoff import volume
from handoff.records import Mask
from tests.support.worker_pod import until
from tests.support.worker_stage import BODY, FakeQueue, KnownSecrets, Stage, planned
from worker.disposition import Backoff
from worker.errors import QueueOutOfReach, QueueRefused
from worker.runners.plan import NoTests, Plan
from worker.suite import execution, space
from worker.suite.process import SuiteProcess
from worker.suite.space import Limit


@pytest.mark.parametrize(
    ("body", "call", "calls"),
    [
        (BODY, "delete", ["receive 0", "delete m-1"]),
        ("[]", "dead_letter", ["receive 0", "dead_letter m-1 invalid_message"]),
        ("[]", "delete", ["receive 0", "dead_letter m-1 invalid_message", "delete m-1"]),
    ],
)
@pytest.mark.parametrize("error", [QueueOutOfReach, QueueRefused])
async def test_a_message_that_cannot_be_acknowledged_is_tried_again(
    body: str, call: str, calls: list[str], error: type[Exception], tmp_path: Path
) -> None:
    """It becomes visible again. The next Job finds the shard complete, or rejects the message again."""
    queue = FakeQueue(body, frozenset({call}), error)
    assert await Stage(tmp_path, queue, planned("exit 0")).run() == 75
    assert queue.calls == calls


async def test_a_failed_release_keeps_its_exit_code(tmp_path: Path) -> None:
    """The message becomes visible when its visibility timeout ends."""
    stage = Stage(tmp_path, FakeQueue(fails=frozenset({"release"})), planned(""), secret="s")
    assert await stage.run() == 75
    assert stage.queue.calls == ["receive 0", "release m-1 0"]


async def test_a_queue_out_of_reach_is_tried_again(tmp_path: Path) -> None:
    """No message was received, and the next Job may succeed."""
    assert await Stage(tmp_path, FakeQueue(fails=frozenset({"receive"})), planned("")).run() == 75


async def test_a_secret_out_of_reach_releases_the_message_before_the_claim(tmp_path: Path) -> None:
    """Another pod may read the secret."""
    stage = Stage(tmp_path, FakeQueue(), planned(""), secret="s")
    assert await stage.run() == 75
    assert stage.queue.calls == ["receive 0", "release m-1 0"]
    assert not (tmp_path / "job.json").exists()


async def test_a_failure_at_the_last_receive_dead_letters_the_message_with_its_reason(tmp_path: Path) -> None:
    """SQS would move it at the next receive without a reason."""
    stage = Stage(tmp_path, FakeQueue(), planned(""), secret="s")
    consumer = replace(stage.consumer, backoff=Backoff(first_delay=30, max_receives=1))
    assert await consumer.run() == 75
    assert stage.queue.calls == ["receive 0", "dead_letter m-1 out_of_receives", "delete m-1"]


async def test_a_volume_that_cannot_be_written_releases_the_message(tmp_path: Path) -> None:
    """Without the handoff no shard can be claimed."""
    stage = Stage(tmp_path, FakeQueue(), planned(""))
    stage.consumer.handler.sidecar._folder = tmp_path / "gone"
    assert await stage.consumer.run() == 75
    assert stage.queue.calls == ["receive 0", "release m-1 0"]


async def test_a_shard_without_tests_is_complete_with_an_empty_report(tmp_path: Path) -> None:
    """Four shards may share three tests."""
    stage = Stage(tmp_path, FakeQueue(), lambda *_: NoTests())
    assert await stage.run() == 0
    assert (stage.outcome().ending, stage.outcome().exit_code) == ("finished", 0)
    assert "<testsuites/>" in (tmp_path / "artifacts" / "junit" / "junit.xml").read_text()


async def test_an_unexpected_error_of_a_runner_is_an_outcome(tmp_path: Path) -> None:
    """A bug in a runner must not redeliver the message again and again."""

    def plan(*_: object) -> Plan:
        raise ZeroDivisionError("by\nzero")

    stage = Stage(tmp_path, FakeQueue(), plan)
    assert await stage.run() == 0
    assert (stage.outcome().ending, stage.outcome().detail) == ("failed_to_start", "by zero")


async def test_the_report_is_converted_when_the_suite_has_ended(tmp_path: Path) -> None:
    """The runner converts the report of a tool that writes no JUnit."""
    report = tmp_path / "artifacts" / "report"
    stage = Stage(tmp_path, FakeQueue(), planned('echo raw > "$ARTIFACTS_DIR/raw"; exit 2', lambda: _copy(report)))
    assert await stage.run() == 0
    assert report.read_text() == "raw\n"
    assert (stage.outcome().exit_code, stage.outcome().detail) == (2, None)


async def test_a_failed_conversion_is_in_the_detail(tmp_path: Path) -> None:
    """The suite has finished without JUnit, and the detail holds the reason."""

    def after() -> None:
        raise ValueError("summary.json: must be JSON")

    stage = Stage(tmp_path, FakeQueue(), planned("exit 0", after))
    assert await stage.run() == 0
    assert (stage.outcome().ending, stage.outcome().exit_code) == ("finished", 0)
    assert stage.outcome().detail == "no report: summary.json: must be JSON"


async def test_a_stop_while_the_runner_still_plans_is_an_interruption(tmp_path: Path) -> None:
    """The shard is claimed already, so its lease must be released."""
    loop, over = asyncio.get_running_loop(), threading.Event()

    def plan(*_: object) -> NoTests:
        loop.call_soon_threadsafe(stage.stop.set)
        over.wait(20)
        return NoTests()

    stage = Stage(tmp_path, FakeQueue(), plan)
    assert await stage.run() == 0
    assert stage.outcome().ending == "interrupted"
    over.set()


async def test_a_suite_that_can_no_longer_be_watched_has_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by SIGTERM, it may exit with 0 and a green report of half its tests. The message is released."""

    async def wait(_: SuiteProcess) -> None:
        await asyncio.to_thread(until, (tmp_path / "artifacts" / "trapped").exists)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(SuiteProcess, "wait", wait)
    suite = 'trap "exit 0" TERM; touch "$ARTIFACTS_DIR/trapped"; while :; do sleep 0.1; done'
    stage = Stage(tmp_path, FakeQueue(), planned(suite))
    assert await stage.run() == 75
    assert stage.queue.calls == ["receive 0", "release m-1 0"]
    assert not (tmp_path / "outcome.json").exists()


async def test_an_oom_kill_is_in_the_detail(tmp_path: Path) -> None:
    """The control group's count has grown since the start of the suite. Earlier kills do not count."""
    events = tmp_path / "memory.events"
    events.write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    kill = f"sed -i 's/oom_kill 2/oom_kill 3/' {events}; kill -9 $$"
    stage = Stage(tmp_path, FakeQueue(), planned(kill), memory_events=events)
    assert await stage.run() == 0
    assert (stage.outcome().ending, stage.outcome().exit_code) == ("finished", -9)
    assert stage.outcome().detail == "out of memory, memory.events counts 1 more oom_kill"


async def test_the_values_of_a_secret_are_masked_in_logs_and_detail(tmp_path: Path) -> None:
    """A value may be printed in two writes. The reporter gets the values in a file that only its user can read."""

    def after() -> None:
        raise ValueError("hunter2-secret: no summary")

    suite = 'printf "%s" hunter2-; sleep 0.1; printf "%s\n" secret; echo "{$PASSWORD}" > "$ARTIFACTS_DIR/k6.log"'
    stage = Stage(tmp_path, FakeQueue(), planned(suite, after), secret="s", secrets=KnownSecrets(region=None))
    assert await stage.run() == 0
    assert (tmp_path / "artifacts" / "log" / "suite.log").read_text() == "***\n"
    assert (tmp_path / "artifacts" / "k6.log").read_text() == "{***}\n"
    assert stage.outcome().detail == "no report: ***: no summary"
    mask = volume.read(tmp_path, Mask)
    assert mask is not None
    assert mask.values == ("hunter2-secret",)
    assert (tmp_path / Mask.FILE).stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in repr(mask)


FULL = 'head -c 3000000 /dev/zero > "$ARTIFACTS_DIR/../big"; mv "$ARTIFACTS_DIR/../big" "$ARTIFACTS_DIR/big"'
"""The file appears whole, so that no measurement sees a part of it."""


async def never(_: object) -> str:
    """A watcher whose next measurement is too late."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("then", "watch", "exit_code"),
    [("sleep 600", space.exceeded, -15), ("exit 0", never, 0)],
    ids=["while it runs", "at its very end"],
)
async def test_a_suite_that_fills_a_volume_is_ended_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, watch: object, exit_code: int
) -> None:
    """It ends before the kubelet evicts the pod. Its files stay, and the message is deleted."""
    monkeypatch.setattr(space, "exceeded", watch)
    limits = (Limit("artifacts", tmp_path / "artifacts", 1, "WORKER_ARTIFACTS_LIMIT"),)
    stage = Stage(tmp_path, FakeQueue(), planned(f"{FULL}; {then}"), limits=limits)
    assert await stage.run() == 0
    assert stage.queue.calls == ["receive 0", "delete m-1"]
    assert (stage.outcome().ending, stage.outcome().exit_code) == ("out_of_space", exit_code)
    reason = f"artifacts exceed 1 MiB (WORKER_ARTIFACTS_LIMIT): {tmp_path}/artifacts holds 3 MiB"
    assert stage.outcome().detail == reason
    assert (tmp_path / "artifacts" / "big").stat().st_size == 3_000_000


def _copy(report: Path) -> None:
    report.write_text((report.parent / "raw").read_text())


async def test_the_outcome_names_the_versions_of_the_tools(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeQueue(), planned("exit 0"), versions=lambda suite: {suite.name: "1.2.3"})
    assert await stage.run() == 0
    assert stage.outcome().tools == {"checkout": "1.2.3"}


async def test_a_failed_search_for_versions_changes_no_result(tmp_path: Path) -> None:
    """Versions only describe a run."""

    def fail(_: object) -> dict[str, str]:
        raise RuntimeError("no versions today")

    stage = Stage(tmp_path, FakeQueue(), planned("exit 0"), versions=fail)
    assert await stage.run() == 0
    assert (stage.outcome().ending, stage.outcome().tools) == ("finished", {})


async def test_a_search_for_versions_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "TOOLS_SECONDS", 0.1)
    hang = threading.Event()

    def wait(_: object) -> dict[str, str]:
        hang.wait(30)
        return {}

    stage = Stage(tmp_path, FakeQueue(), planned("exit 0"), versions=wait)
    try:
        assert await stage.run() == 0
    finally:
        hang.set()
    assert stage.outcome().tools == {}
