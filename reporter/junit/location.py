"""Where a case failed: the line of the test's own file that its stack names, or the line that the report gives."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LOCATION = 1024  # characters
MAX_PLACES = 500
"""Maximum number of lines read of one stack, which bounds the cost of a long text."""

_PLACE = re.compile(
    r"\.(?:py|[cm]?[jt]sx?|vue|svelte|java|kt|groovy|scala|go|php|rb|cs|fs|vb|cpp|cc|cxx|c|hpp|h|rs|swift|feature|robot"
    r"|bats|exs?|dart|lua)(?:\", line |:)(\d{1,7})(?!\d)"
)
_PATH_BACKWARDS = re.compile(r"""[^\s()\[\]{}<>'"`,;=|]{0,300}""")
_LIBRARY = re.compile(
    r"(?:^|/)(?:node_modules|site-packages|dist-packages|internal)/|^/usr/lib|^node:|sandbox-script\.js$"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A test's source in the report: its class or module, its file and the line where the test begins."""

    classname: str = ""
    file: str | None = None
    line: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    line: str
    is_frame: bool
    """Whether the keyword of a stack frame precedes the place. A heading or a message may name a file, too."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def locate(text: str, origin: Origin) -> str | None:
    """Return `file:line` of the failure, or None if neither the text nor the report names one.

    The line within the test's own file comes first, then the line of the test itself, then any other source line that
    is no library's. Python prints the innermost call last, every other language prints it first.
    """
    places = list(_places(text))
    own = [place for place in places if _is_own(place, origin)]
    if own:
        return _shown(_innermost(own), origin)
    if origin.file and origin.line and origin.line.isdecimal():
        return f"{origin.file}:{origin.line}"[:MAX_LOCATION]
    others = [place for place in places if not _LIBRARY.search(place.path)]
    return _shown(_innermost(others), origin) if others else None


def _innermost(places: list[_Place]) -> _Place:
    if places[-1].path.endswith(".py"):
        return places[-1]
    return next((place for place in places if place.is_frame), places[0])


def _places(text: str) -> Iterator[_Place]:
    for match, _ in zip(_PLACE.finditer(text), range(MAX_PLACES), strict=False):
        head = text[max(0, match.start() - 300) : match.start()]
        backwards = _PATH_BACKWARDS.match(head[::-1])
        path = (backwards[0][::-1] if backwards else "") + match[0][: match.start(1) - match.start()].rstrip(":")
        path = path.removesuffix('", line ').removeprefix("file://").replace("\\", "/")
        before = head[: len(head) - len(backwards[0] if backwards else "")].rpartition("\n")[2]
        yield _Place(path, match[1], before.lstrip().startswith("at "))


def _is_own(place: _Place, origin: Origin) -> bool:
    name = place.name
    if origin.file and origin.file.replace("\\", "/").rpartition("/")[2] == name:
        return True
    stem = name.rpartition(".")[0]
    parts = re.split(r"[.\\/:$]", origin.classname)
    return stem in parts or origin.classname.endswith(name) or name.endswith("_test.go")


def _shown(place: _Place, origin: Origin) -> str:
    """Return the file's path as in the report, else without the folders of the machine."""
    file = (origin.file or "").replace("\\", "/")
    if file and (place.path == file or place.path.endswith(f"/{file}") or file.endswith(f"/{place.path}")):
        return f"{file}:{place.line}"[:MAX_LOCATION]
    absolute = place.path.startswith("/") or place.path[1:3] == ":/"
    return f"{place.name if absolute else place.path}:{place.line}"[:MAX_LOCATION]
