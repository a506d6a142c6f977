"""`testfleet quarantine add`."""

from typing import Annotated

import typer

from testfleet import cli, output, results
from testfleet.cli.quarantine.options import Branch, Name, Suite


def add(
    name: Name,
    suite: Suite,
    *,
    owner: Annotated[str, typer.Option(help="The person or team that repairs the case.")],
    until: Annotated[
        str, typer.Option(help="Its end: 14d, 2030-01-31 (that day in UTC included) or a time with zone.")
    ],
    reason: Annotated[str, typer.Option(help="Why it is quarantined, best with the issue.")],
    branch: Branch = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also a case that is broken and not flaky, or unknown so far.")
    ] = False,
) -> None:
    """Let a flaky case not fail its runs for a time.

    The case runs and is recorded as it is. Shards that are complete keep their verdict. A second call replaces the
    quarantine. Exit code 64: the case is broken or unknown, and --force is missing.
    """
    wanted = results.quarantine.Wanted(suite, branch, name, owner, until, reason, force=force)
    with cli.connect.results_database(cli.connect.settings()).connect() as connection:
        added = results.quarantine.add(connection, wanted)
    done = "changed" if added.replaced else "added"
    case = output.blocks.clean_line(name)
    output.streams.to_stdout(f"{done}: {case} is quarantined until {added.until:%Y-%m-%d %H:%M} UTC")
