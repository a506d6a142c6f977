"""The ScaledJob, compared with a reviewed copy and with the settings that it must agree with."""

import os
import re
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from podconfig.settings import ConfigSettings
from reporter.settings import ReporterSettings
from runtime.settings import PodSettings
from testfleet.local.aws.guard import HEALTH
from testfleet.settings import Settings
from tests.support.aws.stacks import deploy
from tests.support.aws.template import load
from tests.support.manifests import (
    KEDA,
    OVERLAYS,
    RUNNER_QUEUES,
    Manifest,
    containers,
    env,
    kustomize,
    objects,
    of_kind,
    one,
    overlay,
    pods,
    with_components,
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


def scaled_job(name: str) -> Manifest:
    return one(overlay(name), "ScaledJob", "testfleet-runner")


def pod(name: str) -> Manifest:
    spec: Manifest = scaled_job(name)["spec"]["jobTargetRef"]["template"]["spec"]
    return spec


def mounts(container: Manifest) -> dict[str, str]:
    return {each["mountPath"]: each["name"] for each in container["volumeMounts"]}


def audience(spec: Manifest, container: Manifest) -> str:
    """Return the audience of the one token that the container mounts."""
    volumes = {each["name"]: each for each in spec["volumes"]}
    (token,) = [volumes[name] for name in mounts(container).values() if "projected" in volumes[name]]
    (source,) = token["projected"]["sources"]
    found: str = source["serviceAccountToken"]["audience"]
    return found


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


def test_a_runner_has_its_own_queue_and_image(tmp_path: Path) -> None:
    """Queues and images have the names of the stacks. Nothing else differs from the default ScaledJob."""
    manifests = objects(with_components(tmp_path, ("runner-queues",), RUNNER_QUEUES))
    default = scaled_job("eks")
    found = {each["metadata"]["name"]: each for each in of_kind(manifests, "ScaledJob")}
    assert found.pop("testfleet-runner") == default
    assert set(found) == {f"testfleet-runner-{runner}" for runner in ("playwright", "k6", "newman", "pytest")}
    digests = dict(re.findall(r"^(\w+)_IMAGE_TAG=\S+@(\S+)$", RUNNER_QUEUES, re.MULTILINE))
    (worker,) = default["spec"]["jobTargetRef"]["template"]["spec"]["containers"]
    for name, each in found.items():
        runner = name.removeprefix("testfleet-runner-")
        text = yaml.safe_dump(each).replace(f"/{runner}:", "/all:").replace(f"test-jobs-{runner}", "test-jobs")
        text = text.replace(digests[runner.upper()], worker["image"].partition("@")[2])
        assert yaml.safe_load(text.replace(name, "testfleet-runner")) == default


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


def _cidrs(policy: Manifest) -> list[dict[str, Any]]:
    return [to["ipBlock"] for rule in policy["spec"].get("egress", ()) for to in rule.get("to", ()) if "ipBlock" in to]


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_pod_reaches_the_credentials_of_a_node(name: str) -> None:
    """They are at 169.254.169.254. The only allowed link-local address is that of the cluster's DNS cache."""
    policies = of_kind(overlay(name), "NetworkPolicy")
    blocks = [block for policy in policies for block in _cidrs(policy)]
    assert {block["cidr"]: block.get("except") for block in blocks if block["cidr"] == "0.0.0.0/0"} == {
        "0.0.0.0/0": ["169.254.0.0/16"]
    }
    assert {block["cidr"] for block in blocks if block["cidr"].startswith("169.")} == {"169.254.20.10/32"}
    deny = one(overlay(name), "NetworkPolicy", "deny-all")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    inward = [each["metadata"]["name"] for each in policies if "ingress" in each["spec"]]
    assert inward == (["embedded"] if name == "kind" else [])


@pytest.mark.parametrize("name", OVERLAYS)
def test_dns_is_reached_in_kube_system_and_in_the_clusters_service_range(name: str) -> None:
    """On EKS Auto Mode, the resolver is no pod of kube-system but an address of the service range."""
    dns = one(overlay(name), "NetworkPolicy", "testfleet")["spec"]["egress"][0]
    expected = {"eks": "172.20.0.0/16", "eks-fargate": "172.20.0.0/16", "kind": "10.96.0.0/16"}
    assert expected[name] in [to["ipBlock"]["cidr"] for to in dns["to"] if "ipBlock" in to]
    assert {"namespaceSelector"} in [set(to) for to in dns["to"]]
    assert {port["port"] for port in dns["ports"]} == {53}


def test_the_example_opens_no_range_that_contains_the_database() -> None:
    """Ports 80 to 10000 of a whole VPC would include every cache, queue and database in it."""
    target, database = (
        ip_network(one(overlay("eks"), "NetworkPolicy", policy)["spec"]["egress"][rule]["to"][0]["ipBlock"]["cidr"])
        for policy, rule in (("target", 0), ("testfleet", 2))
    )
    assert isinstance(target, IPv4Network)
    assert isinstance(database, IPv4Network)
    assert not database.subnet_of(target)


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


def swept(manifests: tuple[Manifest, ...]) -> dict[str, set[str]]:
    """Return the queues of the CronJob's command by their option."""
    (sweep,) = of_kind(manifests, "CronJob")
    container = containers(sweep["spec"]["jobTemplate"]["spec"]["template"]["spec"])["sweep"]
    args = container.get("args", [])
    options = list(zip(args[::2], args[1::2], strict=True))
    return {
        kind: {env(container)[f"TESTFLEET_{kind}_URL"], *(url for name, url in options if name == option)}
        for kind, option in (("QUEUE", "--queue-url"), ("DEAD_LETTER_QUEUE", "--dead-letter-queue-url"))
    }


@pytest.mark.parametrize("component", ["platform+sweep", "runner-queues"])
def test_the_sweep_counts_every_queue_that_a_worker_receives_from(component: str, tmp_path: Path) -> None:
    """The sweep would end a run whose message waits in a queue that the sweep does not count."""
    manifests = objects(with_components(tmp_path, tuple(component.split("+")), RUNNER_QUEUES))
    jobs = [each["spec"] for each in of_kind(manifests, "ScaledJob")]
    workers = [env(containers(each["jobTargetRef"]["template"]["spec"])["worker"]) for each in jobs]
    assert {each["triggers"][0]["metadata"]["queueURL"] for each in jobs} == swept(manifests)["QUEUE"]
    for kind, queues in swept(manifests).items():
        assert {each[f"WORKER_{kind}_URL"] for each in workers} == queues


def test_a_sweep_of_the_default_queue_only_is_rejected_beside_queues_of_runners(tmp_path: Path) -> None:
    """An overlay that replaces only components/platform gets an error instead of wrong verdicts."""
    done = kustomize(with_components(tmp_path, ("runner-queues", "sweep"), RUNNER_QUEUES))
    assert done.returncode != 0
    assert "testfleet-sweep" in done.stderr
    assert done.stdout == ""


def test_on_fargate_a_finished_sweep_is_removed_after_a_minute() -> None:
    """Fargate bills a finished pod until it is removed, and a sweep ends every ten minutes."""
    (sweep,) = of_kind(overlay("eks-fargate"), "CronJob")
    assert sweep["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 60


@pytest.mark.parametrize("first", [("platform", "sweep"), ("runner-queues",)], ids=["one queue", "runner queues"])
def test_every_component_can_be_added_in_the_order_that_the_overlay_lists(
    first: tuple[str, ...], tmp_path: Path
) -> None:
    """Patches address by index, so a component can move the target of another one."""
    text = (KEDA / "overlays" / "eks" / "kustomization.yaml").read_text()
    listed = re.findall(r"^ *# - \.\./\.\./components/(\S+)$", text, re.MULTILINE)
    optional = tuple(name for name in listed if name != "runner-queues")
    assert {*optional, "platform", "sweep", "runner-queues"} == {
        folder.name for folder in (KEDA / "components").iterdir()
    }
    manifests = objects(with_components(tmp_path, (*first, *optional), RUNNER_QUEUES))
    for each in of_kind(manifests, "ScaledJob"):
        worker = env(containers(each["spec"]["jobTargetRef"]["template"]["spec"])["worker"])
        assert worker["WORKER_SUITE_SANDBOX"] == "off"
        assert "AWS_ROLE_ARN" not in worker
