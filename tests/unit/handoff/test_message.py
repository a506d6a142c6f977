"""The job message: valid messages, rejected messages and their errors."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.message import InvalidMessage, JobMessage, ParsedMessage, Shard

FULL = {
    "runId": "r-42",
    "suite": "checkout",
    "shard": "2/4",
    "commit": "9f2c1ab",
    "branch": "main",
    "pullRequest": "42",
    "parentCommit": "1d0c7e2",
    "author": "Ada Lovelace",
    "ciUrl": "https://ci.example.com/jobs/7",
    "targetUrl": "https://staging.example.com",
    "trigger": "pipeline",
    "environment": "staging",
    "params": {"LOCALE": "de"},
}


def parse(**fields: object) -> ParsedMessage:
    return ParsedMessage.from_body(json.dumps(fields), message_id="m-1")


def test_a_full_message_is_read_field_by_field() -> None:
    """Each field of the contract is parsed."""
    assert parse(**FULL).job == JobMessage(
        run_id="r-42",
        suite="checkout",
        shard=Shard(index=2, total=4),
        commit="9f2c1ab",
        branch="main",
        pull_request="42",
        parent_commit="1d0c7e2",
        author="Ada Lovelace",
        ci_url="https://ci.example.com/jobs/7",
        target_url="https://staging.example.com",
        trigger="pipeline",
        environment="staging",
        params={"LOCALE": "de"},
    )


def test_a_suite_alone_is_one_shard_of_a_run_named_by_the_message_id() -> None:
    """An EventBridge target needs no run id, and a redelivery keeps it."""
    job = parse(suite="checkout").job
    assert (job.run_id, str(job.shard)) == ("m-1", "1/1")


def test_a_shard_may_be_an_object() -> None:
    """Both spellings of the contract mean the same shard."""
    assert parse(suite="x", shard={"index": 2, "total": 4}).job.shard == Shard(index=2, total=4)


def test_a_pull_request_may_be_a_number() -> None:
    """APIs of code hosts return the id as a number."""
    assert parse(suite="x", pullRequest=42).job.pull_request == "42"


def test_unknown_fields_are_ignored_and_named() -> None:
    """A newer sender must not break an older worker, but the log names the fields."""
    parsed = parse(suite="x", zebra=1, priority="high")
    assert parsed.unknown_fields == ("priority", "zebra")


def test_the_python_name_of_a_field_is_an_unknown_field() -> None:
    """JSON has one spelling: `run_id` must not replace `runId` silently."""
    parsed = parse(suite="x", run_id="r-9")
    assert (parsed.job.run_id, parsed.unknown_fields) == ("m-1", ("run_id",))


def test_null_means_absent() -> None:
    """Some serializers write null for each unset field."""
    job = parse(**dict.fromkeys(FULL, None) | {"suite": "x"}).job
    assert job == JobMessage(run_id="m-1", suite="x")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"suite": None}, "suite: is required"),
        ({"suite": 7}, "suite: Input should be a valid string"),
        ({"suite": ""}, "suite: must be 1 to 1024 bytes"),
        ({"suite": "a\x00b"}, "suite: must be 1 to 1024 bytes of UTF-8 text without control characters"),
        ({"runId": ""}, "runId: must be 1 to 128 characters of A-Z a-z 0-9 . _ -"),
        ({"runId": "r/42"}, "runId: must be 1 to 128 characters"),
        ({"runId": "r" * 129}, "runId: must be 1 to 128 characters"),
        ({"runId": "r-42\n"}, "runId: must be 1 to 128 characters"),
        ({"runId": 42}, "runId: Input should be a valid string"),
        ({"shard": "0/4"}, 'shard: must be "i/n" with 1 <= i <= n <= 1000'),
        ({"shard": "5/4"}, 'shard: must be "i/n"'),
        ({"shard": "1/1001"}, 'shard: must be "i/n"'),
        ({"shard": "01/4"}, 'shard: must be "i/n"'),
        ({"shard": "1/4 "}, 'shard: must be "i/n"'),
        ({"shard": 1}, 'shard: must be "i/n"'),
        ({"shard": [1, 4]}, 'shard: must be "i/n"'),
        ({"shard": {"index": 1}}, 'shard: must be "i/n"'),
        ({"shard": {"index": True, "total": 4}}, 'shard: must be "i/n"'),
        ({"shard": {"index": "1", "total": "4"}}, 'shard: must be "i/n"'),
        ({"commit": ""}, "commit: must be 1 to 1024 bytes"),
        ({"branch": "\ud800"}, "branch: must be 1 to 1024 bytes"),
        ({"suite": "検" * 342}, "suite: must be 1 to 1024 bytes of UTF-8 text without control characters"),
        ({"trigger": "x" * 1025}, "trigger: must be 1 to 1024 bytes"),
        ({"pullRequest": ""}, "pullRequest: must be 1 to 1024 bytes"),
        ({"pullRequest": -1}, "pullRequest: Input should be a valid string"),
        ({"pullRequest": True}, "pullRequest: Input should be a valid string"),
        ({"parentCommit": "a\nb"}, "parentCommit: must be 1 to 1024 bytes"),
        ({"author": "x" * 1025}, "author: must be 1 to 1024 bytes"),
        ({"ciUrl": "javascript:alert(1)"}, "ciUrl: must be an http:// or https:// URL"),
        ({"environment": 1}, "environment: Input should be a valid string"),
        ({"targetUrl": "ftp://example.com"}, "targetUrl: must be an http:// or https:// URL with a host"),
        ({"targetUrl": "https://"}, "targetUrl: must be an http:// or https:// URL with a host"),
        ({"targetUrl": "https://example.com:port"}, "targetUrl: must be an http:// or https:// URL"),
        ({"targetUrl": "javascript:alert(1)"}, "targetUrl: must be an http:// or https:// URL"),
        ({"params": ["a"]}, "params: Input should be a valid dictionary"),
        ({"params": {"a": 1}}, "params.a: Input should be a valid string"),
        ({"params": {"a": {"b": "c"}}}, "params.a: Input should be a valid string"),
        ({"params": {"LD PRELOAD": "x"}}, "params: must be a flat map of names"),
        ({"params": {"a": "\x00"}}, "params: must be a flat map of names"),
        ({"params": {f"p{n}": "" for n in range(101)}}, "params: must hold at most 100 entries"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(wrong: dict[str, object], line: str) -> None:
    """The error of each field is one line."""
    with pytest.raises(InvalidMessage) as caught:
        parse(**FULL | wrong)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", ["", "not json", "[]", '"x"', "1", "null", "[" * 100_000, '{"suite":"x"'])
def test_a_body_that_is_no_json_object_is_refused(body: str) -> None:
    """Any such body gets one clear line."""
    with pytest.raises(InvalidMessage, match=r"^body: must be a JSON object$"):
        ParsedMessage.from_body(body, message_id="m-1")


def test_the_readable_run_id_and_suite_of_a_wrong_message_are_kept() -> None:
    """The run can then be recorded as errored, under its own id and suite."""
    with pytest.raises(InvalidMessage) as caught:
        parse(runId="r-42", suite="checkout", shard="9/4")
    assert (caught.value.run_id, caught.value.suite) == ("r-42", "checkout")


def test_a_run_id_that_cannot_be_read_is_not_replaced() -> None:
    """A wrong id must not be recorded under the message id as if it were another run."""
    with pytest.raises(InvalidMessage) as caught:
        parse(runId="no/such", suite="checkout")
    assert caught.value.run_id is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*FULL, "extra"]), json_values))
def test_any_json_object_is_read_or_refused(fields: dict[str, object]) -> None:
    """Parsing raises only InvalidMessage, and a parsed message survives a round trip."""
    try:
        job = parse(**fields).job
    except InvalidMessage:
        return
    assert ParsedMessage.from_body(job.to_json(), message_id="other").job == job


def test_a_message_is_written_as_the_contract_spells_it() -> None:
    """`enqueue` sends the JSON that the design shows."""
    assert json.loads(parse(**FULL).job.to_json()) == FULL
