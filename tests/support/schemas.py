"""The schemas by which the API server and KEDA validate the manifests."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from tests.support.manifests import Manifest

VERSIONS = ("1.31", "1.37")
"""The oldest supported version of Kubernetes, and the newest version of the validator."""


CRD_FILES = {"ScaledJob": "keda.sh_scaledjobs.yaml", "TriggerAuthentication": "keda.sh_triggerauthentications.yaml"}


@cache
def crd_schema(kind: str, folder: str) -> dict[str, Any]:
    """Return KEDA's schema of a kind. An unknown field is an error."""
    crd = yaml.safe_load(Path(folder, CRD_FILES[kind]).read_text())
    (version,) = [each for each in crd["spec"]["versions"] if each["name"] == "v1alpha1"]
    schema: dict[str, Any] = closed(version["schema"]["openAPIV3Schema"])
    return schema


def closed(schema: Any) -> Any:
    """Return the schema with unknown fields forbidden, as in `kubectl apply --validate=strict`."""
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
    """Validate the object. KEDA's kinds are validated only if `KEDA_CRDS` names the folder of their definitions.

    Raises:
        jsonschema.ValidationError, kubernetes_validate.ValidationError: a field is unknown, missing or of a wrong type.
    """
    if manifest["kind"] in CRD_FILES:
        if folder := os.environ.get("KEDA_CRDS"):
            jsonschema.Draft7Validator(with_metadata(crd_schema(manifest["kind"], folder))).validate(manifest)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


def with_metadata(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with `metadata` as any object: a CRD leaves its validation to the API server."""
    return schema | {"properties": schema["properties"] | {"metadata": {"type": "object"}}}
