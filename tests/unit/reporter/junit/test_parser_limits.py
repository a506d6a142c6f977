"""The limits of the incremental parser."""

import tracemalloc
from collections.abc import Iterator

import pytest

from reporter.junit.case import Status
from reporter.junit.failure import MAX_ERROR_BYTES
from reporter.junit.parser import MAX_ATTACHMENTS, MAX_PARTS, MAX_TOKEN_BYTES, JUnitParser
from tests.support.junit import only, read


def test_a_huge_error_is_cut_and_counted() -> None:
    """The marker counts the bytes that the parser dropped."""
    case = only(f'<testcase name="a"><failure message="lost">{"x" * 1_000_000}</failure></testcase>')
    assert case.error
    assert case.error.startswith("lost\nxxx")
    assert len(case.error.encode()) <= MAX_ERROR_BYTES
    head, marker = case.error.rsplit("\n", 1)
    assert marker == f"[… {1_000_005 - len(head)} bytes left out]"


def test_a_huge_message_is_cut_too() -> None:
    """The message is an attribute."""
    case = only(f'<testcase name="a"><failure message="{"x" * 1_000_000}"/></testcase>')
    assert case.error
    assert len(case.error.encode()) <= MAX_ERROR_BYTES
    assert case.error.endswith(" bytes left out]")


def test_the_length_of_a_tag_is_limited() -> None:
    """expat keeps a tag in memory. A tag below the limit is read in any pieces within the test's time limit."""
    size = MAX_TOKEN_BYTES // 1024
    pieces = [b'<testsuite><testcase name="', *[b"x" * 1024] * (size - 100), b'"/></testsuite>']
    assert read(*pieces)[1] is None
    pieces = [b'<testsuite><testcase name="', *[b"x" * 1024] * (size + 100)]
    assert read(*pieces) == ([], f"line 1: one tag is longer than {MAX_TOKEN_BYTES} bytes")


def test_long_output_takes_bounded_memory() -> None:
    """4 MiB of output of a suite, a failure and a case pass through less than 1 MiB."""
    piece = b"some output &amp; more\n" * 2979  # about 64 KiB
    head = b'<testsuite><system-out>%s</system-out><testcase name="a"><failure>%s</failure><system-out>%s</system-out>'

    def stream() -> Iterator[bytes]:
        for part in head.split(b"%s")[:-1]:
            yield part
            for _ in range(64):
                yield piece
        yield b"</system-out></testcase></testsuite>"

    parser = JUnitParser()
    tracemalloc.start()
    try:
        for data in stream():
            for _ in parser.feed(data):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024


def test_the_tries_of_one_case_are_bounded() -> None:
    case = only(f'<testcase name="a">{"<flakyFailure/>" * (MAX_PARTS * 3)}</testcase>')
    assert len(case.tries) == MAX_PARTS + 1
    assert case.flaky


@pytest.mark.parametrize("part", ["flakyFailure", "rerunFailure", "skipped", "error"])
def test_the_worst_result_counts_however_many_come_before_it(part: str) -> None:
    """The bound must not hide a failure."""
    case = only(f'<testcase name="a">{f"<{part}/>" * (MAX_PARTS + 1)}<failure message="no"/></testcase>')
    assert case.status is Status.FAILED


def test_attachments_are_bounded() -> None:
    lines = "".join(f"[[ATTACHMENT|{at}.png]]\n" for at in range(MAX_ATTACHMENTS * 2))
    found, _ = read(f"<testsuite><testcase><system-out>{lines}</system-out></testcase></testsuite>".encode())
    assert len(found[0].attachments) == MAX_ATTACHMENTS
