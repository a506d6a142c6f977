"""Packages whose modules are imported at their first use.

boto3, psycopg and pydantic take most of a second to import. `--help` and a wrong option need none of them.
"""

from collections.abc import Callable, Collection
from importlib import import_module
from types import ModuleType


def submodules(package: str, names: Collection[str]) -> Callable[[str], ModuleType]:
    """Return a `__getattr__` for the package that imports the submodule of that name (PEP 562)."""

    def load(name: str) -> ModuleType:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(f"{package}.{name}")

    return load
