"""The exit codes of the command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes. Those from 64 on are sysexits.h's; 130 is the shell's code for Ctrl-C."""

    OK = 0
    """Done. `wait`: the run passed."""
    FAILED = 1
    """`wait`: a case failed or errored. `doctor`: something is missing or wrong."""
    ERRORED = 2
    """`wait` and `ingest`: the run is errored."""
    NOT_FINISHED = 3
    """`wait`: the run did not finish in time."""
    CANCELLED = 4
    """`wait` and `ingest`: the run was cancelled."""
    INCOMPLETE = 5
    """`wait --min-cases`: the run passed with too few cases."""
    USAGE = 64
    """An option or argument is wrong, contradicts the database, or names no run or case, or several."""
    DATA = 65
    """`ingest`: a file is no JUnit report. No row was written."""
    UNAVAILABLE = 69
    """The queue, the database or the bucket is out of reach. The same command may succeed later."""
    SOFTWARE = 70
    """A bug of this program, with its traceback on stderr."""
    SETTING = 78
    """A setting is missing or wrong. The line on stderr begins with its environment variable."""
    INTERRUPTED = 130
    """Ctrl-C."""
