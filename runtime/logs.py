"""Logs: one event per line, with a fixed snake_case name and its data as fields."""

import logging
import sys
from typing import Literal, TextIO

import structlog


def configure(
    level: Literal["debug", "info", "warning", "error"],
    style: Literal["json", "console"],
    *,
    file: TextIO | None = None,
) -> None:
    """Set up structlog for this process: JSON lines or coloured lines with UTC times, on `file` or else on stdout.

    Fields bound with `structlog.contextvars` (`run_id`, `shard`, `attempt`, `message_id`) are part of every line.
    """
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if style == "json":
        transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals may hold a secret
        processors.append(structlog.processors.ExceptionRenderer(transform))
    structlog.configure(
        processors=[*processors, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=file or sys.stdout),
    )
