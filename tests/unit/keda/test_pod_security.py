"""Pod Security "restricted", the standard that the namespace enforces, for every pod that the manifests make."""

from pathlib import Path

import pytest

from tests.support.manifests import OVERLAYS, RUNNER_QUEUES, objects, overlay, pods, with_components
from tests.support.pod_security import violations


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
