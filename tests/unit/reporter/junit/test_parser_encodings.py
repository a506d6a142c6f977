"""The encodings and forbidden characters of a report."""

import pytest

from reporter.junit.case import Status
from tests.support.junit import only, read


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", "<?xml version='1.0' encoding='UTF-8'?>"),
        ("utf-16", "<?xml version='1.0' encoding='UTF-16'?>"),
        ("utf-16", ""),
        ("iso-8859-1", "<?xml version='1.0' encoding='ISO-8859-1'?>"),
        ("cp1252", "<?xml version='1.0' encoding='windows-1252'?>"),
        ("us-ascii", "<?xml version='1.0' encoding='US-ASCII'?>"),
    ],
)
def test_an_encoding_is_read_as_it_is_declared(encoding: str, declared: str) -> None:
    """By a byte order mark or by the declaration."""
    name = "plain" if encoding == "us-ascii" else "Käse"
    found, broken = read(f'{declared}<testsuite><testcase name="{name}"/></testsuite>'.encode(encoding))
    assert ([one.case.name for one in found], broken) == ([name], None)


def test_half_a_character_of_utf_16_becomes_the_replacement_character() -> None:
    """No name contains a lone surrogate, and no case is lost."""
    data = '<testsuite><testcase name="a'.encode("utf-16") + b"\x00\xd8" + '"/></testsuite>'.encode("utf-16-le")
    found, broken = read(data)
    assert ([one.case.name for one in found], broken) == (["a\ufffd"], None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "iso-8859-1", "cp1252", "us-ascii"])
@pytest.mark.parametrize("bad", ["\x1b", "\x00", "\x08", "&#27;", "&#0;", "&#x1B;"])
def test_a_character_that_xml_forbids_costs_no_case(encoding: str, bad: str) -> None:
    """Tools copy terminal colours into reports. All cases count."""
    declared = "" if encoding.startswith("utf") else f"<?xml version='1.0' encoding='{encoding}'?>"
    text = f"""{declared}<testsuite><testcase name="a{bad}b"><failure message="{bad}[31mred">x{bad}y</failure>
    <system-out><![CDATA[{bad} out]]></system-out></testcase>{bad}<testcase name="c"/></testsuite>"""
    found, broken = read(text.encode(encoding))
    assert broken is None
    assert [(one.case.name, one.case.status) for one in found] == [
        ("a\ufffdb", Status.FAILED), ("c", Status.PASSED)
    ]  # fmt: skip
    assert found[0].case.error == "red\nx\ufffdy"


def test_bytes_that_are_no_utf_8_cost_no_case() -> None:
    """A test may print in another encoding than that of the report."""
    found, broken = read(b'<testsuite><testcase name="a"><failure>K\xe4se</failure></testcase><testcase/></testsuite>')
    assert ([one.case.error for one in found], broken) == (["K\ufffdse", None], None)


def test_a_reference_within_cdata_is_plain_text() -> None:
    """Surefire writes the escape character of a printed line in this way."""
    case = only('<testcase name="a"><failure><![CDATA[&#27; red]]></failure></testcase>')
    assert case.error == "&#27; red"
