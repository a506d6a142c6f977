"""The command `testfleet`: runs one command of `cli` and chooses the exit code."""

import sys
import traceback
from typing import NoReturn

from typer import TyperException

from testfleet.cli.app import app
from testfleet.errors import CommandError
from testfleet.exit_codes import ExitCode
from testfleet.output import streams


def main() -> NoReturn:
    """Run the command that the arguments name. An error is one line on stderr."""
    streams.prepare()
    sys.exit(_run())


def _run() -> int:
    try:
        return int(app(prog_name="testfleet", standalone_mode=False) or ExitCode.OK)
    except TyperException as error:
        context = getattr(error, "ctx", None)  # of a usage error: the command or group that refused its arguments
        group = context.command_path if context else "testfleet"
        message = error.format_message().replace("Missing command.", f"Missing command; run: {group} --help")
        return _fail(message, ExitCode.USAGE)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except Exception:  # noqa: BLE001  # Python's exit code for a traceback is 1, which a pipeline reads as failed tests
        streams.to_stderr(traceback.format_exc())
        return ExitCode.SOFTWARE


def _fail(line: str, code: ExitCode) -> ExitCode:
    streams.to_stderr(f"testfleet: {' '.join(line.split())}")
    return code


if __name__ == "__main__":
    main()
