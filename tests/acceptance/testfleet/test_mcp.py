"""The server as an agent starts it: a process that speaks over stdin and stdout."""

import sys
from collections.abc import Callable
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters

RUN = """
    INSERT INTO test_runs (run_id, suite, branch, status, shards, shards_done, total, failed, started_at, finished_at)
    VALUES ('r1', 'shop', 'main', 'failed', 1, 1, 1, 1, now(), now())
"""


async def test_an_agent_asks_over_stdin_and_stdout(command_env: dict[str, str], execute: Callable[..., None]) -> None:
    """Nothing but the protocol is on stdout."""
    execute(RUN)
    server = StdioServerParameters(command=sys.executable, args=["-m", "testfleet", "mcp"], env=command_env)
    async with Client(server, read_timeout_seconds=120) as client:
        answer = await client.call_tool("run", {"run_id": "-"})
        refused = await client.call_tool("run", {"run_id": "r2"})
    found: Any = answer.structured_content
    assert (found["run"]["run_id"], found["run"]["status"], found["meaning"]) == ("r1", "failed", None)
    assert refused.is_error
