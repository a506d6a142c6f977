"""Where output goes: colours and tables on a terminal, plain lines and tab-separated columns anywhere else.

rich honours `NO_COLOR`. Text is always printed as text: nothing in a test's name or error is taken for markup.
"""

import os
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from testfleet.render import Line, Table, Tone

_STYLES: dict[Tone, str] = {"plain": "", "good": "green", "bad": "red", "odd": "yellow", "faint": "dim"}


def write(block: Table | Iterable[Line]) -> None:
    """Print to stdout what somebody asked for. A reader that left early has seen enough; the verdict stands."""
    try:
        _write(block)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends


def _write(block: Table | Iterable[Line]) -> None:
    terminal = Console(highlight=False)
    if isinstance(block, Table):
        _table(block, terminal)
    elif terminal.is_terminal:
        for line in block:
            terminal.print(text(line), soft_wrap=True)
    else:
        for line in block:
            sys.stdout.write(text(line).plain + "\n")


def tell(line: str) -> None:
    """Say on stderr what stdout's reader does not need."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def text(line: Line) -> Text:
    return Text("  " * line.indent + line.text, style=_STYLES[line.tone])


def _table(table: Table, terminal: Console) -> None:
    if not terminal.is_terminal:
        for row in (table.header, *table.rows):
            sys.stdout.write("\t".join(" ".join(cell.split()) for cell in row) + "\n")
        return
    drawn = RichTable(*table.header, title=table.title or None, title_justify="left", box=None, pad_edge=False)
    for row, tone in zip(table.rows, table.tones, strict=True):
        drawn.add_row(*(Text(cell, overflow="fold") for cell in row), style=_STYLES[tone])
    terminal.print(drawn)
