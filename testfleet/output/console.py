"""Where output goes: colours and tables on a terminal, plain lines and tab-separated columns anywhere else.

A table whose longest words do not fit side by side is printed as one block of lines per row.

rich honours `NO_COLOR`. Text is always printed as text: nothing in a test's name or error is taken for markup.
"""

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from testfleet.output.blocks import Line, Table, Tone
from testfleet.output.json_text import as_json
from testfleet.output.streams import give_up_stdout
from testfleet.output.workflow_commands import inert, inert_json

__all__ = ["Terminal", "text", "write", "write_json"]

_STYLES: dict[Tone, str] = {"plain": "", "good": "green", "bad": "red", "odd": "yellow", "faint": "dim"}

_UNBOUNDED = 100_000
"""Columns of a terminal on which every table fits."""


class Terminal(Console):
    """A console that raises BrokenPipeError; rich's own ends the process with 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # rich calls it while it handles the error


def write(block: Table | Iterable[Line]) -> None:
    """Print a block to stdout.

    Raises:
        Unavailable: the output is lost, for example to a full disk.
    """
    try:
        _write(block)
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)


def write_json(value: object) -> None:
    """Print a value as JSON, in ASCII where stdout cannot hold all of it.

    Raises:
        Unavailable: as `write`.
    """
    told = as_json(value)
    try:
        told.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        told = as_json(value, ensure_ascii=True)
    write([Line(inert_json(told))])


def _write(block: Table | Iterable[Line]) -> None:
    terminal = Terminal(highlight=False)
    if isinstance(block, Table):
        _table(block, terminal)
    elif terminal.is_terminal:
        for line in block:
            terminal.print(text(line), soft_wrap=True)
    else:
        for line in block:
            sys.stdout.write(text(line).plain + "\n")


def text(line: Line) -> Text:
    return Text(inert("  " * line.indent + line.text), style=_STYLES[line.tone])


def _table(table: Table, terminal: Console) -> None:
    if not sys.stdout.isatty():  # a log is no terminal, whatever FORCE_COLOR says: folded cells would begin lines
        for row in (table.header, *table.rows):
            sys.stdout.write(inert("\t".join(" ".join(cell.split()) for cell in row)) + "\n")
        return
    drawn = RichTable(*table.header, title=table.title or None, title_justify="left", box=None, pad_edge=False)
    for row, tone in zip(table.rows, table.tones, strict=True):
        drawn.add_row(*(Text(inert(cell), overflow="fold") for cell in row), style=_STYLES[tone])
    if Measurement.get(terminal, terminal.options.update(max_width=_UNBOUNDED), drawn).minimum > terminal.width:
        _records(table, terminal)
    else:
        terminal.print(drawn)


def _records(table: Table, terminal: Console) -> None:
    """Print each row as a block of lines `NAME  cell`, as psql's expanded display does; `-` cells are left out."""
    width = max(len(name) for name in table.header) + 2
    if table.title:
        terminal.print(Text(table.title, style="italic"), soft_wrap=True)
    for number, (row, tone) in enumerate(zip(table.rows, table.tones, strict=True)):
        if number:
            terminal.print()
        for name, cell in zip(table.header, row, strict=True):
            if cell not in {"", "-"}:
                value = inert(" ".join(cell.split()))
                terminal.print(Text.assemble((name.ljust(width), "bold"), (value, _STYLES[tone])), soft_wrap=True)
