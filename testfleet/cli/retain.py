"""`testfleet retain`."""

import re
from typing import Annotated

import typer

from testfleet import cli, database
from testfleet.errors import Refused
from testfleet.output import units
from testfleet.output.streams import to_stdout

_AGE = re.compile(r"([1-9][0-9]{0,4})([dy])")
_YEAR_DAYS = 366
_LEAST_CASES_DAYS = 14
"""The detector of both outcomes on one commit reads the cases of that many days."""


def retain(
    *,
    cases: Annotated[str, typer.Option(metavar="AGE", help="Keep the cases and tries of runs for this long.")] = "90d",
    runs: Annotated[
        str, typer.Option(metavar="AGE", help="Keep runs, shards and names of files for this long.")
    ] = "2y",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be dropped, and drop nothing.")] = False,
) -> None:
    """Drop old results. An age is a number of days or years: 90d, 2y.

    Cases are dropped by whole months. The verdicts, totals and summaries of their runs stay. Files in the bucket have
    the retention of the bucket. It logs in as the owner of the tables, as migrate does.
    """
    cases_days, runs_days = _days(cases, "--cases"), _days(runs, "--runs")
    if cases_days < _LEAST_CASES_DAYS:
        raise Refused(f"--cases: must be at least {_LEAST_CASES_DAYS}d")
    if runs_days < cases_days:
        raise Refused("--runs: must be as long as --cases or longer")
    old = database.retention.retain(
        cli.connect.results_database(cli.connect.settings()),
        cases_days=cases_days,
        runs_days=runs_days,
        dry_run=dry_run,
    )
    verb = "would drop" if dry_run else "dropped"
    for month in old.months:
        to_stdout(f"{verb} the cases before {month.until}: about {month.rows} rows, {units.size(month.bytes)}")
    if old.branches:
        to_stdout(f"{verb} the summaries of {len(old.branches)} branches without a run since {old.cases_before}")
    if old.runs:
        to_stdout(f"{verb} {old.runs} runs first seen before {old.runs_before}")
    if not (old.months or old.branches or old.runs):
        to_stdout("nothing is old enough")


def _days(value: str, option: str) -> int:
    match = _AGE.fullmatch(value)
    if match is None:
        raise Refused(f"{option}: must be a number of days or years, such as 90d or 2y")
    return int(match[1]) * (_YEAR_DAYS if match[2] == "y" else 1)
