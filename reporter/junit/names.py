"""Names of cases: the same on every machine and in every attempt, and never the same for two cases."""

import hashlib
import re

from handoff.message import Shard
from runtime.text import storable

MAX_NAME_BYTES = 2000
"""Of UTF-8. PostgreSQL refuses an index entry of more than 2704 bytes, and the run's id stands there too."""

_TOOLS = {"k6", "newman", "playwright", "pytest"}
"""Tools that put all cases into one suite named after themselves, which says nothing of a case."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FULL_PATH = re.compile(r"(?:file://)?(?:/|[A-Za-z]:[/\\])\S*[/\\]([^/\\\s]+\.\w{1,5})")
_SOURCE_FILE = re.compile(r"\S+\.(?:[cm]?[jt]sx?|feature|robot|bats|vue|svelte)")
_METHOD = re.compile(r"[\w$.:/#\\-]+(?:[\[({<].*| with data set .*)?", re.DOTALL)
"""A method, with its parameters as pytest, JUnit, Go or PHPUnit write them; a sentence is none."""


def case_name(classname: str, name: str, suites: tuple[str, ...] = ()) -> str:
    """What a case is called, before repeats are told apart.

    `suites` are the names of the suites around it, outermost first; they stand in for a class that is not given.
    A method is joined to its class by a dot, a sentence to its file, group or suite by ` > `. The folder of a full
    path is the machine's affair and left out.
    """
    name, parent = _tidy(name), _tidy(classname)
    is_class = bool(parent) and " " not in parent and not _SOURCE_FILE.fullmatch(parent)
    if not parent:
        parent = " > ".join(suite for suite in map(_tidy, suites) if suite and suite not in _TOOLS)
    if not name or not parent or name == parent or name.startswith((f"{parent}.", f"{parent} > ")):
        return name or parent or "unnamed"
    return f"{parent}.{name}" if is_class and _METHOD.fullmatch(name) else f"{parent} > {name}"


def shard_name(name: str, shard: Shard) -> str:
    """The name of a case whose plain name another shard's row has; different names stay different.

    Its result may be given in once more, where a case of this shard has that very name by nature.
    """
    return bounded(name, f" [shard {shard}]")


class Namer:
    """Tells repeats apart, in the order in which they come: `A`, `A #2`, `A #3`.

    Whatever names come in, even `A #2` by nature, those that go out are all different, and the same input gives the
    same output. It remembers eight bytes for each name; should two names share them, one merely gets a ` #2`.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._repeats: dict[int, int] = {}

    def name(self, raw: str) -> str:
        """The name for the next case that is called `raw`, at most 2000 bytes long."""
        wanted = bounded(raw)
        key = identity(wanted)
        if self._take(key):
            return wanted
        number = self._repeats.get(key, 1)
        while True:
            number += 1
            candidate = bounded(raw, f" #{number}")
            if self._take(identity(candidate)):
                self._repeats[key] = number
                return candidate

    def _take(self, key: int) -> bool:
        if key in self._taken:
            return False
        self._taken.add(key)
        return True


def identity(*parts: str | None) -> int:
    """Eight bytes that tell these texts from others, in every process alike."""
    told = "\0".join(part or "" for part in parts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest())


def _tidy(text: str) -> str:
    """In one line, with nothing that PostgreSQL refuses, and without the folders of a full path."""
    text = _CONTROL.sub(" ", storable(text)).strip()
    return path[1] if (path := _FULL_PATH.fullmatch(text)) else text


def bounded(name: str, suffix: str = "") -> str:
    """The name with the suffix, in at most 2000 bytes: a longer one is cut, and a hash of the whole tells it apart."""
    whole = f"{name}{suffix}"
    raw = whole.encode(errors="replace")
    if len(raw) <= MAX_NAME_BYTES:
        return whole
    tail = f"…~{hashlib.sha256(raw).hexdigest()[:16]}{suffix}"
    head = raw[: MAX_NAME_BYTES - len(tail.encode())].decode(errors="ignore")
    return head + tail
