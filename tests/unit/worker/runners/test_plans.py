"""The process that each runner plans, and its errors."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from handoff.message import JobMessage
from handoff.records import FailedTests
from reporter.results import coverage
from worker.catalog import Suite
from worker.errors import CannotPlan
from worker.runners import k6, newman, plan, playwright
from worker.runners import pytest as pytest_runner
from worker.runners.plan import Folders, NoTests

Planned = Callable[..., Any]
Install = Callable[..., Path]

FOLDER = {"name": "Folder", "item": [{"name": "Request"}]}
REQUEST = {"name": "Request", "request": "https://example.com"}


def write(file: Path, content: str = "") -> Path:
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(content)
    return file


def collection(*items: dict[str, Any]) -> str:
    return json.dumps({"info": {"name": "Mine"}, "item": items})


def test_playwright_gets_its_shard_our_reporter_and_the_artifacts_folder(planned: Planned, install: Install) -> None:
    """The suite's arguments come first, so that ours override them."""
    bin_folder = install("node", "playwright")
    plan_ = planned("playwright", "2/4", args=("--project=chromium",))
    assert plan_.argv == (
        str(bin_folder / "node"),
        str(bin_folder / "playwright"),
        "test",
        "--project=chromium",
        "--shard=2/4",
        f"--reporter=list,{playwright.REPORTER}",
        "--output=/artifacts/playwright",
    )
    assert playwright.REPORTER.is_file()


def test_an_npm_tool_is_the_nearest_to_the_suite(planned: Planned, install: Install, tmp_path: Path) -> None:
    """The suite's own import finds the same one, and Playwright does not run as two copies."""
    install("node", "playwright")
    near = write(tmp_path / "suite" / "node_modules" / ".bin" / "playwright")
    write(tmp_path / "node_modules" / ".bin" / "playwright")
    assert planned("playwright").argv[1] == str(near)
    near.unlink()
    assert planned("playwright").argv[1] == str(tmp_path / "node_modules" / ".bin" / "playwright")


def test_k6_runs_the_whole_script_in_a_single_shard(planned: Planned, install: Install, tmp_path: Path) -> None:
    """The command has no segment and no launcher."""
    bin_folder = install("k6")
    script = write(tmp_path / "suite" / "script.js")
    argv = planned("k6", args=("--vus=3",)).argv
    assert argv[:3] == (str(bin_folder / "k6"), "run", "--vus=3")
    assert argv[-1] == str(script)
    assert not any("segment" in word for word in argv)
    assert "--summary-export=/artifacts/k6-summary.json" in argv


def test_k6_runs_one_segment_of_many(planned: Planned, install: Install, tmp_path: Path) -> None:
    """All shards share one sequence of bounds, as k6 asks for."""
    bin_folder = install("k6")
    write(tmp_path / "suite" / "script.js")
    argv = planned("k6", "2/3").argv
    assert argv[:5] == (sys.executable, str(k6.LAUNCHER), "/artifacts/k6-summary.json", str(bin_folder / "k6"), "run")
    assert "--execution-segment=1/3:2/3" in argv
    assert "--execution-segment-sequence=0,1/3,2/3,1" in argv
    assert k6.LAUNCHER.is_file()


@pytest.mark.parametrize(
    ("files", "args", "script", "rest"),
    [
        (["script.js", "other.js"], (), "script.js", ()),
        (["only.ts"], (), "only.ts", ()),
        (["script.js", "other.js"], ("other.js", "--vus=2"), "other.js", ("--vus=2",)),
    ],
)
def test_k6_finds_its_script(
    planned: Planned, install: Install, tmp_path: Path, *, files: list[str], args: Sequence[str], script: str, rest: Any
) -> None:
    """By the first argument, else by its usual name, else because it is the only one."""
    install("k6")
    for name in files:
        write(tmp_path / "suite" / name)
    argv = planned("k6", args=tuple(args)).argv
    assert argv[-1] == str(tmp_path / "suite" / script)
    assert argv[2 : 2 + len(rest)] == rest


def test_newman_gets_the_indexes_of_its_items(planned: Planned, install: Install, tmp_path: Path) -> None:
    """The launcher gets indexes, since two folders may have one name; the rest is Newman's own command line."""
    bin_folder = install("node", "newman")
    file = write(tmp_path / "suite" / "collection.json", collection(REQUEST, FOLDER, FOLDER, REQUEST, FOLDER))
    argv = planned("newman", "1/2", args=("-n", "2")).argv
    assert argv == (
        str(bin_folder / "node"),
        str(newman.LAUNCHER),
        str(bin_folder / "newman"),
        "0,2,3",
        "run",
        str(file),
        "-n",
        "2",
        "--color",
        "off",
    )
    assert newman.LAUNCHER.is_file()
    assert planned("newman").argv[3] == "all"


def test_newman_has_no_tests_for_more_shards_than_folders(planned: Planned, install: Install, tmp_path: Path) -> None:
    """A shard without items starts no process."""
    install("node", "newman")
    write(tmp_path / "suite" / "collection.json", collection(FOLDER))
    assert isinstance(planned("newman", "2/2"), NoTests)


def test_newman_records_the_requests_of_each_shard(planned: Planned, install: Install, tmp_path: Path) -> None:
    """All shards together have each request of the collection once, also the one that has nothing to run."""
    install("node", "newman")
    nested = {"name": "Outer", "item": [FOLDER, {"name": "Last"}, "no item"]}
    write(tmp_path / "suite" / "collection.json", collection(nested, REQUEST, REQUEST))
    plans = {index: planned("newman", f"{index}/3").collection for index in (1, 2, 3)}
    assert {index: (one.collected.count, one.selected.count) for index, one in plans.items()} == {
        1: (4, 2),
        2: (4, 2),
        3: (4, 0),
    }
    assert coverage.doubt(3, plans) is None
    assert coverage.doubt(2, {1: plans[1], 2: plans[1]}) is not None
    assert planned("newman").collection is None  # nothing is divided


@pytest.mark.parametrize(
    ("files", "args", "found"),
    [
        (["collection.json", "a.postman_collection.json"], (), "collection.json"),
        (["a.postman_collection.json", "env.json"], ("-e", "env.json"), "a.postman_collection.json"),
        (["collection.json", "b.json"], ("b.json", "-n", "2"), "b.json"),
    ],
)
def test_newman_finds_its_collection(
    planned: Planned, install: Install, tmp_path: Path, *, files: list[str], args: Sequence[str], found: str
) -> None:
    """By the first argument, else by its usual name, else because it is the only export; a byte order mark is fine."""
    install("node", "newman")
    for name in files:
        write(tmp_path / "suite" / name, "\ufeff" + collection(FOLDER))
    argv = planned("newman", args=tuple(args)).argv
    assert argv[5] == str(tmp_path / "suite" / found)
    assert argv[6:-2] == tuple(args)[args[:1] == (found,) :]


def test_pytest_runs_in_this_python(planned: Planned) -> None:
    """The launcher loads the plugin, which reads the shard from the environment."""
    plan_ = planned("pytest", "2/3", args=("-k", "cart"))
    assert plan_.argv == (sys.executable, str(pytest_runner.LAUNCHER), "-p", "no:cacheprovider", "-k", "cart")
    assert pytest_runner.LAUNCHER.is_file()


def test_a_command_runs_unchanged(planned: Planned, install: Install, tmp_path: Path) -> None:
    """An argv, never a shell line, in the suite's folder."""
    install("make")
    plan_ = planned("command", command=("make", "e2e; rm -rf /"), args=("-j",))
    assert plan_.argv == ("make", "e2e; rm -rf /", "-j")
    assert plan_.cwd == tmp_path / "suite"


def test_a_command_may_stand_in_the_suites_folder(planned: Planned, install: Install, tmp_path: Path) -> None:
    """A name with a slash is relative to that folder."""
    install()
    write(tmp_path / "suite" / "run.sh").chmod(0o755)
    assert planned("command", command=("./run.sh",)).argv == ("./run.sh",)


@pytest.mark.parametrize(
    ("runner", "fields", "files", "tools", "problem"),
    [
        ("playwright", {}, {}, (), "node: must be installed"),
        ("playwright", {}, {}, ("node",), "playwright: must be installed"),
        ("k6", {}, {"script.js": ""}, (), "k6: must be installed"),
        ("k6", {}, {}, ("k6",), "suites.mine.args: must begin with the script's file"),
        ("k6", {}, {"a.js": "", "b.js": ""}, ("k6",), "suites.mine.args: must begin with the script's file"),
        ("k6", {"args": ("gone.js",)}, {"script.js": ""}, ("k6",), "gone.js does not exist"),
        ("newman", {}, {"collection.json": collection(FOLDER)}, ("node",), "newman: must be installed"),
        ("newman", {}, {}, ("node", "newman"), "suites.mine.args: must begin with the collection's file"),
        ("newman", {}, {"collection.json": "{"}, ("node", "newman"), "collection.json must be a readable Postman"),
        ("newman", {}, {"collection.json": "[]"}, ("node", "newman"), "collection.json must be a readable Postman"),
        ("newman", {}, {"collection.json": '{"item":[1]}'}, ("node", "newman"), "must be a readable Postman"),
        ("newman", {"args": ("gone.json",)}, {}, ("node", "newman"), "gone.json must be a readable Postman"),
        ("command", {"command": ("gone",)}, {}, (), "suites.mine.command: must name a program on PATH"),
        ("command", {"command": ("./plain",)}, {"plain": ""}, (), "suites.mine.command: must name a program on PATH"),
    ],
)
def test_a_suite_that_cannot_be_planned_is_one_line(
    planned: Planned,
    install: Install,
    tmp_path: Path,
    *,
    runner: str,
    fields: dict[str, Any],
    files: dict[str, str],
    tools: Sequence[str],
    problem: str,
) -> None:
    """It names the field or the tool, and what is allowed."""
    install(*tools)
    for name, content in files.items():
        write(tmp_path / "suite" / name, content)
    with pytest.raises(CannotPlan) as caught:
        planned(runner, **fields)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_option_contradicts_shards(planned: Planned, install: Install, tmp_path: Path) -> None:
    """Both select folders. A run with one shard may use the option."""
    install("node", "newman")
    write(tmp_path / "suite" / "collection.json", collection(FOLDER, FOLDER))
    assert planned("newman", args=("--folder", "Folder"))
    with pytest.raises(CannotPlan, match=r"suites\.mine\.args: --folder can't be combined with shards"):
        planned("newman", "1/2", args=("--folder", "Folder"))


def test_a_suite_without_a_folder_cannot_start(tmp_path: Path) -> None:
    """An image that lacks the suite is reported before any tool starts."""
    suite = Suite(name="mine", runner="pytest", path=tmp_path / "gone", timeout=60)
    with pytest.raises(CannotPlan, match=r"suites\.mine\.path: must be an existing folder"):
        plan(suite, JobMessage(run_id="r-1", suite="mine"), Folders(tmp_path))


def test_each_runner_knows_the_exit_code_of_failed_tests(planned: Planned, install: Install, tmp_path: Path) -> None:
    """A quarantine covers no other end. After --bail, Newman's end may hide requests that have not run."""
    install("node", "playwright", "newman", "k6")
    write(tmp_path / "suite" / "script.js")
    write(tmp_path / "suite" / "collection.json", collection(REQUEST))
    assert planned("playwright").failed_tests == FailedTests(exit_codes=(1,), one_case_each=True)
    assert planned("pytest").failed_tests == FailedTests(exit_codes=(1,), one_case_each=True)
    assert planned("k6").failed_tests == FailedTests(exit_codes=(99,))
    assert planned("newman").failed_tests == FailedTests(exit_codes=(1,))
    assert planned("newman", args=("--bail",)).failed_tests == FailedTests(exit_codes=())
