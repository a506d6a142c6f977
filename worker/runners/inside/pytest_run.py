"""`python -m pytest` with our plugin, whose folder comes last on the path, so that it hides nothing of the suite's."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path[0] = ""  # the working directory, as `python -m` has it
    sys.path.append(str(Path(__file__).parent))
    sys.exit(pytest.main(["-p", "testfleet_suite.pytest_plugin", *sys.argv[1:]]))
