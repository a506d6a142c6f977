"""Pod Security "restricted", the standard that the namespace enforces."""

from collections.abc import Iterator

from tests.support.manifests import Manifest, containers

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod: Manifest) -> Iterator[str]:
    """Yield each violation of the standard and of two stricter rules of this project.

    Source: "Pod Security Standards" (kubernetes.io, v1.31).
    """
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field))
    for volume in pod.get("volumes", ()):
        if not volume.keys() - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    for name, container in containers(pod).items():
        context = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
        yield from (f"{name}: {rule}" for rule in (*_broken(context), *_missing(container)))
    if pod.get("automountServiceAccountToken") is not False:
        yield "a token of the cluster is mounted"


def _broken(context: Manifest) -> Iterator[str]:
    """Yield the rules that the combined security context of pod and container breaks."""
    capabilities = context.get("capabilities", {})
    rules = {
        "may be root": context.get("runAsNonRoot") is True and context.get("runAsUser") != 0,
        "no seccomp profile": context.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
        "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
        "capabilities": capabilities.get("drop") == ["ALL"]
        and set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
        "privileged": not context.get("privileged") and context.get("procMount", "Default") == "Default",
        "root file system": context.get("readOnlyRootFilesystem") is True,  # stricter than the standard
    }
    yield from (rule for rule, kept in rules.items() if not kept)


def _missing(container: Manifest) -> Iterator[str]:
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
    resources = container["resources"]
    if not {"cpu", "memory"} <= resources["requests"].keys() or "memory" not in resources["limits"]:
        yield "resources"
