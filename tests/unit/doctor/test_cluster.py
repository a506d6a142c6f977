"""The doctor's findings about a cluster."""

from typing import Any

import pytest

from testfleet.doctor.cluster import examine, keda, policies
from testfleet.errors import Unavailable

ROLE = "arn:aws:iam::111122223333:role/testfleet-worker"
NODE = {
    "metadata": {"name": "node-1"},
    "spec": {"providerID": "aws:///eu-central-1a/i-0123456789abcdef0"},
    "status": {"nodeInfo": {"kubeletVersion": "v1.33.1-eks-1", "kernelVersion": "6.1.140-154.amzn2023"}},
}
KEDA = {
    "metadata": {"name": "keda-operator", "labels": {"app.kubernetes.io/version": "2.20.2"}},
    "spec": {"template": {"spec": {"containers": [{"image": "ghcr.io/kedacore/keda@sha256:0"}]}}},
    "status": {"readyReplicas": 1},
}
RUNNER = {
    "metadata": {"name": "testfleet-runner"},
    "spec": {
        "jobTargetRef": {
            "template": {"spec": {"containers": [{"name": "worker", "env": [{"name": "AWS_ROLE_ARN", "value": ROLE}]}]}}
        }
    },
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


def cni(*arguments: str) -> dict[str, Any]:
    containers = [{"name": "aws-node"}, {"name": "aws-eks-nodeagent", "args": list(arguments)}]
    return {"metadata": {"name": "aws-node"}, "spec": {"template": {"spec": {"containers": containers}}}}


HEALTHY: dict[str, list[Any]] = {
    "nodes": [NODE],
    "deployments": [KEDA],
    "daemonsets": [cni("--enable-network-policy=true")],
    "configmap": [],
    "scaledjobs.keda.sh": [RUNNER],
}


def cluster(**changed: Any) -> Any:
    """Return a function that answers as a healthy cluster, with some answers replaced. It raises an exception value."""
    answers = HEALTHY | {name.replace("_", "."): answer for name, answer in changed.items()}

    def get(kind: str, *_: str) -> list[Any]:
        answer = answers[kind]
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    return get


def wrong(get: Any) -> dict[str, str]:
    findings, _ = examine("testfleet", get)
    return {one.check: one.detail for one in findings if one.status == "wrong"}


def test_a_healthy_cluster_has_nothing_wrong_and_names_what_the_account_checks() -> None:
    findings, seen = examine("testfleet", cluster())
    assert {one.check: one.status for one in findings} == dict.fromkeys(
        ("kubernetes", "kernel", "keda", "network policies", "scaledjob"), "ok"
    )
    assert seen.instance_ids == ("i-0123456789abcdef0",)
    assert seen.role_arns == (ROLE,)


def test_a_cluster_that_does_not_answer_is_wrong() -> None:
    assert wrong(cluster(nodes=Unavailable("no route to host"))) == {"cluster": "no route to host"}


def test_a_role_that_may_not_list_objects_is_unknown_not_ok() -> None:
    findings, _ = examine("testfleet", cluster(deployments=Unavailable("forbidden")))
    assert [(one.check, one.status) for one in findings][-1] == ("cluster", "unknown")


def test_old_kernels_and_kubelets_are_named() -> None:
    info = {"kubeletVersion": "v1.28.9", "kernelVersion": "5.10.230-223"}
    found = wrong(cluster(nodes=[NODE, NODE | {"metadata": {"name": "node-2"}, "status": {"nodeInfo": info}}]))
    assert found == {
        "kubernetes": "node-2 v1.28.9 and 0 more; needed: 1.29 or newer",
        "kernel": "node-2 5.10.230-223 and 0 more; needed: 5.19 or newer",
    }


@pytest.mark.parametrize(
    ("deployments", "detail"),
    [
        ([], "there is no Deployment keda-operator"),
        ([KEDA | {"metadata": {"name": "keda-operator", "labels": {"app.kubernetes.io/version": "2.9.0"}}}], "2.9.0"),
        ([KEDA | {"status": {}}], "no operator is ready"),
    ],
)
def test_a_missing_old_or_dead_keda_is_wrong(deployments: list[Any], detail: str) -> None:
    finding = keda(deployments)
    assert finding.status == "wrong"
    assert detail in finding.detail


def test_the_version_of_keda_without_a_label_comes_from_its_image() -> None:
    image = {"template": {"spec": {"containers": [{"image": "ghcr.io/kedacore/keda:2.18.1"}]}}}
    assert keda([KEDA | {"metadata": {"name": "keda-operator"}, "spec": image}]).detail == "version 2.18.1"


@pytest.mark.parametrize(
    ("daemonsets", "status"),
    [
        ([cni("--enable-network-policy=true")], "ok"),
        ([cni("--enable-network-policy=false")], "wrong"),
        ([cni()], "wrong"),
        ([{"metadata": {"name": "cilium"}}, cni()], "ok"),
        ([{"metadata": {"name": "flannel"}}], "unknown"),
    ],
)
def test_network_policies_are_judged_by_the_plugin(daemonsets: list[Any], status: str) -> None:
    assert policies(daemonsets, []).status == status


def test_auto_mode_enforces_policies_by_its_configmap() -> None:
    assert policies([], [{"data": {"enable-network-policy-controller": "true"}}]).status == "ok"


def test_a_scaled_job_that_keda_refuses_is_named_with_its_message() -> None:
    refused = RUNNER | {"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no trigger"}]}}
    assert wrong(cluster(scaledjobs_keda_sh=[refused])) == {"scaledjob": "testfleet-runner: no trigger"}
    assert wrong(cluster(scaledjobs_keda_sh=[])) == {"scaledjob": "namespace testfleet has none"}
