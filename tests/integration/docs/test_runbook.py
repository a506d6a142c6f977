"""The runbook's queries and queue commands, run on a real database and on moto's queues."""

from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import psycopg
import pytest
from botocore import xform_name

from tests.support.aws.endpoint import Aws
from tests.support.runbook import blocks, run

NOT_HERE = {"start-message-move-task", "get-queue-url", "delete-queue"}
"""moto lacks the first command. The others belong to the removal."""


@pytest.mark.parametrize("statement", blocks("sql"), ids=lambda text: " ".join(text.split()[1:3]))
def test_every_query_runs(statement: str, database_url: str) -> None:
    """The migrations create the tables and views."""
    with psycopg.connect(database_url) as connection:
        assert connection.execute(statement.encode()).description


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The runbook's commands to SQS, with the shell's values of their variables."""
    session = run(tmp_path_factory.mktemp("runbook"))
    return [list(command[1:]) for command in session.of("aws") if command[0] == "sqs"]


def sdk_call(command: list[str], places: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the SDK's method and arguments of a command. `places` replaces the URLs of its queues."""
    operation, *words = command
    model = botocore.session.get_session().get_service_model("sqs")
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    assert shape is not None
    members = shape.members
    known = {f"--{xform_name(name, '-')}": name for name in members}
    arguments: dict[str, Any] = {}
    for option, values in grouped(words):
        name = known[option]
        kind = members[name].type_name
        value = places.get(values[0], values[0])
        arguments[name] = values if kind == "list" else int(value) if kind == "integer" else value
    return xform_name(names[operation]), arguments


def grouped(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    starts = [index for index, word in enumerate(words) if word.startswith("--")]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield words[start], words[start + 1 : end]


def test_every_command_to_the_queues_runs(commands: list[list[str]], aws: Aws) -> None:
    """They send a job, count messages and read the dead-letter queue."""
    sqs = aws.client("sqs")
    account = "https://sqs.eu-central-1.amazonaws.com/123456789012/"
    places = {f"{account}test-jobs": aws.queue_url, f"{account}test-jobs-dead": aws.dead_letter_queue_url}
    sqs.send_message(
        QueueUrl=aws.dead_letter_queue_url,
        MessageBody="{}",
        MessageAttributes={"reason": {"DataType": "String", "StringValue": "unknown_suite"}},
    )
    answers: dict[str, list[Any]] = {}
    for command in commands:
        if command[0] in NOT_HERE:
            continue
        operation, arguments = sdk_call(command, places)
        answers.setdefault(operation, []).append(getattr(sqs, operation)(**arguments))
    assert set(answers) == {"send_message", "get_queue_attributes", "receive_message"}
    counts = [each["Attributes"]["ApproximateNumberOfMessages"] for each in answers["get_queue_attributes"]]
    assert counts == ["1", "1"]
    (received,) = answers["receive_message"]
    assert received["Messages"][0]["MessageAttributes"]["reason"]["StringValue"] == "unknown_suite"
