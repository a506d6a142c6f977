"""The one table of what the command's exit codes mean."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a pipeline may decide by. 64 and above are those of sysexits.h; 130 is a shell's for Ctrl-C."""

    OK = 0
    """Done. Of `wait`: the run passed."""
    FAILED = 1
    """`wait`: a case failed or errored. `doctor`: something is missing or wrong."""
    ERRORED = 2
    """`wait` and `ingest`: the run ended without a verdict."""
    NOT_FINISHED = 3
    """`wait`: the time is over and the run is not."""
    CANCELLED = 4
    """`wait` and `ingest`: the run was cancelled."""
    USAGE = 64
    """An option or argument is wrong, or contradicts what is recorded already."""
    DATA = 65
    """`ingest`: a file is no JUnit report. Nothing was recorded."""
    UNAVAILABLE = 69
    """The queue, the database or the bucket is out of reach: the same command may succeed later."""
    SOFTWARE = 70
    """A fault of this program, printed with its traceback; never mistaken for a verdict."""
    SETTING = 78
    """A setting is missing or wrong; the line names its environment variable."""
    INTERRUPTED = 130
    """Ctrl-C."""
