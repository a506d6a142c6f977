"""Every command of the runbook is one that its program takes, and every name in it is one that is there."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from handoff.message import ParsedMessage
from testfleet import migrations
from testfleet.errors import BadSetting
from tests.unit.aws.template import NAMES, load
from tests.unit.docs.runbook import ROOT, TEXT, Command, Session, blocks, run
from tests.unit.keda.built import KEDA, containers, of_kind, overlay, pods
from worker import catalog
from worker.settings import WorkerSettings

CUSTOM = {("cloudformation", "deploy"), ("eks", "update-kubeconfig"), ("ecr", "get-login-password")}
"""Commands of the AWS CLI's own, behind which is no single operation."""

EVERYWHERE = {"--query", "--output", "--region"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return run(tmp_path_factory.mktemp("runbook"))


def test_it_runs_from_the_first_line_to_the_last(session: Session) -> None:
    """In one shell that stops at the first error and at the first variable that nothing has set."""
    assert (session.exit_code, session.errors) == (0, "")
    assert len(list(session.of("aws"))) > 30
    assert len(list(session.of("kubectl"))) > 20


def test_every_aws_command_is_an_operation_with_those_parameters(session: Session) -> None:
    """By the models that the CLI itself is made of; and each required parameter is given."""
    sdk = botocore.session.get_session()
    checked = 0
    for service, operation, *arguments in session.of("aws"):
        if (service, operation) in CUSTOM:
            continue
        model = sdk.get_service_model(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        name = names.get(operation) or waits_on(sdk, service, arguments.pop(0))
        shape = model.operation_model(name).input_shape
        members = {f"--{xform_name(name, '-')}": name for name in shape.members} if shape else {}
        given = {each.replace("--no-", "--") for each in arguments if each.startswith("--")} - EVERYWHERE
        assert given <= set(members), (service, operation)
        required = set(shape.required_members if shape else ())
        needed = {each for each in required if shape and not shape.members[each].metadata.get("idempotencyToken")}
        assert needed <= {members[each] for each in given}, (service, operation)
        checked += 1
    assert checked > 20


def waits_on(sdk: botocore.session.Session, service: str, waiter: str) -> str:
    """The operation that `aws SERVICE wait WAITER` repeats."""
    model = sdk.get_waiter_model(service)
    names = {xform_name(name, "-"): name for name in model.waiter_names}
    return model.get_waiter(names[waiter]).operation


def test_every_output_that_is_asked_for_is_one_of_its_stack(session: Session) -> None:
    """`out` would print nothing for another, and the step after it would be a riddle."""
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
    """A variable that nothing has filled would be one."""
    assert not [command for command in session.commands if "" in command]


def option(command: Command, *names: str) -> Iterator[str]:
    """The values of the options of these names."""
    for index, word in enumerate(command):
        for name in names:
            if word == name:
                yield command[index + 1]
            elif word.startswith(f"{name}="):
                yield word.partition("=")[2]


def test_every_name_that_kubectl_is_asked_for_is_in_the_manifests(session: Session) -> None:
    """Namespaces, containers, Jobs, labels and folders."""
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
            assert namespace in {"testfleet", "default", "keda"}
        for selector in option(command, "--selector"):
            assert selector in {*labels, "app=keda-operator"}
        for folder in option(command, "-k"):
            assert (ROOT / folder / "kustomization.yaml").is_file()
            seen["folder"] = seen.get("folder", 0) + 1
        for kind, name in re.findall(r"\b(job|scaledjob|resourcequota)[ /]([a-z-]+)", " ".join(command)):
            named = {each["metadata"]["name"] for each in manifests if each["kind"].lower() == kind}
            assert name in named
            seen[kind] = seen.get(kind, 0) + 1
    assert {"container", "folder", "job", "scaledjob", "resourcequota"} <= seen.keys()


def test_the_manifests_are_filled_in_with_options_that_the_script_has(session: Session) -> None:
    """With a range and a tag that it takes."""
    calls = [each for each in session.of("python") if each and each[0] == "deploy/keda/platform_env.py"]
    assert len(calls) == 2
    source = (KEDA / "platform_env.py").read_text()
    for call in calls:
        assert {each for each in call if each.startswith("--")} <= set(re.findall(r'"(--[a-z-]+)"', source))
        assert list(option(call, "--database-cidr")) == ["10.0.0.0/16"]


def test_every_alarm_points_to_its_section_and_back() -> None:
    """Whoever is paged lands on the right lines."""
    resources = load("alarms")["Resources"].values()
    described = [json.dumps(each["Properties"]) for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    anchors = [anchor for each in described for anchor in re.findall(r"\$\{Runbook\}#([a-z-]+)", each)]
    assert len(anchors) == len(described)
    section = TEXT[TEXT.index("\n## Alarms") : TEXT.index("\n## Upgrade")]
    assert sorted(anchors) == sorted(slug(title) for title in re.findall(r"^### (.*)$", section, re.MULTILINE))


def slug(title: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def test_every_link_leads_somewhere() -> None:
    """To a file that is there, and to a heading of it."""
    links = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        text = (ROOT / "docs" / file).resolve() if file else ROOT / "docs" / "runbook.md"
        if text.is_dir():
            text = text / "README.md"
        assert text.is_file(), link
        if anchor:
            assert anchor in {slug(title) for title in re.findall(r"^#+ (.*)$", text.read_text(), re.MULTILINE)}, link


def test_every_path_that_it_names_is_there() -> None:
    """But for what a command makes."""
    for path in re.findall(r"(?<![\w./-])((?:deploy|docker|docs|tests)/[\w./-]+\w)", TEXT):
        assert (ROOT / path).exists(), path


def test_the_first_run_is_a_job_that_the_default_image_knows(session: Session) -> None:
    """Its message is valid, its suite is in the sample catalog, and the query that looks for it runs."""
    (body,) = [body for command in session.of("aws") for body in option(command, "--message-body")]
    job = ParsedMessage.from_body(body, message_id="m-1").job
    assert job.suite in catalog.load(ROOT / "suites" / "catalog.toml")
    assert f"run_id = '{job.run_id}'" in TEXT


def test_an_older_testfleet_says_what_is_quoted() -> None:
    """A roll-back meets tables that it does not know."""
    known = migrations.load(migrations.folder())
    newer = len(known) + 1
    applied = [(each.version, each.file, each.sha256) for each in known]
    with pytest.raises(BadSetting) as caught:
        migrations.check(known, [*applied, (newer, f"V{newer}__….sql", "")])
    (quoted,) = blocks("text")
    assert f"testfleet: {caught.value}".startswith(quoted.strip())


def cost() -> list[list[str]]:
    table = TEXT[TEXT.index("| for a thousand runs |") :].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return rows[2:]


def test_the_costs_add_up() -> None:
    """Each is its quantity times its price, and the sum is theirs."""
    *items, total = cost()
    cents = Decimal("0.01")
    for _, quantity, _, price, dollars in items:
        product = max((Decimal(quantity) * Decimal(price)).quantize(cents), cents)
        assert product == Decimal(dollars)
    assert sum((Decimal(item[-1]) for item in items), Decimal(0)) == Decimal(total[-1].strip("*"))


def test_the_quantities_are_what_the_programs_do() -> None:
    """Eleven minutes of a pod, by its requests, its visibility timeout and the polls of KEDA."""
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    pod: Any = scaled["spec"]["jobTargetRef"]["template"]["spec"]
    cpus = [containers(pod)[name]["resources"]["requests"]["cpu"] for name in ("worker", "reporter")]
    assert sum(int(each.removesuffix("m")) for each in cpus) == 600
    quantities = {row[0].partition(":")[0]: Decimal(row[1]) for row in cost()[:-1]}
    assert quantities["nodes"] == (Decimal(1000 * 11) / 60 / 3).quantize(Decimal("0.01"))
    extensions = 11 * 60 // (WorkerSettings.model_fields["visibility_timeout"].default // 3)
    assert quantities["SQS"] == Decimal((3 + extensions) * 1000) / 1_000_000
    polls = 30 * 24 * 3600 / scaled["spec"]["pollingInterval"]
    assert f"({polls / 1e6:.2f}\nmillion requests, ${polls * 0.40 / 1e6:.2f} a queue)" in TEXT


def test_every_stack_is_removed_after_those_that_need_it() -> None:
    """An export that another stack imports can't be deleted."""
    (line,) = re.findall(r"^for stack in (.*); do$", TEXT, re.MULTILINE)
    order = line.split()
    assert sorted(order) == sorted(NAMES)
    for name in NAMES:
        needs = {key.removesuffix("Stack").lower() for key in load(name).get("Parameters", {}) if key.endswith("Stack")}
        for need in needs:
            assert order.index(name) < order.index({"alarm": "alarms"}.get(need, need))


def test_the_runbook_is_where_the_alarms_look() -> None:
    """The default of their parameter."""
    assert load("alarms")["Parameters"]["Runbook"]["Default"] == "docs/runbook.md"
    assert Path(ROOT / "docs" / "runbook.md").is_file()
