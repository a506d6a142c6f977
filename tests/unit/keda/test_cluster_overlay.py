"""The overlay that the cluster's tests apply, where no cluster is needed to build it."""

from pathlib import Path

from tests.cluster.overlay import throw_away
from tests.support.manifests import containers, env, objects, of_kind, one
from tests.support.pod_security import violations
from tests.support.schemas import check
from worker import catalog


def test_the_throw_away_overlay_is_the_kind_overlay_with_suites_of_ours(tmp_path: Path) -> None:
    """Its objects hold to the same rules, its images are those that were asked for, its catalog is one."""
    overlay = throw_away(tmp_path, registry="registry.example.com:5000/qa", tag="1.2.3")
    manifests = objects(overlay)
    for each in manifests:
        check(each)
    job = one(manifests, "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"]
    pod = job["template"]["spec"]
    assert not list(violations(pod))
    images = {name: each["image"].rpartition("/")[2] for name, each in containers(pod).items()}
    assert images == {
        "config": "testfleet:1.2.3",
        "check": "testfleet:1.2.3",
        "reporter": "testfleet:1.2.3",
        "worker": "all:1.2.3",
    }
    assert {each["image"].rpartition("/")[0] for each in containers(pod).values()} == {"registry.example.com:5000/qa"}
    worker, reporter = env(containers(pod)["worker"]), env(containers(pod)["reporter"])
    assert worker["WORKER_CATALOG"] == "/test-suites/catalog.toml"
    assert worker["WORKER_VISIBILITY_TIMEOUT"] == reporter["REPORTER_LEASE"]
    (suites,) = [each for each in of_kind(manifests, "ConfigMap") if each["metadata"]["name"] == "suites"]
    folder = tmp_path / "suites"
    folder.mkdir()
    for name, text in suites["data"].items():
        (folder / name).write_text(text)
    assert set(catalog.load(folder / "catalog.toml")) == {"steps", "probe"}
