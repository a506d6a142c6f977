"""Facts about Jobs and pods, read from kubectl's JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

RUNNER = "app.kubernetes.io/component=runner"

Object = Mapping[str, Any]


def uids(objects: Iterable[Object]) -> set[str]:
    return {each["metadata"]["uid"] for each in objects}


def active(pods: Iterable[Object]) -> list[Object]:
    """Return the pods that have not ended."""
    return [each for each in pods if each["status"].get("phase") not in {"Succeeded", "Failed"}]


def exit_codes(pod: Object) -> dict[str, int]:
    """Return the exit code of each container that has ended and was not restarted."""
    status = pod["status"]
    every = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return {
        each["name"]: each["state"]["terminated"]["exitCode"] for each in every if "terminated" in each.get("state", {})
    }


def job_of(pod: Object) -> str:
    """Return the uid of the Job that created the pod."""
    (owner,) = [each for each in pod["metadata"]["ownerReferences"] if each["kind"] == "Job"]
    uid: str = owner["uid"]
    return uid
