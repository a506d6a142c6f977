"""The failure in a few lines: the report's own message, or its text before the stack."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import takewhile

MAX_MESSAGE_BYTES = 2000
"""Longest message in UTF-8. An assertion with its expected and received values fits."""

MAX_LINES = 12

_STATUS_WORD = re.compile(
    r"(?:test )?(?:fail|failed|failure|error)?[.!]?|collection (?:failed|failure|error)", re.IGNORECASE
)
_TOOL_LINE = re.compile(r"(?:=== |--- (?:FAIL|PASS|SKIP)).*")
_STACK = re.compile(r"\s+at \S.*|\s*File \".*|goroutine \d+ .*|Call log:.*|\S+:\d+|(?:[A-Za-z]:)?[/\\]\S+:\d+(?::\d+)?")
_STACK_FRAME = re.compile(r"\s+at \S.*|\s*File \".*|goroutine \d+ .*")
_AWAITED = re.compile(r"^[ \t]*(?:- )?(waiting for (?:locator|getBy|selector|navigation|event).{1,300})$", re.MULTILINE)
_PYTEST = re.compile(r"^E {3}(.*)$", re.MULTILINE)
_GO_PLACE = re.compile(r"\s*\w+\.go:\d+: ")
_COMPARED = re.compile(r"[ \t]*((?:Locator|Expected|Received|Actual)\b[^:\n]{0,40}):[ \t]*\S.*")
_EXPECT_CALL = re.compile(r"expect\([^()\n]{0,80}\)[.\w]*\([^()\n]{0,80}\)")
_SOURCE_LINE = re.compile(r"^[ \t]*(> ?\d+ \|.*)$", re.MULTILINE)


def is_status(message: str) -> bool:
    """Return whether the message only repeats that the case failed."""
    return bool(_STATUS_WORD.fullmatch(message))


def shown(message: str, text: str, names: tuple[str, ...] = ()) -> str:
    """Return the lines of the failure, at most 2000 bytes; empty if the report has no text.

    If the message lacks the compared values, the awaited element or the failed line of source, they are added from the
    text.
    """
    if is_status(message):
        lines = list(_from_text(text, names)) or [message]
    else:
        lines = [line for line in message.splitlines() if line.strip()]
        marked = textwrap.dedent("\n".join(_pytest(text))).splitlines()
        if lines == marked[:1]:
            lines = [line for line in marked if line.strip()]  # pytest's comparison follows the first line
        else:
            lines += _from_log(message, text)
    if not any(_SOURCE_LINE.match(line) for line in lines) and (source := _SOURCE_LINE.search(text)):
        lines = [*lines[: MAX_LINES - 1], source[1]]
    return _bounded("\n".join(line.rstrip() for line in lines[:MAX_LINES]))


def fingerprinted(message: str, text: str, names: tuple[str, ...] = ()) -> str:
    """Return the lines that failures of one cause share.

    They are those of `shown` without the case's names, the failed line of source and the details of a comparison.
    """
    if not is_status(message):
        return without_places("\n".join([message, *_from_log(message, text)]))
    source = without_places("\n".join(_from_text(text, names)))
    for name in sorted(filter(None, names), key=len, reverse=True):
        source = source.replace(name, "")
    return source


def without_places(message: str) -> str:
    """Return the message without the failed line of source and without its stack."""
    lines = _SOURCE_LINE.sub("", message).splitlines()
    return "\n".join(takewhile(lambda line: not _STACK_FRAME.fullmatch(line), lines))


def _from_text(text: str, names: tuple[str, ...]) -> Iterator[str]:
    if marked := _pytest(text):
        yield from textwrap.dedent("\n".join(marked[:MAX_LINES])).splitlines()
        return
    lines = [line[:MAX_MESSAGE_BYTES] for line in text.splitlines()]
    if lines and lines[0].startswith("Traceback "):
        lines = [line for line in lines if not line.startswith((" ", "Traceback "))][-1:]
    found = 0
    for line in lines:
        if is_status(line.strip()) or _TOOL_LINE.fullmatch(line.strip()) or _is_name(line, names):
            continue
        if found == MAX_LINES or (found and _STACK.fullmatch(line)):
            return
        if not _STACK.fullmatch(line):
            found += 1
            place = _GO_PLACE.match(line)
            yield line[place.end() :] if place else line


def _pytest(text: str) -> list[str]:
    """Return the last block of lines that pytest marks with E. In a chain of exceptions, it is the uncaught one."""
    block: list[str] = []
    end = -1
    for match in _PYTEST.finditer(text):
        if match.start() > end + 1:
            block = []
        block.append(match[1])
        end = match.end()
    return block


def _is_name(line: str, names: tuple[str, ...]) -> bool:
    """Return whether the line only repeats the class and name of the case, as the first line of PHPUnit does."""
    line = line.strip().replace("\\", ".")
    return any(name and (line == name or line.startswith(f"{name}::")) for name in names)


def _from_log(message: str, text: str) -> Iterator[str]:
    """Yield the compared values and the awaited element from the text, if the message lacks them."""
    if "expected" not in _EXPECT_CALL.sub("", message).lower():
        yield from _compared(text)
    if "waiting for" not in message and (awaited := _AWAITED.search(text)):
        yield awaited[1]  # Playwright's timeout names the element only in its call log


def _compared(text: str) -> Iterable[str]:
    labels: dict[str, str] = {}
    for line in text.splitlines():
        if match := _COMPARED.fullmatch(line):
            if match[1] in labels:
                break  # the text of a further try repeats the values
            labels[match[1]] = line.strip()
    return labels.values()


def _bounded(text: str) -> str:
    raw = text.encode()
    if len(raw) <= MAX_MESSAGE_BYTES:
        return text
    return raw[: MAX_MESSAGE_BYTES - 3].decode(errors="ignore") + "…"
