"""The identities of the pods: tokens, service accounts, and the settings of the platform's secret."""

from pathlib import Path

import pytest

from tests.support.aws.stacks import deploy
from tests.support.aws.template import load
from tests.support.manifests import (
    OVERLAYS,
    Manifest,
    containers,
    env,
    mounts,
    objects,
    of_kind,
    one,
    overlay,
    pod,
    pods,
    with_components,
)


def audience(spec: Manifest, container: Manifest) -> str:
    """Return the audience of the one token that the container mounts."""
    volumes = {each["name"]: each for each in spec["volumes"]}
    (token,) = [volumes[name] for name in mounts(container).values() if "projected" in volumes[name]]
    (source,) = token["projected"]["sources"]
    found: str = source["serviceAccountToken"]["audience"]
    return found


@pytest.mark.parametrize("name", OVERLAYS)
def test_each_container_has_the_token_of_its_own_role_only(name: str) -> None:
    """identity.yaml trusts the audiences: the worker cannot access the bucket, nor the reporter the queue."""
    parameters = load("identity")["Parameters"]
    expected = {
        program: parameters[f"{role}Audience"]["Default"]
        for program, role in (
            ("config", "Config"),
            ("check", "Reporter"),
            ("reporter", "Reporter"),
            ("worker", "Worker"),
        )
    }
    spec = pod(name)
    assert {program: audience(spec, each) for program, each in containers(spec).items()} == expected
    assert spec["serviceAccountName"] == parameters["RunnerServiceAccount"]["Default"]
    for each in containers(spec).values():
        assert env(each)["AWS_WEB_IDENTITY_TOKEN_FILE"] == "/var/run/secrets/testfleet/token"
        assert "/var/run/secrets/testfleet" in mounts(each)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_service_account_exists_and_mounts_no_token_by_itself(name: str) -> None:
    """No container needs a token for the cluster's API server."""
    accounts = {each["metadata"]["name"]: each for each in of_kind(overlay(name), "ServiceAccount")}
    assert {spec["serviceAccountName"] for _, spec in pods(overlay(name)) if "serviceAccountName" in spec} == set(
        accounts
    )
    assert {each["automountServiceAccountToken"] for each in accounts.values()} == {False}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_platforms_settings_are_in_memory_and_each_program_sees_its_part(name: str) -> None:
    """The worker's part contains no address of the database, and the sandbox hides this part from the suite."""
    spec = pod(name)
    (volume,) = [each for each in spec["volumes"] if each["name"] == "config"]
    assert volume["emptyDir"]["medium"] == "Memory"
    seen = {
        program: {
            (each["mountPath"], each.get("subPath")) for each in container["volumeMounts"] if each["name"] == "config"
        }
        for program, container in containers(spec).items()
    }
    reporters = {("/config", "reporter")}
    assert seen == {
        "config": {("/config", None)},
        "check": reporters,
        "reporter": reporters,
        "worker": {("/config", "worker")},
    }


def test_with_pod_identity_no_container_mounts_a_token(tmp_path: Path) -> None:
    """The agent provides one identity for all containers. The SDK would prefer a web identity."""
    manifests = objects(with_components(tmp_path, ("platform", "pod-identity")))
    spec = one(manifests, "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"]["template"]["spec"]
    for container in containers(spec).values():
        assert not env(container).keys() & {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}
        assert set(mounts(container).values()) <= {each["name"] for each in spec["volumes"]}
    assert not [each for each in spec["volumes"] if "projected" in each]
    policy = one(manifests, "NetworkPolicy", "pod-identity-agent")
    assert policy["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]


def test_the_migration_logs_in_as_its_own_user() -> None:
    """Its role may connect as testfleet_migrator only."""
    job = one(overlay("eks"), "Job", "testfleet-migrate")["spec"]["template"]["spec"]
    migrate = containers(job)["migrate"]
    assert "//testfleet_migrator@" in env(migrate)["TESTFLEET_DATABASE_URL"]
    assert audience(job, migrate) in deploy()["identity"].resources["OidcProvider"]["Properties"]["ClientIdList"]
    assert not [each for each in mounts(containers(job)["settings"]).values() if each == "token"]
