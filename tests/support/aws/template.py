"""CloudFormation templates as data, and the check of their parameters."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[3] / "deploy" / "aws"

NAMES = ("queue", "storage", "registry", "database", "identity", "schedule", "pipeline", "alarms", "chaos")
"""The templates in the order of their deployment."""


class _Loader(yaml.SafeLoader):
    """Converts `!Ref`, `!GetAtt` and other short forms to their long forms."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


@functools.cache
def load(name: str) -> dict[str, Any]:
    """Return the template with long forms only. The result is cached, so callers must not change it.

    Loops (`Fn::ForEach::…`) are moved from `Resources` to the key `Loops`, so that each resource has a type.
    """
    loader = _Loader((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        body: dict[str, Any] = loader.get_single_data()
    finally:
        loader.dispose()
    body["Loops"] = [body["Resources"].pop(key) for key in list(body["Resources"]) if key.startswith("Fn::ForEach::")]
    return body


def problems(template: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Return CloudFormation's errors about the parameters; none if all are valid."""
    declared = template.get("Parameters", {})
    found = [f"{name}: is not a parameter of the template" for name in given if name not in declared]
    for name, rule in declared.items():
        if name not in given and "Default" not in rule:
            found.append(f"{name}: is required")
        elif not _fits(rule, str(given.get(name, rule.get("Default")))):
            found.append(rule.get("ConstraintDescription", ""))
    return found


def _fits(rule: Mapping[str, Any], value: str) -> bool:
    if rule["Type"] == "Number":
        return bool(re.fullmatch(r"[0-9]+", value)) and rule["MinValue"] <= int(value) <= rule["MaxValue"]
    if "AllowedValues" in rule:
        return value in map(str, rule["AllowedValues"])
    if rule["Type"] == "CommaDelimitedList":
        return all(re.search(rule["AllowedPattern"], each) for each in value.split(","))
    return len(value) <= rule.get("MaxLength", 4096) and bool(re.search(rule.get("AllowedPattern", ""), value))
