"""Finds the JUnit files to store, and checks each of them before a row is written."""

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
    """A JUnit file and its name below `junit/`. The name does not depend on where the file is."""

    source: Path
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """The reports, and the other XML files of their folders."""

    reports: tuple[Report, ...]
    ignored: tuple[Path, ...]


def find(paths: Sequence[Path]) -> Found:
    """Return the reports at the paths. A path is a file, or a folder whose other XML files are ignored.

    If there are several paths, each has a folder of its own below `junit/`, so that equal names do not collide.

    Raises:
        Refused: a path does not exist, or there is no report.
        BadData: a file is not well-formed or declares a document type, or a path names a file without JUnit XML.
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
    """Return whether the root element is JUnit's. The whole file is parsed, so that a broken file is refused early.

    As in the reporter, a character that XML forbids is no error.

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
