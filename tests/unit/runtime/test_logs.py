"""Logs: data that a line never contains."""

from typing import Literal

import pytest
import structlog

from runtime import logs


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_local_variable(
    style: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    """A frame that holds a suite's secret or a database's password may fail like any other."""
    logs.configure("info", style)
    password = "hunter2"
    try:
        len(password) // 0
    except ZeroDivisionError:
        structlog.get_logger().exception("boom")
    line = capsys.readouterr().out
    assert "ZeroDivisionError" in line
    assert "hunter2" not in line
