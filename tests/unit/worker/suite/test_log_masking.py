"""The suite's logs, masked in place when it has ended."""

from pathlib import Path

import pytest

from runtime.masking import Masking
from worker.suite import log_masking

MASK = Masking(["hunter2-secret"])


def test_a_log_is_masked_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the pieces does not matter, and bytes that are no text stay unchanged."""
    monkeypatch.setattr(log_masking, "CHUNK", 7)
    log = tmp_path / "suite.log"
    log.write_bytes(b"\xff hunter2-secret\n" * 3 + b"hunter2-secre")
    number = log.stat().st_ino
    log_masking.rewrite(log, MASK)
    assert log.read_bytes() == b"\xff ***\n" * 3 + b"hunter2-secre"
    assert log.stat().st_ino == number


def test_a_link_in_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    """The link is removed, and its target stays."""
    target, link = tmp_path / "target", tmp_path / "suite.log"
    target.write_text("hunter2-secret")
    link.symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        log_masking.rewrite(link, MASK)
    assert not link.is_symlink()
    assert target.read_text() == "hunter2-secret"
    log_masking.rewrite(tmp_path / "missing", MASK)
    log_masking.rewrite(target, Masking())
    assert target.read_text() == "hunter2-secret"
