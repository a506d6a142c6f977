"""`testfleet up`, `serve` and `demo` as processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from testfleet.local.demo import EXPECTED
from tests.support.fleet import CATALOG, eventually, is_alive
from tests.support.forks.popen import Popen, run_program
from tests.support.ports import free_ports

MOTO = "testfleet.local.aws.moto_server"
TESTFLEET = [sys.executable, "-m", "testfleet"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may enter."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def exports(file: Path) -> dict[str, str]:
    """Return the variables that a shell reads from the file."""
    printed = subprocess.run(["sh", "-c", f". {file} && env -0"], check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in printed.split("\0") if "=" in line)


def test_another_terminal_uses_the_fleet_that_is_up(folder: Path, clean_env: dict[str, str]) -> None:
    """The printed variables suffice to enqueue, wait and read. Ctrl-C ends the fleet and leaves no process."""
    with (folder / "output").open("wb") as output:
        argv = [*TESTFLEET, "up", "--catalog", str(CATALOG), "--state", str(folder / "state")]
        up = Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=clean_env)
    try:
        file = folder / "state" / "env"
        eventually(lambda: file.exists() or up.poll() is not None, "the fleet is up")
        assert up.poll() is None, (folder / "output").read_text()
        eventually(lambda: "fleet_up" in (folder / "output").read_text(), "the fleet is up")
        assert set(file.read_text().splitlines()) <= set((folder / "output").read_text().splitlines())
        env = clean_env | exports(file)
        enqueued = run_program([*TESTFLEET, "enqueue", "steps"], env=env, check=True, capture_output=True, text=True)
        waited = run_program(
            [*TESTFLEET, "wait", enqueued.stdout.strip(), "--timeout", "2m", "--json"],
            env=env,
            check=False,
            capture_output=True,
            text=True,
        )
        assert waited.returncode == 0, waited.stderr
        assert json.loads(waited.stdout)["run"]["total"] == 4
        family = psutil.Process(up.pid).children(recursive=True)
        assert family
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0, (folder / "output").read_text()
        eventually(lambda: not any(map(is_alive, family)), "every process has ended")  # the fork server ends last
    finally:
        up.kill()
        up.wait()


def test_a_sample_suite_without_a_target_tests_the_shop_of_up(folder: Path, clean_env: dict[str, str]) -> None:
    """README's commands for another terminal end with a passed run."""
    with (folder / "output").open("wb") as output:
        argv = [*TESTFLEET, "up", "--state", str(folder / "state")]
        up = Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=clean_env)
    try:
        eventually(lambda: "fleet_up" in (folder / "output").read_text() or up.poll() is not None, "the fleet is up")
        env = clean_env | exports(folder / "state" / "env")
        argv = [*TESTFLEET, "enqueue", "smoke", "--wait", "--timeout", "2m"]
        done = run_program(argv, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0, (folder / "output").read_text()
    finally:
        up.kill()
        up.wait()


def server_of(process: "subprocess.Popen[bytes]", module: str) -> psutil.Process:
    """Return the process that `up` or `serve` started for one of its servers."""
    children = psutil.Process(process.pid).children()
    (found,) = [child for child in children if module in child.cmdline()]
    return found


def daemon(state: Path) -> psutil.Process:
    """Return the PostgreSQL daemon over the state folder."""
    return psutil.Process(int((state / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def test_up_ends_when_its_endpoint_dies_and_logs_the_reason_to_stderr(folder: Path, clean_env: dict[str, str]) -> None:
    """stdout holds the environment variables and nothing else, so that a shell can read it."""
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        argv = [*TESTFLEET, "up", "--catalog", str(CATALOG), "--state", str(folder / "state")]
        up = Popen(argv, stdout=stdout, stderr=stderr, env=clean_env)
    try:
        eventually(lambda: "fleet_up" in (folder / "stderr").read_text(), "the fleet is up")
        server_of(up, MOTO).kill()
        assert up.wait(60) == 70
        assert "server_died" in (folder / "stderr").read_text()
        assert {line.split(" ")[0] for line in (folder / "stdout").read_text().splitlines()} == {"export", "#"}
    finally:
        up.kill()
        up.wait()


@pytest.mark.parametrize("part", [MOTO, "shop", "daemon"])
def test_serve_ends_when_one_of_its_servers_dies(part: str, folder: Path, clean_env: dict[str, str]) -> None:
    """Kubernetes restarts a container that ends. It would keep one that serves only a part."""
    state, free = folder / "state", free_ports(3)
    ports = [f"--{name}-port={port}" for name, port in zip(("aws", "database", "shop"), free, strict=True)]
    argv = [*TESTFLEET, "serve", "--host", "127.0.0.1", "--password", "trial", "--state", str(state), *ports]
    with (folder / "output").open("wb") as output:
        serve = Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=clean_env)
    try:
        eventually(lambda: (state / "env").exists() or serve.poll() is not None, "everything is served")
        (daemon(state) if part == "daemon" else server_of(serve, part)).kill()
        assert serve.wait(60) == 70, (folder / "output").read_text()
        assert "server_died" in (folder / "output").read_text()
        assert not (state / "env").exists()
    finally:
        serve.kill()
        serve.wait()


def test_a_missing_catalog_is_named(folder: Path, clean_env: dict[str, str]) -> None:
    """The message is one line, and no server starts."""
    argv = [*TESTFLEET, "up", "--catalog", "no/catalog.toml", "--state", str(folder / "state")]
    ended = run_program(argv, env=clean_env, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (64, "testfleet: --catalog: no/catalog.toml does not exist\n")
    assert not (folder / "state").exists()


def test_the_demo_shows_every_verdict_and_the_failed_cases(folder: Path, clean_env: dict[str, str]) -> None:
    """Exit code 0 means that the failing suite failed and the others passed."""
    env = clean_env | {"PATH": os.environ["PATH"]}
    ended = run_program([*TESTFLEET, "demo"], env=env, cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    table = {line.split("\t")[0]: line.split("\t")[1] for line in ended.stdout.splitlines() if "\t" in line}
    assert {expected.suite: expected.verdict for expected in EXPECTED}.items() <= table.items()
    assert "FAILED" in ended.stdout
    assert "FLAKY" in ended.stdout
    assert "trace.zip" in ended.stdout


def test_a_demo_that_runs_out_of_time_names_the_timeout(folder: Path, clean_env: dict[str, str]) -> None:
    """The table shows how far each run got."""
    env = clean_env | {"PATH": os.environ["PATH"]}
    argv = [*TESTFLEET, "demo", "--timeout", "0s"]
    ended = run_program(argv, env=env, cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    suites = ", ".join(expected.suite for expected in EXPECTED)
    assert ended.stderr.splitlines()[-1] == f"testfleet: --timeout: not finished within 0 ms: {suites}; allow more time"
    assert ended.stdout.startswith("suite\tverdict\texpected\t")


def test_a_port_in_use_is_reported_in_one_line(folder: Path, clean_env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        state = ["--state", str(folder / "state")]
        argv = [*TESTFLEET, "up", "--catalog", str(CATALOG), *state, "--aws-port", str(port)]
        ended = run_program(argv, env=clean_env, capture_output=True, text=True)
    reason = f"127.0.0.1:{port}: Address already in use; choose another port"
    assert (ended.returncode, ended.stderr) == (69, f"testfleet: AWS endpoint: did not start: {reason}\n")
