"""Pod Security "restricted", the standard that the namespace enforces, for every pod that the manifests make."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.keda.built import OVERLAYS, RUNNER_QUEUES, Manifest, containers, objects, overlay, pods, with_components

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod: Manifest) -> Iterator[str]:
    """What "Pod Security Standards" (kubernetes.io, v1.31) forbids, and what we ask for beyond it."""
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field))
    for volume in pod.get("volumes", ()):
        if not volume.keys() - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    for name, container in containers(pod).items():
        context = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
        yield from (f"{name}: {what}" for what in (*_broken(context), *_missing(container)))
    if pod.get("automountServiceAccountToken") is not False:
        yield "a token of the cluster's is mounted"


def _broken(context: Manifest) -> Iterator[str]:
    """By a container's security context, with what the pod's adds to it."""
    capabilities = context.get("capabilities", {})
    rules = {
        "may be root": context.get("runAsNonRoot") is True and context.get("runAsUser") != 0,
        "no seccomp profile": context.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
        "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
        "capabilities": capabilities.get("drop") == ["ALL"]
        and set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
        "privileged": not context.get("privileged") and context.get("procMount", "Default") == "Default",
        "root file system": context.get("readOnlyRootFilesystem") is True,  # ours, as the standard does not ask for it
    }
    yield from (rule for rule, kept in rules.items() if not kept)


def _missing(container: Manifest) -> Iterator[str]:
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
    resources = container["resources"]
    if not {"cpu", "memory"} <= resources["requests"].keys() or "memory" not in resources["limits"]:
        yield "resources"


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_pod_of_an_overlay_breaks_the_standard(name: str) -> None:
    """Else the namespace would refuse it, and KEDA's Jobs would wait without a pod."""
    found = {maker: list(violations(pod)) for maker, pod in pods(overlay(name))}
    assert len(found) >= 2
    assert not {maker: what for maker, what in found.items() if what}


def test_no_pod_of_the_components_breaks_the_standard(tmp_path: Path) -> None:
    """Their patches take things away; none may be of these."""
    manifests = objects(with_components(tmp_path, ("runner-queues", "pod-identity"), RUNNER_QUEUES))
    found = {maker: list(violations(pod)) for maker, pod in pods(manifests)}
    assert len(found) == 7
    assert not {maker: what for maker, what in found.items() if what}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_namespace_enforces_it(name: str) -> None:
    """At a version of its own, so that an upgrade of the cluster does not change what is allowed."""
    (namespace,) = [each for each in overlay(name) if each["kind"] == "Namespace"]
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == "v1.31"


def test_a_violation_is_found() -> None:
    """The check above can fail, in each of its parts."""
    pod: dict[str, object] = {
        "hostNetwork": True,
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
        "containers": [
            {
                "name": "a",
                "resources": {"requests": {}, "limits": {}},
                "ports": [{"hostPort": 1}],
                "securityContext": {"privileged": True},
            }
        ],
    }
    assert set(violations(pod)) == {
        "hostNetwork",
        "volume host",
        "a: may be root",
        "a: no seccomp profile",
        "a: allowPrivilegeEscalation",
        "a: capabilities",
        "a: hostPort",
        "a: privileged",
        "a: root file system",
        "a: resources",
        "a token of the cluster's is mounted",
    }
