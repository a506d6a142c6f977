"""Convert the bytes of a JUnit report to UTF-8 with only the characters that XML 1.0 allows.

Tools copy the output of tests into their reports, with colour codes and NUL. An XML parser stops at such a character.
This module replaces each forbidden character (https://www.w3.org/TR/xml/#charsets), each reference to one and each byte
that the encoding does not define by U+FFFD.
"""

import codecs
import re
from collections.abc import Callable

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NEVER_UTF8 = 0xFF
_TO_NEVER_UTF8 = bytes(_NEVER_UTF8 if _FORBIDDEN.match(chr(byte)) else byte for byte in range(256))
"""Maps forbidden C0 characters, single bytes in UTF-8, to an invalid byte. The decoder makes that U+FFFD."""

_MAX_DECLARATION = 1024  # bytes
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""", re.ASCII)
_ASCII_SAMPLE = bytes(range(0x20, 0x7F)).replace(b"\\", b"") + rb"\x41\u0041+AGE-"
"""The declaration was read as ASCII, so an encoding that decodes this sample otherwise is not the file's."""

_SECTIONS = {b"<![CDATA[": b"]]>", b"<!--": b"-->", b"<?": b"?>"}
"""The beginning and end of sections in which a reference is plain text."""
_MARKUP = re.compile(rb"<!\[CDATA\[|<!--|<\?|&#(?:x([0-9A-Fa-f]{1,60})|([0-9]{1,60}));")
_BEGUN = re.compile(rb"(?:<(?:!(?:-|\[(?:C(?:D(?:A(?:TA?)?)?)?)?)?)?|&(?:#(?:[0-9]{0,60}|x[0-9A-Fa-f]{0,60}))?)\Z")
_LONGEST_BEGUN = 64  # bytes

Decode = Callable[[bytes, bool], bytes]


class XmlCharacters:
    """The converter of one report. It returns an incomplete end of a piece, such as half a character, with the next.

    The encoding is that of the byte order mark, else the declared one, else UTF-8. A file of single bytes that declares
    UTF-16, as .NET writes it, is read as UTF-8.
    """

    def __init__(self) -> None:
        self._head = b""
        self._decode: Decode | None = None
        self._references = _References()

    def feed(self, data: bytes, *, last: bool = False) -> bytes:
        """Return the next piece as UTF-8. With `last`, also return the incomplete end.

        Raises:
            LookupError: the declared encoding is unknown or can't hold a report.
        """
        if self._decode is None:
            self._head += data
            if not last and not _shows_encoding(self._head):
                return b""
            data, self._head = self._head, b""
            self._decode = _decoder(data)
        return self._references.replace(self._decode(data, last), last=last)


class _References:
    """Replaces references to forbidden characters, but not within CDATA, comments and processing instructions."""

    def __init__(self) -> None:
        self._held = b""
        self._section_end: bytes | None = None

    def replace(self, data: bytes, *, last: bool) -> bytes:
        if self._held:
            data, self._held = self._held + data, b""
        if self._section_end is None and not (b"#" in data or b"!" in data or b"?" in data):
            if data.endswith((b"<", b"&")) and not last:
                data, self._held = data[:-1], data[-1:]
            return data
        done: list[bytes] = []
        copied = place = 0
        while True:
            if self._section_end is not None:
                end = data.find(self._section_end, place)
                if end < 0:
                    break
                place = end + len(self._section_end)
                self._section_end = None
            markup = _MARKUP.search(data, place)
            if markup is None:
                break
            place = markup.end()
            self._section_end = _SECTIONS.get(markup[0])
            if self._section_end is None and not _is_allowed(markup):
                done += (data[copied : markup.start()], _REPLACEMENT.encode())
                copied = place
        end = len(data) if last else self._hold(data, place)
        return b"".join((*done, data[copied:end])) if done else data[:end]

    def _hold(self, data: bytes, start: int) -> int:
        """Keep an incomplete markup or section end for the next piece, and return its position."""
        end = len(data)
        if self._section_end is None:
            begun = _BEGUN.search(data, max(start, end - _LONGEST_BEGUN))
            end = begun.start() if begun else end
        else:
            for size in range(len(self._section_end) - 1, 0, -1):
                if data.endswith(self._section_end[:size], start):
                    end -= size
                    break
        self._held = data[end:]
        return end


def replaced(text: str) -> str:
    """Return the text with U+FFFD for each character that XML forbids."""
    return _FORBIDDEN.sub(_REPLACEMENT, text)


def _is_allowed(reference: re.Match[bytes]) -> bool:
    try:
        char = chr(int(reference[1], 16) if reference[1] else int(reference[2]))
    except (OverflowError, ValueError):  # beyond Unicode
        return False
    return not _FORBIDDEN.match(char)


def _shows_encoding(head: bytes) -> bool:
    """Return whether the declaration of the encoding is complete, or the file can't have one."""
    if len(head) < 4:  # noqa: PLR2004  # bytes that distinguish UTF-16 from the rest
        return False
    text = head.removeprefix(codecs.BOM_UTF8)
    return not (text.startswith(b"<?xml"[: len(text)]) and b"?>" not in text and len(text) < _MAX_DECLARATION)


def _decoder(head: bytes) -> Decode:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _other("utf-16")
    if head[:1] == b"<" and head[1:2] == head[3:4] == b"\0":
        return _other("utf-16-le")
    if head[1:2] == b"<" and head[:1] == head[2:3] == b"\0":
        return _other("utf-16-be")
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    name = codecs.lookup(declared[1].decode()).name if declared else "utf-8"
    if head.startswith(codecs.BOM_UTF8) or name.startswith(("ascii", "utf-8", "utf-16", "utf-32")):
        return _utf8()
    try:
        _ASCII_SAMPLE.decode(name)  # raises LookupError if it does not encode text
        sample = codecs.getincrementaldecoder(name)("replace").decode(_ASCII_SAMPLE, final=True)
    except UnicodeError:
        sample = ""
    if sample.encode() != _ASCII_SAMPLE:
        raise LookupError(f"encoding {name} can't hold XML")
    return _other(name)


def _utf8() -> Decode:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(data: bytes, last: bool) -> bytes:
        data = data.translate(_TO_NEVER_UTF8)
        if data.isascii() and not decoder.getstate()[0]:
            return data
        return decoder.decode(data, last).replace("\ufffe", _REPLACEMENT).replace("\uffff", _REPLACEMENT).encode()

    return decode


def _other(name: str) -> Decode:
    decoder = codecs.getincrementaldecoder(name)("replace")

    def decode(data: bytes, last: bool) -> bytes:
        return replaced(decoder.decode(data, last)).encode()

    return decode
