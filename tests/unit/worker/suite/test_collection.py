"""The record of collected tests. The suite may write anything to its file."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from worker.runners.inside.testfleet_suite import collection as inside
from worker.suite import collection

GOOD: dict[str, Any] = {"count": 1, "digest": "0" * 64}
WRONG: list[dict[str, Any]] = [
    *({"count": count} for count in (-1, 10**7 + 1, 10**400, "1", True, 1.0, None)),
    *({"digest": digest} for digest in ("", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n", 0)),
]


def test_what_the_plugin_writes_is_read(tmp_path: Path) -> None:
    """The ids are in the file beside it, sorted, one per line."""
    file = tmp_path / "log" / "collected.json"
    inside.write(file, collected=["b", "a\nc"], selected=["b"])
    found = collection.read(file)
    assert found is not None
    assert (found.collected.count, found.selected.count) == (2, 1)
    assert found.selected.digest == "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
    assert (tmp_path / "log" / "collected.txt").read_text() == "a\\nc\nb\n"
    assert sorted(each.name for each in file.parent.iterdir()) == ["collected.json", "collected.txt"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "nul", "\x00", "[" * 4000, "9" * 4000),
        json.dumps({"collected": GOOD, "selected": {}}),
        *(json.dumps({"collected": GOOD, "selected": GOOD | wrong}) for wrong in WRONG),
        json.dumps({"collected": GOOD, "selected": GOOD, "more": "x" * 4096}),
    ],
)
def test_anything_else_is_ignored(tmp_path: Path, text: str) -> None:
    """An invalid record must not cost the results."""
    file = tmp_path / "collected.json"
    file.write_text(text)
    assert collection.read(file) is None


def test_a_path_that_is_no_regular_file_is_ignored(tmp_path: Path) -> None:
    """A pipe without a writer must not block the worker."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "link", "folder", "missing"):
        assert collection.read(tmp_path / name) is None
