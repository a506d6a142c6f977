"""The messages of a run, one for each shard."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from handoff.message import MAX_SHARDS, JobMessage, Shard
from runtime.errors import first_problem
from testfleet.errors import Refused


def new_run_id(now: datetime, random: bytes) -> str:
    """Return a unique run id that sorts by time, such as `20260131-093000-5f3a9c01`. `now` is in UTC."""
    return f"{now:%Y%m%d-%H%M%S}-{random.hex()}"


def jobs(
    suite: str,
    *,
    run_id: str,
    shards: int = 1,
    commit: str | None = None,
    branch: str | None = None,
    pull_request: str | None = None,
    parent_commit: str | None = None,
    author: str | None = None,
    ci_url: str | None = None,
    target_url: str | None = None,
    trigger: str | None = None,
    environment: str | None = None,
    params: Mapping[str, str] | None = None,
    suite_option: str = "SUITE",
) -> tuple[JobMessage, ...]:
    """Return the messages of a run, one for each shard.

    Raises:
        Refused: an option is wrong; the error names it and the allowed values.
    """
    if not 1 <= shards <= MAX_SHARDS:
        raise Refused(f"--shards: must be 1 to {MAX_SHARDS}, but is {shards}")
    try:
        first = JobMessage(
            run_id=run_id,
            suite=suite,
            shard=Shard(index=1, total=shards),
            commit=commit,
            branch=branch,
            pull_request=pull_request,
            parent_commit=parent_commit,
            author=author,
            ci_url=ci_url,
            target_url=target_url,
            trigger=trigger,
            environment=environment,
            params=dict(params or {}),
        )
    except ValidationError as error:
        problem = first_problem(error)
        option = suite_option if problem.field == "suite" else _option(problem.field)
        raise Refused(f"{option}: {problem.allowed}") from error
    return tuple(first.model_copy(update={"shard": Shard(index=index, total=shards)}) for index in range(1, shards + 1))


def valid(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Return the fields that a job may have. A value that no person typed must not keep a run from the queue."""
    return {name: value for name, value in fields.items() if value is not None and _is_valid(name, value)}


def _is_valid(name: str, value: str) -> bool:
    try:
        JobMessage.model_validate({"run_id": "r", "suite": "s", name: value}, by_name=True)
    except ValidationError:
        return False
    return True


def _option(field: str) -> str:
    """Return the option that sets a field of the message."""
    return "--param" if field == "params" else "--" + field.replace("_", "-")


def params(pairs: Sequence[str]) -> dict[str, str]:
    """Return the parameters of `name=value` pairs. A value may contain equals signs.

    Raises:
        Refused: a pair has no equals sign, or a name occurs twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Refused(f"--param: must be NAME=VALUE, not {pair!r}")
        if name in found:
            raise Refused(f"--param: {name} is given twice")
        found[name] = value
    return found
