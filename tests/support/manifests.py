"""The manifests, built by `kubectl kustomize`."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

KEDA = Path(__file__).parents[2] / "deploy" / "keda"
OVERLAYS = ("eks", "eks-fargate", "kind")

Manifest = Mapping[str, Any]


def kustomize(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run `kubectl kustomize`. Without kubectl, the test is skipped."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed, and only kubectl builds kustomizations")
    return subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60)


@cache
def overlay(name: str) -> tuple[Manifest, ...]:
    """Return the objects of an overlay in deploy/keda/overlays."""
    return objects(KEDA / "overlays" / name)


def objects(folder: Path) -> tuple[Manifest, ...]:
    """Return the objects of a kustomization."""
    done = kustomize(folder)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def one(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    (found,) = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def of_kind(manifests: tuple[Manifest, ...], kind: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] == kind]


def pods(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, Manifest]]:
    """Return kind, name and specification of every pod that the objects create."""
    for each in manifests:
        name = f"{each['kind']}/{each['metadata']['name']}"
        match each["kind"]:
            case "ScaledJob":
                yield name, each["spec"]["jobTargetRef"]["template"]["spec"]
            case "CronJob":
                yield name, each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            case "Job" | "Deployment":
                yield name, each["spec"]["template"]["spec"]


def containers(pod: Manifest) -> dict[str, Manifest]:
    """Return init containers and other containers by name."""
    return {each["name"]: each for each in (*pod.get("initContainers", ()), *pod["containers"])}


def env(container: Manifest) -> dict[str, str]:
    """Return the variables by name. The kubelet's value of a resource is in the unit of its divisor, as in the pod."""
    return {
        each["name"]: each["value"] if "value" in each else _resource(container, each)
        for each in container.get("env", ())
    }


def _resource(container: Manifest, variable: Manifest) -> str:
    source = variable["valueFrom"]["resourceFieldRef"]
    kind, _, name = source["resource"].partition(".")
    return str(-(-_quantity(container["resources"][kind][name]) // _quantity(source["divisor"])))


def _quantity(text: str) -> Fraction:
    """Return a quantity of Kubernetes as a number of cores or bytes."""
    units = {"m": Fraction(1, 1000), "Ki": Fraction(1 << 10), "Mi": Fraction(1 << 20), "Gi": Fraction(1 << 30)}
    unit = next((unit for unit in units if str(text).endswith(unit)), "")
    return Fraction(str(text).removesuffix(unit)) * units.get(unit, Fraction(1))


def with_components(folder: Path, components: tuple[str, ...], more: str = "") -> Path:
    """Copy the manifests; replace the components of the eks overlay and append `more` to platform.env."""
    copy = folder / "keda"
    shutil.copytree(KEDA, copy)
    eks = copy / "overlays" / "eks"
    text = (eks / "kustomization.yaml").read_text()
    chosen = "".join(f"  - ../../components/{each}\n" for each in components)
    (eks / "kustomization.yaml").write_text(f"{text[: text.index('components:')]}components:\n{chosen}")
    with (eks / "platform.env").open("a") as platform:
        platform.write(more)
    return eks


RUNNER_QUEUES = "".join(
    f"{runner.upper()}_IMAGE_TAG=0.1.0@sha256:{number:064x}\n"
    f"{runner.upper()}_QUEUE_URL=https://sqs.eu-central-1.amazonaws.com/111122223333/test-jobs-{runner}\n"
    f"{runner.upper()}_DEAD_LETTER_QUEUE_URL=https://sqs.eu-central-1.amazonaws.com/111122223333/test-jobs-{runner}-dead\n"
    for number, runner in enumerate(("playwright", "k6", "newman", "pytest"), 3)
)
"""The lines that components/runner-queues requires in platform.env."""


def scaled_job(name: str) -> Manifest:
    return one(overlay(name), "ScaledJob", "testfleet-runner")


def pod(name: str) -> Manifest:
    spec: Manifest = scaled_job(name)["spec"]["jobTargetRef"]["template"]["spec"]
    return spec


def mounts(container: Manifest) -> dict[str, str]:
    return {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
