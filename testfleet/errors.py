"""Why a command could not do its work. Each error is one line for people and an exit code for a pipeline.

CommandError
├── Unavailable      try again: nothing is wrong with what was asked
│   └── NotSent      some shards are not on the queue
└── Refused          never succeeds as it was asked
    ├── BadData      a file is not what it should be
    └── BadSetting   the environment is wrong
"""

from collections.abc import Sequence
from typing import ClassVar

from testfleet.exit_codes import ExitCode


class CommandError(Exception):
    """The root of this program's errors; its text is the one line that people read."""

    exit_code: ClassVar[ExitCode]


class Unavailable(CommandError):
    """The queue, the database or the bucket is out of reach."""

    exit_code = ExitCode.UNAVAILABLE


class NotSent(Unavailable):
    """Some shards are not on the queue. Enqueueing the run id again sends all; a shard that is sent twice runs once."""

    def __init__(self, shards: Sequence[str], why: str) -> None:
        self.shards = tuple(shards)
        super().__init__(f"queue: not sent: shard {', '.join(shards)}: {why}; enqueue the same run id again")


class Refused(CommandError):
    """What was asked for is not allowed; the line names the option or argument."""

    exit_code = ExitCode.USAGE


class BadData(Refused):
    """A file is not what it should be; the line names it."""

    exit_code = ExitCode.DATA


class BadSetting(Refused):
    """A setting is missing or wrong, or what it points to is; the line begins with its environment variable."""

    exit_code = ExitCode.SETTING
