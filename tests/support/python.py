"""Runs Python programs of the repository as processes."""

import os
import subprocess
import sys
from collections.abc import Mapping

from testfleet.local.pods.pod import OURS
from tests.support.forks.popen import run_program
from tests.support.runbook import ROOT


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with these settings and no other setting of testfleet."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | dict(env)


def python(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with these arguments and settings in the repository's folder."""
    return run_program(
        [sys.executable, *arguments],
        env=environment(env),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
