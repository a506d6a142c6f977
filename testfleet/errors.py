"""Why a command could not do its work. Each error is one line for people and an exit code for a pipeline.

CommandError
├── Unavailable      try again: nothing is wrong with what was asked
└── Refused          never succeeds as it was asked
    ├── BadData      a file is not what it should be
    └── BadSetting   the environment is wrong
"""

from typing import ClassVar

from testfleet.exit_codes import ExitCode


class CommandError(Exception):
    """The root of this program's errors; its text is the one line that people read."""

    exit_code: ClassVar[ExitCode]


class Unavailable(CommandError):
    """The queue, the database or the bucket is out of reach."""

    exit_code = ExitCode.UNAVAILABLE


class Refused(CommandError):
    """What was asked for is not allowed; the line names the option or argument."""

    exit_code = ExitCode.USAGE


class BadData(Refused):
    """A file is not what it should be; the line names it."""

    exit_code = ExitCode.DATA


class BadSetting(Refused):
    """A setting is missing or wrong, or what it points to is; the line begins with its environment variable."""

    exit_code = ExitCode.SETTING
