"""The manifests are valid by the schemas of Kubernetes and KEDA."""

import os
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest

from tests.support.manifests import OVERLAYS, RUNNER_QUEUES, objects, of_kind, overlay, with_components
from tests.support.schemas import VERSIONS, check


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_has_its_kinds_shape(name: str) -> None:
    manifests = overlay(name)
    assert {"Namespace", "ScaledJob", "Job", "NetworkPolicy"} <= {each["kind"] for each in manifests}
    for manifest in manifests:
        check(manifest)


CLUSTER_SCOPED = {"Namespace", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
COMBINATIONS = [
    ("runner-queues", "fis-rbac"),
    ("runner-queues", "pod-identity"),
    ("platform", "sweep", "no-landlock", "fis-rbac"),
]


@pytest.mark.parametrize("components", COMBINATIONS, ids="+".join)
def test_every_object_of_the_components_has_its_kinds_shape(components: tuple[str, ...], tmp_path: Path) -> None:
    """The test builds each combination that the overlay offers."""
    for manifest in objects(with_components(tmp_path, components, RUNNER_QUEUES)):
        check(manifest)


@pytest.mark.parametrize("components", COMBINATIONS, ids="+".join)
def test_every_object_of_the_components_is_in_the_namespace(components: tuple[str, ...], tmp_path: Path) -> None:
    """kubectl would create an object without a namespace in its current one. A subject needs one, too."""
    for manifest in objects(with_components(tmp_path, components, RUNNER_QUEUES)):
        if manifest["kind"] not in CLUSTER_SCOPED:
            assert manifest["metadata"].get("namespace") == "testfleet", manifest["metadata"]["name"]
        for subject in manifest.get("subjects", ()):
            if subject["kind"] == "ServiceAccount":
                assert subject["namespace"] == "testfleet"


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_of_an_overlay_is_in_the_namespace(name: str) -> None:
    """The namespace itself is the exception."""
    assert {each["metadata"].get("namespace") for each in overlay(name) if each["kind"] != "Namespace"} == {"testfleet"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_keda_creates_a_valid_job_from_a_scaled_job(name: str) -> None:
    """KEDA copies the specification into a Kubernetes Job, which must be complete and valid."""
    for scaled in of_kind(overlay(name), "ScaledJob"):
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "a"},
            "spec": scaled["spec"]["jobTargetRef"],
        }
        for version in VERSIONS:
            kubernetes_validate.validate(job, version, strict=True)


@pytest.mark.skipif("KEDA_CRDS" not in os.environ, reason="KEDA_CRDS does not name the folder of KEDA's definitions")
def test_an_unknown_or_wrong_field_of_a_scaled_job_is_an_error() -> None:
    """The check of KEDA's kinds detects it."""
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    for wrong in ({"maxReplicas": 3}, {"maxReplicaCount": "3"}, {"triggers": [{"type": "aws-sqs-queue"}]}):
        with pytest.raises(jsonschema.ValidationError):
            check({**scaled, "spec": {**scaled["spec"], **wrong}})


def test_an_unknown_field_of_a_job_is_an_error() -> None:
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        check({**job, "spec": {**scaled["spec"]["jobTargetRef"], "ttlSeconds": 3}})
