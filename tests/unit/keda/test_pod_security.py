"""Every pod of the manifests meets the Pod Security standard "restricted", which the namespace enforces."""

from pathlib import Path

import pytest

from tests.support.manifests import OVERLAYS, RUNNER_QUEUES, objects, overlay, pods, with_components
from tests.support.pod_security import violations


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_pod_of_an_overlay_breaks_the_standard(name: str) -> None:
    """Otherwise the namespace would reject the pod, and KEDA's Jobs would wait without one."""
    found = {maker: list(violations(pod)) for maker, pod in pods(overlay(name))}
    assert len(found) >= 2
    assert not {maker: what for maker, what in found.items() if what}


def test_no_pod_of_the_components_breaks_the_standard(tmp_path: Path) -> None:
    """The patches of a component remove fields. None of these fields may be required by the standard."""
    manifests = objects(with_components(tmp_path, ("runner-queues", "pod-identity"), RUNNER_QUEUES))
    found = {maker: list(violations(pod)) for maker, pod in pods(manifests)}
    assert len(found) == 7
    assert not {maker: what for maker, what in found.items() if what}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_namespace_enforces_it(name: str) -> None:
    """The version is fixed, so an upgrade of the cluster does not change the rules."""
    (namespace,) = [each for each in overlay(name) if each["kind"] == "Namespace"]
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == "v1.31"


def test_a_violation_is_found() -> None:
    """The check of these tests detects each kind of violation."""
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
        "a token of the cluster is mounted",
    }
