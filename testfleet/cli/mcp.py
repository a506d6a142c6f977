"""`testfleet mcp`."""

from dataclasses import replace
from importlib.util import find_spec

from testfleet import cli, mcp
from testfleet.errors import BadSetting


def serve() -> None:
    """Answer the questions of a coding agent, over stdin and stdout.

    It is a server of the Model Context Protocol. Its tools only read: runs, run, failures, flaky, regressions, causes,
    compare, history, trends. It ends when the agent closes stdin.
    """
    if find_spec("mcp") is None:
        raise BadSetting("mcp: the package mcp is not installed; run: pip install 'testfleet[mcp]'")
    database = replace(cli.connect.results_database(cli.connect.settings()), read_only=True)
    mcp.server.serve(mcp.answers.Answers(database), cli.version.text().removeprefix("testfleet "))
