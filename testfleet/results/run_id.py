"""Run ids as arguments."""

from pydantic import TypeAdapter, ValidationError

from handoff.message import RunId
from runtime.errors import first_problem
from testfleet.errors import Refused

_RUN_ID: TypeAdapter[str] = TypeAdapter(RunId)


def check(value: str, argument: str = "RUN_ID") -> None:
    """Check that the value is a valid run id. No run has an invalid one.

    Raises:
        Refused: the value is no run id; the error names the argument and the allowed characters.
    """
    try:
        _RUN_ID.validate_python(value)
    except ValidationError as error:
        raise Refused(f"{argument}: {first_problem(error).allowed}") from error
