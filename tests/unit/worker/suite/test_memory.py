"""The count of OOM kills."""

from pathlib import Path

import pytest

from worker.suite.memory import killed_since, oom_kills


@pytest.mark.parametrize("text", [None, "", "oom_kill", "oom_kill many", "\xff"])
def test_a_kernel_that_counts_no_kills_is_no_failure(tmp_path: Path, text: str | None) -> None:
    """Control groups of version 1, a missing file, and other content."""
    events = tmp_path / "memory.events"
    if text is not None:
        events.write_text(text, encoding="latin-1")
    assert oom_kills(events) is None
    assert killed_since(1, events) is None
