"""Kind, content type and key of a file follow from its path."""

import os

import pytest

from handoff.message import Shard
from reporter.fence import Fence
from reporter.files.s3_object import MAX_KEY_BYTES, content_type, key, kind

FENCE = Fence("r-42", Shard(index=2, total=4), 3)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("junit/junit.xml", "junit"),
        ("junit/deep/A.XML", "junit"),
        ("other.xml", "other"),
        ("junit/notes.txt", "log"),
        ("test-results/a/trace.zip", "trace"),
        ("trace-1.zip", "trace"),
        ("download.zip", "other"),
        ("network.har", "trace"),
        ("test-results/a/video.webm", "video"),
        ("V.MP4", "video"),
        ("shot.png", "screenshot"),
        ("a.jpeg", "screenshot"),
        ("index.html", "report"),
        ("playwright-report/data/1.png", "report"),
        ("playwright-report/trace/x.zip", "report"),
        ("k6-summary.json", "report"),
        ("data.json", "other"),
        ("server.log", "log"),
        ("stdout.txt", "log"),
        ("noext", "other"),
    ],
)
def test_folder_and_name_decide_the_kind(path: str, expected: str) -> None:
    assert kind(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("trace.zip", "application/zip"),
        ("video.webm", "video/webm"),
        ("a.PNG", "image/png"),
        ("junit.xml", "application/xml"),
        ("index.html", "text/html; charset=utf-8"),
        ("data.json", "application/json"),
        ("k6.jsonl", "application/x-ndjson"),
        ("server.log", "text/plain; charset=utf-8"),
        ("a.tar.gz", "application/gzip"),
        ("a.tar.xz", "application/octet-stream"),
        ("data:text", "application/octet-stream"),
        ("noext", "application/octet-stream"),
    ],
)
def test_the_name_decides_the_content_type(path: str, expected: str) -> None:
    """The type is the same on every machine."""
    assert content_type(path) == expected


def test_the_key_contains_an_ordinary_path_unchanged() -> None:
    """Blanks and letters of any script stay."""
    assert key(FENCE, "test results/ünï ☂/a+b%20c.png") == "r-42/2/3/test results/ünï ☂/a+b%20c.png"


def test_a_key_that_s3_rejects_is_escaped_and_stays_unique() -> None:
    """Two files whose escaped names are equal have different keys."""
    raw, escaped = key(FENCE, os.fsdecode(b"a\xff.png")), key(FENCE, "a%FF.png")
    assert escaped == "r-42/2/3/a%FF.png"
    assert raw.startswith("r-42/2/3/a%FF~")
    assert raw.endswith(".png")
    assert key(FENCE, "a\nb") != key(FENCE, "a%0Ab")
    assert "\n" not in key(FENCE, "a\nb")


@pytest.mark.parametrize("letter", ["x", "ü", "☂", "🦊"])
def test_a_key_is_never_too_long(letter: str) -> None:
    """A long path is cut to valid UTF-8, and its key stays unique."""
    room = MAX_KEY_BYTES - len("r-42/2/3/") - len(".webm")
    fits = letter * (room // len(letter.encode())) + ".webm"
    assert key(FENCE, fits) == f"r-42/2/3/{fits}"
    keys = {key(FENCE, letter * 1500 + f"{number}.webm") for number in range(3)}
    assert len(keys) == 3
    for one in keys:
        assert len(one.encode()) <= MAX_KEY_BYTES
        assert one.endswith(".webm")
