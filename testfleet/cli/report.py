"""`testfleet report`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from testfleet import cli, output, report, results
from testfleet.cli.filters import AnyRun, OfBranch, OfSuite
from testfleet.errors import Refused


class Format(StrEnum):
    """The formats of a report."""

    MARKDOWN = "markdown"
    HTML = "html"
    JUNIT = "junit"
    CTRF = "ctrf"


def write_report(
    run_id: AnyRun,
    file_format: Annotated[Format, typer.Option("--format", help="The report's format.")] = Format.MARKDOWN,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file. [default: stdout]")
    ] = None,
    suite: OfSuite = None,
    branch: OfBranch = None,
) -> None:
    """Write one run as Markdown, HTML, JUnit or CTRF.

    Markdown fits into one comment of a pull request. HTML is one page without scripts. JUnit and CTRF hold the cases
    of all shards. An unfinished run is written as far as it is known. --suite and --branch choose the run that - names.
    """
    results.references.check_run(run_id)
    settings = cli.connect.settings()
    with cli.connect.results_database(settings).connect() as connection:
        wanted = results.references.find_run(connection, run_id, suite=suite, branch=branch)
        found = report.reading.read(connection, wanted, run_url=settings.run_url)
    if found is None:
        raise Refused(f"RUN_ID: the run {wanted} was removed while it was read")
    match file_format:
        case Format.MARKDOWN:
            text = report.markdown.render(found)
        case Format.HTML:
            text = report.html.render(found)
        case Format.JUNIT:
            text = report.junit.render(found)
        case Format.CTRF:
            text = report.ctrf.render(found)
    if file is None:
        output.streams.document_to_stdout(text, as_json=file_format is Format.CTRF)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"--output: {file}: cannot be written: {error.strerror}") from error
