"""What the API server and KEDA would say to the manifests' shape."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.unit.keda.built import OVERLAYS, RUNNER_QUEUES, Manifest, objects, of_kind, overlay, with_components

VERSIONS = ("1.31", "1.37")
"""The oldest that the manifests are for, and the newest that the validator knows."""

SHARED_CRDS = Path(__file__).parents[4] / "shared" / "crds"
CRD_FILES = {"ScaledJob": "keda.sh_scaledjobs.yaml", "TriggerAuthentication": "keda.sh_triggerauthentications.yaml"}


@cache
def crd_schema(kind: str) -> dict[str, Any]:
    """KEDA's schema of a kind, in which a field that it does not know is an error and not dropped."""
    folder = Path(os.environ.get("KEDA_CRDS", SHARED_CRDS))
    if not folder.is_dir():
        pytest.skip("KEDA's CRDs are not here; KEDA_CRDS names a folder that has them")
    crd = yaml.safe_load((folder / CRD_FILES[kind]).read_text())
    (version,) = [each for each in crd["spec"]["versions"] if each["name"] == "v1alpha1"]
    schema: dict[str, Any] = closed(version["schema"]["openAPIV3Schema"])
    return schema


def closed(schema: Any) -> Any:
    """The schema with no room for unknown fields, as `kubectl apply` has it with `--validate=strict`."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {key: closed(value) for key, value in schema.items()}
    if "properties" in tight and isinstance(tight["properties"], dict) and tight.get("type") == "object":
        open_ended = tight.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in tight
        if not open_ended:
            tight["additionalProperties"] = False
    if tight.get("x-kubernetes-int-or-string"):
        tight.pop("type", None)
    return tight


def check(manifest: Manifest) -> None:
    """Raise what is wrong with the object."""
    if manifest["kind"] in CRD_FILES:
        jsonschema.Draft7Validator(with_metadata(crd_schema(manifest["kind"]))).validate(manifest)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


def with_metadata(schema: dict[str, Any]) -> dict[str, Any]:
    """A CRD says of its metadata only that it is an object; the API server knows the rest."""
    return schema | {"properties": schema["properties"] | {"metadata": {"type": "object"}}}


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


def test_a_field_that_nobody_knows_is_an_error() -> None:
    """The checks above can fail."""
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    spec = scaled["spec"]
    for wrong in ({"maxReplicas": 3}, {"maxReplicaCount": "3"}, {"triggers": [{"type": "aws-sqs-queue"}]}):
        with pytest.raises(jsonschema.ValidationError):
            check({**scaled, "spec": {**spec, **wrong}})
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        check({**job, "spec": {**spec["jobTargetRef"], "ttlSeconds": 3}})
