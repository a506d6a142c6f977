"""Errors that end a command. Each has a text of one line and an exit code.

CommandError
├── Unavailable      the same command may succeed later
│   └── NotSent      some shards are not on the queue
└── Refused          the command must be changed first
    ├── BadData      a file has the wrong content
    └── BadSetting   a setting is missing or wrong
"""

from collections.abc import Sequence
from typing import ClassVar

from testfleet.exit_codes import ExitCode


class CommandError(Exception):
    """The root of the errors. Its text is the line on stderr."""

    exit_code: ClassVar[ExitCode]


class Unavailable(CommandError):
    """The queue, the database, the bucket or the cluster is out of reach."""

    exit_code = ExitCode.UNAVAILABLE


class NotSent(Unavailable):
    """Some shards are not on the queue. Enqueueing the run id again sends all; a shard that is sent twice runs once."""

    def __init__(self, shards: Sequence[str], why: str) -> None:
        self.shards = tuple(shards)
        super().__init__(f"queue: not sent: shard {', '.join(shards)}: {why}; enqueue the same run id again")


class Refused(CommandError):
    """An option or argument is not allowed. The line begins with its name."""

    exit_code = ExitCode.USAGE


class BadData(Refused):
    """A file has the wrong content. The line begins with its path."""

    exit_code = ExitCode.DATA


class BadSetting(Refused):
    """A setting, or the system that it names, is wrong. The line begins with the environment variable."""

    exit_code = ExitCode.SETTING
