"""The error for invalid input: messages, settings, the catalog, files of the handoff."""

from pydantic import ValidationError

from runtime.text import one_line


class InvalidInput(ValueError):
    """A field holds a value that is not allowed.

    `field` is the path of the field as its author wrote it (`runId`, `suites.checkout.timeout`, `WORKER_CATALOG`).
    `allowed` describes the allowed values. The text of the error is the one line `field: allowed`.
    """

    def __init__(self, field: str, allowed: str) -> None:
        self.field = field
        self.allowed = allowed
        super().__init__(one_line(f"{field}: {allowed}" if field else allowed))  # a key may contain a line break


def first_problem(error: ValidationError, *, prefix: str = "") -> InvalidInput:
    """Convert pydantic's report into one line on the first wrong field.

    `prefix` comes before the field's path, separated by a dot.
    """
    problem = error.errors(include_url=False, include_context=False)[0]
    parts = problem["loc"][:-1] if problem["loc"][-1:] == ("[key]",) else problem["loc"]  # pydantic marks a wrong key
    path = ".".join(map(str, parts))
    allowed = "is required" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
    return InvalidInput(".".join(part for part in (prefix, path) if part), allowed)
