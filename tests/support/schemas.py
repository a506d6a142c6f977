"""The schemas by which the API server and KEDA validate the manifests."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.support.manifests import Manifest

VERSIONS = ("1.31", "1.37")
"""The oldest that the manifests are for, and the newest that the validator knows."""

SHARED_CRDS = Path(__file__).parents[3] / "shared" / "crds"

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
