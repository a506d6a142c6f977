"""Chooses what to examine: the machine, a pod's programs, the database, the account, the cluster."""

import os
from collections.abc import Iterator

from testfleet.database import migrations
from testfleet.database.connection import Database
from testfleet.doctor import account, cluster, machine, programs, results
from testfleet.doctor.finding import Finding, unknown
from testfleet.output.blocks import Table, Tone, clean
from testfleet.settings import Settings

_TONES: dict[str, Tone] = {"ok": "good", "wrong": "bad", "unknown": "odd"}


def examine(settings: Settings, *, namespace: str) -> Iterator[Finding]:
    """Examine everything that the environment names; `namespace` is testfleet's in a cluster.

    A pod is recognised by KUBERNETES_SERVICE_HOST, a cluster by KUBECONFIG, the rest by the settings that are set. In a
    pod a missing setting of this command is no finding, because a pod needs none.
    """
    pod = bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
    yield from machine.kernel()
    if not pod:
        yield from machine.laptop()
    yield from programs.examine(os.environ)
    yield from (one for one in _named(settings) if not pod or one.status != "unknown")
    if os.environ.get("KUBECONFIG"):
        findings, seen = cluster.examine(namespace)
        yield from findings
        yield from account.metadata(seen.instance_ids)
        yield from account.roles(seen.role_arns)


def _named(settings: Settings) -> Iterator[Finding]:
    """Examine what the settings of this command name; one that is not set is `unknown`."""
    if settings.database_url is None:
        yield unknown("database", "TESTFLEET_DATABASE_URL is not set", "export TESTFLEET_DATABASE_URL=postgresql://…")
    else:
        newest = migrations.load(migrations.folder())[-1].version
        yield from results.examine(Database(settings.database_url, settings.database_auth), newest=newest)
    yield from account.queues(settings.queue_url, settings.dead_letter_queue_url)
    yield from account.bucket(settings.bucket)


def table(findings: list[Finding]) -> Table:
    """Return the findings as a table; each finding that is not ok has its fix."""
    return Table(
        ("CHECK", "STATUS", "FOUND", "MEND"),
        tuple((one.check, one.status, clean(one.detail), one.mend or "-") for one in findings),
        tuple(_TONES[one.status] for one in findings),
    )
