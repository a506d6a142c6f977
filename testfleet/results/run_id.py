"""Run ids as arguments."""

from pydantic import TypeAdapter, ValidationError

from handoff.message import RunId
from runtime.errors import first_problem
from testfleet.errors import Refused

_RUN_ID: TypeAdapter[str] = TypeAdapter(RunId)


def check(value: str) -> None:
    """Check that a run can have this id. Waiting for another one would be in vain.

    Raises:
        Refused: names what is allowed.
    """
    try:
        _RUN_ID.validate_python(value)
    except ValidationError as error:
        raise Refused(f"RUN_ID: {first_problem(error).allowed}") from error
