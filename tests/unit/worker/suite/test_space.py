"""The size of a folder, as the kubelet counts it."""

import asyncio
import os
from pathlib import Path

import pytest

from worker.suite import space
from worker.suite.space import MIB, Limit


def test_a_folder_is_measured_in_blocks_and_each_file_once(tmp_path: Path) -> None:
    """Holes and further hard links add nothing, and symbolic links are not followed."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "deep" / "er").mkdir(parents=True)
    outside.mkdir()
    (outside / "large").write_bytes(b"x" * 4 * MIB)
    (inside / "folder").symlink_to(outside)
    (inside / "file").symlink_to(outside / "large")
    empty = space.used(inside)
    assert empty < MIB // 4
    (inside / "deep" / "er" / "data").write_bytes(b"x" * MIB)
    (inside / "name").hardlink_to(inside / "deep" / "er" / "data")
    with (inside / "sparse").open("wb") as file:
        file.truncate(1024 * MIB)
    assert MIB <= space.used(inside) - empty < MIB + MIB // 4


def test_a_removed_or_unreadable_file_counts_as_empty(tmp_path: Path) -> None:
    """The suite may remove its files at any time."""
    assert space.used(tmp_path / "gone") == 0
    os.mkfifo(tmp_path / "pipe")
    assert space.check((Limit("artifacts", tmp_path, 1, "WORKER_ARTIFACTS_LIMIT"),)) is None


async def test_the_first_folder_that_holds_too_much_ends_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the folder, the limit and the setting."""
    monkeypatch.setattr(space, "LEAST_PAUSE", 0.01)
    limits = (
        Limit("artifacts", tmp_path / "artifacts", 1, "WORKER_ARTIFACTS_LIMIT"),
        Limit("temporary files", tmp_path / "tmp", 1, "WORKER_TMP_LIMIT"),
    )
    for limit in limits:
        limit.folder.mkdir()
    waiting = asyncio.ensure_future(space.exceeded(limits))
    await asyncio.sleep(0)
    (tmp_path / "tmp" / "data").write_bytes(b"x" * 2 * MIB)
    async with asyncio.timeout(20):
        assert await waiting == f"temporary files exceed 1 MiB (WORKER_TMP_LIMIT): {tmp_path}/tmp holds 2 MiB"
