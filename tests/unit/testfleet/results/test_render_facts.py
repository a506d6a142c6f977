"""What a run depends on, as lines of text."""

from typing import Any

from testfleet.results.costs import RunCost
from testfleet.results.render_facts import MAX_TEXT, facts
from testfleet.results.runs import RunDetail

COST = RunCost(attempts=3, pod_seconds=725, vcpu_hours=0.2, gb_hours=0.4, cost=0.0123456, currency="EUR")


def texts(run: Any, cost: RunCost | None = None) -> list[str]:
    return [line.text for line in facts(RunDetail(run, (), (), (), cost=cost))]


def test_every_fact_of_a_run_is_shown(make: Any) -> None:
    run = make.run(
        commit="9f2c1ab0123456789",
        parent_commit="1d0c7e20123456789",
        author="Ada",
        branch="fix",
        pull_request="42",
        environment="qa",
        target_url="https://qa.example.com",
        trigger="github",
        ci_url="https://ci.example.com/7",
        tools={"python": "3.13.1", "k6": "1.1.0"},
        image_digest="sha256:" + "ab" * 32,
    )
    assert texts(run, COST) == [
        "commit 9f2c1ab after 1d0c7e2 · by Ada · branch fix · pull request 42 · environment qa · https://qa.example.com",
        "started by github · https://ci.example.com/7",
        "k6 1.1.0, python 3.13.1 · image sha256:abababababab",
        "fleet time 12 m 05 s in 3 attempts · 0.0123 EUR",
    ]


def test_a_run_without_facts_has_no_line(make: Any) -> None:
    """A message may name a suite only, and a laptop knows no price."""
    assert texts(make.run()) == []
    unpriced = RunCost(attempts=1, pod_seconds=2, vcpu_hours=None, gb_hours=None, cost=None, currency="USD")
    assert texts(make.run(), unpriced) == ["fleet time 2.0 s in 1 attempt"]


def test_a_hostile_fact_stays_one_short_line(make: Any) -> None:
    """The texts come from messages and from suites' machines."""
    (line,) = texts(make.run(author="\x1b[31mA\nB" + "x" * 10_000))
    assert line.startswith("by A B")
    assert line.isprintable()
    assert len(line) < MAX_TEXT + 10
