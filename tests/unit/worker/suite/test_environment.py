"""The suite's environment: an allow-list of the worker's, then layers that override one another."""

from pathlib import Path

import pytest

from handoff.message import JobMessage, Shard
from worker.runners.plan import Folders
from worker.suite import environment

FOLDERS = Folders(Path("/artifacts"))
JOB = JobMessage(run_id="r-1", suite="checkout", shard=Shard(index=2, total=4))
ALWAYS = {
    "RUN_ID": "r-1",
    "SHARD_INDEX": "2",
    "SHARD_TOTAL": "4",
    "ARTIFACTS_DIR": "/artifacts",
    "JUNIT_FILE": "/artifacts/junit/junit.xml",
    "COLLECTION_FILE": "/artifacts/log/collected.json",
}


def _of(worker: dict[str, str] | None = None, job: JobMessage = JOB, **layers: dict[str, str]) -> dict[str, str]:
    layers = {"runner": {}, "suite": {}, "secret": {}} | layers
    return environment.of_suite(worker or {}, job=job, folders=FOLDERS, **layers)


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LC_ALL", "no_proxy", "NODE_EXTRA_CA_CERTS", "PLAYWRIGHT_BROWSERS_PATH", "PYTEST_ADDOPTS"]
)
def test_variables_that_tools_need_are_inherited(name: str) -> None:
    """Paths, language, proxies, certificates and the tools' own settings."""
    assert _of({name: "x"}) == ALWAYS | {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_REGION"),
        *("WORKER_QUEUE_URL", "HANDOFF_DIR", "KUBERNETES_SERVICE_HOST", "LD_PRELOAD", "PATHOLOGY", "LC", "TARGET_URL"),
    ],
)
def test_no_other_variable_is_inherited(name: str) -> None:
    """No credential of the pod reaches a suite."""
    assert _of({name: "x"}) == ALWAYS


def test_each_layer_overrides_the_one_before() -> None:
    """The order is worker, runner, suite, secret, job."""
    layers = [{"PATH": "worker"}, {"PATH": "runner"}, {"PATH": "suite"}, {"PATH": "secret"}]
    assert _of(layers[0])["PATH"] == "worker"
    assert _of(layers[0], runner=layers[1])["PATH"] == "runner"
    assert _of(layers[0], runner=layers[1], suite=layers[2])["PATH"] == "suite"
    assert _of(layers[0], runner=layers[1], suite=layers[2], secret=layers[3])["PATH"] == "secret"
    assert _of(secret={"RUN_ID": "mine"})["RUN_ID"] == "r-1"


def test_a_field_that_the_job_lacks_sets_no_variable() -> None:
    """The suite's own default then stays."""
    default = {"TARGET_URL": "http://default"}
    assert _of(suite=default)["TARGET_URL"] == "http://default"
    job = JOB.model_copy(update={"target_url": "http://shop", "commit": "abc"})
    of_job = {"TARGET_URL": "http://shop", "BASE_URL": "http://shop", "COMMIT": "abc"}
    assert _of(job=job, suite=default) == ALWAYS | of_job


def test_a_message_sets_no_variable_but_its_own() -> None:
    """The variable of any parameter begins with PARAM_."""
    job = JOB.model_copy(update={"params": {"LD_PRELOAD": "evil.so", "path": "/evil"}})
    assert _of({"PATH": "/bin"}, job=job) == ALWAYS | {
        "PATH": "/bin",
        "PARAM_LD_PRELOAD": "evil.so",
        "PARAM_PATH": "/evil",
    }
