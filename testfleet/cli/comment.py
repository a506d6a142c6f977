"""`testfleet comment`."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from testfleet import cli, comment, report, results
from testfleet.cli.options import PullRequest, RunId
from testfleet.comment.place import ForgeName
from testfleet.errors import Refused
from testfleet.output.streams import to_stdout


class ForgeOption(StrEnum):
    """The forges."""

    GITHUB = "github"
    GITLAB = "gitlab"
    CODECOMMIT = "codecommit"


_NAMES: dict[ForgeOption, ForgeName] = {
    ForgeOption.GITHUB: "github",
    ForgeOption.GITLAB: "gitlab",
    ForgeOption.CODECOMMIT: "codecommit",
}


def write_comment(
    run_id: RunId,
    pull_request: PullRequest = None,
    forge: Annotated[
        ForgeOption | None, typer.Option(help="Where the pull request is.", show_default="from the CI service")
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option(
            help="OWNER/NAME, GitLab's project, or CodeCommit's repository.", show_default="from the CI service"
        ),
    ] = None,
    key: Annotated[str | None, typer.Option(help="One comment for each key.", show_default="the run's suite")] = None,
) -> None:
    """Post or update the run's comment on its pull request.

    A later run of the same suite updates the comment. The token is GITHUB_TOKEN; GITLAB_TOKEN or CI_JOB_TOKEN; or the
    AWS credentials.
    """
    results.run_id.check(run_id)
    place = comment.place.find(
        os.environ, forge=_NAMES[forge] if forge else None, repository=repository, pull_request=pull_request
    )
    opened = comment.place.opened(place, os.environ)
    settings = cli.connect.settings()
    with cli.connect.results_database(settings).connect() as connection:
        found = report.reading.read(connection, run_id, run_url=settings.run_url)
    if found is None:
        raise Refused(f"RUN_ID: the database has no run {run_id}")
    text = report.markdown.render(found, limit=opened.limit - 100)  # less the marker
    posted = comment.post.post(opened, key or found.run.suite or run_id, text)
    to_stdout(f"{posted.action}: {posted.where}")
