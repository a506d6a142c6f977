"""Every example of docs/metrics.md is computed by the database."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.past import OUTCOMES, Past

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
VIEWS = (
    "case_states",
    "flaky_cases",
    "regressions",
    "failures_since_green",
    "open_regressions",
    "suite_days",
    "suite_changes",
    "slow_cases",
    "run_fleet",
    "shard_costs",
    "run_costs",
    "suite_costs",
    "flaky_costs",
    "run_completeness",
)


@dataclass(frozen=True)
class Example:
    """A statement of the page, the rows that the page shows, and the runs of the table above it."""

    line: int
    statement: str
    rows: tuple[str, ...]
    runs: tuple[dict[str, str], ...]


def examples() -> Iterator[Example]:
    """Return the statements of all blocks. Each has its answer after it, or on the lines below."""
    text = PAGE.read_text(encoding="utf-8")
    for section in re.finditer(r"^#.*?(?=^#|\Z)", text, re.MULTILINE | re.DOTALL):
        for block in re.finditer(r"^```sql\n(.*?)^```", section[0], re.MULTILINE | re.DOTALL):
            runs = tuple(_runs(section[0][: block.start()]))
            for found in re.finditer(r"^(SELECT.*?);(?: +-- (.*))?((?:\n-- .*)*)", block[1], re.MULTILINE):
                line = text[: section.start() + block.start(1) + found.start()].count("\n") + 1
                rows = [found[2]] if found[2] else re.findall(r"^-- (.*)", found[3], re.MULTILINE)
                yield Example(line, found[1], tuple(rows), runs)


def _runs(text: str) -> Iterator[dict[str, str]]:
    """Return the rows of the table of runs, if there is one."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*", text, re.MULTILINE)]
    for number, row in enumerate(rows):
        if row[0] == "run":
            yield from (dict(zip(row, values, strict=True)) for values in rows[number + 2 :])


EXAMPLES = list(examples())


def fill(connection: psycopg.Connection, runs: tuple[dict[str, str], ...]) -> None:
    past = Past(connection)
    noon = datetime.now(UTC).replace(hour=0, minute=30, second=0, microsecond=0)
    for run in runs:
        cases = {name: outcome for name, outcome in run.items() if outcome in OUTCOMES}
        at = noon - timedelta(days=int(run["days ago"]))
        past.run(run["run"], cases, at=at, minutes=float(run["minutes"]), commit=run["commit"])


def as_written(value: Any, shown: str) -> str:
    """Write a value as the page does: with its digits, its names of truth, and braces around an array."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "{" + ",".join(value) + "}"
    if isinstance(value, str):
        return value
    digits = len(shown.partition(".")[2])
    return f"{value:.{digits}f}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line-{example.line}")
def test_each_example_of_the_page_is_what_the_database_answers(example: Example, database_url: str) -> None:
    """The runs of the table above are folded first."""
    with psycopg.connect(database_url) as connection:
        fill(connection, example.runs)
        found = connection.execute(example.statement.encode()).fetchall()
    assert example.rows, "the page shows no answer"
    assert len(found) == len(example.rows), found
    for row, shown in zip(found, example.rows, strict=True):
        cells = shown.split(" | ")
        assert [as_written(value, cell) for value, cell in zip(row, cells, strict=True)] == cells


def test_the_page_has_an_example_of_each_kind() -> None:
    """The reader of the page would miss them otherwise, and so would this test."""
    assert len(EXAMPLES) == PAGE.read_text(encoding="utf-8").count("\nSELECT ") > 20
    assert sum(bool(example.runs) for example in EXAMPLES) > 5


def test_the_page_names_each_view_of_meaning() -> None:
    """A number without an explanation is not trusted."""
    text = PAGE.read_text(encoding="utf-8")
    assert [view for view in VIEWS if f"`{view}`" not in text] == []


def test_each_source_is_a_link() -> None:
    """Every section that cites a source links it."""
    text = PAGE.read_text(encoding="utf-8")
    for paragraph in re.findall(r"^Sources?:.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL):
        assert "](https://" in paragraph, paragraph
