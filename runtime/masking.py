"""Mask a suite's secret values: the worker masks logs, the reporter masks error texts."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from runtime.xml_characters import replaced

MASK = "***"

_SPACES = str.maketrans("\t\n\r", "   ")
"""An XML parser replaces these characters in an attribute (https://www.w3.org/TR/xml/#AVNormalize)."""

MIN_LENGTH = 6
"""Minimum characters of a masked value. A shorter one (`true`, `8080`, `qa`) occurs in too much other text."""


class Masking:
    """Replaces the values of a suite's secret by `***`.

    It replaces each value, each long enough line of it, and the forms in which tools print it: as a JSON or Python
    string, escaped for XML, URL-encoded, and in base64. It also replaces the form that an XML parser returns: U+FFFD
    for a forbidden character, and a space for a tab in an attribute. Longer forms come first.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in _forms(value)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._forms = tuple(ordered)
        self._text = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        raw = [form.encode("utf-8", "surrogateescape") for form in ordered]
        self._bytes = re.compile(b"|".join(map(re.escape, raw))) if raw else None
        self.longest = max(map(len, raw), default=0)
        """Bytes of the longest form."""

    def __bool__(self) -> bool:
        return self._text is not None

    def text(self, text: str) -> str:
        """Return the text with `***` for each value."""
        return text if self._text is None else self._text.sub(MASK, text)

    def cut(self, text: str) -> str:
        """Mask a text that was cut off, including the beginning of a value at its end."""
        text = self.text(text)
        tail, cut = text[-MIN_LENGTH:], 0
        for form in self._forms:
            found = form.rfind(tail, 0, len(form) - 1) if len(tail) == MIN_LENGTH else -1
            while found >= 0 and not text.endswith(form[: found + MIN_LENGTH]):
                found = form.rfind(tail, 0, found + MIN_LENGTH - 1)
            cut = max(cut, found + MIN_LENGTH if found >= 0 else 0)
        return text[:-cut] + MASK if cut else text

    def data(self, data: bytes, *, last: bool) -> tuple[bytes, bytes]:
        """Return the masked beginning of `data`, and the rest to prepend to the next data; no rest if `last`.

        The masked data is never longer than the original.
        """
        if self._bytes is None:
            return data, b""
        until = len(data) if last else max(0, len(data) - self.longest + 1)
        done, pieces = 0, []
        for found in self._bytes.finditer(data):
            if found.start() >= until:
                break
            pieces += [data[done : found.start()], MASK.encode()]
            done = found.end()
        pieces.append(data[done : max(done, until)])
        return b"".join(pieces), data[max(done, until) :]


def _forms(value: str) -> Iterator[str]:
    for part in {value, value.strip(), *value.splitlines(), *(line.strip() for line in value.splitlines())}:
        if len(part) < MIN_LENGTH or not part.strip():
            continue
        raw = part.encode("utf-8", "surrogateescape")
        yield part
        yield replaced(part)
        yield part.translate(_SPACES)
        yield replaced(part).translate(_SPACES)
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield repr(part)[1:-1]
        yield html.escape(part)
        yield html.escape(part, quote=False)
        yield quote(raw, safe="")
        yield quote(raw, safe="!'()*")  # encodeURIComponent
        yield quote_plus(raw)
        yield base64.b64encode(raw).decode().rstrip("=")
        yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
