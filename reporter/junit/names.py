"""Names of cases: stable across machines and attempts, and different for two cases."""

import hashlib
import re

from handoff.message import Shard
from runtime.text import storable

MAX_NAME_BYTES = 2000
"""Longest name in UTF-8. PostgreSQL refuses an index entry of more than 2704 bytes, which includes the run's id."""

_TOOLS = {"k6", "newman", "playwright", "pytest"}
"""Tools that name their only suite after themselves. The name does not distinguish cases."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FULL_PATH = re.compile(r"(?:file://)?(?:/|[A-Za-z]:[/\\])\S*[/\\]([^/\\\s]+\.\w{1,5})")
_SOURCE_FILE = re.compile(r"\S+\.(?:[cm]?[jt]sx?|feature|robot|bats|vue|svelte)")
_METHOD = re.compile(r"[\w$.:/#\\-]+(?:[\[({<].*| with data set .*)?", re.DOTALL)
"""A method with its parameters, as pytest, JUnit, Go or PHPUnit write them. A sentence does not match."""


def case_name(classname: str, name: str, suites: tuple[str, ...] = ()) -> str:
    """Return the name of a case before repeats get a number.

    `suites` are the names of the suites around it, outermost first. They replace a missing class. A dot joins a method
    to its class; ` > ` joins a sentence to its file, group or suite. The folders of an absolute path are left out,
    because they differ between machines.
    """
    name, parent = _tidy(name), _tidy(classname)
    is_class = bool(parent) and " " not in parent and not _SOURCE_FILE.fullmatch(parent)
    if not parent:
        parent = " > ".join(suite for suite in map(_tidy, suites) if suite and suite not in _TOOLS)
    if not name or not parent or name == parent or name.startswith((f"{parent}.", f"{parent} > ")):
        return name or parent or "unnamed"
    return f"{parent}.{name}" if is_class and _METHOD.fullmatch(name) else f"{parent} > {name}"


def shard_name(name: str, shard: Shard) -> str:
    """Return the name with the shard, for a case whose plain name belongs to another shard's row.

    Different names stay different. The function may be applied again if another case of the shard has the result as
    its plain name.
    """
    return bounded(name, f" [shard {shard}]")


class Namer:
    """Numbers repeated names in their order: `A`, `A #2`, `A #3`.

    All returned names differ, even if a report itself contains `A #2`. The same input gives the same output. Each name
    takes eight bytes of memory. If two names share them, one of them gets a needless ` #2`.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._repeats: dict[int, int] = {}

    def name(self, raw: str) -> str:
        """Return the name for the next case with the name `raw`, at most 2000 bytes long."""
        wanted = bounded(raw)
        key = identity(wanted)
        if self._reserve(key):
            return wanted
        number = self._repeats.get(key, 1)
        while True:
            number += 1
            candidate = bounded(raw, f" #{number}")
            if self._reserve(identity(candidate)):
                self._repeats[key] = number
                return candidate

    def _reserve(self, key: int) -> bool:
        if key in self._taken:
            return False
        self._taken.add(key)
        return True


def identity(*parts: str | None) -> int:
    """Return eight bytes that identify these texts. They are the same in every process."""
    joined = "\0".join(part or "" for part in parts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest())


def _tidy(text: str) -> str:
    """Return the text in one line, without characters that PostgreSQL refuses and without the folders of a path."""
    text = _CONTROL.sub(" ", storable(text)).strip()
    return path[1] if (path := _FULL_PATH.fullmatch(text)) else text


def bounded(name: str, suffix: str = "") -> str:
    """Return the name with the suffix in at most 2000 bytes. A longer name is cut, and a hash of it keeps it unique."""
    whole = f"{name}{suffix}"
    raw = whole.encode(errors="replace")
    if len(raw) <= MAX_NAME_BYTES:
        return whole
    tail = f"…~{hashlib.sha256(raw).hexdigest()[:16]}{suffix}"
    head = raw[: MAX_NAME_BYTES - len(tail.encode())].decode(errors="ignore")
    return head + tail
