"""A pytest plugin that selects the tests of this shard, writes JUnit as tests finish, and ends cleanly on SIGTERM.

pytest writes its own JUnit only at the end, and shows each failed try of pytest-rerunfailures as a passed test. This
plugin uses Surefire's format for tries: `flakyFailure` for each failed try of a test that passed in the end; else
`failure` for the first try and `rerunFailure` for each further one.

With pytest-xdist, each worker selects the same tests, and only the controller writes.
"""

import hashlib
import os
import re
import signal
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from . import collection
from .junit import JUnitWriter, element

_COLLECTED = "testfleet_collected"

_WORKER_LINE = re.compile(r"\A\[gw\d+\] .*\n")
"""pytest-xdist's heading, which differs between workers."""
_DOCTEST = re.compile(
    r"^Expected(?: nothing|:\n(?P<expected>(?: {4}.*\n|\n)+))\n?Got(?: nothing|:\n(?P<got>(?: {4}.*(?:\n|\Z))+))",
    re.MULTILINE,
)
_MARKED = re.compile(r"^(?:E {3,}(\S.*)|UNEXPECTED EXCEPTION: .*)$", re.MULTILINE)
"""The line with the error: as pytest marks it, for example for an unknown fixture, or as doctest does."""


def belongs(node_id: str, index: int, total: int) -> bool:
    """Return whether a test belongs to shard `index` (from 1) of `total`, by a hash of its id alone."""
    digest = hashlib.sha256(node_id.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") % total == index - 1


def pytest_configure(config: pytest.Config) -> None:
    index, total = int(os.environ.get("SHARD_INDEX", "1")), int(os.environ.get("SHARD_TOTAL", "1"))
    file = os.environ.get("COLLECTION_FILE")
    shards = ShardPlugin(index, total, Path(file) if file else None)
    config.pluginmanager.register(shards, "testfleet-shard")
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, _interrupt)
        # Not "pytest": in a suite of that name, the reporter reads a repeated case as a further try.
        writer = JUnitWriter(Path(os.environ["JUNIT_FILE"]), "testfleet")
        config.pluginmanager.register(ReportPlugin(writer, index, total), "testfleet-report")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End as on Ctrl-C: pytest tears down fixtures, and the report is closed."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


class ShardPlugin:
    """Deselects the tests of the other shards, and writes the record of collected tests to `file`.

    A run of one shard has the record only if pytest stopped at a failure.
    """

    def __init__(self, index: int, total: int, file: Path | None) -> None:
        self._index = index
        self._total = total
        self._file = file
        self._collected = 0
        self._ids: list[str] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Run after -k, -m and the suite's own plugins, so that only the tests that they select count as collected."""
        yield
        self._collected = len(items)
        self._ids = [item.nodeid for item in items]
        others = [item for item in items if not belongs(item.nodeid, self._index, self._total)]
        if others:
            config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if belongs(item.nodeid, self._index, self._total)]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write the collected tests. The controller of pytest-xdist collects none, and its workers write them."""
        if self._total > 1:
            self._write(session)

    def _write(self, session: pytest.Session) -> None:
        if self._file is not None and self._ids:
            collection.write(self._file, collected=self._ids, selected=[item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ARG002  # pytest-xdist's signature
        """Copy the number of collected tests from a worker of pytest-xdist, whose controller collects none."""
        self._collected = max(self._collected, getattr(node, "workeroutput", {}).get(_COLLECTED, 0))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.shouldfail:  # -x or --maxfail: the record shows that tests have not run
            self._write(session)
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_COLLECTED] = self._collected
        # A shard may have no test although the suite has some. A suite without any test (a wrong path) is an error.
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._total > 1 and self._collected:
            session.exitstatus = pytest.ExitCode.OK


@dataclass(slots=True)
class _Try:
    started: float
    seconds: float = 0.0
    problem: tuple[str, str, str] | None = None
    """Kind (`failure`, `error`), message and details of the first problem."""
    skipped: str | None = None
    done: bool = False


@dataclass(slots=True)
class _Test:
    file: str
    line: int | None
    tries: list[_Try] = field(default_factory=list)


class ReportPlugin:
    """Writes each test when its last try has ended."""

    def __init__(self, writer: JUnitWriter, index: int, total: int) -> None:
        self._writer = writer
        self._index = index
        self._total = total
        self._running: dict[str, _Test] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, line, _ = report.location
        test = self._running.setdefault(report.nodeid, _Test(file, None if line is None else line + 1))
        if not test.tries or (report.when == "setup" and test.tries[-1].done):
            test.tries.append(_Try(report.start))
        try_ = test.tries[-1]
        if try_.done:
            return  # the teardown of a try that pytest-rerunfailures has ended
        try_.seconds += report.duration
        _record(try_, report)
        if _is_rerun(report):
            try_.done = True
        elif report.when not in {"setup", "call"}:  # "teardown", or "???" for a crashed worker of pytest-xdist
            del self._running[report.nodeid]
            self._write(report.nodeid, test)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write a file that can't be collected as an error in every shard, and a skipped file in one shard only."""
        name = report.nodeid or "collection"
        if report.failed:
            problem = ("error", "collection failed", report.longreprtext)
            self._writer.case({"classname": name, "name": "collection", "file": name}, _problem(*problem))
        elif report.skipped and belongs(name, self._index, self._total):
            skipped = element("skipped", {"message": _reason(report)})
            self._writer.case({"classname": name, "name": "collection", "file": name}, skipped)

    def pytest_internalerror(self, excrepr: object) -> None:
        self._writer.case({"classname": "pytest", "name": "internal error"}, _problem("error", "", str(excrepr)))

    def pytest_unconfigure(self) -> None:
        self._writer.close()

    def _write(self, node_id: str, test: _Test) -> None:
        classname, name = _address(node_id)
        bad = [try_ for try_ in test.tries if try_.problem]
        last = test.tries[-1]
        shown = bad[0] if last.problem else last
        attributes = {
            "classname": classname,
            "name": name,
            "file": test.file,
            "line": None if test.line is None else str(test.line),
            "time": f"{shown.seconds:.3f}",
            "timestamp": datetime.fromtimestamp(test.tries[0].started, UTC).isoformat(timespec="milliseconds"),
        }
        self._writer.case(attributes, *_elements(bad, last))


def _is_rerun(report: pytest.TestReport) -> bool:
    """Return whether pytest-rerunfailures ended this try to start another. It sets this outcome."""
    return str(report.outcome) == "rerun"


def _record(try_: _Try, report: pytest.TestReport) -> None:
    """Record the problem or the skip of one phase of a try."""
    if report.failed or _is_rerun(report):
        kind = "failure" if report.when == "call" else "error"
        try_.problem = try_.problem or (kind, _message(report), report.longreprtext)
    elif report.skipped and not hasattr(report, "context"):  # a skipped subtest does not skip its test
        try_.skipped = _reason(report)


def _message(report: pytest.TestReport) -> str:
    """Return the exception's message, or the line with the error for a doctest or a text without an exception."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if message := getattr(crash, "message", None):
        return str(message)
    text = _WORKER_LINE.sub("", report.longreprtext)
    if doctest := _DOCTEST.search(text):
        expected, got = (" ".join((doctest[name] or "nothing").split()) for name in ("expected", "got"))
        return f"expected {expected}, got {got}"
    marked = _MARKED.search(text)
    return (marked[1] or marked[0]) if marked else text.strip()


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if (expected := getattr(report, "wasxfail", None)) is not None:
        return f"expected failure: {expected}".removesuffix(": ")
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(reason).removeprefix("Skipped: ")


def _elements(bad: Sequence[_Try], last: _Try) -> list[ET.Element]:
    if not last.problem:
        skipped = [] if last.skipped is None else [element("skipped", {"message": last.skipped})]
        return skipped + [_rerun("flaky", try_) for try_ in bad]
    first, *others = bad
    assert first.problem  # noqa: S101  # for the type checker: every try in `bad` has a problem
    return [_problem(*first.problem), *(_rerun("rerun", try_) for try_ in others)]


def _problem(kind: str, message: str, details: str) -> ET.Element:
    return element(kind, {"message": message.split("\n", 1)[0]}, text=details)


def _rerun(prefix: str, try_: _Try) -> ET.Element:
    assert try_.problem  # noqa: S101  # as above
    kind, message, details = try_.problem
    attributes = {"message": message.split("\n", 1)[0], "time": f"{try_.seconds:.3f}"}
    return element(prefix + kind.capitalize(), attributes, element("stackTrace", {}, text=details))


def _address(node_id: str) -> tuple[str, str]:
    """Split a node id: `tests/test_cart.py::TestCart::test_add[a]` is `tests.test_cart.TestCart` and `test_add[a]`."""
    head, bracket, parameters = node_id.partition("[")
    file, *names = head.split("::")
    module = file.removesuffix(".py").replace("/", ".")
    return ".".join([module, *names[:-1]]), (names[-1] if names else module) + bracket + parameters
