"""Resolves templates as CloudFormation does: conditions, references and intrinsic functions."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.aws.template import problems

ACCOUNT = "123456789012"
REGION = "eu-central-1"

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
_NO_VALUE = object()
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class Unresolved(LookupError):
    """CloudFormation would reject the template: a name is undefined, or a parameter is invalid."""


@dataclass(frozen=True)
class Stack:
    """A resolved template: resources without intrinsic functions, outputs and exports."""

    name: str
    resources: dict[str, Any]
    outputs: dict[str, str]
    exports: dict[str, str]


def resolve(
    template: Mapping[str, Any],
    stack: str,
    given: Mapping[str, str],
    *,
    imports: Mapping[str, str] | None = None,
    created: Mapping[str, str] | None = None,
) -> Stack:
    """Return the stack that CloudFormation would create from the template.

    `imports` holds the exports of other stacks. `created` holds the physical ids and attributes of the resources under
    keys such as `Queue` and `Queue.Arn`. The placeholder of a missing value is `<stack/Queue.Arn>`.

    Raises:
        Unresolved: a parameter is invalid, or a name is undefined.
    """
    if found := problems(template, given):
        raise Unresolved("; ".join(found))
    values = {name: _value(rule, given.get(name)) for name, rule in template.get("Parameters", {}).items()}
    scope = _Scope(stack, template, values, imports or {}, created or {})
    for rule in template.get("Rules", {}).values():
        for assertion in rule["Assertions"]:
            if not scope.resolve(assertion["Assert"]):
                raise Unresolved(assertion["AssertDescription"])
    resources = {
        name: scope.resolve(resource)
        for name, resource in template["Resources"].items()
        if scope.condition(resource.get("Condition"))
    }
    for loop in template.get("Loops", ()):
        resources |= scope.expand(loop)
    outputs, exports = {}, {}
    for name, output in template.get("Outputs", {}).items():
        if scope.condition(output.get("Condition")):
            outputs[name] = scope.resolve(output["Value"])
            exports[scope.resolve(output["Export"]["Name"])] = outputs[name]
    return Stack(stack, resources, outputs, exports)


def _value(rule: Mapping[str, Any], given: str | None) -> Any:
    value = str(rule["Default"] if given is None else given)
    return value.split(",") if rule["Type"].startswith(("List<", "CommaDelimitedList")) else value


@dataclass
class _Scope:
    stack: str
    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    imports: Mapping[str, str]
    created: Mapping[str, str]
    decided: dict[str, bool] = field(default_factory=dict)

    def resolve(self, node: Any) -> Any:
        if isinstance(node, dict):
            if len(node) == 1 and (key := next(iter(node))) in _FUNCTIONS:
                return _FUNCTIONS[key](self, node[key])
            pairs = ((key, self.resolve(value)) for key, value in node.items())
            return {key: value for key, value in pairs if value is not _NO_VALUE}
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not _NO_VALUE]
        return node

    def condition(self, name: str | None) -> bool:
        if name is None:
            return True
        if name not in self.decided:
            self.decided[name] = bool(self.resolve(self.template["Conditions"][name]))
        return self.decided[name]

    def expand(self, loop: list[Any]) -> dict[str, Any]:
        """Return the resources of `Fn::ForEach`. `&{Name}` in a logical ID becomes the value's letters and digits.

        Source: "Fn::ForEach" in the CloudFormation template reference.
        """
        variable, collection, bodies = loop
        made = {}
        for value in self.resolve(collection):
            scope = replace(self, parameters={**self.parameters, variable: value})
            identifier = re.sub(r"[^A-Za-z0-9]", "", value)
            for name, body in bodies.items():
                if self.condition(body.get("Condition")):
                    made[name.replace(f"&{{{variable}}}", identifier)] = scope.resolve(body)
        return made

    def ref(self, name: str) -> Any:
        known = {**self.parameters, **_PSEUDO, "AWS::StackName": self.stack, "AWS::NoValue": _NO_VALUE}
        return known[name] if name in known else self.made(name, name)

    def made(self, resource: str, name: str) -> str:
        """Return a physical id (`Queue`) or an attribute (`Queue.Arn`) of a resource of this stack."""
        declared = self.template["Resources"].get(resource)
        if declared is None:
            raise Unresolved(f"{self.stack}: no resource is named {resource}")
        if not self.condition(declared.get("Condition")):
            raise Unresolved(f"{self.stack}: the condition of {resource} is false for these parameters")
        return self.created.get(name, f"<{self.stack}/{name}>")

    def attribute(self, path: list[str]) -> str:
        return self.made(path[0], ".".join(path))

    def substitute(self, value: Any) -> str:
        text, names = (value, {}) if isinstance(value, str) else (value[0], self.resolve(value[1]))

        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name in names:
                return str(names[name])
            return str(self.attribute(name.split(".", 1)) if "." in name else self.ref(name))

        return _VARIABLE.sub(replacement, text)

    def exported(self, value: Any) -> str:
        name = self.resolve(value)
        if name not in self.imports:
            raise Unresolved(f"{self.stack}: no export is named {name}")
        return self.imports[name]

    def choose(self, value: list[Any]) -> Any:
        condition, yes, no = value
        return self.resolve(yes if self.condition(condition) else no)

    def equal(self, value: list[Any]) -> bool:
        left, right = self.resolve(value)
        return bool(left == right)

    def split(self, value: list[Any]) -> list[str]:
        separator, text = self.resolve(value)
        parts: list[str] = text.split(separator)
        return parts

    def select(self, value: list[Any]) -> Any:
        index, values = self.resolve(value)
        return values[int(index)]


_FUNCTIONS: Mapping[str, Callable[[_Scope, Any], Any]] = {
    "Ref": _Scope.ref,
    "Condition": _Scope.condition,
    "Fn::Equals": _Scope.equal,
    "Fn::GetAtt": _Scope.attribute,
    "Fn::If": _Scope.choose,
    "Fn::ImportValue": _Scope.exported,
    "Fn::Not": lambda scope, value: not scope.resolve(value[0]),
    "Fn::Select": _Scope.select,
    "Fn::Split": _Scope.split,
    "Fn::Sub": _Scope.substitute,
}
"""Any other function stays unresolved in the template, and a test of its value fails."""
