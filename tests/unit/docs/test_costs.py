"""The costs in the runbook."""

import math
from decimal import Decimal
from typing import Any

from tests.support.manifests import containers, of_kind, one, overlay
from tests.support.runbook import TEXT, cost_rows
from worker.settings import WorkerSettings


def test_the_costs_add_up() -> None:
    """Each cost is its quantity times its price."""
    *items, total = cost_rows()
    cents = Decimal("0.01")
    for _, quantity, _, price, dollars in items:
        product = max((Decimal(quantity) * Decimal(price)).quantize(cents), cents)
        assert product == Decimal(dollars)
    assert sum((Decimal(item[-1]) for item in items), Decimal(0)) == Decimal(total[-1].strip("*"))


def test_the_quantities_follow_from_the_manifests() -> None:
    """A pod runs for eleven minutes. Its requests, its visibility timeout and KEDA's polls give the quantities."""
    (scaled,) = of_kind(overlay("eks"), "ScaledJob")
    pod: Any = scaled["spec"]["jobTargetRef"]["template"]["spec"]
    cpus = [containers(pod)[name]["resources"]["requests"]["cpu"] for name in ("worker", "reporter")]
    assert sum(int(each.removesuffix("m")) for each in cpus) == 600
    quantities = {
        row[0].partition(":")[0]: Decimal(row[1]) for row in reversed(cost_rows()[:-1])
    }  # for S3: the requests
    assert "some 3.4 are left" in TEXT
    on_one = 3400 // 600
    assert quantities["nodes"] == (Decimal(1000 * 11) / 60 / on_one).quantize(Decimal("0.01"))
    extensions = 11 * 60 // (WorkerSettings.model_fields["visibility_timeout"].default // 3)
    assert quantities["SQS"] == Decimal((3 + extensions) * 1000) / 1_000_000
    commands = [" ".join(each["command"]) for each in containers(pod).values()]
    asks = sum("reporter --check" in each for each in commands)
    assert quantities["S3"] == Decimal(asks + 15)  # in thousands; tests/acceptance/docs counts the objects
    assert quantities["Secrets Manager"] == Decimal(sum("podconfig" in each for each in commands) + 1) / 10
    assert "takes 1 CPU and 3 GB" in TEXT
    assert fargate_size() == (1, 3)
    ttl = one(overlay("eks-fargate"), "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"][
        "ttlSecondsAfterFinished"
    ]
    hours = Decimal(1000 * (11 * 60 + ttl)) / 3600
    assert f"a CPU hour by {hours:.0f} and its price of a GB hour by {3 * hours:.0f}:" in " ".join(TEXT.split())
    polls = 30 * 24 * 3600 / scaled["spec"]["pollingInterval"]
    assert f"({polls / 1e6:.2f}\nmillion requests, ${polls * 0.40 / 1e6:.2f} a queue)" in TEXT


def fargate_size() -> tuple[int, int]:
    """Return CPUs and GB of the runner's pod: the requests of its long-running containers and 256 MiB, rounded up.

    Source: docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html. Up to one CPU, sizes are whole GB.
    """
    spec = one(overlay("eks-fargate"), "ScaledJob", "testfleet-runner")["spec"]["jobTargetRef"]["template"]["spec"]
    requests = [containers(spec)[name]["resources"]["requests"] for name in ("worker", "reporter")]
    cpu = sum(int(each["cpu"].removesuffix("m")) for each in requests)
    memory = sum(mebibytes(each["memory"]) for each in requests) + 256
    return math.ceil(cpu / 1000), math.ceil(memory / 1024)


def mebibytes(quantity: str) -> int:
    """Return the MiB of a Kubernetes quantity in Mi or Gi."""
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]
