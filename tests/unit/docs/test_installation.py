"""The installation steps of the runbook."""

import re
from pathlib import Path

import pytest
import yaml

from handoff.message import ParsedMessage
from tests.support.aws.template import load
from tests.support.manifests import containers, overlay, pods
from tests.support.runbook import ROOT, TEXT, Session, calls_of_testfleet, option, run
from worker import catalog


def test_the_first_step_checks_the_conditions_of_the_network_policies(session: Session) -> None:
    """Before any stack, it checks the address family, the policy agent and the hop limit of the nodes' metadata."""
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
def test_a_cluster_that_ignores_network_policies_stops_the_first_step(
    needle: str, answer: str, line: str, tmp_path: Path
) -> None:
    """One line names the reason. `needle` is part of the command whose answer differs."""
    broken = run(tmp_path, ((needle, answer),))
    assert (broken.exit_code, broken.errors) == (1, f"{line}\n")
    assert line.partition(" is ")[0].partition(" are ")[0] in TEXT
    assert not [each for each in broken.of("aws") if each[:2] == ("cloudformation", "deploy")]


def test_no_specification_of_a_pod_contains_a_secret(session: Session) -> None:
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
    """A tag can be moved to another program, which would get the admin's token."""
    registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/testfleet"
    for options, _, _ in session.pods():
        assert list(option(options, "--image")) == [f"{registry}/testfleet@sha256:0a1b"]
    asked = [each for each in session.of("aws") if each[:2] == ("ecr", "describe-images")]
    assert {name for each in asked for name in option(each, "--repository-name")} == {"testfleet/testfleet"}


def test_the_admin_connects_to_the_instance_with_a_token_and_checks_the_server(session: Session) -> None:
    """The proxy's role may not log in as testfleet_admin."""
    admins = [(command, given) for _, command, given in session.pods() if "psycopg" in " ".join(command)]
    assert len(admins) == 5  # roles, grants, Grafana's password, grants of an upgrade, prices
    for command, given in admins:
        settings = dict(pair.split("=") for pair in command[-1].split())
        assert settings["host"] == "instance.abc.eu-central-1.rds.amazonaws.com"
        assert settings["user"] == load("database")["Resources"]["Database"]["Properties"]["MasterUsername"]
        assert settings["sslmode"] == "verify-full"
        assert settings["sslrootcert"] in (ROOT / "docker" / "Dockerfile").read_text()
        assert given.startswith("PGPASSWORD=database-token\n\n")
    assert admins[0][1].endswith((ROOT / "deploy" / "aws" / "sql" / "roles.sql").read_text())


def test_the_route_to_the_database_is_checked_first(session: Session) -> None:
    """A pod checks it before roles.sql and the migration. The database accepts the security groups of its node."""
    commands = [" ".join(command) for _, command, _ in session.pods()]
    assert "socket.create_connection" in commands[0]
    assert commands[0].split()[-2:] == [
        f"{name}.abc.eu-central-1.rds.amazonaws.com" for name in ("instance", "results")
    ]
    (deployed,) = [each for each in session.of("aws") if "deploy/aws/database.yaml" in each]
    assert "ClientSecurityGroupIds=sg-cluster,sg-node" in deployed


def test_the_first_message_is_a_job_of_the_sample_catalog(session: Session) -> None:
    """The message is valid, and `testfleet show` gets its run id."""
    (body,) = [body for command in session.of("aws") for body in option(command, "--message-body")]
    job = ParsedMessage.from_body(body, message_id="m-1").job
    assert job.suite in catalog.load(ROOT / "examples" / "suites" / "catalog.toml")
    assert calls_of_testfleet(session)[0] == ["show", job.run_id]


def test_own_suites_get_a_new_tag_of_each_image(session: Session) -> None:
    """The manifests use one tag for all images, and a tag cannot be pushed twice."""
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
    """KEDA has the version of the trials, and the roles trust its namespace."""
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
    """The defaults of a chart change between versions."""
    installed = [each for each in session.of("helm") if each[0] == "upgrade"]
    assert len(installed) == 2
    for each in installed:
        (version,) = option(each, "--version")
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_grafana_gets_every_variable_and_file_of_its_provisioning(session: Session) -> None:
    """Files are mounted at the paths of the provisioning."""
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
