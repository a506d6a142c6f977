"""Prints blocks: coloured lines and tables on a terminal, plain lines and tab-separated columns elsewhere.

A table that is too wide for the terminal is printed as one block of lines per row.

rich honours `NO_COLOR`. Names and errors of cases are printed as text and never parsed as markup.
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
"""Columns of a terminal that every table fits on."""


class Terminal(Console):
    """A console that raises BrokenPipeError, where rich's own ends the process with 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # rich calls it while it handles the error


def write(block: Table | Iterable[Line]) -> None:
    """Print a block to stdout.

    Raises:
        Unavailable: stdout cannot be written, for example because the disk is full.
    """
    try:
        _write(block)
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)


def write_json(value: object) -> None:
    """Print a value as JSON, in ASCII if stdout's encoding lacks a character.

    Raises:
        Unavailable: as `write`.
    """
    json_text = as_json(value)
    try:
        json_text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        json_text = as_json(value, ensure_ascii=True)
    write([Line(inert_json(json_text))])


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
    """Return the line as rich's text, with its indent and colour."""
    return Text(inert("  " * line.indent + line.text), style=_STYLES[line.tone])


def _table(table: Table, terminal: Console) -> None:
    if not sys.stdout.isatty():  # not `is_terminal`, which FORCE_COLOR sets: a folded cell would begin a line of a log
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
    """Print each row as a block of lines `NAME  cell`, like psql's expanded display, without empty cells."""
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
