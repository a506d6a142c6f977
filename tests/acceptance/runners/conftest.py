"""Run a test's own suites with the real tools, as the worker does."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from handoff.message import JobMessage, Shard
from handoff.records import Collection
from testfleet.local.samples import examples
from worker.catalog import RunnerName, Suite
from worker.runners import plan
from worker.runners.plan import Folders, Plan
from worker.suite import collection, environment

DEADLINE = 120.0
"""Seconds. Only a hang reaches it, not a slow machine."""

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """A shard that has ended."""

    exit_code: int
    output: str
    artifacts: Path

    @property
    def junit_file(self) -> Path:
        return Folders(self.artifacts).junit_file

    @property
    def collection(self) -> Collection | None:
        """The shard's record of collected tests."""
        return collection.read(Folders(self.artifacts).collection_file)

    @property
    def root(self) -> ET.Element:
        return ET.parse(self.junit_file).getroot()

    @property
    def cases(self) -> list[tuple[str, tuple[str, ...]]]:
        """The name of each case and the tags of its elements, without attachments. A passed case has no tags."""
        return [
            (case.get("name", ""), tuple(child.tag for child in case if child.tag != "system-out"))
            for case in self.root.iter("testcase")
        ]

    def text(self, name: str) -> str:
        """Return the XML of the first case with this name."""
        case = next(case for case in self.root.iter("testcase") if case.get("name") == name)
        return ET.tostring(case, encoding="unicode")


@dataclass(frozen=True)
class Bench:
    """A suite's folder. `secret` replaces the suite's secret in Secrets Manager."""

    suite: Suite
    folder: Path
    url: str
    secret: Mapping[str, str] = field(default_factory=dict)

    def planned(self, shard: str = "1/1") -> tuple[Plan, dict[str, str], Folders]:
        folders = Folders(self.folder / f"artifacts-{shard.replace('/', '-')}")
        folders.junit.mkdir(parents=True, exist_ok=True)
        job = JobMessage(
            run_id="r-1",
            suite=self.suite.name,
            shard=Shard.model_validate(shard),
            target_url=self.url,
            commit="9f2c1ab",
        )
        planned = plan(self.suite, job, folders)
        assert isinstance(planned, Plan)
        env = environment.of_suite(
            os.environ, runner=planned.env, suite=self.suite.env, secret=self.secret, job=job, folders=folders
        )
        return planned, env, folders

    def start(self, shard: str = "1/1") -> "tuple[subprocess.Popen[bytes], Folders]":
        """Start a shard in its own process group, as the worker does, and return at once."""
        planned, env, folders = self.planned(shard)
        process = subprocess.Popen(
            planned.argv,
            cwd=planned.cwd,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return process, folders

    def run(self, shard: str = "1/1") -> Ended:
        planned, env, folders = self.planned(shard)
        done = subprocess.run(
            planned.argv,
            cwd=planned.cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        if planned.after:
            planned.after()
        return Ended(done.returncode, done.stdout, folders.artifacts)


@pytest.fixture(scope="session")
def shop_url() -> Iterator[str]:
    """The URL of the web shop under test."""
    with examples.shop() as url:
        yield url


@pytest.fixture
def bench(tmp_path: Path, shop_url: str) -> Callable[..., Bench]:
    """Return a function that writes a suite: its files by name, and its runner's arguments."""

    def write_suite(
        runner: RunnerName,
        files: Mapping[str, str],
        *,
        args: tuple[str, ...] = (),
        command: tuple[str, ...] = (),
        secret: Mapping[str, str] | None = None,
    ) -> Bench:
        folder = tmp_path / "suite"
        folder.mkdir()
        # above the suite, as in the image, so that the tool and the suite's imports find it
        (tmp_path / "node_modules").symlink_to(REPOSITORY / "node_modules")
        for name, content in files.items():
            (folder / name).write_text(content)
        suite = Suite(name="mine", runner=runner, path=folder, timeout=DEADLINE, args=args, command=command)
        return Bench(suite, tmp_path, shop_url, secret or {})

    return write_suite


@pytest.fixture
def sample(tmp_path: Path, shop_url: str) -> Callable[[Suite], Bench]:
    """Return a function that prepares a suite of the catalog for a run against the shop."""
    return lambda suite: Bench(suite, tmp_path, shop_url)
