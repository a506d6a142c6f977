"""The cause of a failure as a text and a fingerprint: the same for failures that differ only in generated values."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

MAX_CHARACTERS = 1000
"""Longest text that is normalised. It bounds the time for hostile texts; the first lines say what failed."""

MAX_LINES = 8

_QUOTE = "\"'`\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\b"

_URL = re.compile(
    r"\b([a-z][a-z0-9+]{1,15}://)(?:[^\s/@\"'<>]{1,100}@)?([\w.-]{1,253})(?::\d{1,5})?[^\s\"'<>)\]]*", re.IGNORECASE
)

# The order matters: a UUID contains numbers, and a path may contain a time.
_VOLATILE = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "<uuid>"),
        (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", "<time>"),
        (rf"\b(?:{_DAY} )?(?:{_MONTH} \d{{1,2}}\b|\d{{1,2}} {_MONTH})", "<time>"),
        (r"\b\d\d?:\d\d:\d\d(?:[.,]\d+)?(?: ?[AaPp]\.?[Mm]\b\.?)?", "<time>"),
        (r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", "<email>"),
        (r"\blocalhost\b|\b\d{1,3}(?:\.\d{1,3}){3}\b|\[::1?\]", "<host>"),
        # Playwright begins with the call that met the problem: `page.click: …`, `locator.fill: …`.
        (r"^(?:page|locator|frame|frameLocator|elementHandle|browserContext|apiRequestContext)\.\w+: ", "<call>: "),
        (r"\b0x[0-9a-fA-F]+\b|@[0-9a-fA-F]{5,16}\b", "<address>"),
        (r"(?<![\w.@~+%:-])(?:[A-Za-z]:|file://)?(?:[\w.@~+%-]*[/\\])+[\w.@~+%-]*(?::\d+)*", "<path>"),
        (r"(?<![\w-])[\w-]+\.[A-Za-z]{1,5}:\d+(?::\d+)?\b", "<path>"),
        # A token of a generator, such as a JWT or a nanoid: long, with small and capital letters and digits.
        (r"(?<![\w.-])(?=[\w.-]*[a-z])(?=[\w.-]*[A-Z])(?=[\w.-]*\d)[\w-]{16,}(?:\.[\w-]{8,}){0,2}(?![\w.-])", "<id>"),
        (r"\b(?=[a-fA-F]*\d)[0-9a-fA-F]{8,64}\b", "<hash>"),
        # A quoted id in which letters and digits alternate: 'user-8f3kd92x'. 'step-2' only has a number.
        (rf"(?<=[{_QUOTE}])[\w.:-]*(?:[A-Za-z]\d+[A-Za-z]|\d[A-Za-z]+\d)[\w.:-]*(?=[{_QUOTE}])", "<id>"),
        (
            r"(?<![\w.,])\d+(?:[.,]\d+)*\s?(?:ns|µs|us|ms|s|m|h|sec|secs|seconds?|minutes?|hours?|milliseconds?)\b",
            "<duration>",
        ),
        (r"[-+]?\d+(?:[.,]\d+)*", "<n>"),
    )
)
_PLACEHOLDER = re.compile(r"<[a-z]+>")
_WORD = re.compile(r"[^\W\d_]{2,}")

_EXPECT_CALL = re.compile(r"expect\([^()\n]{0,80}\)[.\w]*\([^()\n]{0,80}\)")
_VOCABULARY = frozenset(
    """actual and are array assert assertion assertionerror be but deep deeply equal equality equals error exceeded
    exception expect expected fail failed failing failure false got identical is locator match matching message nil
    none not null object of received result same strict string test than that timed timeout to true type undefined
    value values want was were""".split()  # noqa: SIM905  # a list of quoted words is harder to read
)
"""Words of assertions and test tools. A text of these words alone describes no cause."""


def normalised(text: str) -> str:
    """Return the text in one line, with a placeholder for each value that a generator made.

    Values are numbers, times, durations, addresses, UUIDs, hashes, paths, ports, e-mail addresses and quoted ids. A URL
    keeps its host, unless that is an address or localhost.
    """
    lines = [line for line in text[:MAX_CHARACTERS].splitlines() if line.strip()][:MAX_LINES]
    source = "\n".join(lines)
    pieces: list[str] = []
    end = 0
    for url in _URL.finditer(source):
        pieces += [_replaced(source[end : url.start()]), url[1], _replaced(url[2])]
        end = url.end()
    pieces.append(_replaced(source[end:]))
    return " ".join("".join(pieces).split())


@dataclass(frozen=True, slots=True)
class Cause:
    """What failures of one cause have in common.

    `kind` is the type of the error. `by_file` is True if the message holds only compared values, such as
    `assert 1 == 2`. Such a message is alike in unrelated tests, so that `text` ends with the file of the failure.
    """

    kind: str | None
    text: str
    by_file: bool = False

    @classmethod
    def of(cls, kind: str | None, message: str, location: str | None) -> Self:
        """Return the cause of a failure with this message, at `location` (`file:line`)."""
        text = normalised(message)
        words = (word.lower() for word in _WORD.findall(_PLACEHOLDER.sub(" ", _EXPECT_CALL.sub("", text))))
        if location and all(word in _VOCABULARY for word in words):
            return cls(kind, f"{text} in {_file(location)}".strip(), by_file=True)
        return cls(kind, text)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that are the same for failures of one cause."""
        return hashlib.sha256(f"{self.kind or ''}\0{self.text}".encode()).hexdigest()[:16]


def _file(location: str) -> str:
    """Return the name of the file. Its folders and the line differ between machines and versions."""
    return re.sub(r"(?::\d+)+$", "", location).replace("\\", "/").rpartition("/")[2]


def _replaced(text: str) -> str:
    for pattern, word in _VOLATILE:
        text = pattern.sub(_constant(word), text)
    return text


def _constant(word: str) -> Callable[[re.Match[str]], str]:
    return lambda _: word
