"""Record the tests that a shard collected and selected, for the comparison with the other shards."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict


class IdSet(TypedDict):
    """The number of tests, and the digest of their ids."""

    count: int
    digest: str


def tests(ids: Iterable[str]) -> IdSet:
    """Count the ids and add up their SHA-256, modulo 2^256.

    A sum depends on no order, and the digests of disjoint parts add up to the digest of the whole.
    """
    count = total = 0
    for one in ids:
        count += 1
        total += int.from_bytes(hashlib.sha256(one.encode("utf-8", "backslashreplace")).digest(), "big")
    return {"count": count, "digest": f"{total % 2**256:064x}"}


def write(file: Path, *, collected: Iterable[str], selected: Iterable[str]) -> None:
    """Write the record and, for people, a sorted list of the collected ids. Each file is replaced atomically.

    Raises:
        OSError: a file can't be written.
    """
    ids = sorted(collected)
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file.with_suffix(".txt"), "".join(json.dumps(one)[1:-1] + "\n" for one in ids))
    _replace(file, json.dumps({"version": 1, "collected": tests(ids), "selected": tests(selected)}))


def _replace(file: Path, text: str) -> None:
    # Workers of pytest-xdist write the same file at the same time.
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
