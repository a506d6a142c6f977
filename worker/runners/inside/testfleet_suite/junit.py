"""Write JUnit case by case, while the tests run."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.etree import ElementTree as ET


class JUnitWriter:
    """A report of one suite. When `case` returns, the case is in the file.

    Raises:
        OSError: the file can't be written.
    """

    def __init__(self, file: Path, suite: str, properties: Mapping[str, str] | None = None) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("wb")
        head = ET.tostring(element("testsuite", {"name": suite}, text=""), short_empty_elements=False)
        self._write(b'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n' + head.removesuffix(b"</testsuite>"))
        if properties:
            entries = [element("property", {"name": name, "value": value}) for name, value in properties.items()]
            self._write(ET.tostring(element("properties", {}, *entries), encoding="utf-8"))

    def case(self, attributes: Mapping[str, str | None], *children: ET.Element) -> None:
        """Write one case without the attributes that are None. A case without children passed."""
        self._write(ET.tostring(element("testcase", attributes, *children), encoding="utf-8"))

    def close(self) -> None:
        self._write(b"</testsuite>\n</testsuites>")
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        self._file.write(data.removeprefix(b"<?xml version='1.0' encoding='utf-8'?>\n") + b"\n")
        self._file.flush()


def element(name: str, attributes: Mapping[str, str | None], *children: ET.Element, text: str = "") -> ET.Element:
    """Return an element whose text and attributes hold only characters that XML allows."""
    made = ET.Element(name, {key: _clean(value) for key, value in attributes.items() if value is not None})
    made.text = _clean(text) or None
    made.extend(children)
    return made


def _clean(text: str) -> str:
    """Return the text with U+FFFD for each character that XML 1.0 forbids."""
    return "".join(char if _is_writable(char) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _is_writable(char: str) -> bool:
    return char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char >= "\U00010000"
