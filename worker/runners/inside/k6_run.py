"""Run k6 on an execution segment. A segment without work is no failure.

usage: k6_run.py <summary> <k6> run …

k6 applies thresholds such as `iterations: count>0` to an empty segment, too, and exits with 99. This launcher then
exits with 0. It returns every other exit code unchanged.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

THRESHOLDS_CROSSED = 99
"""https://github.com/grafana/k6/blob/master/errext/exitcodes/codes.go"""


def worked(metrics: Mapping[str, Any]) -> bool:
    """Return whether a segment had work. Without work it has no virtual users: neither iterations nor `vus_max`.

    Requests of `setup()` do not count, because it runs in every segment.
    """
    return any(metrics.get(name, {}).get(figure) for name, figure in (("iterations", "count"), ("vus_max", "max")))


def main(summary: Path, command: list[str]) -> int:
    # The worker signals every descendant, k6 too. A second signal would stop k6 without a summary.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: None)
    exit_code = subprocess.run(command, check=False).returncode
    if exit_code == THRESHOLDS_CROSSED and not worked(json.loads(summary.read_text(encoding="utf-8"))["metrics"]):
        return 0
    # The code of a shell for a signal, because a process can't exit with a negative code.
    return exit_code if exit_code >= 0 else 128 - exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
