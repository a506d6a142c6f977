"""The network policies: what the pods may reach."""

from ipaddress import IPv4Network, ip_network
from typing import Any

import pytest

from tests.support.manifests import (
    OVERLAYS,
    Manifest,
    of_kind,
    one,
    overlay,
)


def _cidrs(policy: Manifest) -> list[dict[str, Any]]:
    return [to["ipBlock"] for rule in policy["spec"].get("egress", ()) for to in rule.get("to", ()) if "ipBlock" in to]


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_pod_reaches_the_credentials_of_a_node(name: str) -> None:
    """They are at 169.254.169.254. The only allowed link-local address is that of the cluster's DNS cache."""
    policies = of_kind(overlay(name), "NetworkPolicy")
    blocks = [block for policy in policies for block in _cidrs(policy)]
    assert {block["cidr"]: block.get("except") for block in blocks if block["cidr"] == "0.0.0.0/0"} == {
        "0.0.0.0/0": ["169.254.0.0/16"]
    }
    assert {block["cidr"] for block in blocks if block["cidr"].startswith("169.")} == {"169.254.20.10/32"}
    deny = one(overlay(name), "NetworkPolicy", "deny-all")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    inward = [each["metadata"]["name"] for each in policies if "ingress" in each["spec"]]
    assert inward == (["embedded"] if name == "kind" else [])


@pytest.mark.parametrize("name", OVERLAYS)
def test_dns_is_reached_in_kube_system_and_in_the_clusters_service_range(name: str) -> None:
    """On EKS Auto Mode, the resolver is no pod of kube-system but an address of the service range."""
    dns = one(overlay(name), "NetworkPolicy", "testfleet")["spec"]["egress"][0]
    expected = {"eks": "172.20.0.0/16", "eks-fargate": "172.20.0.0/16", "kind": "10.96.0.0/16"}
    assert expected[name] in [to["ipBlock"]["cidr"] for to in dns["to"] if "ipBlock" in to]
    assert {"namespaceSelector"} in [set(to) for to in dns["to"]]
    assert {port["port"] for port in dns["ports"]} == {53}


def test_the_example_opens_no_range_that_contains_the_database() -> None:
    """Ports 80 to 10000 of a whole VPC would include every cache, queue and database in it."""
    target, database = (
        ip_network(one(overlay("eks"), "NetworkPolicy", policy)["spec"]["egress"][rule]["to"][0]["ipBlock"]["cidr"])
        for policy, rule in (("target", 0), ("testfleet", 2))
    )
    assert isinstance(target, IPv4Network)
    assert isinstance(database, IPv4Network)
    assert not database.subnet_of(target)
