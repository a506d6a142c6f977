"""The pod's two programs: each checks its own settings with `--check`."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from testfleet.doctor.finding import Finding, ok, wrong

CHECK_SECONDS = 60


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Run the check of each program that has a setting in the environment or in the folder `CONFIG_DIR`."""
    folder = Path(environment.get("CONFIG_DIR") or "/config")
    files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for program in ("worker", "reporter"):
        if any(name.startswith(f"{program.upper()}_") for name in (*environment, *files)):
            yield _check(program, environment)


def _check(program: str, environment: Mapping[str, str]) -> Finding:
    argv = [sys.executable, "-m", program, "--check"]
    try:
        done = subprocess.run(
            argv, env=dict(environment), capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return wrong(program, f"no answer within {CHECK_SECONDS} s", f"run: python -m {program} --check")
    if done.returncode == 0:
        return ok(program, "its settings are valid")
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return wrong(program, lines[-1].removeprefix(f"{program}: "), "correct the setting that the line names")
