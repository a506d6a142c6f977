"""Answers about cases as tables of text."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from testfleet.output.blocks import Table
from testfleet.results.causes import RunCause, RunCauses
from testfleet.results.compare import CHANGES, CaseChange, Comparison
from testfleet.results.history import CaseHistory, Execution
from testfleet.results.regressions import Drop, Regression, Regressions
from testfleet.results.states import CaseState
from testfleet.results.tables import causes, compare, history, regressions, states

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
COMMIT = "3f2a91c0d4e5f60718293a4b5c6d7e8f90a1b2c3"
HOSTILE = "\x1b[31ma\nb\tc\x07" + "x" * 10_000

STATE = CaseState(
    suite="shop",
    branch="main",
    name="cart > pays",
    file="cart.py",
    state="flaky",
    reasons=(),
    posterior=0.31,
    flips=6,
    retried_runs=3,
    executions=812,
    failures=9,
    streak=0,
    runs_blocked=4,
    minutes_lost=12.5,
    last_flaky_at=START,
    p50_ms=120.0,
    p95_ms=900.0,
    last_run_id="r9",
    last_seen_at=START,
    last_pass_run_id="r9",
    last_pass_commit=COMMIT,
    last_pass_at=START,
    first_fail_run_id=None,
    first_fail_commit=None,
    first_fail_at=None,
    first_fail_author=None,
    owner=None,
    cause_id=None,
    outcomes="p" * 30 + "rpfeo",
)
BROKEN = replace(
    STATE, state="broken", streak=3, first_fail_run_id="r7", first_fail_commit=COMMIT, first_fail_author="Ada"
)
EXECUTION = Execution(
    "r9", START, "main", COMMIT, "Ada", "failed", "failed", flaky=False, tries=1, duration_ms=1500.0, kind="new",
    message="got 500", location="cart.py:3",
)  # fmt: skip
REGRESSION = Regression(
    suite="shop",
    branch="main",
    run_id="r9",
    name="cart > pays",
    kind="broken",
    first_fail_run_id="r7",
    first_fail_commit=COMMIT,
    first_fail_author="Ada",
    first_fail_at=START,
    runs_since=2,
    last_pass_run_id="r6",
    last_pass_commit="b" * 40,
    message="got 500\nand more",
    location=None,
    cause_id=None,
)
DROP = Drop("shop", "main", "cart > pays", START, "r5", 0.00321, 0.99, 0.8, 20, 4, 200, 2, "flaky")


def rows(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (replace(STATE, reasons=("retry",)), ("passed on retry in 3 of 35 runs",)),
        (replace(STATE, reasons=("mixed_commit",)), ("passed and failed on one commit",)),
        (replace(STATE, reasons=("flips",)), ("6 flips over 20 runs",)),
        (replace(STATE, reasons=("flips",), flips=3), ("4 flips or more in the last 7 days, 3 now",)),
        (replace(STATE, reasons=("posterior",)), ("posterior 0.31 > 0.10 over ten runs",)),
        (
            replace(STATE, reasons=("posterior",), posterior=0.0909),
            ("posterior above 0.10 in the last 7 days, 0.09 now",),
        ),
        (replace(STATE, reasons=("retry", "flips")), ("passed on retry in 3 of 35 runs", "6 flips over 20 runs")),
        (BROKEN, ("failed 3 times in a row since 3f2a91c by Ada",)),
        (replace(BROKEN, streak=1), ("failed once since 3f2a91c by Ada",)),
        (replace(STATE, state="healthy"), ()),
    ],
)
def test_each_state_names_the_detectors_and_their_numbers(state: CaseState, why: tuple[str, ...]) -> None:
    """A reader can check the number against its limit."""
    assert states.why(state) == why


def test_a_flaky_case_shows_its_cost_and_its_last_executions() -> None:
    (row,) = rows(states.table([replace(STATE, reasons=("retry",))]))
    assert row == {
        "CASE": "cart > pays",
        "SUITE": "shop",
        "BLOCKED": "4",
        "LOST": "12 m 30 s",
        "FAILED": "9/812",
        "LAST": "...............R.FEO",
        "OWNER": "-",
        "WHY": "passed on retry in 3 of 35 runs",
    }


@pytest.mark.parametrize(
    ("fields", "suspects"),
    [
        ({}, "bbbbbbb..3f2a91c"),
        ({"last_pass_commit": None}, "3f2a91c"),
        ({"last_pass_commit": COMMIT}, "3f2a91c"),
        ({"first_fail_commit": None}, "-"),
    ],
)
def test_the_suspects_are_a_range_of_commits_as_git_writes_it(fields: dict[str, Any], suspects: str) -> None:
    assert regressions.suspects(replace(REGRESSION, **fields)) == suspects


def test_a_drop_shows_what_the_test_compared() -> None:
    assert regressions.evidence(DROP) == (
        "4 of 20 failed in 7 days, 2 of 200 in the 30 days before; Fisher p = 0.0032 < 0.05"
    )


def test_other_failures_are_set_apart() -> None:
    """A reader must not miss that the run has them."""
    found = Regressions("r9", (), {"flaky": 2, "new_case": 1, "outage": 40}, ())
    assert [line.text for line in regressions.lines(found)] == [
        "no regression in r9",
        "other failures: 2 known flaky, 1 new case, 40 in an outage",
    ]
    assert regressions.lines(Regressions("r9", (REGRESSION,), {}, ())) == []


def test_a_history_begins_with_the_state_and_its_evidence() -> None:
    found = CaseHistory("shop", "main", "cart > pays", BROKEN, (EXECUTION,))
    heading, state = (line.text for line in history.lines(found))
    assert heading == "shop: cart > pays"
    assert state.split(" · ") == [
        "broken on main",
        "failed 3 times in a row since 3f2a91c by Ada",
        "9 of 812 executions failed",
        "p50 120 ms, p95 900 ms",
    ]
    passed = replace(EXECUTION, status="passed", kind=None, message=None)
    retried = replace(passed, flaky=True, tries=2)
    shown = [(row["STATUS"], row["MEANING"], row["WHY"]) for row in rows(history.table([EXECUTION, passed, retried]))]
    assert shown == [("failed", "new", "got 500"), ("passed", "-", "-"), ("flaky", "-", "-")]


def test_a_comparison_counts_each_change(make: Any) -> None:
    change = CaseChange("broke", "cart > pays", None, "passed", "failed", 100.0, 2400.0, "got 500", None)
    counts = dict.fromkeys(CHANGES, 0) | {"broke": 1, "slower": 2}
    found = Comparison(make.run(run_id="a"), make.run(run_id="b", suite="search"), counts, (change,))
    first, second, third, fourth = (line.text for line in compare.lines(found))
    assert (first[:9], second[:8]) == ("before: a", "after: b")
    assert (third, fourth) == ("The runs are of different suites.", "1 broke, 2 slower")
    assert rows(compare.table(found))[0]["TOOK"] == "100 ms → 2.4 s"


def test_causes_are_counted_beside_the_failures() -> None:
    cause = RunCause(7, 37, 5, 0, "cart > pays", None, "got 500\nmore", START, "r1", START, tuple("abcde"), 90, "@pay")
    unknown = RunCause(None, 1, 0, 0, "cart > adds", None, None, None, None, None, (), None, None)
    found = RunCauses("r9", 38, 2, (cause, unknown))
    assert causes.line(found).text == "r9: 38 failures, 2 causes"
    assert causes.line(RunCauses("r9", 1, 1, (unknown,))).text == "r9: 1 failure, 1 cause"
    first, second = rows(causes.of_run(found))
    assert (first["WHY"], first["NEW"], first["SUITES"], first["OWNER"]) == ("got 500", "5", "a, b, c, 2 more", "@pay")
    assert (second["WHY"], second["TOTAL"], second["SUITES"]) == ("unknown", "-", "-")


def test_texts_of_reports_are_one_line_without_control_characters() -> None:
    """A generated name may have thousands of characters."""
    state = replace(BROKEN, name=HOSTILE, suite=HOSTILE, owner=HOSTILE, first_fail_author=HOSTILE)
    regression = replace(REGRESSION, name=HOSTILE, message=HOSTILE, first_fail_author=HOSTILE)
    tables = [
        states.table([state]),
        regressions.failing(Regressions(None, (regression,), {}, (replace(DROP, name=HOSTILE),))),
        regressions.drops(Regressions(None, (), {}, (replace(DROP, name=HOSTILE),))),
        history.table([replace(EXECUTION, message=HOSTILE, branch=HOSTILE, commit=HOSTILE)]),
    ]
    for table in tables:
        assert len(table.tones) == len(table.rows)
        for row in rows(table):
            assert all(cell.isprintable() for cell in row.values())
            assert all(len(cell) < 200 for cell in row.values())
