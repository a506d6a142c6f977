"""Every command of the runbook is valid: its program accepts it, and its names exist."""

import re
import runpy
import shlex
import subprocess

import botocore.session
import pytest
import typer
from botocore import xform_name

from testfleet.cli.app import app
from tests.support.aws.template import load
from tests.support.manifests import KEDA, containers, objects, of_kind, overlay, pods
from tests.support.runbook import ROOT, TEXT, Session, blocks, calls_of_testfleet, option

CUSTOM = {
    ("cloudformation", "deploy"),
    ("eks", "update-kubeconfig"),
    ("ecr", "get-login-password"),
    ("rds", "generate-db-auth-token"),
}
"""Commands of the AWS CLI that are no single API operation."""

EVERYWHERE = {"--query", "--output", "--region"}


@pytest.mark.parametrize("block", blocks("sh"), ids=lambda text: " ".join(text.split()[:3]))
def test_every_block_is_a_script_of_its_own(block: str) -> None:
    """A block can be copied alone: bash parses it without the others."""
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_whole_runbook_runs_in_one_shell(session: Session) -> None:
    """The shell stops at the first error and at the first unset variable."""
    assert (session.exit_code, session.errors) == (0, "")
    assert len(list(session.of("aws"))) > 30
    assert len(list(session.of("kubectl"))) > 20


def test_every_aws_command_is_an_operation_with_valid_parameters(session: Session) -> None:
    """The models are those of the AWS CLI. Each required parameter is present."""
    sdk = botocore.session.get_session()
    checked = 0
    for service, operation, *arguments in session.of("aws"):
        if (service, operation) in CUSTOM:
            continue
        model = sdk.get_service_model("s3" if service == "s3api" else service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        name = names.get(operation) or polled_operation(sdk, service, arguments.pop(0))
        shape = model.operation_model(name).input_shape
        members = {f"--{xform_name(name, '-')}": name for name in shape.members} if shape else {}
        given = {each.replace("--no-", "--") for each in arguments if each.startswith("--")} - EVERYWHERE
        assert given <= set(members), (service, operation)
        required = set(shape.required_members if shape else ())
        needed = {each for each in required if shape and not shape.members[each].metadata.get("idempotencyToken")}
        assert needed <= {members[each] for each in given}, (service, operation)
        checked += 1
    assert checked > 20


def test_every_aws_command_within_a_sentence_is_an_operation() -> None:
    """An operator types these commands, too."""
    sdk = botocore.session.get_session()
    named = re.findall(r"`aws ([a-z]+) ([a-z-]+)[^`]*`", TEXT)
    assert len(named) >= 3
    for service, operation in named:
        model = sdk.get_service_model(service)
        assert operation in {xform_name(name, "-") for name in model.operation_names}


def polled_operation(sdk: botocore.session.Session, service: str, waiter: str) -> str:
    """Return the operation that `aws SERVICE wait WAITER` repeats."""
    model = sdk.get_waiter_model(service)
    names = {xform_name(name, "-"): name for name in model.waiter_names}
    return model.get_waiter(names[waiter]).operation


def test_every_queried_output_belongs_to_its_stack(session: Session) -> None:
    """The function `out` prints nothing for an unknown output."""
    asked = 0
    for command in session.of("aws"):
        if command[:2] != ("cloudformation", "describe-stacks"):
            continue
        stack = command[command.index("--stack-name") + 1].removeprefix("testfleet-")
        (key,) = re.findall(r"OutputKey=='(\w+)'", " ".join(command))
        assert key in load(stack)["Outputs"]
        asked += 1
    assert asked >= 6


def test_no_value_of_a_command_is_empty(session: Session) -> None:
    """An empty value comes from a variable without a value."""
    assert not [command for command in session.commands if "" in command]


def test_every_name_in_a_kubectl_command_is_in_the_manifests(session: Session) -> None:
    """The names are those of namespaces, containers, Jobs, labels and folders."""
    manifests = overlay("eks")
    known = {name for _, spec in pods(manifests) for name in containers(spec)}
    labels = {
        f"{key}={value}"
        for scaled in of_kind(manifests, "ScaledJob")
        for key, value in scaled["spec"]["jobTargetRef"]["template"]["metadata"]["labels"].items()
    }
    seen: dict[str, int] = {}
    for command in session.of("kubectl"):
        for container in option(command, "--container"):
            assert container in known
            seen["container"] = seen.get("container", 0) + 1
        for namespace in option(command, "--namespace"):
            assert namespace in {"testfleet", "default", "keda", "grafana", "amazon-cloudwatch", "kube-system"}
        for selector in option(command, "--selector"):
            assert selector in {*labels, "app=keda-operator"}
        for folder in option(command, "-k"):
            assert objects(ROOT / folder)
            seen["folder"] = seen.get("folder", 0) + 1
        for kind, name in re.findall(r"\b(job|scaledjob|resourcequota)[ /]([a-z-]+)", " ".join(command)):
            named = {each["metadata"]["name"] for each in manifests if each["kind"].lower() == kind}
            assert name in named
            seen[kind] = seen.get(kind, 0) + 1
    assert {"container", "folder", "job", "scaledjob", "resourcequota"} <= seen.keys()


def test_platform_env_accepts_the_options_of_the_runbook(session: Session) -> None:
    """The script also accepts the values of ranges and tags."""
    calls = [each for each in session.of("python") if each and each[0] == "deploy/keda/platform_env.py"]
    assert len(calls) == 3
    parse = runpy.run_path(str(KEDA / "platform_env.py"))["_options"]
    options = [parse(call[1:]) for call in calls]
    assert [each.image_tag for each in options] == ["0.1.0", "0.2.0", "0.1.0"]
    for each in options:
        ranges = (each.database_cidr, each.target_cidr, each.dns_cidr)
        assert (*ranges, each.max_jobs) == ("10.0.0.0/16", "10.0.42.0/24", "172.20.0.0/16", 20)


def test_testfleet_accepts_every_call_of_the_runbook(session: Session) -> None:
    """The command's own parser accepts each line. The options in sentences exist."""
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    run_here = calls_of_testfleet(session)
    assert [name for name, *_ in run_here] == ["show", "enqueue", "wait", "show", "settings"]
    for name, *arguments in run_here:
        command.commands[name].make_context(name, arguments)
    mentioned = re.findall(r"`testfleet ([a-z-]+)([^`]*)`", TEXT)
    assert len(mentioned) >= 5
    for name, rest in mentioned:
        known = {each for parameter in command.commands[name].params for each in parameter.opts}
        assert {each for each in shlex.split(rest) if each.startswith("--")} <= known


def test_every_setting_in_a_pod_of_the_command_exists(session: Session) -> None:
    """The database user is testfleet_cli, and standard input has the keys of the session."""
    runs = [(command, given) for _, command, given in session.pods() if "testfleet" in command]
    assert len(runs) == 5
    for command, given in runs:
        env = dict(pair.split("=", 1) for pair in command[command.index("env") + 1 : command.index("testfleet")])
        settings = {name for name in env if not name.startswith("AWS_")}
        assert settings == {
            f"TESTFLEET_{name}" for name in ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "DATABASE_URL", "DATABASE_AUTH")
        }
        assert all(f"| `{name}` |" in (ROOT / "README.md").read_text() for name in settings)
        assert env["TESTFLEET_DATABASE_URL"].startswith("postgresql://testfleet_cli@results.abc.")
        assert "'testfleet_cli'" in (ROOT / "deploy" / "aws" / "sql" / "roles.sql").read_text()
        keys = "AWS_ACCESS_KEY_ID=ASIA\nAWS_SECRET_ACCESS_KEY=session-secret\nAWS_SESSION_TOKEN=session-token\n\n"
        assert given == keys
