"""The removal steps of the runbook."""

import re

from tests.support.aws.template import NAMES, load
from tests.support.runbook import TEXT, Session, option


def test_the_removal_deletes_the_kept_resources_by_name(session: Session) -> None:
    """A later installation uses the same names."""
    kept = {
        (name, key)
        for name in NAMES
        for key, body in load(name)["Resources"].items()
        if body.get("DeletionPolicy") == "RetainExceptOnCreate"
    }
    assert {name for name, _ in kept} == {"queue", "storage", "registry", "identity", "pipeline", "alarms"}
    images = {
        body["Properties"]["RepositoryName"]["Fn::Sub"].rpartition("/")[2]
        for body in load("registry")["Resources"].values()
    }
    deleted = [each for each in session.of("aws") if each[:2] == ("ecr", "delete-repository")]
    assert {name for each in deleted for name in option(each, "--repository-name")} == {
        f"testfleet/{image}" for image in images
    }
    done = {each[:2] for each in session.of("aws")}
    assert {("s3api", "delete-bucket"), ("sqs", "delete-queue"), ("logs", "delete-log-group")} <= done


def test_every_stack_is_removed_after_the_stacks_that_import_from_it() -> None:
    """CloudFormation does not delete a stack whose export another stack imports."""
    (line,) = re.findall(r"^for stack in (.*); do$", TEXT, re.MULTILINE)
    order = line.split()
    assert sorted(order) == sorted(NAMES)
    for name in NAMES:
        needs = {key.removesuffix("Stack").lower() for key in load(name).get("Parameters", {}) if key.endswith("Stack")}
        for need in needs:
            assert order.index(name) < order.index({"alarm": "alarms"}.get(need, need))


def test_the_removal_may_be_repeated_and_waits_for_the_namespace(session: Session) -> None:
    """`delete -k` lists objects that end with their namespace. A new installation needs the old namespace removed."""
    calls = [*session.of("kubectl")]
    (removal,) = [index for index, each in enumerate(calls) if each[:2] == ("delete", "-k")]
    assert "--ignore-not-found" in calls[removal]
    assert calls[removal + 1][:3] == ("wait", "--for=delete", "namespace/testfleet")
