"""A group of commands that imports the module of a command when that command runs or shows its help."""

from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: where its function or its `typer.Typer` is, and its line in the group's help.

    `summary` is the beginning of the function's docstring. It is repeated so that the help imports no command.
    """

    place: str
    """`package.module:name`"""
    summary: str


def lazy_group(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """Return the class of a group with these commands, in the order of its help."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _Commands(entries)

        def get_help_option(self, ctx: Any) -> TyperOption | None:
            option = super().get_help_option(ctx)
            if option is not None:
                option.default = False  # Typer converts its own default, None, by pydantic, which is slow to import
            return option

        def format_commands(self, _: Any, formatter: Any) -> None:
            with formatter.section("Commands"):
                formatter.write_dl([(name, entry.summary) for name, entry in entries.items()])

    return LazyGroup


def command_group(name: str, text: str, entries: Mapping[str, Entry]) -> typer.Typer:
    """Return a command with these commands of its own. `text` is its help."""
    app = typer.Typer(name=name, cls=lazy_group(entries), help=text, add_completion=False, rich_markup_mode=None)

    @app.callback()
    def options() -> None:
        """Make Typer build a group. `text` is its help, and it has no options."""

    return app


class _Commands(UserDict[str, Any]):
    """Commands by name. The value of a name is made when it is read."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self.data[name].place.partition(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            return typer.main.get_command(target)
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(target)
        return typer.main.get_command(app)
