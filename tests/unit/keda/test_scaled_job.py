"""The ScaledJob, compared with a reviewed copy and with the settings that it must agree with."""

import os
import re
from pathlib import Path

import pytest
import yaml
from pydantic_settings import BaseSettings

from podconfig.settings import ConfigSettings
from reporter.settings import ReporterSettings
from runtime.settings import PodSettings
from testfleet.local.aws.guard import HEALTH
from testfleet.settings import Settings
from tests.support.aws.template import load
from tests.support.manifests import (
    OVERLAYS,
    containers,
    env,
    mounts,
    of_kind,
    one,
    overlay,
    pod,
    pods,
    scaled_job,
)
from worker.settings import WorkerSettings

GOLDEN = Path(__file__).parent / "golden"

PROGRAMS: dict[str, type[BaseSettings]] = {
    "config": ConfigSettings,
    "check": ReporterSettings,
    "reporter": ReporterSettings,
    "worker": WorkerSettings,
    "settings": WorkerSettings,
    "migrate": Settings,
    "sweep": Settings,
}
NODE_MONITOR_GRACE = 50
"""Seconds until a silent node is unreachable: kube-controller-manager's default since Kubernetes 1.32, 40 before."""

SDK = {"AWS_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_scaled_job_equals_its_reviewed_copy(name: str) -> None:
    """UPDATE_GOLDEN=1 writes the copies again, so that a review shows the difference."""
    text = yaml.safe_dump(scaled_job(name), sort_keys=True)
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", OVERLAYS)
def test_keda_has_the_values_of_the_trials(name: str) -> None:
    """docs/design.md, "KEDA configuration", gives the reason of each value."""
    spec = scaled_job(name)["spec"]
    assert spec["scalingStrategy"] == {"strategy": "default"}
    assert spec["rollout"] == {"strategy": "gradual"}
    (trigger,) = spec["triggers"]
    metadata = trigger["metadata"]
    assert (metadata["queueLength"], metadata["scaleOnInFlight"], metadata["scaleOnDelayed"]) == ("1", "true", "false")
    job = spec["jobTargetRef"]
    ttl = 60 if name == "eks-fargate" else 3600  # Fargate bills a finished pod until it is removed
    assert (job["ttlSecondsAfterFinished"], job["template"]["spec"]["restartPolicy"]) == (ttl, "Never")
    assert min(spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) >= 1000
    first, *others = job["podFailurePolicy"]["rules"]
    assert (first["action"], first["onPodConditions"]) == ("Ignore", [{"type": "DisruptionTarget", "status": "True"}])
    assert {rule["action"] for rule in others} == {"FailJob"}
    assert others[0]["onExitCodes"] == {"containerName": "worker", "operator": "NotIn", "values": [0]}
    assert one(overlay(name), "TriggerAuthentication", trigger["authenticationRef"]["name"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_pod_has_the_time_that_its_stop_sequence_takes(name: str) -> None:
    """The time is twice the worker's grace and 40 s for the flush. The grace is the worker's default unless set."""
    grace = int(
        env(containers(pod(name))["worker"]).get("WORKER_STOP_GRACE", WorkerSettings.model_fields["stop_grace"].default)
    )
    assert pod(name)["terminationGracePeriodSeconds"] >= 2 * grace + 40


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_pod_of_a_silent_node_is_deleted_before_its_message_is_visible_again(name: str) -> None:
    """By default, Kubernetes waits 300 s, and KEDA counts the pod's Job as running meanwhile."""
    taints = {f"node.kubernetes.io/{taint}" for taint in ("not-ready", "unreachable")}
    found = {each["key"]: each for each in pod(name)["tolerations"]}
    assert found.keys() == taints
    for each in found.values():
        assert (each["operator"], each["effect"]) == ("Exists", "NoExecute")
        assert 30 <= each["tolerationSeconds"] <= 60
        visibility = WorkerSettings.model_fields["visibility_timeout"].default
        assert NODE_MONITOR_GRACE + each["tolerationSeconds"] < visibility


def test_on_fargate_every_pod_requests_what_it_may_use() -> None:
    """Fargate sizes a pod by its requests: limits above them promise memory that the pod does not have."""
    for maker, spec in pods(overlay("eks-fargate")):
        for container, definition in containers(spec).items():
            resources = definition["resources"]
            sizes = [{key: resources[which].get(key) for key in ("cpu", "memory")} for which in ("requests", "limits")]
            assert sizes[0] == sizes[1], (maker, container)
            assert None not in sizes[0].values()


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_lease_never_outlives_the_visibility_timeout(name: str) -> None:
    """Otherwise a redelivery would find a dead pod's lease."""
    worker, reporter = (env(containers(pod(name))[each]) for each in ("worker", "reporter"))
    visibility = int(worker.get("WORKER_VISIBILITY_TIMEOUT", WorkerSettings.model_fields["visibility_timeout"].default))
    lease = int(reporter.get("REPORTER_LEASE", ReporterSettings.model_fields["lease"].default))
    assert lease <= visibility


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_reporter_is_a_native_sidecar_behind_the_checks(name: str) -> None:
    """The checks that can end the pod come first. The sidecar is an init container that keeps running."""
    spec = pod(name)
    assert [(each["name"], each.get("restartPolicy")) for each in spec["initContainers"]] == [
        ("config", None),
        ("check", None),
        ("reporter", "Always"),
    ]
    assert [each["name"] for each in spec["containers"]] == ["worker"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_variable_is_a_setting_of_its_program(name: str) -> None:
    """The program would ignore a misspelt variable."""
    checked = 0
    for _, spec in pods(overlay(name)):
        for container, definition in containers(spec).items():
            if container in PROGRAMS:
                assert set(env(definition)) <= variables(PROGRAMS[container]) | SDK
                checked += 1
    assert checked == (6 if name == "kind" else 7)


def variables(kind: type[BaseSettings]) -> set[str]:
    prefix = kind.model_config.get("env_prefix", "")
    return {str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in kind.model_fields.items()}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_folders_of_the_programs_are_volumes_with_a_limit(name: str) -> None:
    """The root file system is read-only, and a suite must not fill the node's disk."""
    spec = pod(name)
    sizes = {each["name"]: each["emptyDir"].get("sizeLimit") for each in spec["volumes"] if "emptyDir" in each}
    assert all(sizes.values())
    for program in ("worker", "reporter"):
        where = mounts(containers(spec)[program])
        for field in ("handoff_dir", "artifacts_dir"):
            assert where[str(PodSettings.model_fields[field].default)] in sizes
        assert where["/tmp"] in sizes
    worker, reporter = (mounts(containers(spec)[program]) for program in ("worker", "reporter"))
    assert (worker["/handoff"], worker["/artifacts"]) == (reporter["/handoff"], reporter["/artifacts"])
    assert worker["/tmp"] != reporter["/tmp"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_worker_ends_a_suite_before_the_kubelet_evicts_the_pod(name: str) -> None:
    """A tenth of each volume remains for what a suite writes between two measurements and during its grace."""
    spec = pod(name)
    worker = containers(spec)["worker"]
    sizes = {each["name"]: each["emptyDir"].get("sizeLimit") for each in spec["volumes"] if "emptyDir" in each}
    for folder, setting in (("/artifacts", "ARTIFACTS"), ("/tmp", "TMP"), ("/handoff", "HANDOFF")):
        size = sizes[mounts(worker)[folder]]
        mebibytes = int(size.removesuffix("Gi")) * 1024 if size.endswith("Gi") else int(size.removesuffix("Mi"))
        assert int(env(worker)[f"WORKER_{setting}_LIMIT"]) <= 0.9 * mebibytes


def test_alarms_and_logs_use_the_names_of_the_manifests() -> None:
    """Fluent Bit finds the reporter's lines by namespace and container, the alarms the worker's memory."""
    parameters = load("alarms")["Parameters"]
    assert scaled_job("eks")["metadata"]["namespace"] == parameters["Namespace"]["Default"]
    assert parameters["WorkerContainer"]["Default"] in containers(pod("eks"))
    keda = load("identity")["Parameters"]
    assert keda["MigrateServiceAccount"]["Default"] == "testfleet-migrate"


@pytest.mark.parametrize("name", ["eks", "eks-fargate"])
def test_every_image_of_an_installation_is_pinned_by_its_digest(name: str) -> None:
    """Each image has its own key, because one digest names one image."""
    images = {each["image"] for _, spec in pods(overlay(name)) for each in containers(spec).values()}
    found = {image.rpartition("/")[2].partition(":")[0]: image.partition("@")[2] for image in images}
    assert found.keys() == {"testfleet", "all"}
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in found.values())
    assert len(set(found.values())) == 2


@pytest.mark.parametrize("name", OVERLAYS)
def test_worker_and_reporter_know_what_they_request(name: str) -> None:
    """The cost of a run is computed from it. The kubelet rounds up to the divisor."""
    requested = {"500m": "500", "100m": "100", "750m": "750", "250m": "250"}
    memory = {"1Gi": "1024", "256Mi": "256", "2Gi": "2048", "512Mi": "512"}
    for program in ("worker", "reporter"):
        container = containers(pod(name))[program]
        found, requests = env(container), container["resources"]["requests"]
        assert found[f"{program.upper()}_CPU_MILLIS"] == requested[requests["cpu"]]
        assert found[f"{program.upper()}_MEMORY_MIB"] == memory[requests["memory"]]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_worker_knows_the_tag_and_digest_of_its_image(name: str) -> None:
    """No API of a pod names its image."""
    worker = containers(pod(name))["worker"]
    assert env(worker)["WORKER_IMAGE"] == worker["image"].rpartition("/")[2].partition(":")[2]


def test_embedded_servers_that_hang_are_restarted() -> None:
    """`serve` exits when one of its servers dies. The probe of the port detects a server that hangs."""
    (deployment,) = of_kind(overlay("kind"), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = {each["name"] for each in container["ports"]}
    liveness = container["livenessProbe"]
    assert liveness["httpGet"] == {"path": HEALTH, "port": "aws"}
    assert liveness["httpGet"]["port"] in ports
    startup = container["startupProbe"]
    assert startup["exec"] == {"command": ["test", "-f", "/state/env"]}
    assert startup["failureThreshold"] * startup["periodSeconds"] >= 60
    assert container["readinessProbe"]["tcpSocket"]["port"] == "database"


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_reference_has_a_target(name: str) -> None:
    """The references are to volumes, secrets and the containers of failure policies. No schema checks them."""
    manifests = overlay(name)
    secrets = {each["metadata"]["name"] for each in of_kind(manifests, "Secret")}
    for _, spec in pods(manifests):
        volumes = [each["name"] for each in spec["volumes"]]
        used = {mount["name"] for each in containers(spec).values() for mount in each["volumeMounts"]}
        assert sorted(volumes) == sorted(used)
        asked = {
            source["secretRef"]["name"] for each in containers(spec).values() for source in each.get("envFrom", ())
        }
        assert asked <= secrets
    jobs = [each["spec"] for each in of_kind(manifests, "Job")]
    for job in [*jobs, *(each["spec"]["jobTargetRef"] for each in of_kind(manifests, "ScaledJob"))]:
        rules = [rule["onExitCodes"] for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
        assert {rule["containerName"] for rule in rules} <= set(containers(job["template"]["spec"]))
        assert not [rule for rule in rules if rule["operator"] == "In" and 0 in rule["values"]]
