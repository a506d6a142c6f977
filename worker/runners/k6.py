"""k6: shards are k6's execution segments. Thresholds and checks become cases at its end."""

import sys
from pathlib import Path

from handoff.message import JobMessage, Shard
from handoff.records import FailedTests
from worker.catalog import Suite
from worker.errors import CannotPlan
from worker.runners import k6_summary, tools
from worker.runners.inside.k6_run import THRESHOLDS_CROSSED
from worker.runners.plan import Folders, Plan

LAUNCHER = Path(__file__).parent / "inside" / "k6_run.py"

TREND_STATS = "avg,min,med,max,p(90),p(95),p(99),p(99.9),count"
"""Statistics of each trend in the summary. A script's own `handleSummary` may use those besides p(95) and count."""

_SCRIPTS = (".js", ".ts")


def plan(suite: Suite, job: JobMessage, folders: Folders) -> Plan:
    """Return `k6 run` on one execution segment.

    The script is the suite's first argument, else `script.js`, else the only `.js` or `.ts` file of the folder.

    Raises:
        CannotPlan: k6 is not installed, or the script is missing.
    """
    script, args = _script(suite)
    summary = folders.artifacts / "k6-summary.json"
    log = folders.artifacts / "k6.log"

    def write_junit() -> None:
        if (report := k6_summary.read(summary, log, job.shard)) is not None:
            k6_summary.write(report, folders.junit_file)

    # Only a segment can have no work.
    launcher = () if job.shard.total == 1 else (sys.executable, str(LAUNCHER), str(summary))
    return Plan(
        argv=(
            *launcher,
            tools.required("k6"),
            "run",
            *args,
            *segment(job.shard),
            f"--summary-export={summary}",
            f"--summary-trend-stats={TREND_STATS}",
            "--log-format=json",  # the only record of an exception in an iteration: k6 still exits with 0
            f"--log-output=file={log}",
            "--address=",  # disables the REST server, whose fixed port two shards on one machine can't share
            "--no-usage-report",
            "--no-color",
            "--quiet",
            str(script),
        ),
        cwd=suite.path,
        after=write_junit,
        failed_tests=FailedTests(exit_codes=(THRESHOLDS_CROSSED,)),
    )


def segment(shard: Shard) -> tuple[str, ...]:
    """Return the arguments that select this shard's part of the work. All parts together are exactly the whole.

    https://grafana.com/docs/k6/latest/using-k6/k6-options/reference/#execution-segment
    """
    if shard.total == 1:
        return ()
    bounds = [_fraction(part, shard.total) for part in range(shard.total + 1)]
    return (
        f"--execution-segment={bounds[shard.index - 1]}:{bounds[shard.index]}",
        f"--execution-segment-sequence={','.join(bounds)}",
    )


def _fraction(part: int, total: int) -> str:
    return str(part // total) if part in {0, total} else f"{part}/{total}"


def _script(suite: Suite) -> tuple[Path, tuple[str, ...]]:
    if suite.args and suite.args[0].endswith(_SCRIPTS):
        script, args = suite.path / suite.args[0], suite.args[1:]
    else:
        usual = suite.path / "script.js"
        found = [usual] if usual.is_file() else [file for file in suite.path.iterdir() if file.suffix in _SCRIPTS]
        script, args = (found[0] if len(found) == 1 else usual), suite.args
    if not script.is_file():
        raise CannotPlan(
            f"suites.{suite.name}.args: must begin with the script's file (….js or ….ts), or the suite's folder must "
            f"hold script.js or one such file; {script.name} does not exist"
        )
    return script, args
