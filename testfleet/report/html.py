"""Renders a run as one HTML page without scripts and without requests to another address."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from testfleet.output import units
from testfleet.output.blocks import clean, clean_line
from testfleet.report.run_report import RunReport, web_address
from testfleet.results import meaning

MAX_MESSAGE = 20_000
"""Maximum number of characters of a message."""


def render(report: RunReport) -> str:
    """Return the page. All text of the run is escaped; an address becomes a link only if it is http(s)."""
    return _template().render(report=report, run=report.run)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "text": _text,
        "line": lambda text: _text(clean_line(text)),
        "duration": units.duration,
        "size": units.size,
        "meaning": meaning.describe,
        "commit": meaning.short_commit,
        "web_address": web_address,
    }
    return environment.get_template("page.html")


def _text(text: str | None) -> str:
    return clean(text or "")[:MAX_MESSAGE]
