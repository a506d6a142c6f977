"""The cluster that KUBECONFIG names: versions, KEDA, NetworkPolicy enforcement, kernels, our ScaledJobs."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from testfleet.doctor.finding import Finding, ok, unknown, wrong
from testfleet.errors import Unavailable

Object = Mapping[str, Any]
Get = Callable[..., list[Object]]

CALL_SECONDS: Final = 15
LEAST_KUBERNETES: Final = (1, 29)
"""The first version that enables native sidecars by default."""
LEAST_KEDA: Final = (2, 17)
LEAST_KERNEL: Final = (5, 19)
"""The first kernel whose Landlock serves suites. Whether it is enabled can only be checked in a pod."""

_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}\Z")
_POLICY_ENGINES: Final = ("calico-node", "cilium", "antrea-agent", "kube-router", "weave-net", "kindnet")


@dataclass(frozen=True, slots=True)
class AccountInput:
    """The cluster's values for the checks of the account: EC2 instance ids of the nodes, role ARNs of our pods."""

    instance_ids: tuple[str, ...] = ()
    role_arns: tuple[str, ...] = ()


def kubectl(*arguments: str) -> list[Object]:
    """Return the objects that `kubectl get` finds. For an object that `arguments` name, return only that one.

    Raises:
        Unavailable: kubectl is not installed, or the cluster does not answer or refuses the request.
    """
    program = shutil.which("kubectl")
    if program is None:
        raise Unavailable("kubectl is not installed")
    argv = [program, f"--request-timeout={CALL_SECONDS}s", "get", *arguments, "--ignore-not-found", "--output=json"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=2 * CALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"kubectl get {arguments[0]}: no answer within {2 * CALL_SECONDS} s") from error
    if done.returncode:
        raise Unavailable((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    if not done.stdout.strip():
        return []
    answer = json.loads(done.stdout)
    return list(answer["items"]) if "items" in answer else [answer]


def examine(namespace: str, get: Get = kubectl) -> tuple[list[Finding], AccountInput]:
    """Examine the cluster, and our objects in `namespace`."""
    try:
        nodes = get("nodes")
    except Unavailable as error:
        mend = "install kubectl, and set KUBECONFIG to the file of a cluster that answers"
        return [wrong("cluster", str(error), mend)], AccountInput()
    findings = [*_nodes(nodes)]
    scaled_jobs: list[Object] = []
    try:
        findings.append(keda(get("deployments", "--all-namespaces")))
        findings.append(
            policies(
                get("daemonsets", "--all-namespaces"),
                get("configmap", "amazon-vpc-cni", "--namespace=kube-system"),
            )
        )
        scaled_jobs = get("scaledjobs.keda.sh", f"--namespace={namespace}")
        findings += runners(scaled_jobs, namespace)
    except Unavailable as error:
        findings.append(unknown("cluster", str(error), "use a role that may list these objects"))
    return findings, AccountInput(_instances(nodes), _roles(scaled_jobs))


def _nodes(nodes: Sequence[Object]) -> Iterator[Finding]:
    if not nodes:
        yield unknown("nodes", "the cluster has no nodes now; kernels and kubelets were not checked")
        return
    infos = {node["metadata"]["name"]: node["status"]["nodeInfo"] for node in nodes}
    for check, key, least, mend in (
        ("kubernetes", "kubeletVersion", LEAST_KUBERNETES, "upgrade the nodes: native sidecars need it"),
        ("kernel", "kernelVersion", LEAST_KERNEL, "use nodes with a newer kernel: Landlock needs it"),
    ):
        old = [f"{name} {info[key]}" for name, info in sorted(infos.items()) if _version(info[key]) < least]
        wanted = ".".join(map(str, least))
        if old:
            yield wrong(check, f"{old[0]} and {len(old) - 1} more; needed: {wanted} or newer", mend)
        else:
            yield ok(check, f"{min((info[key] for info in infos.values()), key=_version)} or newer on all nodes")


def keda(deployments: Sequence[Object]) -> Finding:
    """Judge KEDA by its operator's image, or by its version label if the image is pinned by digest."""
    found = [one for one in deployments if one["metadata"]["name"] == "keda-operator"]
    if not found:
        mend = "helm upgrade --install keda keda --repo https://kedacore.github.io/charts --namespace keda"
        return wrong("keda", "there is no Deployment keda-operator", f"{mend} --create-namespace")
    (operator, *_) = found
    image = operator["spec"]["template"]["spec"]["containers"][0]["image"]
    labels = operator["metadata"].get("labels", {})
    version = labels.get("app.kubernetes.io/version") or image.partition("@")[0].rpartition(":")[2]
    if _version(version) < LEAST_KEDA:
        return wrong("keda", f"version {version}; needed: {'.'.join(map(str, LEAST_KEDA))} or newer", "upgrade KEDA")
    if not operator.get("status", {}).get("readyReplicas"):
        return wrong("keda", f"version {version}, but no operator is ready", "kubectl --namespace keda get pods")
    return ok("keda", f"version {version}")


def policies(daemonsets: Sequence[Object], vpc_cni: Sequence[Object]) -> Finding:
    """Judge whether NetworkPolicies are enforced, by the network plugin that runs."""
    check = "network policies"
    names = {one["metadata"]["name"]: one for one in daemonsets}
    if engine := next((name for name in _POLICY_ENGINES if name in names), None):
        return ok(check, f"enforced by {engine}")
    if any(one.get("data", {}).get("enable-network-policy-controller") == "true" for one in vpc_cni):
        return ok(check, "enforced: ConfigMap amazon-vpc-cni")
    if "aws-node" not in names:
        return unknown(check, "unknown network plugin", "apply a policy and try a forbidden connection")
    containers = names["aws-node"]["spec"]["template"]["spec"]["containers"]
    if any("--enable-network-policy=true" in one.get("args", ()) for one in containers):
        return ok(check, "enforced by the VPC CNI")
    values = """--configuration-values '{"enableNetworkPolicy":"true"}'"""
    mend = f"aws eks update-addon --cluster-name … --addon-name vpc-cni {values}"
    return wrong(check, "the VPC CNI does not enforce them", mend)


def runners(scaled_jobs: Sequence[Object], namespace: str) -> Iterator[Finding]:
    """Judge our ScaledJobs: KEDA must accept each of them."""
    if not scaled_jobs:
        yield wrong("scaledjob", f"namespace {namespace} has none", "kubectl apply --kustomize deploy/keda/overlays/…")
    for one in scaled_jobs:
        name = one["metadata"]["name"]
        conditions = {each["type"]: each for each in one.get("status", {}).get("conditions", ())}
        ready = conditions.get("Ready", {})
        if ready.get("status") == "True":
            yield ok("scaledjob", name)
        else:
            why = ready.get("message") or "it has no condition Ready"
            yield wrong("scaledjob", f"{name}: {why}", f"kubectl --namespace {namespace} describe scaledjob {name}")


def _instances(nodes: Sequence[Object]) -> tuple[str, ...]:
    ids = (str(node["spec"].get("providerID", "")).rpartition("/")[2] for node in nodes)
    return tuple(name for name in ids if _INSTANCE.match(name))


def _roles(scaled_jobs: Sequence[Object]) -> tuple[str, ...]:
    found: list[str] = []
    for one in scaled_jobs:
        spec = one["spec"]["jobTargetRef"]["template"]["spec"]
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            found += [each["value"] for each in container.get("env", ()) if each["name"] == "AWS_ROLE_ARN"]
    return tuple(sorted(set(found)))


def _version(text: str) -> tuple[int, int]:
    """Return major and minor of `v1.31.2-eks-1`, `6.1.0-18-amd64` and the like; (0, 0) without a version."""
    match = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)
