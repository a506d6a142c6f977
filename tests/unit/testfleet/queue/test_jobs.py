"""The messages of a run, built from options."""

from datetime import UTC, datetime, timedelta

import pytest

from handoff.message import MAX_SHARDS, ParsedMessage
from testfleet.errors import Refused
from testfleet.queue.jobs import jobs, new_run_id, params, valid


def test_each_shard_has_its_message() -> None:
    """The worker reads back what the command wrote."""
    made = jobs("checkout", run_id="r1", shards=3, commit="abc", target_url="https://x.test", params={"a": "b"})
    assert [str(job.shard) for job in made] == ["1/3", "2/3", "3/3"]
    assert [ParsedMessage.from_body(job.to_json(), message_id="m").job for job in made] == list(made)
    assert {job.params["a"] for job in made} == {"b"}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"run_id": "a b"}, "--run-id: must be 1 to 128 characters of A-Z a-z 0-9 . _ -"),
        ({"run_id": ""}, "--run-id: must be 1 to 128 characters"),
        ({"suite": ""}, "SUITE: must be 1 to 1024 bytes"),
        ({"suite": "", "suite_option": "--suite"}, "--suite: must be 1 to 1024 bytes"),
        ({"shards": 0}, f"--shards: must be 1 to {MAX_SHARDS}"),
        ({"shards": MAX_SHARDS + 1}, f"--shards: must be 1 to {MAX_SHARDS}"),
        ({"commit": ""}, "--commit: must be"),
        ({"branch": "a\nb"}, "--branch: must be"),
        ({"target_url": "ftp://x"}, "--target-url: must be an http:// or https:// URL"),
        ({"trigger": "\0"}, "--trigger: must be"),
        ({"environment": ""}, "--environment: must be"),
        ({"pull_request": ""}, "--pull-request: must be"),
        ({"parent_commit": "\n"}, "--parent-commit: must be"),
        ({"author": "x" * 1025}, "--author: must be"),
        ({"ci_url": "ci/7"}, "--ci-url: must be an http:// or https:// URL"),
        ({"params": {"1a": "x"}}, "--param: must be a flat map of names"),
        ({"params": {"a": "x" * 2000}}, "--param: must be"),
    ],
)
def test_a_wrong_option_is_named_as_it_was_typed(options: dict[str, object], line: str) -> None:
    """The user typed --target-url and need not know the field targetUrl."""
    with pytest.raises(Refused) as caught:
        jobs(**({"suite": "checkout", "run_id": "r1"} | options))  # type: ignore[arg-type]  # the table mixes types
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_values_that_a_job_may_not_have_are_left_out() -> None:
    """A variable of the CI service must not keep a run from the queue."""
    found = {"author": "Ada\x1b[31m", "branch": "main", "ci_url": "about:blank", "commit": None, "environment": ""}
    assert valid(found) == {"branch": "main"}


def test_a_value_may_contain_equals_signs() -> None:
    """A query string is an ordinary value."""
    assert params(["q=a=b&c=d", "empty="]) == {"q": "a=b&c=d", "empty": ""}


@pytest.mark.parametrize(("pairs", "what"), [(["novalue"], "NAME=VALUE"), (["a=1", "a=2"], "given twice")])
def test_an_invalid_parameter_is_refused(pairs: list[str], what: str) -> None:
    """The second of two equal names would silently win."""
    with pytest.raises(Refused, match=f"^--param: .*{what}"):
        params(pairs)


def test_new_run_ids_sort_by_time_and_are_allowed() -> None:
    """A listing in order of ids is a listing in order of time; two in one second differ by their random part."""
    start = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    first, second = (new_run_id(start + timedelta(seconds=step), b"\xff\x00\x10\x01") for step in (0, 1))
    assert first == "20260131-093000-ff001001"
    assert first < second
    assert new_run_id(start, b"\x01") != new_run_id(start, b"\x02")
    assert jobs("s", run_id=first)[0].run_id == first
