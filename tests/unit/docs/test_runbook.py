"""Every command of the runbook is one that its program takes, and every name in it is one that is there."""

import json
import math
import re
import runpy
import shlex
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
import yaml
from botocore import xform_name

from handoff.message import ParsedMessage
from testfleet.cli.app import app
from testfleet.database import migrations
from testfleet.errors import BadSetting
from tests.support.aws.template import NAMES, load
from tests.support.manifests import KEDA, containers, objects, of_kind, one, overlay, pods
from tests.support.runbook import ROOT, TEXT, Session, blocks, cost, option, run, words
from worker import catalog
from worker.settings import WorkerSettings

CUSTOM = {
    ("cloudformation", "deploy"),
    ("eks", "update-kubeconfig"),
    ("ecr", "get-login-password"),
    ("rds", "generate-db-auth-token"),
}
"""Commands of the AWS CLI's own, behind which is no single operation."""

EVERYWHERE = {"--query", "--output", "--region"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return run(tmp_path_factory.mktemp("runbook"))


@pytest.mark.parametrize("block", blocks("sh"), ids=lambda text: " ".join(text.split()[:3]))
def test_every_block_is_a_script_of_its_own(block: str) -> None:
    """One that is copied alone does not wait for the rest of a quote."""
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


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
        model = sdk.get_service_model("s3" if service == "s3api" else service)
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


def test_every_aws_command_within_a_sentence_is_an_operation() -> None:
    """Those are typed, too."""
    sdk = botocore.session.get_session()
    named = re.findall(r"`aws ([a-z]+) ([a-z-]+)[^`]*`", TEXT)
    assert len(named) >= 3
    for service, operation in named:
        model = sdk.get_service_model(service)
        assert operation in {xform_name(name, "-") for name in model.operation_names}


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


def test_the_manifests_are_filled_in_with_options_that_the_script_has(session: Session) -> None:
    """With a range and a tag that it takes."""
    calls = [each for each in session.of("python") if each and each[0] == "deploy/keda/platform_env.py"]
    assert len(calls) == 3
    parse = runpy.run_path(str(KEDA / "platform_env.py"))["_options"]
    options = [parse(call[1:]) for call in calls]
    assert [each.image_tag for each in options] == ["0.1.0", "0.2.0", "0.1.0"]
    for each in options:
        ranges = (each.database_cidr, each.target_cidr, each.dns_cidr)
        assert (*ranges, each.max_jobs) == ("10.0.0.0/16", "10.0.42.0/24", "172.20.0.0/16", 20)


def test_the_first_step_checks_what_the_network_policies_rely_on(session: Session) -> None:
    """An address family, an agent that enforces policies, and nodes whose role no pod reaches, before any stack."""
    calls = [" ".join(each) for each in session.commands]
    first_stack = next(index for index, each in enumerate(calls) if each.startswith("aws cloudformation deploy"))
    before = "\n".join(calls[:first_stack])
    assert "kubernetesNetworkConfig.ipFamily" in before
    assert "get daemonset aws-node" in before
    assert "MetadataOptions.HttpPutResponseHopLimit" in before
    assert "--instance-ids i-0123456789abcdef0 i-0123456789abcdef1" in before


@pytest.mark.parametrize(
    ("needle", "answer", "line"),
    [
        ("kubernetesNetworkConfig.ipFamily", "ipv6", "ipFamily is ipv6, but must be ipv4"),
        ("daemonset aws-node", "[--enable-ipv6=false]", "network policies are off, but must be on"),
        ("HttpPutResponseHopLimit", "2", "hop limit of the nodes' metadata is 2, but must be 1"),
        ("HttpPutResponseHopLimit", "1\n2", "hop limit of the nodes' metadata is 1 2, but must be 1"),
    ],
    ids=["family", "policies", "hops", "some-hops"],
)
def test_what_is_not_as_it_relies_on_stops_the_first_step(needle: str, answer: str, line: str, tmp_path: Path) -> None:
    """With one line that names it; `needle` is the command whose answer differs."""
    broken = run(tmp_path, ((needle, answer),))
    assert (broken.exit_code, broken.errors) == (1, f"{line}\n")
    assert line.partition(" is ")[0].partition(" are ")[0] in TEXT
    assert not [each for each in broken.of("aws") if each[:2] == ("cloudformation", "deploy")]


def test_every_line_of_the_command_is_one_that_it_takes(session: Session) -> None:
    """By its own parser; and those within sentences, as far as they are written out."""
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    run_here = words(session)
    assert [name for name, *_ in run_here] == ["show", "enqueue", "wait", "show"]
    for name, *arguments in run_here:
        command.commands[name].make_context(name, arguments)
    mentioned = re.findall(r"`testfleet ([a-z]+)([^`]*)`", TEXT)
    assert len(mentioned) >= 5
    for name, rest in mentioned:
        known = {each for parameter in command.commands[name].params for each in parameter.opts}
        assert {each for each in shlex.split(rest) if each.startswith("--")} <= known


def test_the_command_is_given_settings_that_it_has(session: Session) -> None:
    """For the database user whose rights it has; keys of the session come on standard input."""
    runs = [(command, given) for _, command, given in session.pods() if "testfleet" in command]
    assert len(runs) == 4
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


def test_no_secret_stands_in_a_pods_specification(session: Session) -> None:
    """Tokens, keys and Grafana's password come on standard input, which Kubernetes does not store."""
    secrets = ("session-secret", "session-token", "database-token", "a-password")
    pods = list(session.pods())
    assert len(pods) >= 8
    for options, command, _ in pods:
        assert not [secret for secret in secrets if secret in " ".join((*options, *command))]
        assert not list(option(options, "--env"))
        assert "--stdin" in options
    assert {secret for secret in secrets for _, _, given in pods if secret in given} == set(secrets)


def test_every_pod_runs_our_own_image_by_its_digest(session: Session) -> None:
    """A tag of another registry could become another program, and it would be given the admin's token."""
    registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/testfleet"
    for options, _, _ in session.pods():
        assert list(option(options, "--image")) == [f"{registry}/testfleet@sha256:0a1b"]
    asked = [each for each in session.of("aws") if each[:2] == ("ecr", "describe-images")]
    assert {name for each in asked for name in option(each, "--repository-name")} == {"testfleet/testfleet"}


def test_the_admin_connects_to_the_instance_with_a_token_and_checks_the_server(session: Session) -> None:
    """Not to the proxy, whose role may not log in as testfleet_admin."""
    admins = [(command, given) for _, command, given in session.pods() if "psycopg" in " ".join(command)]
    assert len(admins) == 4  # roles, grants, Grafana's password, grants of an upgrade
    for command, given in admins:
        settings = dict(pair.split("=") for pair in command[-1].split())
        assert settings["host"] == "instance.abc.eu-central-1.rds.amazonaws.com"
        assert settings["user"] == load("database")["Resources"]["Database"]["Properties"]["MasterUsername"]
        assert settings["sslmode"] == "verify-full"
        assert settings["sslrootcert"] in (ROOT / "docker" / "Dockerfile").read_text()
        assert given.startswith("PGPASSWORD=database-token\n\n")
    assert admins[0][1].endswith((ROOT / "deploy" / "aws" / "sql" / "roles.sql").read_text())


def test_the_way_to_the_database_is_checked_before_anything_needs_it(session: Session) -> None:
    """By a pod, from a node whose security groups the database accepts, before roles.sql and the migration."""
    commands = [" ".join(command) for _, command, _ in session.pods()]
    assert "socket.create_connection" in commands[0]
    assert commands[0].split()[-2:] == [
        f"{name}.abc.eu-central-1.rds.amazonaws.com" for name in ("instance", "results")
    ]
    (deployed,) = [each for each in session.of("aws") if "deploy/aws/database.yaml" in each]
    assert "ClientSecurityGroupIds=sg-cluster,sg-node" in deployed


def test_what_a_removal_leaves_is_deleted_by_name(session: Session) -> None:
    """Every name that a later installation takes again."""
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


def test_every_alarm_points_to_its_section_and_back() -> None:
    """Whoever is paged lands on the right lines."""
    resources = load("alarms")["Resources"].values()
    described = [json.dumps(each["Properties"]) for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    anchors = [anchor for each in described for anchor in re.findall(r"\$\{Runbook\}#([a-z-]+)", each)]
    assert len(anchors) == len(described)
    section = TEXT[TEXT.index("\n## Alarms") : TEXT.index("\n## Upgrade")]
    assert sorted(set(anchors)) == sorted(slug(title) for title in re.findall(r"^### (.*)$", section, re.MULTILINE))


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
    """Its message is valid, its suite is in the sample catalog, and the command shows this run."""
    (body,) = [body for command in session.of("aws") for body in option(command, "--message-body")]
    job = ParsedMessage.from_body(body, message_id="m-1").job
    assert job.suite in catalog.load(ROOT / "examples" / "suites" / "catalog.toml")
    assert words(session)[0] == ["show", job.run_id]


def test_suites_of_ones_own_are_a_tag_of_each_image(session: Session) -> None:
    """The manifests have one tag for all; a tag is pushed once, so it is a new one."""
    (build,) = [each for each in session.of("docker") if each[:2] == ("buildx", "build")]
    copies = [each for each in session.of("docker") if each[:3] == ("buildx", "imagetools", "create")]
    tags = [tag.rpartition("/")[2] for call in (build, *copies) for tag in option(call, "--tag")]
    assert tags == [f"{image}:0.1.0-shop.1" for image in ("all", "testfleet", "codebuild")]
    assert [copy[-1].rpartition("/")[2] for copy in copies] == ["testfleet:0.1.0", "codebuild:0.1.0"]
    for tag in tags:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag.rpartition(":")[2])
    images = {
        each["image"].rpartition("/")[2].partition(":")[0]
        for _, pod in pods(overlay("eks"))
        for each in containers(pod).values()
    }
    assert images == {"all", "testfleet"}


def test_helm_installs_what_the_stacks_and_the_cluster_tests_expect(session: Session) -> None:
    """KEDA in the version of the trials, in the namespaces that the roles trust."""
    installed = {each[2]: each for each in session.of("helm") if each[0] == "upgrade"}
    (version,) = option(installed["keda"], "--version")
    assert f"KEDA {version}" in (ROOT / "docs" / "design.md").read_text()
    trusted = load("identity")["Parameters"]
    assert list(option(installed["keda"], "--namespace")) == [trusted["KedaNamespace"]["Default"]]
    removed = {each[1]: list(option(each, "--namespace")) for each in session.of("helm") if each[0] == "uninstall"}
    assert removed == {name: list(option(each, "--namespace")) for name, each in installed.items()}
    (values,) = option(installed["amazon-cloudwatch"], "--values")
    chosen = yaml.safe_load((ROOT / values).read_text())
    features = ("containerInsights", "containerLogs", "applicationSignals", "otelContainerInsights")
    assert {name: chosen[name]["enabled"] for name in features} == {
        "containerInsights": True,
        "containerLogs": True,
        "applicationSignals": False,
        "otelContainerInsights": False,
    }


def test_every_chart_is_pinned(session: Session) -> None:
    """By a version of its own: defaults change between versions."""
    installed = [each for each in session.of("helm") if each[0] == "upgrade"]
    assert len(installed) == 2
    for each in installed:
        (version,) = option(each, "--version")
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_grafana_is_given_what_its_provisioning_asks_for(session: Session) -> None:
    """Each variable, each file where the provisioning looks for it."""
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    source = (folder / "datasources" / "testfleet.yaml").read_text()
    created = [each for each in session.of("kubectl") if "create" in each]
    (secret,) = [each for each in created if "secret" in each]
    given = {pair.partition("=")[0] for pair in option(secret, "--from-literal")}
    assert given == set(re.findall(r"\$(TESTFLEET_\w+)", source))
    mounts = dict(re.findall(r"^\| `(testfleet-.*?)`? \| `(/[^`]+)` \|$", TEXT.replace("`, `", ", "), re.MULTILINE))
    (provider,) = yaml.safe_load((folder / "dashboards" / "testfleet.yaml").read_text())["providers"]
    assert mounts["testfleet-dashboards"] == provider["options"]["path"]
    (datasource,) = yaml.safe_load(source)["datasources"]
    assert mounts["testfleet-provisioning, rds-global-bundle.pem"] == datasource["jsonData"]["sslRootCertFile"]
    keys = {pair.partition("=")[0] for each in created for pair in option(each, "--from-file")}
    assert {name.partition(", ")[2] for name in mounts} - {""} <= keys
    for each in created:
        for _, _, file in (pair.partition("=") for pair in option(each, "--from-file")):
            assert not file or (ROOT / file).is_file()
    assert "five dashboards" in TEXT
    assert len(list((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))) == 5


def test_the_sizes_and_times_are_those_of_templates_and_manifests() -> None:
    """What on-call is told of limits."""
    assert load("registry")["Parameters"]["KeepImages"]["Default"] == 30
    assert "keeps 30 tags of each" in TEXT
    assert load("queue")["Resources"]["Queue"]["Properties"]["MessageRetentionPeriod"] == 4 * 86400
    assert "for four days" in TEXT
    assert "received five times" in TEXT
    assert load("queue")["Parameters"]["MaxReceiveCount"]["Default"] == 5
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    pod = scaled["spec"]["jobTargetRef"]["template"]["spec"]
    sizes = {each["name"]: each["emptyDir"].get("sizeLimit") for each in pod["volumes"] if "emptyDir" in each}
    assert f"`/artifacts` ({sizes['artifacts'].replace('Gi', ' GiB')})" in TEXT
    assert f"`/tmp` ({sizes['worker-tmp'].replace('Gi', ' GiB')})" in TEXT
    assert containers(pod)["reporter"]["resources"]["limits"]["memory"] == "512Mi"
    assert "may have 512" in TEXT
    assert load("alarms")["Resources"]["WorkerMemoryNearLimit"]["Properties"]["Threshold"] == 95
    assert "below 95 % of the limit" in TEXT
    assert {each["tolerationSeconds"] for each in pod["tolerations"]} == {30}
    assert "30 s later it marks the pods" in TEXT


def test_a_migration_that_meets_newer_tables_fails_at_once() -> None:
    """The Job of a roll-back does not try again what can't get better."""
    rules = one(overlay("eks"), "Job", "testfleet-migrate")["spec"]["podFailurePolicy"]["rules"]
    (rule,) = [each["onExitCodes"] for each in rules if each["onExitCodes"]["containerName"] == "migrate"]
    assert 78 in rule["values"]


def test_an_older_testfleet_says_what_is_quoted() -> None:
    """A roll-back meets tables that it does not know."""
    known = migrations.load(migrations.folder())
    newer = len(known) + 1
    applied = [(each.version, each.file, each.sha256) for each in known]
    with pytest.raises(BadSetting) as caught:
        migrations.check(known, [*applied, (newer, f"V{newer}__….sql", "")])
    (quoted,) = blocks("text")
    said, expected = (re.sub("[0-9]+", "N", text) for text in (f"testfleet: {caught.value}", quoted))  # an example's
    assert said.startswith(expected.strip())


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
    quantities = {row[0].partition(":")[0]: Decimal(row[1]) for row in reversed(cost()[:-1])}  # of S3 the requests
    assert "some 3.4 are left" in TEXT
    on_one = 3400 // 600
    assert quantities["nodes"] == (Decimal(1000 * 11) / 60 / on_one).quantize(Decimal("0.01"))
    extensions = 11 * 60 // (WorkerSettings.model_fields["visibility_timeout"].default // 3)
    assert quantities["SQS"] == Decimal((3 + extensions) * 1000) / 1_000_000
    commands = [" ".join(each["command"]) for each in containers(pod).values()]
    asks = sum("reporter --check" in each for each in commands)
    assert quantities["S3"] == Decimal(asks + 15)  # in thousands; one object a file: tests/acceptance/docs
    assert quantities["Secrets Manager"] == Decimal(sum("podconfig" in each for each in commands) + 1) / 10
    assert "takes 1 CPU and 3 GB" in TEXT
    assert fargate_size() == (1, 3)
    ttl = one(overlay("eks-fargate"), "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"][
        "ttlSecondsAfterFinished"
    ]
    hours = Decimal(1000 * (11 * 60 + ttl)) / 3600
    assert f"a CPU hour by {hours:.0f} and its price of a GB hour by {3 * hours:.0f}:" in " ".join(TEXT.split())
    polls = 30 * 24 * 3600 / scaled["spec"]["pollingInterval"]
    assert f"({polls / 1e6:.2f}\nmillion requests, ${polls * 0.40 / 1e6:.2f} a queue)" in TEXT


def fargate_size() -> tuple[int, int]:
    """CPUs and GB of the runner's pod: what its long-running containers request, and 256 MiB, rounded up.

    docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html; up to one CPU memory comes in whole GB.
    """
    spec = one(overlay("eks-fargate"), "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"]["template"]["spec"]
    requests = [containers(spec)[name]["resources"]["requests"] for name in ("worker", "reporter")]
    cpu = sum(int(each["cpu"].removesuffix("m")) for each in requests)
    memory = sum(mebibytes(each["memory"]) for each in requests) + 256
    return math.ceil(cpu / 1000), math.ceil(memory / 1024)


def mebibytes(quantity: str) -> int:
    """A quantity of Kubernetes, in Mi or Gi."""
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def test_every_stack_is_removed_after_those_that_need_it() -> None:
    """An export that another stack imports can't be deleted."""
    (line,) = re.findall(r"^for stack in (.*); do$", TEXT, re.MULTILINE)
    order = line.split()
    assert sorted(order) == sorted(NAMES)
    for name in NAMES:
        needs = {key.removesuffix("Stack").lower() for key in load(name).get("Parameters", {}) if key.endswith("Stack")}
        for need in needs:
            assert order.index(name) < order.index({"alarm": "alarms"}.get(need, need))


def test_the_removal_may_be_repeated_and_waits_for_the_namespace(session: Session) -> None:
    """`delete -k` names objects that are gone with their namespace; a new installation needs that to be gone, too."""
    calls = [*session.of("kubectl")]
    (removal,) = [index for index, each in enumerate(calls) if each[:2] == ("delete", "-k")]
    assert "--ignore-not-found" in calls[removal]
    assert calls[removal + 1][:3] == ("wait", "--for=delete", "namespace/testfleet")


def test_the_runbook_is_where_the_alarms_look() -> None:
    """The default of their parameter."""
    assert load("alarms")["Parameters"]["Runbook"]["Default"] == "docs/runbook.md"
    assert Path(ROOT / "docs" / "runbook.md").is_file()
