"""The doctor's findings about a kernel, a database, a browser and Node."""

from pathlib import Path

import pytest

from testfleet.doctor import machine, results
from testfleet.doctor.finding import Status


@pytest.mark.parametrize(("abi", "status"), [(0, "wrong"), (1, "wrong"), (2, "ok"), (7, "ok")])
def test_a_kernel_needs_the_second_version_of_landlock(abi: int, status: Status) -> None:
    (finding,) = machine.kernel(lambda: abi)
    assert finding.status == status


@pytest.mark.parametrize(("version", "status"), [(None, "wrong"), (3, "wrong"), (4, "ok"), (5, "wrong")])
def test_the_tables_must_be_of_this_version(version: int | None, status: Status) -> None:
    assert results.schema(version, 4).status == status


def test_users_that_cannot_log_in_by_iam_are_named() -> None:
    finding = results.roles(("a", "b", "c"), {"a": True, "b": False})
    assert (finding.status, finding.detail) == ("wrong", "c is missing; b is no member of rds_iam")
    assert results.roles(("a",), {"a": True}).status == "ok"


def test_a_browser_that_playwright_downloaded_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`npx playwright install` installs a browser outside of PATH."""
    monkeypatch.setattr(machine, "find_browser", lambda: None)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert {one.check: one.status for one in machine.laptop()}["browser"] == "unknown"
    (tmp_path / "chromium-1200").mkdir()
    assert {one.check: one.status for one in machine.laptop()}["browser"] == "ok"


@pytest.mark.parametrize(
    ("version", "status"),
    [("v20.19.2", "ok"), ("v24.0.0", "ok"), ("v18.20.8", "wrong"), ("", "wrong")],
)
def test_node_must_be_20_or_newer(version: str, status: Status) -> None:
    assert machine.node(version).status == status
