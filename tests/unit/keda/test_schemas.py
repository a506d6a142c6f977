"""What the API server and KEDA would say to the manifests' shape."""

import os
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest

from tests.support.manifests import OVERLAYS, RUNNER_QUEUES, objects, of_kind, overlay, with_components
from tests.support.schemas import VERSIONS, check


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_has_its_kinds_shape(name: str) -> None:
    """No field is misspelt, none has the wrong type."""
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
    """In the combinations that the overlay offers."""
    for manifest in objects(with_components(tmp_path, components, RUNNER_QUEUES)):
        check(manifest)


@pytest.mark.parametrize("components", COMBINATIONS, ids="+".join)
def test_nothing_lands_in_another_namespace(components: tuple[str, ...], tmp_path: Path) -> None:
    """An object without one would go where kubectl happens to look, and a subject without one is refused."""
    for manifest in objects(with_components(tmp_path, components, RUNNER_QUEUES)):
        if manifest["kind"] not in CLUSTER_SCOPED:
            assert manifest["metadata"].get("namespace") == "testfleet", manifest["metadata"]["name"]
        for subject in manifest.get("subjects", ()):
            if subject["kind"] == "ServiceAccount":
                assert subject["namespace"] == "testfleet"


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_of_an_overlay_is_in_the_namespace(name: str) -> None:
    """But for the namespace itself."""
    assert {each["metadata"].get("namespace") for each in overlay(name) if each["kind"] != "Namespace"} == {"testfleet"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_keda_makes_of_a_scaled_job_is_a_job(name: str) -> None:
    """KEDA copies the specification into a Job of Kubernetes' own; that must be a whole and right one."""
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
    """Also where the tests above validate KEDA's kinds."""
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    for wrong in ({"maxReplicas": 3}, {"maxReplicaCount": "3"}, {"triggers": [{"type": "aws-sqs-queue"}]}):
        with pytest.raises(jsonschema.ValidationError):
            check({**scaled, "spec": {**scaled["spec"], **wrong}})


def test_an_unknown_field_of_a_job_is_an_error() -> None:
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        check({**job, "spec": {**scaled["spec"]["jobTargetRef"], "ttlSeconds": 3}})
