"""JUnit files that were made elsewhere: found, and looked at before anything is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from runtime.xml_characters import XmlCharacters
from testfleet.errors import BadData, Refused

_READ_BYTES = 64 * 1024
_ROOTS = {"testsuites", "testsuite"}


@dataclass(frozen=True, slots=True)
class Report:
    """A JUnit file and the name it gets below `junit/`, the same wherever it is brought in from."""

    source: Path
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """The reports, and the other XML files that lay beside them."""

    reports: tuple[Report, ...]
    ignored: tuple[Path, ...]


def find(paths: Sequence[Path]) -> Found:
    """The reports at the paths, each a file or a folder; a folder's other XML is no report and is ignored.

    With several paths each gets a folder of its own, in the order given, so that equal names do not meet.

    Raises:
        Refused: a path is not there, or no report was found.
        BadData: a file is broken off, is no JUnit where it was named itself, or declares a document type.
    """
    reports: list[Report] = []
    ignored: list[Path] = []
    for position, path in enumerate(paths, start=1):
        prefix = f"{position:04}/" if len(paths) > 1 else ""
        if path.is_file():
            if not is_junit(path):
                raise BadData(f"{path}: must be JUnit XML: its root is neither testsuites nor testsuite")
            reports.append(Report(path, f"{prefix}{path.stem}.xml"))
        elif path.is_dir():
            for file in sorted(path.rglob("*.xml")):
                if file.is_symlink() or not file.is_file() or not is_junit(file):
                    ignored.append(file)
                else:
                    reports.append(Report(file, prefix + file.relative_to(path).as_posix()))
        else:
            raise Refused(f"PATH: {path}: must be an existing file or folder")
    if not reports:
        raise Refused(f"PATH: no JUnit XML in {', '.join(map(str, paths))}")
    return Found(tuple(reports), tuple(ignored))


def is_junit(file: Path) -> bool:
    """Return whether the root is JUnit's. The whole file is read, so that a broken one is refused before it is a run.

    As in the reporter, characters that XML forbids break no file.

    Raises:
        BadData: the file cannot be read, is not well-formed, or declares a document type.
    """
    root: list[str] = []
    characters = XmlCharacters()
    parser = expat.ParserCreate("utf-8")

    def element(name: str, _: dict[str, str]) -> None:
        root.append(name.rpartition(":")[2])
        parser.StartElementHandler = None

    def document_type(*_: object) -> None:
        raise BadData(f"{file}: must not declare a document type (DTD)")

    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = document_type
    try:
        with file.open("rb") as stream:
            while data := stream.read(_READ_BYTES):
                parser.Parse(characters.feed(data))
        parser.Parse(characters.feed(b"", last=True), True)
    except (expat.ExpatError, LookupError) as error:
        raise BadData(f"{file}: must be well-formed XML: {error}") from error
    except OSError as error:
        raise BadData(f"{file}: cannot be read: {error.strerror}") from error
    return root[0] in _ROOTS
