"""Run k6 on an execution segment that may hold no work, which is no failure.

usage: k6_run.py <summary> <k6> run …

k6 judges thresholds such as `iterations: count>0` in an empty segment too, and would end with 99. Everything else that
k6 says with its exit code stands.
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
    """Whether a segment got any work. One without has no virtual users, and so neither iterations nor `vus_max`.

    What `setup()` does is no work: it runs in every segment.
    """
    return any(metrics.get(name, {}).get(figure) for name, figure in (("iterations", "count"), ("vus_max", "max")))


def main(summary: Path, command: list[str]) -> int:
    # The worker signals every descendant, so k6 has its own; a second one would make it stop without a summary.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: None)
    exit_code = subprocess.run(command, check=False).returncode
    if exit_code == THRESHOLDS_CROSSED and not worked(json.loads(summary.read_text(encoding="utf-8"))["metrics"]):
        return 0
    # A signal's number, as a shell tells it: a process can't end with a negative code.
    return exit_code if exit_code >= 0 else 128 - exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
