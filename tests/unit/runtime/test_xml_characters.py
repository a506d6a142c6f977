"""Characters that XML forbids, in any encoding and however the file is cut into pieces."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.xml_characters import XmlCharacters

MARKUP = ["<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "&#27;", "&#x1B;", "&#0;", "&#65;", "&#xFFFF;", "]", "-", "&"]


def whole(*pieces: bytes) -> bytes:
    characters = XmlCharacters()
    return b"".join([*map(characters.feed, pieces), characters.feed(b"", last=True)])


def read(data: bytes) -> str:
    return whole(data).decode()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"<a>\x1b[31mred\x00\x08\x0b\x0c\x0e\x1f</a>", "<a>\ufffd[31mred\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd</a>"),
        (b"<a>\t\r\n\x7f</a>", "<a>\t\r\n\x7f</a>"),
        ("<a>K\x00äse ☂ 😀\x1b</a>".encode(), "<a>K\ufffdäse ☂ 😀\ufffd</a>"),
        ("<a>\ufffe\uffff\ufffd</a>".encode(), "<a>\ufffd\ufffd\ufffd</a>"),
        (b"<a>\xff\xc3(\xed\xa0\x80\xf0\x9f</a>", "<a>\ufffd\ufffd(\ufffd\ufffd\ufffd\ufffd</a>"),
        (b"<a>\xc3\x1b\xc3\xa4</a>", "<a>\ufffd\ufffdä</a>"),
        (b"<a>\xc3", "<a>\ufffd"),
    ],
)
def test_a_forbidden_character_becomes_the_replacement_character(data: bytes, text: str) -> None:
    """Control characters, noncharacters and bytes that are no UTF-8; everything else stays."""
    assert read(data) == text


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("&#27;", "\ufffd"),
        ("&#0;", "\ufffd"),
        ("&#x1b;&#x1B;", "\ufffd\ufffd"),
        ("&#00027;", "\ufffd"),
        ("&#xD800;&#xFFFE;&#x110000;&#99999999999;", "\ufffd\ufffd\ufffd\ufffd"),
        ("&#9;&#10;&#13;&#65;&#x1F600;&#x10FFFF;", "&#9;&#10;&#13;&#65;&#x1F600;&#x10FFFF;"),
        ("&amp;#27;", "&amp;#27;"),
        ("<![CDATA[&#27;]]>&#27;", "<![CDATA[&#27;]]>\ufffd"),
        ("<![CDATA[]]&#27;]]]>&#27;", "<![CDATA[]]&#27;]]]>\ufffd"),
        ("<!--<![CDATA[-->&#27;", "<!--<![CDATA[-->\ufffd"),
        ("<?x <![CDATA[?>&#27;", "<?x <![CDATA[?>\ufffd"),
        ('<b c="<!]]>-->&#27;"/>', '<b c="<!]]>-->\ufffd"/>'),
        ("&#;&#x;&#2", "&#;&#x;&#2"),
    ],
)
def test_a_reference_to_what_xml_forbids_is_replaced_where_it_is_one(reference: str, text: str) -> None:
    """Within CDATA, a comment or an instruction the same letters are plain text."""
    assert read(f"<a>{reference}</a>".encode()) == f"<a>{text}</a>"


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp1252", "shift_jis", "gb18030"]
)
def test_an_encoding_is_read_before_characters_are_replaced(encoding: str) -> None:
    """A zero byte of UTF-16 is half of a letter, and no NUL."""
    declared = "" if encoding.startswith("utf-16") else f'<?xml version="1.0" encoding="{encoding}"?>'
    text = f"{declared}<a b='&#27;'>\x1b plain \x00</a>"
    assert read(text.encode(encoding)) == f"{declared}<a b='\ufffd'>\ufffd plain \ufffd</a>"


@pytest.mark.parametrize("declared", ["utf-8", "UTF-16", "us-ascii"])
def test_a_declaration_that_the_bytes_contradict_is_taken_for_utf_8(declared: str) -> None:
    """.NET writes UTF-16 into the declaration of a text that is then stored as UTF-8."""
    text = f'<?xml version="1.0" encoding="{declared}"?><a>Käse</a>'
    assert read(text.encode()) == text


def test_a_byte_order_mark_outweighs_the_declaration() -> None:
    """PowerShell's redirection writes a text as UTF-16 that declares UTF-8."""
    text = '<?xml version="1.0" encoding="utf-8"?><a>Käse</a>'
    assert read(text.encode("utf-16")) == text


@pytest.mark.parametrize("name", ["nope", "rot13", "zlib", "utf-7", "unicode_escape", "cp037", "punycode", "idna"])
def test_an_encoding_that_can_hold_no_report_is_refused(name: str) -> None:
    """Unknown, no encoding of text, or one in which the declaration itself would read otherwise."""
    with pytest.raises(LookupError):
        read(f'<?xml version="1.0" encoding="{name}"?><a/>'.encode())


def test_a_complete_element_is_returned_at_once() -> None:
    """A case is returned with the piece that ends it."""
    characters = XmlCharacters()
    assert characters.feed(b"<testsuite><testcase/>") == b"<testsuite><testcase/>"
    assert characters.feed(b"<") == b""
    assert characters.feed(b"testcase/>") == b"<testcase/>"
    assert characters.feed(b"&#2") == b""
    assert characters.feed(b"7;") == "\ufffd".encode()


@given(
    st.lists(st.sampled_from([*MARKUP, "\x1b", "ä", "😀", "x" * 70]) | st.text(max_size=3), max_size=20),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    st.lists(st.floats(0, 1), max_size=8),
)
@example(["<!--", "->", "&#27;"], "utf-8", [0.5])
def test_any_split_gives_the_same_bytes(parts: list[str], encoding: str, cuts: list[float]) -> None:
    """A piece may end within a character, a reference or the end of a section."""
    data = f"<a>{''.join(parts)}</a>".encode(encoding, errors="replace")
    places = sorted({0, len(data), *(int(cut * len(data)) for cut in cuts)})
    expected = whole(data)
    assert whole(*(data[a:b] for a, b in pairwise(places))) == expected
    assert whole(*(data[at : at + 1] for at in range(len(data)))) == expected


@given(st.binary())
def test_any_bytes_become_utf_8_of_allowed_characters(data: bytes) -> None:
    """The result never holds a character that XML forbids."""
    text = whole(b"<a>", data).decode()
    assert not any(char in text for char in [*map(chr, {*range(32)} - {9, 10, 13}), "\ufffe", "\uffff"])
