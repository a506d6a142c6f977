"""A suite that looks for credentials finds none. Without the sandbox it finds them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import InvalidInput
from runtime.landlock import LEAST_ABI, abi
from tests.support.aws.endpoint import Aws
from tests.support.forks.popen import WITHOUT_CAPABILITIES
from tests.support.worker_pod import WORKER, Pod, Script, until
from worker.suite import sandbox
from worker.suite.sandbox import UNLESS

FIXTURES = Path(__file__).parents[2] / "fixtures"
TOKEN = "the token of the worker's role"

landlock = pytest.mark.skipif(abi() < LEAST_ABI, reason="this kernel has no Landlock, or only its first version")


class Probed(Pod):
    """A pod whose worker has a token, platform settings and an access key, and whose one suite looks for them."""

    argv = (*WITHOUT_CAPABILITIES, *WORKER)
    popen = subprocess.Popen  # not a fork: /proc must show the worker's own environment

    def __init__(self, folder: Path, aws: Aws, env: dict[str, str]) -> None:
        super().__init__(folder, aws, env)
        self.token = folder / "secrets" / "testfleet" / "token"
        self.config = folder / "config"
        self.tmp = folder / "tmp"
        for each in (self.token.parent, self.config, self.tmp):
            each.mkdir(parents=True)
        self.token.write_text(TOKEN)
        (self.config / "WORKER_BASE_URL").write_text("http://shop.example.com")
        self.env |= {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(self.token),
            "CONFIG_DIR": str(self.config),
            "HOME": str(self.tmp),
            "TMPDIR": str(self.tmp),
        }
        self.command(sys.executable, str(FIXTURES / "sandbox" / "probe.py"))

    def command(self, *argv: str) -> None:
        text = f'[suites.checkout]\nrunner = "command"\npath = "."\ntimeout = 60\ncommand = {json.dumps(argv)}\n'
        (self.suites / "catalog.toml").write_text(text)

    def probe(self, how: str) -> dict[str, Any]:
        """What the suite found."""
        places = {"TOKEN": self.token, "HANDOFF": self.handoff, "CONFIG": self.config}
        aws = {"ENDPOINT": self.aws.endpoint, "QUEUE": self.aws.queue_url}
        self.send(params={name: str(value) for name, value in {**places, **aws}.items()})
        # Without the sandbox the suite moves the handoff away: a receipt at that moment would find no folder.
        script = Script(receipt=None) if how == "off" else Script()
        self.start(script, WORKER_SUITE_SANDBOX=how).wait()
        found: dict[str, Any] = json.loads((self.artifacts / "found.json").read_text())
        return found


@pytest.fixture
def probed(tmp_path: Path, aws: Aws, clean_env: dict[str, str]) -> Iterator[Probed]:
    pod = Probed(tmp_path, aws, clean_env)
    yield pod
    pod.close()


@landlock
def test_a_suite_that_looks_for_credentials_gets_nothing(probed: Probed) -> None:
    """Variables, files and other processes reveal none, and it can't write to the handoff."""
    denied = "PermissionError"
    assert probed.probe("landlock") == {
        "own": [],
        "others": [],
        "token": denied,
        "token through /proc": denied,
        "token through a link": "None",  # a link grants no access
        "link": denied,
        "config": denied,
        "address": denied,
        "handoff": denied,
        "job": denied,
        "forged": denied,
        "truncated": denied,
        "removed": denied,
        "moved": denied,
        "worker's files": denied,
        "s3": "NoCredentialsError",
        "sqs": "NoCredentialsError",
        "secretsmanager": "NoCredentialsError",
        "database": [],
    }
    assert probed.outcome().ending == "finished"


def test_without_the_sandbox_the_same_suite_finds_credentials(probed: Probed) -> None:
    """This proves that the probe works, and that the sandbox stops it."""
    found = probed.probe("off")
    assert found["own"] == []  # the worker itself made this environment
    assert "AWS_SECRET_ACCESS_KEY" in found["others"]
    assert (found["token"], found["link"], found["address"]) == (TOKEN, TOKEN, "http://shop.example.com")
    assert (found["s3"], found["sqs"], found["secretsmanager"]) == ("True", "True", "True")
    assert found["handoff"] != "PermissionError"


@landlock
def test_a_suite_within_can_do_what_suites_do(probed: Probed) -> None:
    """Files anywhere else, renames across folders, children, sockets, signals, the temporary folder."""
    probed.command(sys.executable, str(FIXTURES / "sandbox" / "ordinary.py"))
    probed.send()
    worker = probed.start(WORKER_SUITE_SANDBOX="landlock")
    assert worker.wait() == 0
    assert (probed.outcome().ending, probed.outcome().exit_code) == ("finished", 0), (
        probed.artifacts / "log" / "suite.log"
    ).read_text()


KILLER = """
import os, pathlib, signal
try:
    os.kill(os.getppid(), signal.SIGKILL)
except PermissionError:
    pathlib.Path(os.environ["ARTIFACTS_DIR"], "refused").touch()
pathlib.Path(os.environ["ARTIFACTS_DIR"], "started").touch()
signal.pause()
"""


@pytest.mark.skipif(abi() < 6, reason="this kernel's Landlock has no scope for signals; Linux 6.12 brings it")
def test_a_suite_cannot_signal_its_worker_and_the_worker_can_end_the_suite(probed: Probed) -> None:
    """The scope works in one direction: out of the domain."""
    probed.command(sys.executable, "-c", KILLER)
    probed.send()
    worker = probed.start(WORKER_SUITE_SANDBOX="landlock")
    until(lambda: (probed.artifacts / "started").exists() or worker.process.poll() is not None)
    worker.terminate()
    assert worker.wait() == 0  # the stand-in for the reporter commits what was interrupted
    assert (probed.artifacts / "refused").exists()
    assert (probed.outcome().ending, probed.outcome().exit_code) == ("interrupted", -15)


@landlock
def test_a_missing_program_has_the_usual_error(probed: Probed) -> None:
    """The sandbox adds no wrapper process."""
    probed.command("no-such-program")
    probed.send()
    assert probed.run(WORKER_SUITE_SANDBOX="landlock") == 0
    assert probed.outcome().ending == "failed_to_start"
    assert "no-such-program" in (probed.outcome().detail or "")


@landlock
@pytest.mark.parametrize("place", [".", "artifacts/secrets"], ids=["around", "within"])
def test_a_hidden_folder_must_not_overlap_a_folder_of_the_suite(probed: Probed, tmp_path: Path, place: str) -> None:
    """A token beside the artifacts would hide them, and one below them would block new files. Both are one line."""
    probed.send()
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    env = probed.env | {"WORKER_SUITE_SANDBOX": "landlock", "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token")}
    done = subprocess.run(probed.argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    relation = f"hold {probed.suites}" if place == "." else f"lie in {probed.artifacts}"
    why = f"AWS_WEB_IDENTITY_TOKEN_FILE: hides {folder.resolve()} from suites, so it must not {relation}"
    assert (done.returncode, done.stderr) == (78, f"worker: {why}\n")
    assert probed.waiting() == 1


SHARED_MEMORY = """
import subprocess, sys, threading
from pathlib import Path
from worker.suite.sandbox import Sandbox

sandbox = Sandbox(frozenset({Path(sys.argv[1])}))
if sys.argv[2] == "shut":
    sandbox.protect_memory()
look = "import os; open(f'/proc/{os.getppid()}/task/{os.sys.argv[1]}/environ', 'rb').read()"

def within():
    child = [sys.executable, "-c", look, str(threading.get_native_id())]
    print(sandbox.call(lambda: subprocess.run(child, capture_output=True, text=True)).stderr)

thread = threading.Thread(target=within)
thread.start()
thread.join()
"""


@landlock
@pytest.mark.parametrize(("memory", "seen"), [("shut", False), ("open", True)])
def test_a_suite_cannot_read_the_worker_through_the_launching_thread(tmp_path: Path, memory: str, seen: bool) -> None:
    """The launching thread is in the same domain and shares the worker's memory."""
    argv = [*WITHOUT_CAPABILITIES, sys.executable, "-c", SHARED_MEMORY, str(tmp_path), memory]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("PermissionError" not in done.stdout) is seen


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities")
@landlock
def test_a_worker_with_capabilities_is_refused(probed: Probed) -> None:
    """Some capabilities override Landlock's protection of other processes."""
    probed.argv = WORKER
    probed.send()
    worker = probed.start(WORKER_SUITE_SANDBOX="landlock")
    assert worker.wait() == 78
    assert worker.errors == f"worker: WORKER_SUITE_SANDBOX: {UNLESS}\n"
    assert probed.waiting() == 1


def test_a_kernel_without_landlock_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the alternative and its risk."""
    monkeypatch.setattr(sandbox, "LEAST_ABI", 1000)
    with pytest.raises(InvalidInput) as caught:
        sandbox.for_pod({}, secret={}, read=(), written=())
    assert str(caught.value) == f"WORKER_SUITE_SANDBOX: {sandbox.NEEDS}"
