"""The command `testfleet`: its commands and its own options."""

from typing import Annotated

import typer

from testfleet import cli
from testfleet.cli.group import Entry, lazy_group
from testfleet.output.streams import to_stdout

COMMANDS = {
    "migrate": Entry("testfleet.cli.migrate:migrate", "Bring the database's tables up to date."),
    "rebuild-summaries": Entry(
        "testfleet.cli.rebuild_summaries:rebuild_summaries", "Compute the summaries of all cases again."
    ),
    "retain": Entry("testfleet.cli.retain:retain", "Drop old results."),
    "enqueue": Entry("testfleet.cli.enqueue:enqueue", "Put a run on the queue and print its id."),
    "wait": Entry("testfleet.cli.wait:wait", "Wait for a run's verdict: the gate of a pipeline."),
    "cancel": Entry("testfleet.cli.cancel:cancel", "Cancel a run."),
    "sweep": Entry("testfleet.cli.sweep:sweep", "End abandoned shards and send notices."),
    "runs": Entry("testfleet.cli.runs:list_runs", "List runs, the newest first."),
    "show": Entry("testfleet.cli.show:show", "Show one run: shards, failing and flaky cases, files."),
    "report": Entry("testfleet.cli.report:write_report", "Write one run as Markdown, HTML, JUnit or CTRF."),
    "comment": Entry("testfleet.cli.comment:write_comment", "Post or update the run's comment on its pull request."),
    "flaky": Entry("testfleet.cli.flaky:flaky", "List flaky cases, those that blocked most runs first."),
    "regressions": Entry(
        "testfleet.cli.regressions:regressions", "List what fails and passed before, and since which commit."
    ),
    "causes": Entry("testfleet.cli.causes:causes", "List the causes of failures, of one run or of all."),
    "trends": Entry(
        "testfleet.cli.trends:trends", "Show how a suite develops: pass rate, durations, fleet time, slower cases."
    ),
    "compare": Entry(
        "testfleet.cli.compare:compare", "Compare two runs: what broke, was fixed, added, removed, slower."
    ),
    "history": Entry("testfleet.cli.history:history", "Show the last executions of one case, the newest first."),
    "quarantine": Entry("testfleet.cli.quarantine.app:app", "Let flaky cases not fail their runs for a time."),
    "settings": Entry("testfleet.cli.settings:settings", "Show or change the settings of the analysis."),
    "mcp": Entry("testfleet.cli.mcp:serve", "Answer the questions of a coding agent, over stdin and stdout."),
    "doctor": Entry("testfleet.cli.doctor:doctor", "Check this environment."),
    "ingest": Entry("testfleet.cli.ingest:ingest", "Store JUnit XML of tests that ran elsewhere."),
    "up": Entry("testfleet.cli.up:up", "Run the whole fleet on this machine."),
    "serve": Entry("testfleet.cli.serve:serve", "Serve a cluster without AWS."),
    "demo": Entry("testfleet.cli.demo:demo", "Run four suites against a small web shop."),
    "seed-history": Entry(
        "testfleet.cli.seed_history:seed_history", "Fill an empty database with a generated history."
    ),
    "notices": Entry("testfleet.cli.notices.app:app", "Look at notices to other systems, send them or try them again."),
    "dlq": Entry("testfleet.cli.dlq.app:app", "Look at dead messages, send them back or delete them."),
}


app = typer.Typer(
    name="testfleet",
    cls=lazy_group(COMMANDS),
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # Typer passes an option's value by position
    if wanted:
        to_stdout(cli.version.text())
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """End-to-end tests as a fleet: enqueue runs, wait for verdicts, read results."""
