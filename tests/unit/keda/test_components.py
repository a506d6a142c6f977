"""The components of an overlay: queues of runners, the sweep, and their order."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.manifests import (
    KEDA,
    RUNNER_QUEUES,
    Manifest,
    containers,
    env,
    kustomize,
    objects,
    of_kind,
    overlay,
    scaled_job,
    with_components,
)


def test_a_runner_has_its_own_queue_and_image(tmp_path: Path) -> None:
    """Queues and images have the names of the stacks. Nothing else differs from the default ScaledJob."""
    manifests = objects(with_components(tmp_path, ("runner-queues",), RUNNER_QUEUES))
    default = scaled_job("eks")
    found = {each["metadata"]["name"]: each for each in of_kind(manifests, "ScaledJob")}
    assert found.pop("testfleet-runner") == default
    assert set(found) == {f"testfleet-runner-{runner}" for runner in ("playwright", "k6", "newman", "pytest")}
    digests = dict(re.findall(r"^(\w+)_IMAGE_TAG=\S+@(\S+)$", RUNNER_QUEUES, re.MULTILINE))
    (worker,) = default["spec"]["jobTargetRef"]["template"]["spec"]["containers"]
    for name, each in found.items():
        runner = name.removeprefix("testfleet-runner-")
        text = yaml.safe_dump(each).replace(f"/{runner}:", "/all:").replace(f"test-jobs-{runner}", "test-jobs")
        text = text.replace(digests[runner.upper()], worker["image"].partition("@")[2])
        assert yaml.safe_load(text.replace(name, "testfleet-runner")) == default


def swept(manifests: tuple[Manifest, ...]) -> dict[str, set[str]]:
    """Return the queues of the CronJob's command by their option."""
    (sweep,) = of_kind(manifests, "CronJob")
    container = containers(sweep["spec"]["jobTemplate"]["spec"]["template"]["spec"])["sweep"]
    args = container.get("args", [])
    options = list(zip(args[::2], args[1::2], strict=True))
    return {
        kind: {env(container)[f"TESTFLEET_{kind}_URL"], *(url for name, url in options if name == option)}
        for kind, option in (("QUEUE", "--queue-url"), ("DEAD_LETTER_QUEUE", "--dead-letter-queue-url"))
    }


@pytest.mark.parametrize("component", ["platform+sweep", "runner-queues"])
def test_the_sweep_counts_every_queue_that_a_worker_receives_from(component: str, tmp_path: Path) -> None:
    """The sweep would end a run whose message waits in a queue that the sweep does not count."""
    manifests = objects(with_components(tmp_path, tuple(component.split("+")), RUNNER_QUEUES))
    jobs = [each["spec"] for each in of_kind(manifests, "ScaledJob")]
    workers = [env(containers(each["jobTargetRef"]["template"]["spec"])["worker"]) for each in jobs]
    assert {each["triggers"][0]["metadata"]["queueURL"] for each in jobs} == swept(manifests)["QUEUE"]
    for kind, queues in swept(manifests).items():
        assert {each[f"WORKER_{kind}_URL"] for each in workers} == queues


def test_the_worker_of_each_runner_knows_its_own_image(tmp_path: Path) -> None:
    """Each runner has an image of its own, with its own digest."""
    manifests = objects(with_components(tmp_path, ("runner-queues",), RUNNER_QUEUES))
    found = {}
    for each in of_kind(manifests, "ScaledJob"):
        worker = containers(each["spec"]["jobTargetRef"]["template"]["spec"])["worker"]
        found[each["metadata"]["name"]] = env(worker)["WORKER_IMAGE"]
        assert worker["image"].endswith(f":{env(worker)['WORKER_IMAGE']}")
    assert len(set(found.values())) == len(found) == 5


def test_a_sweep_of_the_default_queue_only_is_rejected_beside_queues_of_runners(tmp_path: Path) -> None:
    """An overlay that replaces only components/platform gets an error instead of wrong verdicts."""
    done = kustomize(with_components(tmp_path, ("runner-queues", "sweep"), RUNNER_QUEUES))
    assert done.returncode != 0
    assert "testfleet-sweep" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("first", [("platform", "sweep"), ("runner-queues",)], ids=["one queue", "runner queues"])
def test_notices_are_sent_every_minute_to_the_targets_of_the_config_map(first: tuple[str, ...], tmp_path: Path) -> None:
    """A generated ConfigMap has a hash in its name, which the CronJob gets. Secrets come from a Secret."""
    folder = with_components(tmp_path, (*first, "notices"), RUNNER_QUEUES)
    (folder / "notices.toml").write_text("[targets]\n")
    text = (folder / "kustomization.yaml").read_text()
    generator = "  - {name: testfleet-notices, namespace: testfleet, files: [notices.toml]}\n"
    text = text.replace("configMapGenerator:\n", f"configMapGenerator:\n{generator}")
    (folder / "kustomization.yaml").write_text(text)
    manifests = objects(folder)
    (sweep,) = of_kind(manifests, "CronJob")
    assert sweep["spec"]["schedule"] == "* * * * *"
    pod = sweep["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    container = containers(pod)["sweep"]
    path = Path(env(container)["TESTFLEET_NOTICES"])
    (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == str(path.parent)]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    (held,) = [each for each in of_kind(manifests, "ConfigMap") if path.name in each.get("data", {})]
    assert volume["configMap"]["name"] == held["metadata"]["name"]
    assert held["metadata"]["name"].startswith("testfleet-notices-")
    assert container["envFrom"] == [{"secretRef": {"name": "testfleet-notices", "optional": True}}]


def test_on_fargate_a_finished_sweep_is_removed_after_a_minute() -> None:
    """Fargate bills a finished pod until it is removed, and a sweep ends every ten minutes."""
    (sweep,) = of_kind(overlay("eks-fargate"), "CronJob")
    assert sweep["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 60


@pytest.mark.parametrize("first", [("platform", "sweep"), ("runner-queues",)], ids=["one queue", "runner queues"])
def test_every_component_can_be_added_in_the_order_that_the_overlay_lists(
    first: tuple[str, ...], tmp_path: Path
) -> None:
    """Patches address by index, so a component can move the target of another one."""
    text = (KEDA / "overlays" / "eks" / "kustomization.yaml").read_text()
    listed = re.findall(r"^ *# - \.\./\.\./components/(\S+)$", text, re.MULTILINE)
    optional = tuple(name for name in listed if name != "runner-queues")
    assert {*optional, "platform", "sweep", "runner-queues"} == {
        folder.name for folder in (KEDA / "components").iterdir()
    }
    manifests = objects(with_components(tmp_path, (*first, *optional), RUNNER_QUEUES))
    for each in of_kind(manifests, "ScaledJob"):
        worker = env(containers(each["spec"]["jobTargetRef"]["template"]["spec"])["worker"])
        assert worker["WORKER_SUITE_SANDBOX"] == "off"
        assert "AWS_ROLE_ARN" not in worker
