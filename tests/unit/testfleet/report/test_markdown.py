"""A run as Markdown for one comment."""

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from testfleet.report import markdown
from testfleet.report.markdown import MAX_CHARACTERS

HOSTILE = (
    "</details><script>alert(1)</script>",
    "`` ` ``` @everyone #1 ![x](http://e.vil) [y](javascript:alert(1))",
    "| a | b |\n|---|---|\n/close\n# big",
    "<!-- testfleet -->\x1b[31m\u202egnp.exe\u0000",
    "www.e.vil https://e.vil GH-1 user@e.vil :tada: ~~x~~",
    "\\`\\`@a",
)


def rendered(text: str) -> str:
    """Return the HTML of the text as GitHub's dialect has it, with raw HTML and links of bare addresses."""
    html: str = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    return html


def outside_of_code(html: str) -> str:
    return re.sub(r"<(code)[ >].*?</\1>", "", html, flags=re.DOTALL)


def test_the_first_line_is_the_sentence_that_matters(make: Any) -> None:
    first = markdown.render(make.whole()).splitlines()[0]
    assert outside_of_code(rendered(first)).strip() == (
        "<h3>❌ : 2 new failures (1 cause), 1 known flaky, 1 broken since 3f2a91c by Ann, 1 quarantined, "
        "1 passed on retry</h3>"
    )


def test_new_failures_come_first_with_their_cause_message_and_last_pass(make: Any) -> None:
    """A developer sees in ten seconds what is theirs."""
    text = markdown.render(make.whole())
    new, broken, flaky = (text.index(f"#### {title}") for title in ("New failures: 2 (1 cause)", "Broken", "Known"))
    assert new < broken < flaky
    own = text[new:broken]
    assert "**`AssertionError: expected 200`**" in own
    assert "- `pays` · `pay.spec.ts:12` · passed at `8c1d2e3`" in own
    assert "- `pays twice`" in own
    assert "```text\nexpected 200\nreceived 500\n```" in own
    assert "trace: `s3://qa/r-42/1/1/trace.zip`" in own


def test_other_failures_are_set_apart(make: Any) -> None:
    text = markdown.render(make.whole())
    assert "#### Broken before this run: 1\n\n- `finds` · broken since 3f2a91c by Ann\\, 4 runs" in text
    assert "#### Known flaky: 1\n\n- `signs in`" in text
    assert "#### Quarantined: 1\n\n- `prints`" in text
    assert "#### Passed on retry: 1\n\n- `adds` · `add.spec.ts` · 2 tries" in text


def test_the_links_lead_to_the_run_and_to_the_pipeline(make: Any) -> None:
    text = markdown.render(make.whole())
    assert "[run r\\-42](<https://fleet.example.com/runs/r-42>)" in text
    assert "[CI](<https://ci.example.com/1>)" in text
    assert "`9f2c1ab77aa` · on `feature/x` · 8 cases in 2 shards · 3 m 05 s" in text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://e.vil/>) @a", "http:///x", "http://[", None, ""])
def test_an_address_that_is_no_web_address_is_no_link(url: str | None) -> None:
    assert markdown.link("CI", url) == "`CI`"


def test_a_passed_run_is_one_line(make: Any) -> None:
    text = markdown.render(make.report(make.case("a", "passed"), make.case("b", "skipped"), status="passed"))
    assert text.startswith("### ✅ `checkout`: 1 case passed\\, 1 skipped\n")
    assert "####" not in text


def test_an_errored_run_shows_its_shards(make: Any) -> None:
    shards = (make.shard(status="errored", detail="no report\nmore"), make.shard(shard=2))
    text = markdown.render(make.report(status="errored", detail="shard 1: no report", shards=shards))
    assert text.startswith("### 💥 `checkout`: errored\\:\u200b shard 1\\:\u200b no report\n")
    assert "- shard 1 errored: `no report`" in text


def test_a_run_without_a_verdict_shows_its_failures_so_far(make: Any) -> None:
    case = make.case(message="boom", fingerprint="f")
    text = markdown.render(make.report(case, status="running", finished_at=None))
    assert text.startswith("### ⏳ `checkout`: running\\, 1 failure\n")
    assert "#### Failures: 1\n\n**`boom`**" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(make: Any, text: str) -> None:
    """No field adds an element, a mention or a link, wherever it appears."""
    bad = make.bad(text, "new", message=text, error_type=text, location=text, last_pass_commit=text)
    old = make.bad(text + "2", "broken", first_fail_commit=text, first_fail_author=text, message=text)
    report = make.report(bad, old, suite=text, branch=text, commit=text, run_id="r-1", detail=text,
                         shards=(make.shard(status="errored", detail=text),))  # fmt: skip
    html = outside_of_code(rendered(markdown.render(report)))
    allowed = {"h3", "h4", "p", "ul", "li", "strong", "pre", "details", "summary"}
    assert {tag.lower() for tag in re.findall(r"</?([a-zA-Z0-9]+)", html)} <= allowed
    assert not re.search(r"@[\w]|#\d|https?://|www\.\w|\bGH-\d|\u202e|\x1b", html)


@given(st.text(alphabet="`\\@#<>[]()!*_~|: \n\x1b\u202eaw./-&", max_size=60))
def test_escaped_text_has_no_markup(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"a {markdown.escaped(text)} b")
    assert re.fullmatch(r"<p>a [^<>]*b</p>\n", html)


@given(st.text(alphabet="` \\a\n<", max_size=30))
def test_code_is_always_one_element(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"x {markdown.code(text)} y")
    assert re.fullmatch(r"<p>x (?:<code>[^<>]*</code>|-) y</p>\n", html)


@given(st.text(alphabet="`~ \na", max_size=30))
def test_a_fence_is_longer_than_its_text(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown.fenced(text) + "\n\nafter")
    assert html.endswith("</code></pre>\n<p>after</p>\n")


@pytest.mark.parametrize("limit", [2_000, 10_240, MAX_CHARACTERS])
def test_a_large_run_fits_and_states_that_more_is_left_out(make: Any, limit: int) -> None:
    """A thousand failures of long messages stay below the forge's limit, with whole blocks."""
    chance = random.Random(1)
    cases = [
        make.bad(f"case {number} " + "n" * 3000, chance.choice(["new", "broken", "flaky"]), message="m\n" * 9000,
                 location="l" * 5000, cause_id=number, first_fail_author="a" * 9000, last_pass_commit="c" * 900)
        for number in range(1000)
    ]  # fmt: skip
    text = markdown.render(make.report(*cases, branch="b" * 9000, detail="d" * 9000), limit=limit)
    assert len(text) <= limit
    assert text.count("<details>") == text.count("</details>")
    assert ("… and more: `testfleet report r-42 --format html`" in text) == (limit < MAX_CHARACTERS)
