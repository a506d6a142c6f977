"""Listing and opening files without following a link."""

import inspect
import os
import sys
from pathlib import Path

import pytest

from reporter.walk import Found, open_inside, walk


def test_a_file_has_a_size_and_every_other_entry_a_reason(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.txt").write_text("123")
    (tmp_path / "a").write_text("")
    (tmp_path / "l").symlink_to("/etc/passwd")
    (tmp_path / "d").symlink_to("/etc")
    os.mkfifo(tmp_path / "f")
    assert list(walk(tmp_path)) == [
        Found("a"),
        Found("d", skipped="a symbolic link"),
        Found("f", skipped="no regular file"),
        Found("l", skipped="a symbolic link"),
        Found("b/c.txt", size=3),
    ]


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert list(walk(tmp_path)) == []


def test_folders_may_nest_deeper_than_the_stack(tmp_path: Path) -> None:
    """A suite that nests its folders deeply must not crash the reporter."""
    depth = 200
    tmp_path.joinpath(*["d"] * depth).mkdir(parents=True)
    tmp_path.joinpath(*["d"] * depth, "leaf").touch()
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + depth // 2)  # deeper folders would break pytest's clean-up
    try:
        found = list(walk(tmp_path))
    finally:
        sys.setrecursionlimit(usual)
    assert found == [Found(f"{'d/' * depth}leaf")]


def test_a_folder_that_is_a_link_is_not_walked(tmp_path: Path) -> None:
    """Not even the folder itself."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    with pytest.raises(OSError):  # noqa: PT011  # the kernel's word for it differs
        list(walk(tmp_path / "link"))


def test_a_file_is_opened_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a b" / "ü").mkdir(parents=True)
    (tmp_path / "a b" / "ü" / "c").write_bytes(b"123")
    descriptor = open_inside(tmp_path, "a b/ü/c")
    try:
        assert os.read(descriptor, 9) == b"123"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("path", ["link", "folder/passwd", "fifo", "sub", "gone", "gone/too"])
def test_only_a_regular_file_inside_the_folder_is_opened(tmp_path: Path, path: str) -> None:
    """A link that replaced a file or folder is not followed. No descriptor leaks, and no call blocks."""
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    (tmp_path / "sub").mkdir()
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # how many, not which
    with pytest.raises(OSError):  # noqa: PT011  # the kernel's word for it differs
        open_inside(tmp_path, path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # likewise
