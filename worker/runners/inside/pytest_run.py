"""Run `python -m pytest` with testfleet's plugin. Its folder is last on the path and hides no module of the suite."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path[0] = ""  # the working directory, as with `python -m`
    sys.path.append(str(Path(__file__).parent))
    sys.exit(pytest.main(["-p", "testfleet_suite.pytest_plugin", *sys.argv[1:]]))
