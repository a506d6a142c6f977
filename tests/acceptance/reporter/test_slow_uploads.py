"""Worker and reporter as processes, with a slow connection to S3."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.forks.popen import run_program

CHUNK = 32 * 1024
PAUSE = 0.1
"""Seconds for each chunk over all connections: about 320 KiB/s."""
FILES = 24
FILE_BYTES = 128 * 1024
PATIENCE = 5
"""Seconds of WORKER_RECEIPT_TIMEOUT. All uploads together take longer."""


class SlowLink:
    """Forwards TCP connections. All clients share one limited bandwidth."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._narrow = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listening]
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    def close(self) -> None:
        for one in self._open:
            with closing(one):
                _shut(one)
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._open += [client, server]
            self._spawn(self._forward, client, server, PAUSE)
            self._spawn(self._forward, server, client, 0.0)

    def _forward(self, source: socket.socket, sink: socket.socket, pause: float) -> None:
        try:
            while data := source.recv(CHUNK):
                if pause:
                    with self._narrow:
                        time.sleep(pause * len(data) / CHUNK)
                sink.sendall(data)
        except OSError:
            pass
        _shut(sink)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def slow_s3(aws: Any) -> Iterator[str]:
    """The URL of S3 over the slow connection."""
    url = urlsplit(aws.endpoint)
    link = SlowLink((url.hostname or "", url.port or 0))
    yield link.url
    link.close()


def test_slow_uploads_do_not_release_the_message_of_a_healthy_reporter(
    pod: Any, aws: Any, slow_s3: str, tmp_path: Path
) -> None:
    """The uploads take twice the receipt timeout. The shard is committed in one attempt, and its message is deleted."""
    script = f'cd "$ARTIFACTS_DIR"; for i in $(seq {FILES}); do head -c {FILE_BYTES} /dev/zero > $i; done; printf '
    script += '"<testsuites><testsuite><testcase name=\\"a\\"/></testsuite></testsuites>" > "$JUNIT_FILE"'
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(
        '[suites.checkout]\nrunner = "command"\npath = "."\ntimeout = 60\n'
        f"command = {json.dumps(['sh', '-c', script])}\n"
    )
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=aws.queue_url, MessageBody=json.dumps({"runId": "r-1", "suite": "checkout"}))
    pod.start(AWS_ENDPOINT_URL_S3=slow_s3)
    settings = {
        "WORKER_QUEUE_URL": aws.queue_url,
        "WORKER_DEAD_LETTER_QUEUE_URL": aws.dead_letter_queue_url,
        "WORKER_CATALOG": str(catalog),
        "WORKER_RECEIPT_TIMEOUT": str(PATIENCE),
        "WORKER_SUITE_SANDBOX": "off",
    }
    worker = run_program(
        [sys.executable, "-m", "worker"],
        env=pod.env | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert worker.returncode == 0, worker.stdout
    assert json.loads((pod.handoff / "progress.json").read_text())["count"] > 0
    outcome, receipt = ((pod.handoff / name).stat().st_mtime for name in ("outcome.json", "receipt.json"))
    assert receipt - outcome > PATIENCE
    assert pod.rows("SELECT status, attempt FROM test_shards") == [{"status": "passed", "attempt": 1}]
    counts = sqs.get_queue_attributes(QueueUrl=aws.queue_url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"
