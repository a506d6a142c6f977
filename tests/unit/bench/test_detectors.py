"""An oracle that answers by the labels gets full marks, and one that answers the opposite gets none."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bench.detectors import flaky, others, regressions
from bench.detectors.answers import Answers
from testfleet.seeding.generate import History, generate
from testfleet.seeding.values import BAD, Scale

END = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def history() -> History:
    return generate(6, Scale(days=21, suites=6, runs_per_day=40), END)


def answers(history: History, *, states: list[Any] = [], kinds: dict[str, str]) -> Answers:  # noqa: B006  # only read
    """Answer each failure by the beginning of its label's id."""
    failures = [
        SimpleNamespace(
            run_id=bad.run_id,
            name=bad.name,
            kind=kinds[bad.because[0].partition("-")[0]],
            cause_id=bad.because[0],
            outage=False,
        )
        for bad in history.labels.bad_cases
        if bad.status in BAD
    ]
    return Answers(states=states, failures=failures, episodes=[], slow=[], at=END)


RIGHT = {"regression": "new", "flaky": "flaky", "outage": "flaky", "glitch": "flaky"}
CONFUSED = {"regression": "flaky", "flaky": "new", "outage": "new", "glitch": "new"}


def test_the_right_kinds_are_full_marks_for_regressions(history: History) -> None:
    for default_branch in (True, False):
        score = regressions.against_green(history, answers(history, kinds=RIGHT), default_branch=default_branch)
        assert score.found > 10
        assert (score.wrong, score.missed) == (0, 0)


def test_confused_kinds_find_no_regression_and_name_the_reason_of_each_wrong_one(history: History) -> None:
    score = regressions.against_green(history, answers(history, kinds=CONFUSED), default_branch=True)
    assert score.found == 0
    assert score.missed > 10
    assert score.wrong == score.apart["wrong: flaky"] + score.apart.get("wrong: outage", 0) + score.apart.get(
        "wrong: glitch", 0
    )


def test_flaky_failures_called_flaky_are_full_marks_but_for_the_outages(history: History) -> None:
    right = flaky.in_each_run(history, answers(history, kinds=RIGHT | {"outage": "new", "glitch": "new"}))
    assert right.found > 20
    assert (right.wrong, right.missed) == (0, 0)
    assert flaky.in_each_run(history, answers(history, kinds=CONFUSED)).found == 0


def test_a_flaky_case_that_is_not_named_is_missed_and_a_healthy_one_that_is_named_is_wrong(history: History) -> None:
    nothing = flaky.at_the_end(history, answers(history, kinds=RIGHT))["combined"]
    assert nothing.found == 0
    assert nothing.missed > 3
    every = {(run.suite.name, case.spec.name) for run in history.runs for case in run.cases}
    states = [
        SimpleNamespace(suite=suite, branch="main", name=name, state="flaky", reasons=["flips"])
        for suite, name in every
    ]
    all_named = flaky.at_the_end(history, answers(history, states=states, kinds=RIGHT))
    assert all_named["combined"].missed == 0
    assert all_named["combined"].found == nothing.missed
    assert all_named["combined"].wrong > 100
    assert all_named["retry"].found == 0


def test_one_cause_for_each_label_is_full_marks(history: History) -> None:
    score = others.causes(history, answers(history, kinds=RIGHT))
    assert score.found > 20
    assert (score.wrong, score.missed) == (0, 0)


def test_without_an_episode_every_significant_regression_is_missed(history: History) -> None:
    score = regressions.drops(history, answers(history, kinds=RIGHT))
    assert score.found == 0
    assert score.missed > 0
