"""The explanation of a table's columns, which `--explain` prints."""

from collections.abc import Sequence

from testfleet import output


def write(texts: Sequence[str], *, wanted: bool) -> None:
    """Print the texts as lines after a table, if they are wanted."""
    if wanted:
        output.console.write([output.blocks.Line(""), *(output.blocks.Line(text, "faint") for text in texts)])
