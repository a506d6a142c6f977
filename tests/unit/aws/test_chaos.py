"""The experiments and their objects in the cluster use the same names."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.aws.stacks import deploy, properties

COMPONENT = Path(__file__).parents[3] / "deploy" / "keda" / "components" / "fis-rbac"
NODES = {"NodegroupArn": "arn:aws:eks:eu-central-1:123456789012:nodegroup/qa/jobs/0a1b"}


def objects() -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())["resources"]
    assert set(listed) == {path.name for path in COMPONENT.glob("*.yaml")} - {"kustomization.yaml"}
    found = [body for file in listed for body in yaml.safe_load_all((COMPONENT / file).read_text())]
    return {body["kind"]: body for body in found}


def test_the_role_of_fis_is_the_user_that_the_component_binds() -> None:
    """The access entry has the user's name and no policy. The component grants the rights to this name."""
    stack = deploy()["chaos"]
    entry = properties(stack, "ClusterAccess")
    assert "AccessPolicies" not in entry
    assert entry["PrincipalArn"] == "<testfleet-chaos/FisRole.Arn>"
    subjects = {(subject["kind"], subject["name"]) for subject in objects()["RoleBinding"]["subjects"]}
    action = properties(stack, "DeletePods")["Actions"]["delete"]
    assert subjects == {
        ("User", entry["Username"]),
        ("ServiceAccount", action["Parameters"]["kubernetesServiceAccount"]),
    }
    assert objects()["ServiceAccount"]["metadata"]["name"] == action["Parameters"]["kubernetesServiceAccount"]


def test_an_experiment_cannot_enter_a_pod() -> None:
    """It may delete pods. It may neither run a command in a pod nor add a container, because a pod has three tokens."""
    resources = {resource for rule in objects()["Role"]["rules"] for resource in rule["resources"]}
    assert resources == {"pods", "configmaps"}


def test_a_pod_that_fis_creates_gets_no_role_of_testfleet() -> None:
    """Its role may create pods. A pod with testfleet-runner would have the tokens of worker and reporter."""
    made = objects()
    (rule,) = [rule for rule in made["Role"]["rules"] if rule["resources"] == ["pods"]]
    assert "create" in rule["verbs"]
    policy = made["ValidatingAdmissionPolicy"]["spec"]
    (matched,) = policy["matchConstraints"]["resourceRules"]
    assert (matched["resources"], matched["operations"]) == (["pods"], ["CREATE"])
    (by_fis,) = policy["matchConditions"]
    for subject in made["RoleBinding"]["subjects"]:
        assert f"{subject['name']}'" in by_fis["expression"]
    (validation,) = policy["validations"]
    assert "serviceAccountName == 'testfleet-fis'" in validation["expression"]
    assert policy["failurePolicy"] == "Fail"
    binding = made["ValidatingAdmissionPolicyBinding"]["spec"]
    assert binding == {"policyName": "testfleet-fis", "validationActions": ["Deny"]}


def test_the_pod_of_fis_obeys_the_namespaces_rules() -> None:
    """It meets Pod Security `restricted`, and may reach the API server although the namespace denies all traffic."""
    action = properties(deploy()["chaos"], "DeletePods")["Actions"]["delete"]
    assert action["Parameters"]["fisPodSecurityPolicy"] == "restricted"
    policy = objects()["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Egress"]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {443, 53}


def test_only_nodes_of_the_named_group_are_terminated() -> None:
    """FIS's role is bound to the tags that EKS gives the group's instances."""
    stack = deploy(chaos=NODES)["chaos"]
    (statement,) = (
        statement
        for statement in properties(stack, "FisRole")["Policies"][0]["PolicyDocument"]["Statement"]
        if "ec2:TerminateInstances" in statement["Action"]
    )
    assert statement["Condition"]["StringEquals"] == {
        "aws:ResourceTag/eks:cluster-name": "qa",
        "aws:ResourceTag/eks:nodegroup-name": "jobs",
    }
    assert properties(stack, "TerminateNodes")["Targets"]["nodegroup"]["ResourceArns"] == [NODES["NodegroupArn"]]
    assert "TerminateNodes" not in deploy()["chaos"].resources


def test_each_action_has_an_existing_target() -> None:
    """The target has FIS's name for its kind, and an experiment without a target fails."""
    stack = deploy(chaos=NODES)["chaos"]
    for experiment, kind in (("DeletePods", "Pods"), ("TerminateNodes", "Nodegroups")):
        body = properties(stack, experiment)
        (action,) = body["Actions"].values()
        assert action["Targets"].keys() == {kind}
        assert action["Targets"][kind] in body["Targets"]
        assert body["ExperimentOptions"] == {"EmptyTargetResolutionMode": "fail"}


def test_kustomize_builds_an_overlay_with_the_component(tmp_path: Path) -> None:
    """All objects, and the subject of the binding, are in the overlay's namespace."""
    overlay = tmp_path / "kustomization.yaml"
    component = tmp_path / "fis-rbac"
    component.mkdir()
    for file in COMPONENT.glob("*.yaml"):
        (component / file.name).write_text(file.read_text())
    overlay.write_text("namespace: elsewhere\ncomponents: [fis-rbac]\n")
    try:
        built = subprocess.run(["kubectl", "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("kubectl is not installed")
    assert built.returncode == 0, built.stderr
    made = {body["kind"]: body for body in yaml.safe_load_all(built.stdout)}
    namespaced = [body for kind, body in made.items() if not kind.startswith("ValidatingAdmission")]
    assert {body["metadata"]["namespace"] for body in namespaced} == {"elsewhere"}
    assert made["RoleBinding"]["subjects"][0]["namespace"] == "elsewhere"
