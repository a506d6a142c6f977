"""The commands: their options, and what each starts. What a command needs beyond that is imported when it runs.

boto3 and psycopg are slow to import; `--help` needs neither.
"""

import os
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from testfleet.dlq_commands import dlq
from testfleet.errors import BadSetting, Refused
from testfleet.exit_codes import ExitCode
from testfleet.output.streams import say

if TYPE_CHECKING:
    from testfleet.database import Database
    from testfleet.queue.sqs import Queue
    from testfleet.results.gate import Gate
    from testfleet.settings import Settings

_HELP = {"help_option_names": ["-h", "--help"]}
_PASSED_ON: dict[str, Any] = {
    "add_help_option": False,
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
}

app = typer.Typer(
    name="testfleet",
    add_completion=False,
    rich_markup_mode=None,
    context_settings=_HELP,
)

app.add_typer(dlq, name="dlq")


def _print_version(wanted: bool) -> None:  # Typer passes an option's value by position
    if wanted:
        say(f"testfleet {metadata.version('testfleet')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """End-to-end tests as a fleet: enqueue runs, wait for verdicts, read results."""


RunId = Annotated[str, typer.Argument(metavar="RUN_ID", help="The run's id, as enqueue printed it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON whose keys are the columns' names.")]
Timeout = Annotated[str, typer.Option(help="Maximum time to wait: 90s, 30m, 1h30m.")]
Suite = Annotated[str, typer.Argument(metavar="SUITE", help="A suite of the catalog.")]
Commit = Annotated[str | None, typer.Option(help="The commit under test. [default: from the CI service]")]
Branch = Annotated[str | None, typer.Option(help="The branch under test. [default: from the CI service]")]


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date.

    It may be started many times at once: the first applies what is missing, the others wait and find nothing to do.
    """
    from testfleet import migrations  # noqa: PLC0415  # psycopg is slow to import

    database = _database(_settings())
    applied = migrations.migrate(database.url, database.auth)
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say("nothing to do")


@app.command()
def enqueue(
    suite: Suite,
    *,
    shards: Annotated[int, typer.Option(help="Parts that run in parallel, each on a pod of its own.")] = 1,
    run_id: Annotated[str | None, typer.Option(help="The run's id. [default: a new one]")] = None,
    commit: Commit = None,
    branch: Branch = None,
    target_url: Annotated[str | None, typer.Option(help="The system under test.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter: PARAM_<NAME> of the suite; repeatable.")
    ] = None,
    trigger: Annotated[
        str | None, typer.Option(help="Who started the run. [default: the CI service, or manual]")
    ] = None,
    environment: Annotated[str | None, typer.Option(help="The environment under test.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the verdict as `testfleet wait` does.")] = False,
    timeout: Timeout = "1h",
) -> ExitCode:
    """Put a run on the queue and print its id.

    Nothing else goes to stdout. Where a database is set, the run is registered as queued first.
    """
    from datetime import UTC, datetime  # noqa: PLC0415  # beside its only use

    from testfleet import ci  # noqa: PLC0415  # slow to import, as below
    from testfleet.cli import durations  # noqa: PLC0415  # slow to import, as below
    from testfleet.queue import enqueue as enqueueing  # noqa: PLC0415  # likewise
    from testfleet.queue.sqs import NotSent  # noqa: PLC0415  # likewise

    build = ci.build(os.environ)
    jobs = enqueueing.jobs(
        suite,
        run_id=run_id if run_id is not None else enqueueing.new_run_id(datetime.now(UTC), os.urandom(4)),
        shards=shards,
        commit=commit if commit is not None else build.commit,
        branch=branch if branch is not None else build.branch,
        target_url=target_url,
        trigger=trigger if trigger is not None else build.trigger,
        environment=environment,
        params=enqueueing.params(param or []),
    )
    seconds = durations.parse(timeout, option="--timeout")
    settings = _settings()
    database = _database(settings) if wait or settings.database_url else None
    queue = _queue(settings)
    try:
        enqueueing.enqueue(jobs, queue, database)
    except NotSent:
        say(jobs[0].run_id)  # what is on the queue runs, and the id is needed to send the rest
        raise
    say(jobs[0].run_id)
    return _gate(settings).wait(jobs[0].run_id, timeout=seconds) if wait else ExitCode.OK


@app.command()
def wait(run_id: RunId, timeout: Timeout = "1h", *, as_json: Json = False) -> ExitCode:
    """Wait for a run's verdict: the gate of a pipeline.

    Exit code: 0 passed, 1 failed, 2 errored or without any verdict, 3 not finished in time, 4 cancelled.
    """
    from testfleet.cli import durations  # noqa: PLC0415  # slow to import
    from testfleet.queue.enqueue import check_run_id  # noqa: PLC0415  # likewise

    check_run_id(run_id)
    seconds = durations.parse(timeout, option="--timeout")
    return _gate(_settings()).wait(run_id, timeout=seconds, as_json=as_json)


@app.command()
def cancel(run_id: RunId) -> None:
    """Cancel a run.

    Queued shards never start, and running ones stop. A run that has its verdict keeps it; the exit code is then 64.
    """
    from testfleet.queue.enqueue import check_run_id  # noqa: PLC0415  # likewise
    from testfleet.results import cancel as cancelling  # noqa: PLC0415  # slow to import

    check_run_id(run_id)
    done = cancelling.cancel(_database(_settings()), run_id)
    say(f"{run_id} is cancelled" if done else f"{run_id} was cancelled already")


@app.command()
def sweep(
    older_than: Annotated[str, typer.Option(help="Age from which a silent shard is abandoned.")] = "30m",
    pause: Annotated[str, typer.Option(help="Time between the two reads of the queues.")] = "60s",
    queue_url: Annotated[
        list[str] | None, typer.Option(help="A further queue of the fleet; repeatable. Give every queue.")
    ] = None,
    dead_letter_queue_url: Annotated[
        list[str] | None, typer.Option(help="A further dead-letter queue of the fleet; repeatable.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """End abandoned shards.

    A shard is abandoned when its pod is dead and its message is gone. It becomes errored, and its run gets its verdict.
    Several sweeps may run at once.
    """
    from testfleet.cli import durations  # noqa: PLC0415  # slow to import
    from testfleet.output import console  # noqa: PLC0415  # slow to import
    from testfleet.queue.sqs import Queue  # noqa: PLC0415  # likewise
    from testfleet.recording import sweep as sweeping  # noqa: PLC0415  # likewise
    from testfleet.settings import required  # noqa: PLC0415  # likewise

    ages = durations.parse(older_than, option="--older-than"), durations.parse(pause, option="--pause")
    settings = _settings()
    database = _database(settings)
    dead = required(settings.dead_letter_queue_url, "dead_letter_queue_url")
    queues = [_queue(settings), *(Queue(url, name="--queue-url") for url in queue_url or [])]
    dead_letter_queues = [
        Queue(dead, name="TESTFLEET_DEAD_LETTER_QUEUE_URL"),
        *(Queue(url, name="--dead-letter-queue-url") for url in dead_letter_queue_url or []),
    ]
    ended = sweeping.Sweep(database, queues, dead_letter_queues, *ages).run()
    if as_json:
        console.write_json(ended)
        return
    for run in ended:
        typer.echo(f"{run.run_id} {run.status or 'waits for its other shards'}: {run.shards[0][1]}")
        if run.metrics:
            typer.echo(run.metrics)


@app.command("runs")
def list_runs(
    suite: Annotated[str | None, typer.Option(help="Only of this suite.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only of this branch.")] = None,
    status: Annotated[
        Literal["queued", "running", "passed", "failed", "errored", "cancelled"] | None,
        typer.Option(help="Only in this status."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of runs.")] = 20,
    *,
    as_json: Json = False,
) -> None:
    """List runs, the newest first."""
    from testfleet.output import console  # noqa: PLC0415  # slow to import
    from testfleet.results import render, runs  # noqa: PLC0415  # slow to import

    with _database(_settings()).connect() as connection:
        found = runs.find(connection, suite=suite, branch=branch, status=status, limit=limit)
    if as_json:
        console.write_json(found)
    else:
        console.write(render.runs(found))


@app.command()
def show(run_id: RunId, *, as_json: Json = False) -> None:
    """Show one run: shards, failing and flaky cases, files."""
    from testfleet.output import console  # noqa: PLC0415  # slow to import
    from testfleet.queue.enqueue import check_run_id  # noqa: PLC0415  # likewise
    from testfleet.results import render, runs  # noqa: PLC0415  # slow to import

    check_run_id(run_id)
    with _database(_settings()).connect() as connection:
        detail = runs.detail(connection, run_id)
    if detail is None:
        raise Refused(f"RUN_ID: the database has no run {run_id}")
    if as_json:
        console.write_json(detail)
        return
    console.write(render.verdict(detail))
    for table in (render.shards(detail.shards), render.artifacts(detail.artifacts)):
        if table.rows:
            console.write(table)


@app.command()
def doctor(
    namespace: Annotated[str, typer.Option(help="testfleet's namespace in the cluster.")] = "testfleet",
    *,
    as_json: Json = False,
) -> ExitCode:
    """Check this environment.

    It checks the machine, and the pod, database, queues, bucket and cluster that the environment names. Each finding
    that is not ok comes with its fix. Exit code: 0 nothing is wrong, 1 something is.
    """
    from testfleet.doctor import examination  # noqa: PLC0415  # likewise
    from testfleet.output import console  # noqa: PLC0415  # slow to import

    findings = list(examination.examine(_settings(), namespace=namespace))
    if as_json:
        console.write_json(findings)
    else:
        console.write(examination.table(findings))
    return ExitCode.FAILED if any(one.status == "wrong" for one in findings) else ExitCode.OK


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="JUnit files, or folders of them.")],
    run_id: Annotated[str, typer.Option(help="The run's id; the same id again changes nothing.")],
    suite: Annotated[str, typer.Option(help="The suite that the reports are of.")],
    commit: Commit = None,
    branch: Branch = None,
) -> ExitCode:
    """Store JUnit XML of tests that ran elsewhere.

    The parser and the tables are those of the reporter. Exit code: 0 stored, also where cases failed; 2 the reports
    gave no verdict; 4 the run was cancelled.
    """
    from testfleet import ci  # noqa: PLC0415  # slow to import
    from testfleet.output import console  # noqa: PLC0415  # slow to import
    from testfleet.queue import enqueue as enqueueing  # noqa: PLC0415  # likewise
    from testfleet.recording import ingest as ingesting  # noqa: PLC0415  # likewise
    from testfleet.recording import reports  # noqa: PLC0415  # slow to import
    from testfleet.results import render, runs  # noqa: PLC0415  # slow to import
    from testfleet.settings import required  # noqa: PLC0415  # likewise

    build = ci.build(os.environ)
    (job,) = enqueueing.jobs(
        suite,
        run_id=run_id,
        commit=commit if commit is not None else build.commit,
        branch=branch if branch is not None else build.branch,
        trigger="ingest",
        suite_option="--suite",
    )
    settings = _settings()
    database, bucket = _database(settings), required(settings.bucket, "bucket")
    found = reports.find(paths)
    for file in found.ignored:
        console.tell(f"testfleet: {file}: ignored: it is no JUnit XML")
    with database.connect() as connection:
        standing = runs.get(connection, run_id)
    if standing and standing.suite != suite:
        raise Refused(f"--suite: run {run_id} is of suite {standing.suite}, not {suite}")
    if not ingesting.ingest(found.reports, job, database=database, bucket=bucket):
        console.tell(f"testfleet: {run_id} was complete already; nothing was changed")
    with database.connect() as connection:
        detail = runs.detail(connection, run_id)
    if detail is None:
        raise BadSetting(f"TESTFLEET_DATABASE_URL: run {run_id} has gone from the database")
    console.write(render.verdict(detail))
    return {"errored": ExitCode.ERRORED, "cancelled": ExitCode.CANCELLED}.get(detail.run.status, ExitCode.OK)


@app.command(**_PASSED_ON)
def up(context: typer.Context) -> ExitCode:
    """Run the whole fleet on this machine."""
    return _local("up", context.args)


@app.command(**_PASSED_ON)
def serve(context: typer.Context) -> ExitCode:
    """Serve a cluster without AWS."""
    return _local("serve", context.args)


@app.command(**_PASSED_ON)
def demo(context: typer.Context) -> ExitCode:
    """Run the sample suites on this machine."""
    return _local("demo", context.args)


def _local(name: str, arguments: list[str]) -> ExitCode:
    """Run a command of the fleet on a laptop, with the options that it declares itself."""
    command = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_HELP)
    command.command()(getattr(import_module("testfleet.local.commands"), name))
    return ExitCode(command(arguments, prog_name=f"testfleet {name}", standalone_mode=False) or ExitCode.OK)


def _settings() -> "Settings":
    from testfleet import settings  # noqa: PLC0415  # pydantic-settings is slow to import

    return settings.load()


def _database(settings: "Settings") -> "Database":
    from testfleet.database import Database  # noqa: PLC0415  # psycopg is slow to import
    from testfleet.settings import required  # noqa: PLC0415  # likewise

    return Database(required(settings.database_url, "database_url"), settings.database_auth)


def _queue(settings: "Settings") -> "Queue":
    from testfleet.queue.sqs import Queue  # noqa: PLC0415  # boto3 is slow to import
    from testfleet.settings import required  # noqa: PLC0415  # likewise

    return Queue(required(settings.queue_url, "queue_url"))


def _gate(settings: "Settings") -> "Gate":
    from testfleet.results.gate import Gate  # noqa: PLC0415  # slow to import

    return Gate(
        _database(settings),
        {"queue": settings.queue_url, "dead-letter queue": settings.dead_letter_queue_url},
    )
