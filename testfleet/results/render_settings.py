"""Renders the settings of the analysis as a table."""

from testfleet.output.blocks import Table, clean
from testfleet.results.analysis_settings import MEANINGS, AnalysisSettings


def table(found: AnalysisSettings) -> Table:
    return Table(
        ("SETTING", "VALUE", "MEANING"),
        tuple((name, _value(getattr(found, name)), meaning) for name, meaning in MEANINGS.items()),
        tuple("plain" for _ in MEANINGS),
    )


def _value(value: object) -> str:
    """Return the value as it is typed."""
    if isinstance(value, tuple):
        return clean(",".join(value))
    return "" if value is None else str(value)
