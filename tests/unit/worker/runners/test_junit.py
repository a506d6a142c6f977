"""The JUnit that our runners write: valid after every case, for any text."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.runners.inside.testfleet_suite.junit import JUnitWriter, element

UNWRITABLE = [*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
everything = st.text(st.characters(exclude_categories=[])).map(lambda text: text.replace("\r", ""))


@given(name=everything, text=everything, value=everything)
def test_any_text_is_read_back_except_characters_that_xml_forbids(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str, value: str
) -> None:
    """Control characters and lone surrogates become U+FFFD; nothing else is lost."""
    readable = str.maketrans(dict.fromkeys(UNWRITABLE, "\ufffd"))
    file = tmp_path_factory.mktemp("junit") / "junit.xml"
    with JUnitWriter(file, name, {"key": value}) as junit:
        junit.case({"name": name, "file": None}, element("failure", {"message": value}, text=text))
    (suite,) = ET.parse(file).getroot()
    assert suite.get("name") == name.translate(readable)
    assert [entry.get("value") for entry in suite.iter("property")] == [value.translate(readable)]
    (case,) = suite.iter("testcase")
    assert dict(case.attrib) == {"name": name.translate(readable)}
    assert (case[0].text or "", case[0].get("message")) == (text.translate(readable), value.translate(readable))


def test_each_case_is_in_the_file_at_once(tmp_path: Path) -> None:
    """A reader follows while the suite runs; only the end is missing."""
    file = tmp_path / "new" / "junit.xml"
    with JUnitWriter(file, "s") as junit:
        junit.case({"name": "a"})
        so_far = file.read_text()
        assert so_far.endswith('<testcase name="a" />\n')
        assert "</testsuite>" not in so_far
    assert [case.get("name") for case in ET.parse(file).iter("testcase")] == ["a"]
