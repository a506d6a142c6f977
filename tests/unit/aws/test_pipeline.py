"""The example pipeline: the commands of its step are valid."""

import json
import re
import shlex
import subprocess
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from testfleet.cli.app import app
from testfleet.settings import Settings
from tests.support.aws.policy import Call, Policy, Request
from tests.support.aws.resolve import ACCOUNT, REGION
from tests.support.aws.roles import documents
from tests.support.aws.stacks import REQUIRED, deploy, properties


def gate() -> dict[str, Any]:
    return properties(deploy(pipeline={"Shards": "4", "WaitMinutes": "30"})["pipeline"], "Gate")


def commands() -> list[list[str]]:
    """Return the commands of the build specification, each as an argv with unexpanded variables."""
    spec = yaml.safe_load(gate()["Source"]["BuildSpec"])
    return [shlex.split(command) for command in spec["phases"]["build"]["commands"]]


def test_the_step_enqueues_and_then_waits_for_the_same_run() -> None:
    """The exit code of `wait`, the last command, is the step's verdict."""
    name, enqueue, wait = commands()
    assert name == ["RUN_ID=$EXECUTION_ID-$CODEBUILD_BUILD_NUMBER"]
    assert enqueue[:3] == ["testfleet", "enqueue", "$SUITE"]
    assert enqueue[enqueue.index("--run-id") + 1] == "$RUN_ID"
    assert wait[:3] == ["testfleet", "wait", "$RUN_ID"]


def test_every_option_of_the_step_exists() -> None:
    """The help of the command lists each option."""
    for _, command, *arguments in commands()[1:]:
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        options = re.findall(r"--[a-z-]+", " ".join(arguments))
        assert len(options) >= 2
        for option in options:
            assert option in shown


def test_every_variable_of_the_step_is_set() -> None:
    """The project, the pipeline's action or CodeBuild sets it. Each setting is one of testfleet."""
    project = {variable["Name"] for variable in gate()["Environment"]["EnvironmentVariables"]}
    used = set(re.findall(r"\$\{?([A-Z_]+)", " ".join(map(" ".join, commands()))))
    codebuild = {"CODEBUILD_BUILD_NUMBER", "CODEBUILD_INITIATOR"}
    assert used <= project | set(action_variables()) | codebuild | {"RUN_ID"}
    settings = {f"TESTFLEET_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in project if name.startswith("TESTFLEET_")} <= settings


@pytest.mark.parametrize(
    ("environment", "min_cases", "added"),
    [("", "", []), ("staging", "75%", ["--environment=staging", "--min-cases=75%"])],
)
def test_an_empty_parameter_adds_no_option(environment: str, min_cases: str, added: list[str]) -> None:
    """An empty value would be refused."""
    spec = yaml.safe_load(gate()["Source"]["BuildSpec"])
    script = "\n".join(["testfleet() { printf '%s\\n' \"$@\"; }", *spec["phases"]["build"]["commands"]])
    env = {"PATH": "/usr/bin:/bin", "ENVIRONMENT": environment, "MIN_CASES": min_cases}
    done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.startswith(("--env", "--min"))] == added


def action_variables() -> dict[str, str]:
    stages = properties(deploy()["pipeline"], "Pipeline")["Stages"]
    (action,) = stages[1]["Actions"]
    variables = json.loads(action["Configuration"]["EnvironmentVariables"])
    return {variable["name"]: variable["value"] for variable in variables}


def test_the_run_carries_execution_and_commit() -> None:
    """The values are CodePipeline's variables of the execution and of the source action."""
    assert action_variables() == {
        "EXECUTION_ID": "#{codepipeline.PipelineExecutionId}",
        "COMMIT": "#{SourceVariables.CommitId}",
    }
    source = properties(deploy()["pipeline"], "Pipeline")["Stages"][0]["Actions"][0]
    assert source["Namespace"] == "SourceVariables"


def test_the_build_outlives_the_longest_wait() -> None:
    """Otherwise CodeBuild would end the gate before the verdict."""
    project = gate()
    variables = {variable["Name"]: variable["Value"] for variable in project["Environment"]["EnvironmentVariables"]}
    assert variables["WAIT"] == "30m"
    assert project["TimeoutInMinutes"] > 470
    assert variables["SUITE"] == REQUIRED["pipeline"]["Suite"]


def test_nothing_is_promoted_before_the_gate() -> None:
    """The next stage starts only after the gate has succeeded."""
    stages = [stage["Name"] for stage in properties(deploy()["pipeline"], "Pipeline")["Stages"]]
    assert stages == ["Source", "EndToEnd", "Promote"]


def test_the_pipeline_may_inspect_its_artifact_bucket() -> None:
    """CodePipeline reads versioning, ACL and location of the bucket, and its objects."""
    stack = deploy()["pipeline"]
    policy = Policy.of(*documents(stack, "PipelineRole"))
    bucket = f"<{stack.name}/ArtifactBucket.Arn>"
    for action in ("s3:GetBucketVersioning", "s3:GetBucketAcl", "s3:GetBucketLocation"):
        assert policy.allows(Request(Call(action, bucket)))
    assert not policy.allows(Request(Call("s3:PutBucketPolicy", bucket)))


def test_the_gate_runs_as_root_in_the_image_codebuild() -> None:
    """Without `run-as`, CodeBuild runs the commands as root. The user of the other images has no login shell."""
    stack = deploy()["pipeline"]
    image = properties(stack, "Gate")["Environment"]["Image"]
    assert image.endswith("/testfleet/codebuild:0.1.0")
    assert "run-as" not in yaml.safe_load(gate()["Source"]["BuildSpec"])
    policy = Policy.of(*documents(stack, "GateRole", deploy()["identity"]))
    pull = "ecr:BatchGetImage"
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/testfleet"
    assert policy.allows(Request(Call(pull, f"{repository}/codebuild")))
    assert not policy.allows(Request(Call(pull, f"{repository}/testfleet")))
