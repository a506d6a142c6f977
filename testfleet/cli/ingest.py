"""`testfleet ingest`."""

from pathlib import Path
from typing import Annotated

import typer

from testfleet import cli, output, queue, recording, results
from testfleet.cli.options import Author, Branch, CiUrl, Commit, Environment, ParentCommit, PullRequest
from testfleet.errors import BadSetting, Refused
from testfleet.exit_codes import ExitCode


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="JUnit files, or folders of them.")],
    *,
    run_id: Annotated[str, typer.Option(help="The run's id. A second ingest of the same id changes nothing.")],
    suite: Annotated[str, typer.Option(help="The suite that the reports belong to.")],
    commit: Commit = None,
    branch: Branch = None,
    pull_request: PullRequest = None,
    parent_commit: ParentCommit = None,
    author: Author = None,
    ci_url: CiUrl = None,
    environment: Environment = None,
) -> ExitCode:
    """Store JUnit XML of tests that ran elsewhere.

    The parser and the tables are those of the reporter. Exit code: 0 stored, even if cases failed; 2 the reports
    gave no verdict; 4 the run was cancelled.
    """
    (job,) = queue.jobs.jobs(
        suite,
        run_id=run_id,
        shards=1,
        params={},
        suite_option="--suite",
        **cli.description.of(
            commit=commit,
            branch=branch,
            pull_request=pull_request,
            parent_commit=parent_commit,
            author=author,
            ci_url=ci_url,
            trigger="ingest",
            environment=environment,
        ),
    )
    settings = cli.connect.settings()
    database, bucket = cli.connect.results_database(settings), cli.connect.bucket(settings)
    found = recording.reports.find(paths)
    for file in found.ignored:
        output.streams.to_stderr(f"testfleet: {file}: ignored: it is no JUnit XML")
    with database.connect() as connection:
        standing = results.runs.get(connection, run_id)
    if standing and standing.suite != suite:
        raise Refused(f"--suite: run {run_id} is of suite {standing.suite}, not {suite}")
    if not recording.ingest.ingest(found.reports, job, database=database, bucket=bucket):
        output.streams.to_stderr(f"testfleet: {run_id} was complete already; nothing was changed")
    with database.connect() as connection:
        detail = results.runs.detail(connection, run_id)
    if detail is None:
        raise BadSetting(f"TESTFLEET_DATABASE_URL: run {run_id} was deleted from the database")
    output.console.write(results.render.verdict(detail))
    return {"errored": ExitCode.ERRORED, "cancelled": ExitCode.CANCELLED}.get(detail.run.status, ExitCode.OK)
