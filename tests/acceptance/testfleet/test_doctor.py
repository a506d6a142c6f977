"""`testfleet doctor` as a process, over a real database, a real endpoint and a recorded cluster."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testfleet.database import migrations
from tests.support.command import Command

CLUSTER = {
    "nodes": {
        "items": [
            {
                "metadata": {"name": "node-1"},
                "spec": {},
                "status": {"nodeInfo": {"kubeletVersion": "v1.36.0", "kernelVersion": "6.12.0"}},
            }
        ]
    },
    "daemonsets": {"items": [{"metadata": {"name": "kindnet"}}]},
    "deployments": {"items": []},
    "scaledjobs.keda.sh": {"items": []},
}
ANSWER = """#!/bin/sh
for word in "$@"; do
  [ -f "$ANSWERS/$word" ] && exec cat "$ANSWERS/$word"
done
exit 0
"""


def found(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    """The findings by their check."""
    assert done.stderr == ""
    return {one["check"]: one for one in json.loads(done.stdout)}


def wrong(findings: dict[str, dict[str, str]]) -> dict[str, str]:
    return {check: one["detail"] for check, one in findings.items() if one["status"] == "wrong"}


@pytest.fixture
def migrated(database_url: str) -> None:
    """The history that `testfleet migrate` writes: the test's tables come from SQL."""
    newest = migrations.load(migrations.folder())[-1]
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE testfleet_migrations (version integer, file text, sha256 text)")
        connection.execute(
            "INSERT INTO testfleet_migrations VALUES (%s, %s, %s)", (newest.version, newest.file, newest.sha256)
        )


@pytest.mark.usefixtures("migrated")
def test_a_healthy_environment_has_nothing_wrong(command: Command) -> None:
    done = command("doctor", "--json")
    findings = found(done)
    assert (done.returncode, wrong(findings)) == (0, {})
    assert {"database", "schema", "queue", "dead-letter queue", "redrive", "bucket"} <= {
        check for check, one in findings.items() if one["status"] == "ok"
    }


def test_missing_tables_are_wrong_and_the_finding_names_the_fix(command: Command) -> None:
    done = command("doctor", "--json")
    assert done.returncode == 1
    assert found(done)["schema"]["mend"] == "testfleet migrate"


@pytest.mark.usefixtures("migrated")
def test_a_system_out_of_reach_is_wrong_and_the_others_are_still_examined(command: Command, aws: Any) -> None:
    """Each system is examined independently."""
    done = command(
        "doctor",
        "--json",
        TESTFLEET_DATABASE_URL="postgresql://user@127.0.0.1:1/none",
        TESTFLEET_QUEUE_URL=f"{aws.queue_url}-gone",
        TESTFLEET_BUCKET="no-such-bucket-anywhere",
    )
    assert done.returncode == 1
    assert set(wrong(found(done))) == {"database", "queue", "bucket"}


def test_a_malformed_setting_ends_with_78(command: Command) -> None:
    done = command("doctor", TESTFLEET_DATABASE_URL="mysql://localhost")
    assert (done.returncode, done.stderr) == (78, "testfleet: TESTFLEET_DATABASE_URL: must be a postgresql:// URL\n")


@pytest.mark.usefixtures("migrated")
def test_in_a_pod_the_programs_check_their_own_settings(command: Command, tmp_path: Path) -> None:
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HANDOFF_DIR": str(tmp_path), "ARTIFACTS_DIR": str(tmp_path)}
    done = command("doctor", "--json", **pod, WORKER_QUEUE_URL="ftp://queue", TESTFLEET_BUCKET="")
    findings = found(done)
    assert done.returncode == 1
    assert "WORKER_QUEUE_URL" in wrong(findings)["worker"]
    assert "local fleet" not in findings
    assert "bucket" not in findings


@pytest.mark.usefixtures("migrated")
def test_a_cluster_without_keda_is_wrong(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").write_text(ANSWER)
    (tmp_path / "bin" / "kubectl").chmod(0o755)
    for kind, answer in CLUSTER.items():
        (tmp_path / kind).write_text(json.dumps(answer))
    done = command(
        "doctor", "--json", KUBECONFIG="any", ANSWERS=str(tmp_path), PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    )
    findings = found(done)
    assert done.returncode == 1
    assert set(wrong(findings)) == {"keda", "scaledjob"}
    assert findings["network policies"]["detail"] == "enforced by kindnet"
