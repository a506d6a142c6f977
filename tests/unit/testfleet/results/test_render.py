"""Runs as lines and tables of text."""

import json
from typing import Any

import pytest

from testfleet.output.blocks import Line, clean
from testfleet.output.json_text import as_json
from testfleet.results import meaning, render
from testfleet.results.meaning import Failure
from testfleet.results.render import MAX_CASES
from testfleet.results.runs import RunDetail


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def test_the_first_line_of_a_verdict_has_status_and_counts(make: Any) -> None:
    """One line carries run, suite, verdict, time, shards, counts, flakiness and p95."""
    run = make.run(status="failed", shards_done=2, total=41, passed=38, failed=1, skipped=2, flaky=1, p95_ms=2140)
    assert render.summary(run).text == (
        "r1 shop: failed in 3 m 05 s · 2 of 2 shards · 41 cases: 38 passed, 1 failed, 2 skipped · 1 flaky · p95 2.1 s"
    )


def test_a_run_of_a_rejected_message_shows_the_reason(make: Any) -> None:
    """Its suite and shards may be unknown."""
    run = make.run(status="errored", suite=None, shards=None, started_at=None, detail="suite: no such suite\nmore")
    assert render.summary(run).text == "r1 -: errored · 0 of ? shards · 0 cases · suite: no such suite"


def test_a_failure_shows_its_first_line_file_and_trace(make: Any) -> None:
    """A developer finds the cause without opening the report."""
    case = make.case(error="\n  Error: expected 200\n    at line 3", file="cart.spec.ts", duration_ms=1500)
    traces = [make.artifact(), make.artifact(s3_uri="s3://b/other.zip", case_name="another")]
    lines = render.verdict(RunDetail(make.run(status="failed", failed=1), (), (case,), tuple(traces)))
    assert texts(lines)[1:] == [
        "FAILED cart > pays (1.5 s)",
        "Error: expected 200",
        "cart.spec.ts",
        "s3://b/r1/1/1/trace.zip",
    ]
    assert [line.indent for line in lines] == [0, 0, 1, 1, 1]


def test_a_failure_shows_its_message_and_location(make: Any) -> None:
    """The message has the expected and the received value; the full text remains in the report."""
    message = 'expect(locator).toHaveText(expected) failed\n\nExpected: "1"\nReceived: "2"'
    case = make.case(message=message, error="self = <x>", location="cart.spec.ts:42", file="cart.spec.ts")
    lines = render.verdict(RunDetail(make.run(status="failed"), (), (case,), ()))
    assert texts(lines)[1:] == [
        "FAILED cart > pays (-)",
        "expect(locator).toHaveText(expected) failed",
        'Expected: "1"',
        'Received: "2"',
        "cart.spec.ts:42",
    ]


def test_failures_of_one_cause_are_printed_once(make: Any) -> None:
    """A service that is down fails every case with one message."""
    down = [
        make.case(name=f"t{n:02}", fingerprint="f", message="URLError: refused", location=f"t.py:{n}")
        for n in range(13)
    ]
    other = make.case(name="z", fingerprint="g", message="no session", error_type="builtins.TypeError")
    lines = render.verdict(RunDetail(make.run(status="failed"), (), (other, *down), ()))
    shown = texts(lines)
    assert shown[1:6] == [
        "14 failures, 2 causes",
        "FAILED 13 cases, first t00 (-)",
        "URLError: refused",
        "t.py:0",
        "same cause:",
    ]
    assert shown[6:16] == [f"t{n:02} (t.py:{n})" for n in range(1, 11)]
    assert shown[16:] == ["… and 2 more", "FAILED z (-)", "TypeError: no session"]


def test_a_message_is_bounded_in_lines_and_width(make: Any) -> None:
    """A diff of a whole page belongs in the trace."""
    case = make.case(message="\n".join(["x" * 1000] * 100))
    shown = texts(render.verdict(RunDetail(make.run(status="failed"), (), (case,), ())))[2:]
    assert len(shown) == render.MAX_MESSAGE_LINES
    assert all(len(line) == render.MAX_LINE + 1 for line in shown)


def test_flaky_cases_come_after_failures_with_their_tries(make: Any) -> None:
    """A flaky pass is not a pass like any other."""
    flaky = make.case(name="a", status="passed", flaky=True, tries=3, error="timeout")
    lines = render.verdict(RunDetail(make.run(status="failed"), (), (flaky, make.case(name="b")), ()))
    assert [text for text in texts(lines) if text.startswith(("FAILED", "FLAKY"))] == [
        "FAILED b (-)",
        "FLAKY a (- · 3 tries)",
    ]


def known(*failures: Failure) -> dict[str, Any]:
    return {"failures": failures, "meaning": meaning.of(failures)}


def test_a_verdict_ends_with_the_sentence_that_compares_it_with_earlier_runs(make: Any) -> None:
    """It is the last line, so that it is the one on the screen."""
    failures = known(
        Failure("a", "flaky"), Failure("b", "broken", "r0", "3f2a91c0d4e5", runs_since=4), Failure("c", "new")
    )
    cases = tuple(make.case(name=name, fingerprint=name) for name in "abc")
    lines = render.verdict(RunDetail(make.run(status="failed", failed=3), (), cases, (), **failures))
    assert texts(lines)[1:] == [
        "FAILED c (- · new failure)",
        "FAILED a (- · known flaky)",
        "FAILED b (- · broken since 3f2a91c, 4 runs)",
        "1 new failure, 1 known flaky, 1 broken since 3f2a91c",
    ]
    assert lines[-1].tone == "bad"


def test_a_group_of_failures_shows_each_kind_once(make: Any) -> None:
    failures = known(Failure("a", "flaky"), Failure("b", "new"), Failure("c", "new"))
    cases = tuple(make.case(name=name, fingerprint="f") for name in "abc")
    lines = render.verdict(RunDetail(make.run(status="failed"), (), cases, (), **failures))
    assert texts(lines)[2] == "FAILED 3 cases, first a (- · known flaky · new failure)"


def test_only_known_failures_are_no_reason_to_worry(make: Any) -> None:
    """A passed run may have quarantined failures."""
    failures = known(Failure("a", "flaky"), Failure("b", "quarantined"))
    lines = render.verdict(RunDetail(make.run(status="passed"), (), (), (), **failures))
    assert lines[-1] == Line("1 known flaky, 1 quarantined", "odd")


@pytest.mark.parametrize("compared", [{}, {"failures": (), "meaning": meaning.of(())}], ids=["unknown", "no failure"])
def test_a_run_without_known_failures_has_no_sentence(make: Any, compared: dict[str, Any]) -> None:
    """An older database has no summaries."""
    assert len(render.verdict(RunDetail(make.run(status="passed"), (), (), (), **compared))) == 1


def test_shards_without_a_verdict_are_explained(make: Any) -> None:
    """An errored run may have no failing case."""
    shards = (
        make.shard(shard=1, status="errored", detail="no JUnit at all", outcome="finished", exit_code=3),
        make.shard(shard=2, status="errored", outcome="timed_out"),
        make.shard(shard=3, status="passed"),
    )
    lines = render.verdict(RunDetail(make.run(status="errored"), shards, (), ()))
    assert texts(lines)[1:] == ["shard 1: errored (no JUnit at all, exit 3)", "shard 2: errored (timed_out)"]


def test_a_long_list_of_failures_ends_with_the_command_that_shows_the_rest(make: Any) -> None:
    """A broken deployment fails thousands of cases."""
    cases = tuple(make.case(name=f"c{number}") for number in range(MAX_CASES + 5))
    shown = texts(render.verdict(RunDetail(make.run(status="failed"), (), cases, ())))
    assert shown[-1] == "… and 5 more: testfleet show r1 --json"
    assert sum(text.startswith("FAILED") for text in shown) == MAX_CASES


def test_a_case_shows_the_most_useful_artifacts_of_its_own_attempt(make: Any) -> None:
    """A trace shows more than a screenshot, and an earlier attempt's trace shows another failure."""
    shot = make.artifact(kind="screenshot", s3_uri="s3://b/shot.png", attempt=2)
    old = make.artifact(attempt=1)
    assert render.evidence(make.case(attempt=2), [old, shot]) == ("s3://b/shot.png",)
    assert render.evidence(make.case(attempt=1), [old, shot]) == ("s3://b/r1/1/1/trace.zip",)
    assert render.evidence(make.case(attempt=3), [old, shot]) == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mError\x1b[39m: no", "Error: no"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;http://evil\x1b\\link", "link"),
        ("a\rb\bc\x07", "abc"),
        ("a\u202eb\u2066c", "abc"),
        ("\x9b31mred", "31mred"),
        ("tab\tand ünïcode ✓", "tab\tand ünïcode ✓"),
    ],
)
def test_control_sequences_are_removed(text: str, shown: str) -> None:
    """An error text comes from the system under test."""
    assert clean(text) == shown


def test_an_unfinished_run_names_its_missing_shards(make: Any) -> None:
    """A gate that timed out prints the shard and its worker."""
    shards = (make.shard(shard=1), make.shard(shard=2, status="interrupted", attempt=3, worker="pod-b"))
    assert render.missing(RunDetail(make.run(shards=4), shards, (), ())) == [
        "shard 2 is interrupted (attempt 3 on pod-b)",
        "never claimed: shard 3, 4",
    ]
    assert "no such run" in render.missing(None)[0]


def test_the_keys_of_json_are_names_of_columns(make: Any) -> None:
    """Tables and JSON share one documentation."""
    detail = RunDetail(make.run(status="passed"), (make.shard(),), (make.case(),), (make.artifact(),))
    read = json.loads(as_json(detail))
    assert read["run"]["run_id"] == "r1"
    assert read["run"]["started_at"] == "2026-01-31T09:30:00+00:00"
    assert set(read) == {"run", "shards", "cases", "artifacts", "failures", "meaning", "cost"}
    assert read["cases"][0]["name"] == "cart > pays"
    assert json.loads(as_json(None)) is None


def test_each_row_of_a_table_has_every_column(make: Any) -> None:
    """Readers of tab-separated output rely on it."""
    for table in (
        render.runs([make.run(), make.run(status="passed", branch="b", commit="0123456789abcdef")]),
        render.shards([make.shard(exit_code=0), make.shard(outcome="finished")]),
        render.artifacts([make.artifact()]),
    ):
        assert {len(row) for row in table.rows} == {len(table.header)}
        assert len(table.tones) == len(table.rows)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("passed", "quarantine covers 1 failure: the run would have failed without it"),
        ("failed", "quarantine covers 1 failure: the verdict is the same"),
    ],
)
def test_a_run_shows_what_quarantine_changed(make: Any, status: str, line: str) -> None:
    """A green run with failed cases explains itself."""
    failures = known(Failure("a", "quarantined", quarantined=True))
    assert Line(line, "odd") in render.verdict(RunDetail(make.run(status=status), (), (), (), **failures))
