"""The README and the commands of the runbook agree with the templates."""

import re
import shlex
from pathlib import Path

import pytest

from tests.support.aws.resolve import Unresolved
from tests.support.aws.stacks import REQUIRED, deploy, stack_name
from tests.support.aws.template import FOLDER, NAMES, load

ROOT = FOLDER.parents[1]
README = (FOLDER / "README.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", RUNBOOK, re.DOTALL)).replace("\\\n", " ")
COMMANDS = [shlex.split(line) for line in BLOCKS.splitlines() if line.startswith("aws cloudformation deploy")]


def option(command: list[str], name: str) -> list[str]:
    """Return the values between an option and the next one."""
    if name not in command:
        return []
    rest = command[command.index(name) + 1 :]
    end = next((index for index, word in enumerate(rest) if word.startswith("--")), len(rest))
    return rest[:end]


def name_of(command: list[str]) -> str:
    (file,) = option(command, "--template-file")
    return Path(file).stem


def test_every_stack_is_deployed_once_from_an_existing_template() -> None:
    """Its name is the one that the other stacks import from."""
    assert sorted(map(name_of, COMMANDS)) == sorted(NAMES)
    for command in COMMANDS:
        (file,) = option(command, "--template-file")
        assert (ROOT / file).is_file()
        assert option(command, "--stack-name") == [stack_name(name_of(command))]


@pytest.mark.parametrize("command", COMMANDS, ids=name_of)
def test_a_command_gives_every_parameter_that_is_required_and_none_that_is_unknown(command: list[str]) -> None:
    """The command works unchanged."""
    given = {pair.partition("=")[0] for pair in option(command, "--parameter-overrides")}
    declared = load(name_of(command)).get("Parameters", {})
    assert set(REQUIRED[name_of(command)]) <= given <= set(declared)


@pytest.mark.parametrize("command", COMMANDS, ids=name_of)
def test_a_stack_that_makes_roles_or_has_a_transform_asks_for_the_capability(command: list[str]) -> None:
    """CloudFormation rejects a missing capability. No command has a superfluous one."""
    template = load(name_of(command))
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    needed = ["CAPABILITY_IAM"] if any(kind.startswith("AWS::IAM::") for kind in kinds) else []
    needed += ["CAPABILITY_AUTO_EXPAND"] if "Transform" in template else []
    assert option(command, "--capabilities") == needed


def test_each_stack_follows_the_stacks_that_it_imports_from() -> None:
    order = [name_of(command) for command in COMMANDS]
    imports = {
        name: {key.removesuffix("Stack").lower() for key in load(name).get("Parameters", {}) if key.endswith("Stack")}
        for name in NAMES
    }
    for name, forerunners in imports.items():
        for forerunner in forerunners:
            assert order.index({"alarm": "alarms"}.get(forerunner, forerunner)) < order.index(name)


def test_the_table_of_imports_and_exports_is_right() -> None:
    """The table lists the imports and exports of the templates."""
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\|(.*?)\|$", README, re.MULTILINE)
    table = {name: (set(re.findall(r"\w+", imports)), re.findall(r"\w+", exports)) for name, imports, exports in rows}
    for name in NAMES:
        parameters = load(name).get("Parameters", {})
        imports = {key.removesuffix("Stack").lower() for key in parameters if key.endswith("Stack")}
        assert table[name][0] == {{"alarm": "alarms"}.get(key, key) for key in imports}
        assert set(table[name][1]) <= set(load(name)["Outputs"])
        for other in NAMES:
            text = (FOLDER / f"{other}.yaml").read_text()
            stack = "Alarm" if name == "alarms" else name.capitalize()
            assert set(re.findall(rf"\${{{stack}Stack}}-(\w+)", text)) <= set(table[name][1])


def test_every_file_in_the_readme_exists() -> None:
    """A renamed file must be renamed in the README, too."""
    named = set(re.findall(r"(?:deploy/aws|observability|sql)/[\w./-]+\.\w+", README))
    assert named
    for file in named:
        assert (ROOT / file).is_file() or (FOLDER / file).is_file(), file


def test_the_audiences_and_metrics_are_those_of_the_templates() -> None:
    """The tables list the default values."""
    for key in ("WorkerAudience", "ReporterAudience", "ConfigAudience"):
        assert f"`{load('identity')['Parameters'][key]['Default']}`" in README
    line = (FOLDER / "observability" / "run-metrics.json").read_text()
    for metric in re.findall(r'"Name":"(\w+)"', line):
        assert re.search(rf"^\| `{metric}` \|", README, re.MULTILINE)


def test_the_examples_in_the_shell_are_valid_parameters() -> None:
    """The test uses the literal values, and its own values for variables."""
    literal = {
        name_of(command): {
            key: value
            for key, _, value in (pair.partition("=") for pair in option(command, "--parameter-overrides"))
            if not value.startswith("$")
        }
        for command in COMMANDS
    }
    try:
        deploy(**literal)
    except Unresolved as error:
        pytest.fail(str(error))
