"""Generates a history: suites, commits and faults first, then one run after the other."""

import heapq
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from testfleet.seeding import changes, disturbances, labels, repository, schedule, suites
from testfleet.seeding.execution import Faults, Order, execute
from testfleet.seeding.labels import Labels
from testfleet.seeding.values import Run, Scale

__all__ = ["PREFIX", "History", "Scale", "generate"]

PREFIX = "seed-"
"""The ids of all generated runs begin with it."""

_REPEATED = {"push": 0.6, "pull_request": 0.5, "schedule": 0.35}
"""How often a run that did not pass is repeated, by its trigger. A repeated run is repeated half as often."""


@dataclass(frozen=True, slots=True)
class History:
    """The runs in the order of their start, and the truth about them."""

    runs: tuple[Run, ...]
    labels: Labels


def generate(seed: int, scale: Scale, end: datetime) -> History:
    """Return the history of the days until `end`. The same arguments give the same history."""
    chance = random.Random(seed)  # noqa: S311  # not for security: it must repeat
    begin = end - timedelta(days=scale.days)
    commits = repository.build(chance, scale, end)
    tested = suites.build(chance, scale.suites, len(commits.main))
    flaky = disturbances.draw_flaky(chance, tested, begin, end)
    faults = Faults(
        breaks=changes.draw_breaks(chance, tested, commits),
        slows=changes.draw_slows(chance, tested, commits, scale.days),
        flaky={(one.label.suite, one.label.name): one for one in flaky},
        outages=disturbances.draw_outages(chance, tested, begin, end),
    )
    orders = [
        Order(
            run_id="",
            suite=tested[number],
            commit=event.commit,
            trigger=event.trigger,
            environment=disturbances.ENVIRONMENTS[event.trigger],
            at=event.at + timedelta(seconds=chance.uniform(0, 20)),
            day=(event.at - begin) / timedelta(days=1),
        )
        for event in schedule.plan(chance, commits, scale, end)
        for number in event.suites
    ]
    runs = _execute_all(chance, orders, faults, prefix=f"{PREFIX}{seed}-", end=end)
    truth = Labels(
        seed=seed,
        begins=begin,
        ends=end,
        flaky=tuple(one.label for one in flaky),
        regressions=tuple(one.label for one in faults.breaks),
        slowdowns=tuple(one.label for one in faults.slows),
        outages=tuple(one.label for one in faults.outages),
        bad_cases=labels.bad_cases(runs),
        repeated=tuple((run.run_id, run.repeats) for run in runs if run.repeats),
        incomplete=tuple(run.run_id for run in runs if any(shard.outcome != "finished" for shard in run.shards)),
    )
    return History(runs, truth)


def _execute_all(
    chance: random.Random, orders: list[Order], faults: Faults, *, prefix: str, end: datetime
) -> tuple[Run, ...]:
    """Execute the orders in the order of time, and some runs that did not pass once more."""
    tie = count()
    waiting = [(order.at, next(tie), order) for order in orders]
    heapq.heapify(waiting)
    runs: list[Run] = []
    while waiting:
        at, _, order = heapq.heappop(waiting)
        run = execute(chance, replace(order, run_id=f"{prefix}{len(runs) + 1:05}"), faults)
        if run.finished_at >= end:
            continue
        runs.append(run)
        chances = _REPEATED[run.trigger] * (0.5 if run.repeats else 1.0)
        if run.status in ("failed", "errored") and chance.random() < chances:
            later = run.finished_at + timedelta(minutes=chance.uniform(2, 45))
            day = order.day + (later - at) / timedelta(days=1)
            heapq.heappush(waiting, (later, next(tie), replace(order, at=later, day=day, repeats=run.run_id)))
    return tuple(runs)
