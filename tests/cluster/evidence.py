"""The evidence of a failed test: logs, events and objects."""

from pathlib import Path

from tests.cluster.kubectl import NAMESPACE, KubectlError, get, kubectl

EVIDENCE = Path("test-results") / "cluster"
KINDS = "pods,jobs,scaledjobs,triggerauthentications,deployments,services,networkpolicies,resourcequotas,limitranges"


def collect(folder: Path) -> None:
    """Write logs, events and objects to the folder. The file of a failed call contains its error."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "objects.yaml", "get", KINDS, "--namespace", NAMESPACE, "--output=yaml")
    _write(folder / "events.txt", "get", "events", "--namespace", NAMESPACE, "--sort-by=.lastTimestamp")
    _write(folder / "nodes.txt", "describe", "nodes")
    _write(folder / "keda.log", "logs", "--namespace", "keda", "--selector=app=keda-operator", "--tail=2000")
    try:
        pods = get("pods")
    except KubectlError:
        return
    for pod in pods:
        name = pod["metadata"]["name"]
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            place = ("--namespace", NAMESPACE, name, "--container", container["name"])
            _write(folder / f"{name}.{container['name']}.log", "logs", *place)
            _write(folder / f"{name}.{container['name']}.previous.log", "logs", "--previous", *place)


def _write(file: Path, *command: str) -> None:
    try:
        file.write_text(kubectl(*command))
    except KubectlError as error:
        if "previous terminated container" not in str(error):
            file.write_text(f"kubectl {' '.join(command)}: {error}\n")
