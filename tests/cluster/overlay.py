"""The kind overlay with the tests' suites, given images and short times."""

import json
import shutil
from collections.abc import Collection
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SUITES = ("catalog.toml", "steps.py", "probe.py")
VISIBILITY_TIMEOUT = 20
TTL = 120
SPEC = "/spec/jobTargetRef/template/spec"

CATALOG = """
[suites.steps]
runner  = "command"
command = ["python3", "steps.py"]
path    = "."
timeout = "5m"

[suites.probe]
runner  = "command"
command = ["python3", "probe.py"]
path    = "."
timeout = "2m"
"""


def throw_away(folder: Path, *, registry: str, tag: str, served_by: str = "embedded") -> Path:
    """Copy the manifests into the folder; return the overlay to apply.

    `served_by` is the name of the image that runs `testfleet serve`.
    """
    shutil.copytree(REPOSITORY / "deploy" / "keda", folder / "keda")
    platform = folder / "keda" / "overlays" / "kind" / "platform.env"
    platform.write_text(with_values(platform.read_text(), IMAGE_REGISTRY=registry, IMAGE_TAG=tag, RUNNER_IMAGE_TAG=tag))
    overlay = folder / "keda" / "overlays" / "test"
    overlay.mkdir()
    fixtures = REPOSITORY / "tests" / "fixtures"
    (overlay / "catalog.toml").write_text(CATALOG)
    shutil.copy(fixtures / "fleet" / "steps.py", overlay)
    shutil.copy(fixtures / "sandbox" / "probe.py", overlay)
    (overlay / "kustomization.yaml").write_text(
        json.dumps(kustomization(f"{registry}/{served_by}:{tag}"))
    )  # JSON is YAML
    return overlay


def with_values(env: str, **values: str) -> str:
    """Return the text of an env file with some values replaced."""
    lines = [line if "=" not in line else _line(line, values) for line in env.splitlines()]
    return "\n".join(lines) + "\n"


def _line(line: str, values: dict[str, str]) -> str:
    key = line.partition("=")[0]
    return f"{key}={values[key]}" if key in values else line


def served_by(images: Collection[str], *, registry: str, tag: str) -> str:
    """Return the image of testfleet that runs `testfleet serve`, given the nodes' `images`.

    It is `embedded`, unless the nodes have `testfleet` alone: one that was built with the extra `local` can serve too.
    """
    names = {name for name in ("embedded", "testfleet") if f"{registry}/{name}:{tag}" in images}
    return "testfleet" if names == {"testfleet"} else "embedded"


def kustomization(serving_image: str) -> dict[str, object]:
    """Return the kustomization: the kind overlay and its changes."""
    worker, reporters = f"{SPEC}/containers/0", [f"{SPEC}/initContainers/{index}" for index in (1, 2)]
    add = [
        (f"{SPEC}/volumes/-", {"name": "suites", "configMap": {"name": "suites"}}),
        (f"{worker}/volumeMounts/-", {"name": "suites", "mountPath": "/test-suites", "readOnly": True}),
        (f"{worker}/env/-", {"name": "WORKER_CATALOG", "value": "/test-suites/catalog.toml"}),
        (f"{worker}/env/-", {"name": "WORKER_VISIBILITY_TIMEOUT", "value": str(VISIBILITY_TIMEOUT)}),
        *((f"{each}/env/-", {"name": "REPORTER_LEASE", "value": str(VISIBILITY_TIMEOUT)}) for each in reporters),
    ]
    patch: list[dict[str, object]] = [{"op": "add", "path": path, "value": value} for path, value in add]
    serve = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": serving_image}
    patch.append({"op": "replace", "path": "/spec/jobTargetRef/ttlSecondsAfterFinished", "value": TTL})
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "testfleet",
        "resources": ["../kind"],
        "configMapGenerator": [
            {"name": "suites", "files": list(SUITES), "options": {"disableNameSuffixHash": True}},
        ],
        "patches": [
            {"target": {"kind": "ScaledJob"}, "patch": json.dumps(patch)},
            {"target": {"kind": "Deployment", "name": "testfleet-embedded"}, "patch": json.dumps([serve])},
        ],
    }
