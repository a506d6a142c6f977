"""The access to the cluster: the installed kubectl with its KUBECONFIG."""

import json
import shutil
import subprocess
from typing import Any

CALL_SECONDS = 60
NAMESPACE = "testfleet"


class KubectlError(Exception):
    """kubectl failed. The text is its error."""


def kubectl(*arguments: str, given: str | None = None, timeout: float = CALL_SECONDS) -> str:
    """Return kubectl's output. `given` is its standard input, `timeout` is in seconds.

    Raises:
        KubectlError: it ended with another code than 0, or not in time.
    """
    argv = [shutil.which("kubectl") or "kubectl", f"--request-timeout={int(timeout)}s", *arguments]
    try:
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, timeout=timeout + 10)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise KubectlError(str(error)) from error
    if done.returncode:
        raise KubectlError(done.stderr.strip() or f"kubectl {arguments[0]}: exit code {done.returncode}")
    return done.stdout


def get(kind: str, *arguments: str) -> list[dict[str, Any]]:
    """Return the objects of a kind in testfleet's namespace."""
    answer: dict[str, Any] = json.loads(kubectl("get", kind, "--namespace", NAMESPACE, "--output=json", *arguments))
    return list(answer["items"])


def on_nodes() -> set[str]:
    """Return the names of the nodes' images. The kubelet reports some fifty per node."""
    nodes = json.loads(kubectl("get", "nodes", "--output=json"))["items"]
    return {name for node in nodes for image in node["status"].get("images", ()) for name in image.get("names") or ()}


def why_not() -> str | None:
    """Return why the tests cannot run against this cluster; None if they can."""
    if shutil.which("kubectl") is None:
        return "kubectl is not installed"
    try:
        kubectl("get", "--raw", "/readyz", timeout=10)
    except KubectlError as error:
        return f"no cluster answers: {str(error).splitlines()[-1]}"
    try:
        kubectl("get", "crd", "scaledjobs.keda.sh")
    except KubectlError:
        return "the cluster has no KEDA: there is no CRD scaledjobs.keda.sh"
    if kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"):
        return f"the cluster has a namespace {NAMESPACE} already, and these tests would remove it"
    return None
