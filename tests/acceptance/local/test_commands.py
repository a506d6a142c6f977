"""`testfleet up` and `testfleet demo`, as a person starts them."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from testfleet.local.demo import EXPECTED
from tests.support.fleet import CATALOG, eventually
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
    """What a shell would take from the file."""
    printed = subprocess.run(["sh", "-c", f". {file} && env -0"], check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in printed.split("\0") if "=" in line)


def test_another_terminal_uses_the_fleet_that_is_up(folder: Path, clean_env: dict[str, str]) -> None:
    """What `up` prints is enough: enqueue, wait, read; Ctrl-C ends it and leaves no process."""
    with (folder / "said").open("wb") as said:
        argv = [*TESTFLEET, "up", "--catalog", str(CATALOG), "--state", str(folder / "state")]
        up = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, env=clean_env)
    try:
        file = folder / "state" / "env"
        eventually(lambda: file.exists() or up.poll() is not None, "the fleet is up")
        assert up.poll() is None, (folder / "said").read_text()
        eventually(lambda: "fleet_up" in (folder / "said").read_text(), "it says so")
        assert set(file.read_text().splitlines()) <= set((folder / "said").read_text().splitlines())
        env = clean_env | exports(file)
        enqueued = subprocess.run([*TESTFLEET, "enqueue", "steps"], env=env, check=True, capture_output=True, text=True)
        waited = subprocess.run(
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
        assert up.wait(60) == 0, (folder / "said").read_text()
        assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    finally:
        up.kill()
        up.wait()


def test_a_sample_suite_without_a_target_tests_the_shop_of_up(folder: Path, clean_env: dict[str, str]) -> None:
    """README's commands for another terminal end with a passed run."""
    with (folder / "said").open("wb") as said:
        argv = [*TESTFLEET, "up", "--state", str(folder / "state")]
        up = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, env=clean_env)
    try:
        eventually(lambda: "fleet_up" in (folder / "said").read_text() or up.poll() is not None, "the fleet is up")
        env = clean_env | exports(folder / "state" / "env")
        argv = [*TESTFLEET, "enqueue", "smoke", "--wait", "--timeout", "2m"]
        run = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0, (folder / "said").read_text()
    finally:
        up.kill()
        up.wait()


def server_of(process: "subprocess.Popen[bytes]", module: str) -> psutil.Process:
    """The process that `up` or `serve` started for one of its servers."""
    children = psutil.Process(process.pid).children()
    (found,) = [child for child in children if module in child.cmdline()]
    return found


def daemon(state: Path) -> psutil.Process:
    """The PostgreSQL daemon over the state folder."""
    return psutil.Process(int((state / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def test_a_fleet_whose_endpoint_dies_says_so_and_ends(folder: Path, clean_env: dict[str, str]) -> None:
    """A fleet that does nothing must not look as if it were up."""
    with (folder / "said").open("wb") as said:
        argv = [*TESTFLEET, "up", "--catalog", str(CATALOG), "--state", str(folder / "state")]
        up = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, env=clean_env)
    try:
        eventually(lambda: "fleet_up" in (folder / "said").read_text(), "the fleet is up")
        server_of(up, MOTO).kill()
        assert up.wait(60) == 70
        assert "server_died" in (folder / "said").read_text()
    finally:
        up.kill()
        up.wait()


@pytest.mark.parametrize("part", [MOTO, "shop", "daemon"])
def test_serve_ends_when_a_part_of_it_dies(part: str, folder: Path, clean_env: dict[str, str]) -> None:
    """Kubernetes restarts a container that ends; one that serves half would stay for ever."""
    state, free = folder / "state", free_ports(3)
    ports = [f"--{name}-port={port}" for name, port in zip(("aws", "database", "shop"), free, strict=True)]
    argv = [*TESTFLEET, "serve", "--host", "127.0.0.1", "--password", "trial", "--state", str(state), *ports]
    with (folder / "said").open("wb") as said:
        serve = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, env=clean_env)
    try:
        eventually(lambda: (state / "env").exists() or serve.poll() is not None, "everything is served")
        (daemon(state) if part == "daemon" else server_of(serve, part)).kill()
        assert serve.wait(60) == 70, (folder / "said").read_text()
        assert "server_died" in (folder / "said").read_text()
        assert not (state / "env").exists()
    finally:
        serve.kill()
        serve.wait()


def test_a_catalog_that_is_not_there_is_named(folder: Path, clean_env: dict[str, str]) -> None:
    """One line, before anything is started."""
    argv = [*TESTFLEET, "up", "--catalog", "no/catalog.toml", "--state", str(folder / "state")]
    ended = subprocess.run(argv, env=clean_env, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (64, "testfleet: --catalog: there is no file no/catalog.toml\n")
    assert not (folder / "state").exists()


def test_the_demo_shows_every_verdict_and_what_broke(folder: Path, clean_env: dict[str, str]) -> None:
    """Exit code 0 says that the failing suite failed and the others passed."""
    env = clean_env | {"PATH": os.environ["PATH"]}
    ended = subprocess.run([*TESTFLEET, "demo"], env=env, cwd=folder, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    table = {line.split("\t")[0]: line.split("\t")[1] for line in ended.stdout.splitlines() if "\t" in line}
    assert {expected.suite: expected.verdict for expected in EXPECTED}.items() <= table.items()
    assert "FAILED" in ended.stdout
    assert "FLAKY" in ended.stdout
    assert "trace.zip" in ended.stdout
