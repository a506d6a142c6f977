"""Runs a pod of the kind overlay as the kubelet does, with the manifest's commands, variables and volumes.

Containers are processes. A volume is a folder of this machine, and the setting that names its mount path names the
folder instead.
"""

import base64
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.forks.popen import WITHOUT_CAPABILITIES, Popen
from tests.support.manifests import Manifest, containers, env, one, overlay

DEADLINE = 120
PLACES = {"/handoff": "HANDOFF_DIR", "/artifacts": "ARTIFACTS_DIR", "/config": "CONFIG_DIR", "/tmp": "TMPDIR"}


class Pod:
    """A pod of the ScaledJob.

    `image` is the environment of the image, `hosts` maps addresses of the overlay to addresses of this machine, and
    `wrong` holds settings with wrong values.
    """

    def __init__(
        self, folder: Path, image: Mapping[str, str], hosts: Mapping[str, str], wrong: Mapping[str, str]
    ) -> None:
        self._manifests = overlay("kind")
        job = one(self._manifests, "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"]
        self.spec: Manifest = job["template"]["spec"]
        self.folder = folder
        self._image = image
        self._hosts = hosts
        self._wrong = wrong
        for volume in self.spec["volumes"]:
            (folder / volume["name"]).mkdir(parents=True)

    def run(self) -> tuple[str, int]:
        """Run the pod to its end; return the deciding container and its exit code."""
        names = list(containers(self.spec))
        for name in names[: names.index("reporter")]:
            if code := self._start(name).wait(DEADLINE):
                return name, code
        reporter, worker = self._start("reporter"), self._start("worker")
        try:
            code = worker.wait(DEADLINE)
        finally:
            worker.kill()
            reporter.terminate()
            assert reporter.wait(DEADLINE) == 0
        return "worker", code

    def corrected(self) -> "Pod":
        """Return a pod with correct settings, which handles the remaining message."""
        return Pod(self.folder / "again", self._image, self._hosts, {})

    def output(self, container: str) -> str:
        """Return the container's output."""
        return (self.folder / f"{container}.log").read_text()

    def volume(self, name: str) -> Path:
        return self.folder / name

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        container = containers(self.spec)[name]
        tini, dashes, python, *arguments = container["command"]
        assert (tini, dashes, python) == ("tini", "--", "python3")
        argv = [*WITHOUT_CAPABILITIES, sys.executable, *arguments]
        with (self.folder / f"{name}.log").open("wb") as log:
            return Popen(argv, env=self._env(container), stdout=log, stderr=log)

    def _env(self, container: Manifest) -> dict[str, str]:
        given = {name: str(value) for name, value in env(container).items()}
        for source in container["envFrom"]:
            data = one(self._manifests, "Secret", source["secretRef"]["name"])["data"]
            given |= {name: base64.b64decode(value).decode() for name, value in data.items()}
        for here, there in self._hosts.items():
            given = {name: value.replace(here, there) for name, value in given.items()}
        given = {name: value for name, value in given.items() if name != "AWS_WEB_IDENTITY_TOKEN_FILE"}
        prefix = {"worker": "WORKER_", "config": "CONFIG_"}.get(container["name"], "REPORTER_")
        wrong = {name: value for name, value in self._wrong.items() if name.startswith(prefix)}
        return {**given, **self._image, **self._places(container), **wrong}

    def _places(self, container: Manifest) -> dict[str, str]:
        found = {}
        for mount in container["volumeMounts"]:
            place = self.folder / mount["name"] / mount.get("subPath", "")
            if mount["mountPath"] in PLACES:
                found[PLACES[mount["mountPath"]]] = str(place)
            elif mount["mountPath"] == "/var/run/secrets/testfleet":
                (place / "token").write_text(f"token of {container['name']}")
                found["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(place / "token")
        return found
