"""An installation for this session in the cluster that KUBECONFIG names."""

import os
import re
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.evidence import EVIDENCE, collect
from tests.cluster.forward import forwarded
from tests.cluster.kubectl import NAMESPACE, kubectl, on_nodes, why_not
from tests.cluster.overlay import served_by, throw_away


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Apply the kind overlay, and remove it at the end unless TESTFLEET_KEEP is set.

    Its images are `testfleet`, `embedded` and `all` of TESTFLEET_REGISTRY, with the tag TESTFLEET_TAG. Where the nodes
    have no `embedded`, a `testfleet` that was built with the extra `local` serves in its place.

    Where there is no cluster, TESTFLEET_NEEDS_CLUSTER makes that a failure: a pipeline that skipped all would be green.
    """
    if reason := why_not():
        if os.environ.get("TESTFLEET_NEEDS_CLUSTER"):
            pytest.fail(reason)
        pytest.skip(reason)
    images = {
        "registry": os.environ.get("TESTFLEET_REGISTRY", "localhost/testfleet"),
        "tag": os.environ.get("TESTFLEET_TAG", "0.1.0"),
    }
    try:
        with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
            overlay = throw_away(Path(folder), **images, served_by=served_by(on_nodes(), **images))
            kubectl("apply", "--server-side", "--kustomize", str(overlay))
        kubectl("rollout", "status", "deployment/testfleet-embedded", "--namespace", NAMESPACE, timeout=300)
        kubectl("wait", "--for=condition=complete", "job/testfleet-migrate", "--namespace", NAMESPACE, timeout=300)
        with forwarded("service/testfleet-embedded", 5000, 5432) as ports:
            yield Cluster(ports)
    except Exception:
        collect(EVIDENCE / "set-up")
        raise
    finally:
        if not os.environ.get("TESTFLEET_KEEP"):
            # KEDA's objects first: their finalizers need the operator, and block the removal of the namespace.
            kubectl("delete", "scaledjobs", "--all", "--namespace", NAMESPACE, "--ignore-not-found", timeout=120)
            kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=300)


@pytest.fixture(autouse=True)
def _quiet(cluster: Cluster) -> None:
    """Start each test with an empty queue and no active pod."""
    cluster.wait_until_idle()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Collect the evidence as soon as a test has failed, before objects are removed."""
    report = yield
    if report.failed and "cluster" in getattr(item, "fixturenames", ()):
        collect(EVIDENCE / re.sub(r"[^A-Za-z0-9_.-]+", "-", item.name))
    return report
