"""The sample suites of the demo, against the shop."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from worker import catalog
from worker.catalog import Suite

INSIDE = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
BUG = f"[chromium] Cart {INSIDE} takes a coupon only once"
FLAKY = f"[chromium] Cart {INSIDE} sells the last reading lamp"


@pytest.fixture(scope="module")
def suites() -> Mapping[str, Suite]:
    """The catalog of the sample suites."""
    return catalog.load(Path(__file__).parents[3] / "examples" / "suites" / "catalog.toml")


@pytest.mark.parametrize(("name", "cases"), [("load", 7), ("api", 12), ("smoke", 12)])
def test_a_sample_suite_is_green(
    sample: Callable[[Suite], Any], suites: Mapping[str, Suite], name: str, cases: int
) -> None:
    """Three of the four find nothing wrong with the shop."""
    ended = sample(suites[name]).run()
    assert ended.exit_code == 0, ended.output
    assert len(ended.cases) == cases
    assert {tags for _, tags in ended.cases} <= {(), ("skipped",)}


def test_checkout_finds_one_bug_and_one_flaky_test(sample: Callable[[Suite], Any], suites: Mapping[str, Suite]) -> None:
    """Two shards share its tests. Each failed case names its trace and screenshot."""
    checkout = sample(suites["checkout"])
    shards = [checkout.run("1/2"), checkout.run("2/2")]
    cases = dict(case for shard in shards for case in shard.cases)
    assert len(cases) == sum(len(shard.cases) for shard in shards) == 11
    assert {name: tags for name, tags in cases.items() if tags not in {(), ("skipped",)}} == {
        BUG: ("failure", "rerunFailure"),
        FLAKY: ("flakyFailure",),
    }
    for name in (BUG, FLAKY):
        (shard,) = [shard for shard in shards if name in dict(shard.cases)]
        files = re.findall(r"\[\[ATTACHMENT\|(.+?)\]\]", shard.text(name))
        assert {Path(file).suffix for file in files} >= {".zip", ".png"}
        for file in files:
            attached = (shard.junit_file.parent / file).resolve()
            assert attached.is_file()
            assert attached.is_relative_to(shard.artifacts)


def test_the_flaky_test_is_flaky_each_time(sample: Callable[[Suite], Any], suites: Mapping[str, Suite]) -> None:
    """A repeated run against the same shop has the same result."""
    lamp = sample(suites["checkout"].model_copy(update={"args": ("--grep=reading lamp",)}))
    assert [lamp.run().cases for _ in range(2)] == [[(FLAKY, ("flakyFailure",))]] * 2
