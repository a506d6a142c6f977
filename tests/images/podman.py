"""The kind overlay's containers in podman, from the built images: same user, same restrictions, same paths."""

import base64
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.manifests import Manifest, containers, one, overlay

CALL_SECONDS = 120
EMBEDDED = "testfleet-embedded.testfleet"
USER = 10001
LIMITS = ("--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096")
"""podman's default is higher than an ordinary user may set."""


def podman(*arguments: str, timeout: float = CALL_SECONDS) -> "subprocess.CompletedProcess[str]":
    """Return podman's output. `timeout` is in seconds."""
    argv = [shutil.which("podman") or "podman", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout)


def why_not(images: tuple[str, ...]) -> str | None:
    """Return why the tests cannot run on this machine; None if they can."""
    if shutil.which("podman") is None:
        return "podman is not installed"
    if os.geteuid() != 0:
        return "only root may give volumes to the user of the containers"
    for image in images:
        if podman("image", "exists", image).returncode:
            return f"image {image} does not exist on this machine; docker/README.md describes how to build it"
    for image in images:
        tried = podman("run", "--rm", "--network=host", *LIMITS, "--entrypoint=true", image)
        if tried.returncode:
            return f"podman runs no container here: {tried.stderr.strip()}"
    return None


@dataclass
class Container:
    """A started container of the manifest. `image` may differ from the manifest's in registry and tag only."""

    name: str
    process: "subprocess.Popen[str]"
    log: Path

    def wait(self) -> int:
        return self.process.wait(CALL_SECONDS)

    def kill(self) -> None:
        """Send SIGKILL to all its processes, as the death of a node does."""
        podman("kill", "--signal", "KILL", self.name)
        self.wait()

    def stop(self) -> int:
        """Send SIGTERM to PID 1; return the exit code."""
        podman("kill", "--signal", "TERM", self.name)
        return self.wait()

    def output(self) -> str:
        return self.log.read_text()


@dataclass
class Pod:
    """The volumes and containers of one pod. They share the network of this machine.

    `changes` replaces settings of the manifest.
    """

    folder: Path
    spec: Manifest
    changes: Mapping[str, str] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for volume in self.spec["volumes"]:
            place = self.folder / volume["name"]
            place.mkdir(parents=True)
            place.chmod(0o777)  # as the kubelet makes an emptyDir
            if "projected" in volume:
                token = place / "token"
                token.write_text(f"the token of {volume['name']}")
                shutil.chown(token, USER, USER)
                token.chmod(0o600)

    def run(self) -> tuple[str, int]:
        """Run a runner's pod to its end; return the deciding container and its exit code."""
        for name in ("config", "check"):
            if code := self.start(name).wait():
                return name, code
        reporter, worker = self.start("reporter"), self.start("worker")
        try:
            code = worker.wait()
        finally:
            ended = reporter.stop()
        assert ended == 0, reporter.output()
        return "worker", code

    def start(self, name: str) -> Container:
        definition = containers(self.spec)[name]
        log = self.folder / f"{name}.log"
        unique = f"{self.folder.name}-{name}"
        with log.open("w") as output:
            process = subprocess.Popen(
                [shutil.which("podman") or "podman", *self._options(definition, unique)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        self.containers[name] = Container(unique, process, log)
        return self.containers[name]

    def close(self) -> None:
        for container in self.containers.values():
            podman("rm", "--force", "--time=0", container.name)
            container.wait()

    def _options(self, definition: Manifest, unique: str) -> list[str]:
        entrypoint, *arguments = definition["command"]
        context = {**self.spec["securityContext"], **definition["securityContext"]}
        assert (context["readOnlyRootFilesystem"], context["capabilities"]) == (True, {"drop": ["ALL"]})
        assert (context["allowPrivilegeEscalation"], context["seccompProfile"]) == (False, {"type": "RuntimeDefault"})
        options = ["run", "--rm", f"--name={unique}", "--network=host", f"--add-host={EMBEDDED}:127.0.0.1"]
        options += ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]
        options += [f"--user={context['runAsUser']}:{context['runAsGroup']}", *LIMITS]
        options += [f"--env={name}={value}" for name, value in self._env(definition).items()]
        for mount in definition["volumeMounts"]:
            place = self.folder / mount["name"] / mount.get("subPath", "")
            options.append(f"--volume={place}:{mount['mountPath']}:{'ro' if mount.get('readOnly') else 'rw'}")
        return [*options, f"--entrypoint={entrypoint}", definition["image"], *arguments]

    def _env(self, definition: Manifest) -> dict[str, str]:
        given = {each["name"]: str(each["value"]) for each in definition.get("env", ())}
        for source in definition.get("envFrom", ()):
            secrets = [each for each in overlay("kind") if each["kind"] == "Secret"]
            (data,) = [each["data"] for each in secrets if each["metadata"]["name"] == source["secretRef"]["name"]]
            given |= {name: base64.b64decode(value).decode() for name, value in data.items()}
        prefix = {"worker": "WORKER_", "config": "CONFIG_"}.get(definition["name"], "REPORTER_")
        return given | {name: value for name, value in self.changes.items() if name.startswith(prefix)}


def runner() -> Manifest:
    """Return the pod of the ScaledJob."""
    scaled = one(overlay("kind"), "ScaledJob", "testfleet-runner")
    spec: Manifest = scaled["spec"]["jobTargetRef"]["template"]["spec"]
    return spec


def migration() -> Manifest:
    """Return the pod of the migration Job."""
    spec: Manifest = one(overlay("kind"), "Job", "testfleet-migrate")["spec"]["template"]["spec"]
    return spec


def embedded() -> Manifest:
    """Return the pod of the Deployment."""
    spec: Manifest = one(overlay("kind"), "Deployment", "testfleet-embedded")["spec"]["template"]["spec"]
    return spec


def images() -> tuple[str, ...]:
    """Return the images of these pods."""
    every = (*containers(runner()).values(), *containers(embedded()).values())
    return tuple(sorted({each["image"] for each in every}))
