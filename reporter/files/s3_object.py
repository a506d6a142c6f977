"""Key, kind and content type of the S3 object of an artifact. Pure."""

import hashlib
import mimetypes
import os
import re
from pathlib import PurePosixPath

from reporter.artifact import Kind
from reporter.fence import Fence

MAX_KEY_BYTES = 1024
"""S3's limit for a key in UTF-8."""

_KINDS: dict[str, Kind] = {
    **dict.fromkeys((".webm", ".mp4", ".mkv", ".mov", ".avi", ".ogv"), "video"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"), "screenshot"),
    **dict.fromkeys((".html", ".htm"), "report"),
    **dict.fromkeys((".log", ".txt", ".out", ".err", ".jsonl", ".ndjson"), "log"),
    **dict.fromkeys((".trace", ".har"), "trace"),
}

# Without the system's own tables, which differ from machine to machine.
_TYPES = mimetypes.MimeTypes(filenames=())
for _type, _suffix in (
    ("application/json", ".har"),
    ("application/x-ndjson", ".jsonl"),
    ("application/x-ndjson", ".ndjson"),
    ("application/xml", ".xml"),
    ("application/zip", ".zip"),
    ("font/woff2", ".woff2"),
    ("image/webp", ".webp"),
    ("text/markdown", ".md"),
    ("text/plain", ".err"),
    ("text/plain", ".log"),
    ("text/plain", ".out"),
    ("video/ogg", ".ogv"),
    ("video/webm", ".webm"),
    ("video/x-matroska", ".mkv"),
):
    _TYPES.add_type(_type, _suffix)


def kind(path: str) -> Kind:
    """Classify the file by its folders first, then by its name. `path` is relative, with slashes."""
    place = PurePosixPath(path.lower())
    folders, suffix = place.parts[:-1], place.suffix
    if folders[:1] == ("junit",) and suffix == ".xml":
        return "junit"
    if any("report" in folder for folder in folders):
        return "report"
    if suffix == ".zip" and "trace" in place.stem:
        return "trace"
    if suffix == ".json" and re.search(r"report|summary", place.stem):
        return "report"
    return _KINDS.get(suffix, "other")


def content_type(path: str) -> str:
    """Return the media type with which a browser shows the file. The file name decides; text is declared as UTF-8."""
    guessed, encoding = _TYPES.guess_type(PurePosixPath(path.lower()).name.replace(":", "_"))
    if encoding == "gzip":
        return "application/gzip"
    if encoding or guessed is None:
        return "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def key(fence: Fence, path: str) -> str:
    """Return the object's key: `{runId}/{shard}/{attempt}/{path}`.

    S3 or PostgreSQL rejects bytes that are no UTF-8, control characters and keys of more than 1024 bytes. Such
    characters are written as `%XX`, and a long path is cut. A hash of the whole path then keeps the key unique.
    """
    head = f"{fence.run_id}/{fence.shard.index}/{fence.attempt}/"
    raw = os.fsencode(path)
    escaped = re.sub(r"[\x00-\x1f\x7f-\x9f\udc80-\udcff]", _escape, path)
    if escaped == path and len(head.encode()) + len(raw) <= MAX_KEY_BYTES:
        return head + path
    suffix = PurePosixPath(escaped).suffix.encode()[:32]
    mark = b"~" + hashlib.sha256(raw).hexdigest()[:16].encode() + suffix
    stem = escaped.encode().removesuffix(suffix)
    kept = stem[: MAX_KEY_BYTES - len(head.encode()) - len(mark)]
    return head + (kept + mark).decode(errors="ignore")  # the cut may be inside a character


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(match[0]))
