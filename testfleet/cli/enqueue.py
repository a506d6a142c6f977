"""`testfleet enqueue`."""

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from testfleet import cli, queue
from testfleet.cli import durations
from testfleet.cli.options import Author, Branch, CiUrl, Commit, Environment, ParentCommit, PullRequest, Timeout
from testfleet.errors import NotSent
from testfleet.exit_codes import ExitCode
from testfleet.output.streams import to_stdout


def enqueue(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="A suite of the catalog.")],
    *,
    shards: Annotated[int, typer.Option(help="Number of shards. Each runs on a pod of its own, in parallel.")] = 1,
    run_id: Annotated[str | None, typer.Option(help="The run's id. [default: a new one]")] = None,
    commit: Commit = None,
    branch: Branch = None,
    pull_request: PullRequest = None,
    parent_commit: ParentCommit = None,
    author: Author = None,
    ci_url: CiUrl = None,
    target_url: Annotated[str | None, typer.Option(help="The system under test.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter: PARAM_<NAME> of the suite; repeatable.")
    ] = None,
    trigger: Annotated[
        str | None, typer.Option(help="What started the run. [default: the CI service, or manual]")
    ] = None,
    environment: Environment = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the verdict as `testfleet wait` does.")] = False,
    timeout: Timeout = "1h",
) -> ExitCode:
    """Put a run on the queue and print its id.

    Only the id goes to stdout. If TESTFLEET_DATABASE_URL is set, the run is first registered as queued.
    """
    jobs = queue.jobs.jobs(
        suite,
        run_id=run_id if run_id is not None else queue.jobs.new_run_id(datetime.now(UTC), os.urandom(4)),
        shards=shards,
        target_url=target_url,
        params=queue.jobs.params(param or []),
        **cli.description.of(
            commit=commit,
            branch=branch,
            pull_request=pull_request,
            parent_commit=parent_commit,
            author=author,
            ci_url=ci_url,
            trigger=trigger,
            environment=environment,
        ),
    )
    seconds = durations.parse(timeout, option="--timeout")
    settings = cli.connect.settings()
    database = cli.connect.results_database(settings) if wait or settings.database_url else None
    try:
        queue.enqueue.enqueue(jobs, cli.connect.job_queue(settings), database)
    except NotSent:
        to_stdout(jobs[0].run_id)  # messages that were sent will run, and sending the rest needs the id
        raise
    to_stdout(jobs[0].run_id)
    return cli.connect.gate(settings).wait(jobs[0].run_id, timeout=seconds) if wait else ExitCode.OK
