"""The runbook's commands, run in a shell. Stubs of aws, kubectl, helm, docker, make, git and python record them."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "runbook.md").read_text()

STUB = r"""#!/bin/bash
words="${{0##*/}} $*"
# The AWS CLI reads no standard input, which belongs to the next command of the pipe.
[ "${{0##*/}}" = aws ] || [ -t 0 ] || IFS= read -r -d '' given
# bash writes at each line break, and a pipe runs two programs at once. cat appends the whole entry in one write.
printf '%s\0' "${{0##*/}}" "$@" $'\n' "$given" $'\n' > {log}.$$
cat {log}.$$ >> {log}
case $words in
{answers}
esac
"""
"""A stub in shell, because each start of Python takes 50 ms. It logs its arguments, `END`, its input and `END`."""

END = "\n"

ANSWERS: tuple[tuple[str, str], ...] = (
    ("kubernetesNetworkConfig.serviceIpv4Cidr", "172.20.0.0/16"),
    ("kubernetesNetworkConfig.ipFamily", "ipv4"),
    ("daemonset aws-node", '["--enable-ipv6=false","--enable-network-policy=true"]'),
    ("spec.providerID", "aws:///eu-central-1a/i-0123456789abcdef0 aws:///eu-central-1b/i-0123456789abcdef1"),
    ("MetadataOptions.HttpPutResponseHopLimit", "1\t1"),
    ("sts get-caller-identity", "123456789012"),
    ("resourcesVpcConfig.vpcId", "vpc-1"),
    ("ec2 describe-vpcs", "10.0.0.0/16"),
    ("resourcesVpcConfig.subnetIds", "subnet-1,subnet-2"),
    ("clusterSecurityGroupId", "sg-cluster"),
    ("identity.oidc.issuer", "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"),
    ("OutputKey=='RegistryUri'", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/testfleet"),
    ("OutputKey=='QueueUrl'", "https://sqs.eu-central-1.amazonaws.com/123456789012/test-jobs"),
    ("OutputKey=='QueueArn'", "arn:aws:sqs:eu-central-1:123456789012:test-jobs"),
    ("OutputKey=='CliRoleArn'", "arn:aws:iam::123456789012:role/cli"),
    ("OutputKey=='DatabaseEndpoint'", "results.abc.eu-central-1.rds.amazonaws.com"),
    ("sts assume-role", "ASIA session-secret session-token"),
    ("get-random-password", "a-password"),
    ("OutputKey=='DeadLetterQueueUrl'", "https://sqs.eu-central-1.amazonaws.com/123456789012/test-jobs-dead"),
    ("OutputKey=='DeadLetterQueueArn'", "arn:aws:sqs:eu-central-1:123456789012:test-jobs-dead"),
    ("OutputKey=='KedaRoleArn'", "arn:aws:iam::123456789012:role/keda"),
    ("OutputKey=='InstanceEndpoint'", "instance.abc.eu-central-1.rds.amazonaws.com"),
    ("rds generate-db-auth-token", "database-token"),
    ("ecr describe-images", "sha256:0a1b"),
    ("ec2 describe-instances", "sg-node\tsg-cluster\nsg-node"),
    ("sqs get-queue-url", "https://sqs.eu-central-1.amazonaws.com/123456789012/test-jobs"),
    ("OutputKey=='DeletePodsTemplateId'", "EXT1"),
    ("rds describe-db-instances", "results.abc.eu-central-1.rds.amazonaws.com"),
    ("ecr get-login-password", "registry-token"),
)

Command = tuple[str, ...]


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of the language, in order."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [str(each) for each in found]


@dataclass(frozen=True)
class Session:
    """The result of running every block in order in one shell."""

    exit_code: int
    errors: str
    commands: tuple[Command, ...]
    inputs: tuple[str, ...]
    """The standard input of each command."""

    def of(self, program: str) -> Iterator[Command]:
        return (command[1:] for command in self.commands if command[0] == program)

    def pods(self) -> Iterator[tuple[Command, Command, str]]:
        """Return options, command and standard input of each pod that `kubectl run` starts."""
        for command, given in zip(self.commands, self.inputs, strict=True):
            if command[0] == "kubectl" and "run" in command:
                end = command.index("--")
                yield command[1:end], command[end + 1 :], given


def run(folder: Path, answers: tuple[tuple[str, str], ...] = ()) -> Session:
    """Run every block of the runbook in a folder with links to the repository.

    Each of `answers` is a part of a command and its output. They take precedence over `ANSWERS`.
    """
    programs = folder / "bin"
    log = folder / "log"
    log.touch()
    programs.mkdir()
    for name in ("aws", "kubectl", "helm", "docker", "make"):
        _stub(programs / name, log, answers)
    work = folder / "work"
    work.mkdir()
    for name in ("deploy", "docker"):
        (work / name).symlink_to(ROOT / name)
    (work / ".venv" / "bin").mkdir(parents=True)
    _stub(work / ".venv" / "bin" / "python", log, answers)
    _stub(programs / "git", log, answers)
    script = "set -euo pipefail\n" + "\n".join(blocks("sh"))
    env = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "CONNECTION_ARN": "arn:aws:codeconnections:eu-central-1:123456789012:connection/1",
        "NODEGROUP_ARN": "arn:aws:eks:eu-central-1:123456789012:nodegroup/qa/a/1",
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=work, env=env, input="", capture_output=True, text=True, check=False, timeout=120
    )
    words = log.read_text().split("\0")
    commands, inputs = [], []
    while END in words:
        end = words.index(END)
        commands.append(tuple(words[:end]))
        inputs.append(words[end + 1])
        words = words[end + 3 :]
    return Session(done.returncode, done.stderr, tuple(commands), tuple(inputs))


def _stub(file: Path, log: Path, answers: tuple[tuple[str, str], ...]) -> None:
    cases = (f"*{quote(needle)}*) printf '%s\\n' {quote(answer)} ;;" for needle, answer in (*answers, *ANSWERS))
    file.write_text(STUB.format(log=quote(str(log)), answers="\n".join(cases)))
    file.chmod(0o755)


def option(command: Command, *names: str) -> Iterator[str]:
    """Return the values of the options with these names."""
    for index, word in enumerate(command):
        for name in names:
            if word == name:
                yield command[index + 1]
            elif word.startswith(f"{name}="):
                yield word.partition("=")[2]


def calls_of_testfleet(session: Session) -> list[list[str]]:
    """Return the arguments of each call of `testfleet` in a pod, in order."""
    calls = [list(command) for _, command, _ in session.pods() if "testfleet" in command]
    return [call[call.index("testfleet") + 1 :] for call in calls]


def cost_rows() -> list[list[str]]:
    """Return the cells of the table of costs, row by row."""
    table = TEXT[TEXT.index("| for a thousand runs |") :].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return rows[2:]
