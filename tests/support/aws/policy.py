"""An evaluator of policy documents, and a comparison of a policy with the calls of a program.

Source: "Policy evaluation logic" in the IAM guide, for identity and resource policies of one account. An explicit deny
outweighs an allow. Without an allow, the request is denied.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, order=True)
class Call:
    """One call of the AWS API: an action such as `sqs:SendMessage`, and the ARN of its resource."""

    action: str
    resource: str


@dataclass(frozen=True, order=True)
class Grant:
    """One action and one resource that a policy allows. Both are patterns."""

    action: str
    resource: str

    def covers(self, call: Call) -> bool:
        return _like(self.action.lower(), call.action.lower()) and _like(self.resource, call.resource)


@dataclass(frozen=True)
class Request:
    """A call with the context keys of its conditions, such as `aws:SecureTransport`."""

    call: Call
    context: Mapping[str, str] = field(default_factory=dict)
    service: str | None = None
    """The calling AWS service, which a resource policy names as its principal."""


@dataclass(frozen=True)
class Policy:
    """The statements of one or several policy documents without intrinsic functions."""

    statements: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, *documents: Mapping[str, Any]) -> "Policy":
        """Return all documents as one policy."""
        return cls(tuple(statement for document in documents for statement in _list(document["Statement"])))

    def allows(self, request: Request) -> bool:
        matching = [statement for statement in self.statements if _matches(statement, request)]
        effects = {statement["Effect"] for statement in matching}
        return "Allow" in effects and "Deny" not in effects

    def denies(self, request: Request) -> bool:
        """Return whether a statement denies the request explicitly."""
        return any(statement["Effect"] == "Deny" and _matches(statement, request) for statement in self.statements)

    def grants(self) -> frozenset[Grant]:
        """Return every allowed pair of action and resource. Conditions are ignored."""
        return frozenset(
            Grant(action, resource)
            for statement in self.statements
            if statement["Effect"] == "Allow"
            for action in _list(statement["Action"])
            for resource in _list(statement["Resource"])
        )


@dataclass(frozen=True)
class Difference:
    """The calls that the policy does not allow, and the grants that no call needs."""

    missing: frozenset[Call]
    unused: frozenset[Grant]


def compare(policy: Policy, calls: Iterable[Call]) -> Difference:
    """Compare the policy with the calls of its program."""
    calls = frozenset(calls)
    return Difference(
        missing=frozenset(call for call in calls if not policy.allows(Request(call))),
        unused=frozenset(grant for grant in policy.grants() if not any(grant.covers(call) for call in calls)),
    )


def _matches(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        any(_like(action.lower(), request.call.action.lower()) for action in _list(statement["Action"]))
        and any(_like(resource, request.call.resource) for resource in _list(statement.get("Resource", "*")))
        and _is_principal(statement.get("Principal"), request.service)
        and all(
            _holds(operator, key, _list(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _is_principal(principal: Any, service: str | None) -> bool:
    if principal is None or principal == "*":
        return True
    return service is not None and service in _list(principal.get("Service", []))


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    actual = context.get(key)
    if actual is None:
        return False
    match operator:
        case "StringEquals":
            return actual in values
        case "Bool":
            return actual.lower() in {value.lower() for value in values}
        case "ArnLike" | "StringLike":
            return any(_like(value, actual) for value in values)
        case "NumericLessThan":
            return any(float(actual) < float(value) for value in values)
    raise NotImplementedError(f"the condition operator {operator}")


def _like(pattern: str, text: str) -> bool:
    parts = re.split(r"([*?])", pattern)
    wild = {"*": ".*", "?": "."}
    return re.fullmatch("".join(wild.get(part, re.escape(part)) for part in parts), text, re.DOTALL) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
