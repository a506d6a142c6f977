"""A wrong parameter fails `kubectl apply`, or ends the pod before it receives a message. Both print one line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.manifests import KEDA, RUNNER_QUEUES, containers, env, kustomize, objects, one, with_components

PLATFORM = KEDA / "overlays" / "eks" / "platform.env"
KEYS = [
    line.partition("=")[0] for line in PLATFORM.read_text().splitlines() if "=" in line and not line.startswith("#")
]


def without(folder: Path, key: str) -> Path:
    """Return a copy of the eks overlay whose platform.env lacks the key."""
    copy = folder / "keda"
    shutil.copytree(KEDA, copy)
    platform = copy / "overlays" / "eks" / "platform.env"
    kept = [line for line in platform.read_text().splitlines() if not line.startswith(f"{key}=")]
    platform.write_text("\n".join(kept) + "\n")
    return platform.parent


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_value_stops_the_apply_and_is_named(key: str, tmp_path: Path) -> None:
    """kubectl builds all manifests before it sends one, so nothing in the cluster changes."""
    done = kustomize(without(tmp_path, key))
    assert done.returncode != 0
    assert f"`data.{key}` is missing" in done.stderr
    assert done.stderr.count("\n") <= 1
    assert done.stdout == ""


def test_a_missing_queue_of_a_runner_stops_the_apply(tmp_path: Path) -> None:
    """The component needs the queues of all four runners."""
    overlay = with_components(tmp_path, ("runner-queues",), RUNNER_QUEUES.replace("NEWMAN_QUEUE_URL", "OTHER"))
    assert "`data.NEWMAN_QUEUE_URL` is missing" in kustomize(overlay).stderr


def test_a_missing_image_of_a_runner_stops_the_apply(tmp_path: Path) -> None:
    """The image has its own digest."""
    overlay = with_components(tmp_path, ("runner-queues",), RUNNER_QUEUES.replace("K6_IMAGE_TAG", "OTHER"))
    assert "`data.K6_IMAGE_TAG` is missing" in kustomize(overlay).stderr


def test_every_value_is_used(tmp_path: Path) -> None:
    """A key that no replacement uses would change nothing."""
    numbers = {"MAX_JOBS": "7654321", "MAX_PODS": "7654322"}
    markers = {key: numbers.get(key, f"marker-{index:03}") for index, key in enumerate(KEYS)}
    overlay = without(tmp_path, KEYS[0])
    (overlay / "platform.env").write_text("".join(f"{key}={marker}\n" for key, marker in markers.items()))
    built = kustomize(overlay).stdout
    assert [key for key, marker in markers.items() if marker not in built] == []


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("QUEUE_URL", "", "worker: WORKER_QUEUE_URL: is required"),
        ("QUEUE_URL", "test-jobs", "worker: WORKER_QUEUE_URL: must be the http:// or https:// URL of a queue"),
        ("DEAD_LETTER_QUEUE_URL", "", "worker: WORKER_DEAD_LETTER_QUEUE_URL: is required"),
        ("AWS_REGION", "", "worker: AWS_REGION: is required"),
    ],
)
def test_a_wrong_queue_fails_the_job_that_runs_at_each_apply(
    key: str, value: str, line: str, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """KEDA starts no pod for a wrong queue. testfleet-migrate therefore runs the worker's own check."""
    overlay = without(tmp_path, key)
    with (overlay / "platform.env").open("a") as platform:
        platform.write(f"{key}={value}\n")
    job = one(objects(overlay), "Job", "testfleet-migrate")["spec"]
    settings = containers(job["template"]["spec"])["settings"]
    assert settings["command"][:2] == ["tini", "--"]
    program = [sys.executable, *settings["command"][3:]]
    here = {"HANDOFF_DIR": str(tmp_path), "ARTIFACTS_DIR": str(tmp_path), "WORKER_SUITE_SANDBOX": "off"}
    catalog = {"WORKER_CATALOG": str(KEDA.parents[1] / "examples" / "suites" / "catalog.toml")}  # as in the image
    done = subprocess.run(
        program, env=clean_env | env(settings) | here | catalog, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr.strip()) == (78, line)
    rules = job["podFailurePolicy"]["rules"]
    assert {"containerName": "settings", "operator": "In", "values": [78]} in [rule["onExitCodes"] for rule in rules]
