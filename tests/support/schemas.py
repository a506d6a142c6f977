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
"""The oldest that the manifests are for, and the newest that the validator knows."""


CRD_FILES = {"ScaledJob": "keda.sh_scaledjobs.yaml", "TriggerAuthentication": "keda.sh_triggerauthentications.yaml"}


@cache
def crd_schema(kind: str, folder: str) -> dict[str, Any]:
    """KEDA's schema of a kind, in which a field that it does not know is an error and not dropped."""
    crd = yaml.safe_load(Path(folder, CRD_FILES[kind]).read_text())
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
    """Validate the object; KEDA's own kinds only where `KEDA_CRDS` names the folder of their definitions.

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
    """A CRD says of its metadata only that it is an object; the API server knows the rest."""
    return schema | {"properties": schema["properties"] | {"metadata": {"type": "object"}}}
