"""What makes cases fail whatever the commit: flaky cases, and outages of the platform or of a dependency."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from testfleet.seeding import failures, repository
from testfleet.seeding.failures import Cause
from testfleet.seeding.labels import Flaky, Mechanism, Outage
from testfleet.seeding.values import CaseSpec, Suite, ToolName

ENVIRONMENTS = {"push": "staging", "schedule": "staging-eu", "pull_request": "review"}
"""The environment of each trigger. A repeated run has that of the run that it repeats."""

_SHARE = 0.08
"""Share of a suite's cases that are flaky at some time of the history."""
_DAYS_PER_OUTAGE = 13.0
_MECHANISMS: tuple[tuple[Mechanism, int], ...] = (("rate", 50), ("environment", 20), ("time_of_day", 15), ("order", 15))


@dataclass(frozen=True, slots=True)
class FlakyCase:
    """A flaky case and the text of its failures."""

    label: Flaky
    cause: Cause


@dataclass(frozen=True, slots=True)
class Down:
    """An outage, and the text of its failures for each tool."""

    label: Outage
    causes: tuple[tuple[ToolName, Cause], ...]


def draw_flaky(chance: random.Random, suites: Sequence[Suite], begin: datetime, end: datetime) -> tuple[FlakyCase, ...]:
    """Return the flaky cases. Half are flaky for the whole history, the others begin or end within it."""
    return tuple(one for suite in suites if suite.tool != "k6" for one in _flaky(chance, suite, begin, end))


def draw_outages(chance: random.Random, suites: Sequence[Suite], begin: datetime, end: datetime) -> tuple[Down, ...]:
    """Return the outages in order. They last between some minutes and some hours, mostly in working hours."""
    begins = sorted(repository.times(chance, begin, end, 1 / _DAYS_PER_OUTAGE))
    return tuple(_outage(chance, suites, number, at) for number, at in enumerate(begins, start=1))


def _flaky(chance: random.Random, suite: Suite, begin: datetime, end: datetime) -> Iterator[FlakyCase]:
    running = [spec for spec in suite.cases if not spec.skipped]
    count = max(1, round(len(running) * _SHARE))
    for number, spec in enumerate(chance.sample(running, k=min(count, len(running))), start=1):
        label = _label(chance, f"flaky-{suite.name}-{number}", suite, spec, _times(chance, begin, end))
        yield FlakyCase(label, failures.draw(chance, suite.tool, "timing"))


def _times(chance: random.Random, begin: datetime, end: datetime) -> tuple[datetime, datetime | None]:
    kind = chance.choices(("always", "begins", "ends"), (50, 28, 22))[0]
    within = begin + (end - begin) * chance.uniform(0.1, 0.95)
    return (within if kind == "begins" else begin), (within if kind == "ends" else None)


def _label(
    chance: random.Random, identity: str, suite: Suite, spec: CaseSpec, times: tuple[datetime, datetime | None]
) -> Flaky:
    names, weights = zip(*_MECHANISMS, strict=True)
    mechanism: Mechanism = chance.choices(names, weights)[0]
    low, high = {
        "rate": (0.03, 0.35),
        "environment": (0.15, 0.6),
        "time_of_day": (0.3, 0.8),
        "order": (0.06, 0.35),
    }[mechanism]
    rate = math.exp(chance.uniform(math.log(low), math.log(high)))
    first = chance.choice((1, 8, 10, 13, 15))
    return Flaky(
        id=identity,
        suite=suite.name,
        name=spec.name,
        mechanism=mechanism,
        rate=round(rate, 3),
        begins=times[0],
        ends=times[1],
        hours=tuple(range(first, first + 3)) if mechanism == "time_of_day" else (),
        environment=chance.choice(tuple(ENVIRONMENTS.values())) if mechanism == "environment" else None,
    )


def _outage(chance: random.Random, suites: Sequence[Suite], number: int, begins: datetime) -> Down:
    host = failures.draw_host(chance)
    hit = chance.sample(list(suites), k=chance.randint(max(1, len(suites) // 3), len(suites)))
    platform = number % 2 == 0  # both kinds occur in a short history, too
    share = chance.uniform(0.4, 0.95)
    label = Outage(
        id=f"outage-{number}",
        kind="platform" if platform else "dependency",
        suites=tuple(suite.name for suite in hit),
        names=()
        if platform
        else tuple((suite.name, spec.name) for suite in hit for spec in suite.cases if chance.random() < share),
        begins=begins,
        ends=begins + timedelta(hours=min(8, chance.lognormvariate(0.3, 0.8))),
        cause="the cluster's registry was down" if platform else f"{host} was down",
    )
    tools = sorted({suite.tool for suite in hit})
    return Down(label, tuple((tool, failures.draw(chance, tool, "dependency", host=host)) for tool in tools))
