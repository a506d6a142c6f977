"""A run as one HTML page."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from testfleet.report import html
from testfleet.report.html import MAX_MESSAGE
from testfleet.report.run_report import RunReport
from tests.support.run_report import Make

VOID = {"meta"}
LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "style", "srcdoc"}


class Page(HTMLParser):
    """Collects elements, attributes and text, and checks that each element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> set[str]:
        return {value for _, name, value in self.attributes if name == "href"}


def page(report: RunReport) -> Page:
    return Page(html.render(report))


def test_the_page_begins_with_the_sentence_and_shows_every_case(make: Make) -> None:
    report = make.whole()
    found = page(report)
    assert f"checkout: {report.sentence}" in " ".join(found.text.split())
    for case in report.cases:
        assert case.name in found.text
    for title in ("New failures", "Broken before this run", "Known flaky", "Quarantined", "Passed on retry"):
        assert title in found.text
    assert "broken since 3f2a91c by Ann, 4 runs" in found.text
    assert found.links == {"https://fleet.example.com/runs/r-42", "https://ci.example.com/1"}


def test_the_page_has_no_script_and_makes_no_request(make: Make) -> None:
    text = html.render(make.whole())
    found = Page(text)
    assert "script" not in found.tags
    assert not found.tags & {"link", "img", "iframe", "object", "embed", "base", "form", "svg", "video"}
    loading = {(tag, name, value) for tag, name, value in found.attributes if name in LOADING or name.startswith("on")}
    assert loading <= {("h2", "style", "display:inline")}
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_the_page_follows_the_dark_mode_of_the_reader(make: Make) -> None:
    assert "@media (prefers-color-scheme: dark)" in html.render(make.whole())


@pytest.mark.parametrize(
    "text",
    [
        "</pre></details><script>alert(1)</script>",
        "\" onload='x' <img src=x>",
        "{{ 1234567*9 }}{% raw %}",
        "\x00\x1b[1m\u202e",
    ],
)
def test_hostile_text_stays_text(make: Make, text: str) -> None:
    names = ("message", "error_type", "location", "first_fail_author", "first_fail_commit")
    fields = dict.fromkeys(names, text) | {"error": text + "2", "files": (make.file(s3_uri=text),)}
    cases = make.bad(text, "broken", **fields), make.case(text + "3", "passed", file=text)
    columns = ("suite", "branch", "commit", "detail", "author", "environment", "ci_url", "link")
    report = make.report(*cases, **dict.fromkeys(columns, text), shards=(make.shard(worker=text, detail=text),))
    ordinary = page(make.report(make.bad("a", "broken", message="b", error="c", location="l", files=(make.file(),)),
                                make.case("b", "passed")))  # fmt: skip
    source = html.render(report)
    found = Page(source)
    assert found.tags <= ordinary.tags | {"code", "pre"}
    assert {name for _, name, _ in found.attributes} <= {name for _, name, _ in ordinary.attributes}
    assert found.links == set()
    assert "11111103" not in found.text
    assert "\x1b" not in source


def test_a_long_message_is_cut(make: Make) -> None:
    text = html.render(make.report(make.case(message="m" * 5 * MAX_MESSAGE)))
    assert "m" * MAX_MESSAGE in text
    assert "m" * (MAX_MESSAGE + 1) not in text


def test_a_run_without_a_suite_or_a_time_is_a_page(make: Make) -> None:
    report = make.report(
        status="errored", suite=None, shards=(), started_at=None, finished_at=None, detail="no such suite"
    )
    assert "errored: no such suite" in page(replace(report, shards=())).text
