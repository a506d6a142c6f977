"""One run of a suite: which case fails, why, and how long it takes."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from testfleet.seeding import failures
from testfleet.seeding.changes import Break, Slow
from testfleet.seeding.disturbances import Down, FlakyCase
from testfleet.seeding.failures import Cause
from testfleet.seeding.values import BAD, Case, CaseSpec, Commit, Run, RunStatus, Shard, Suite, Try

GLITCH = "glitch"
"""The reason of an isolated failure that no label explains."""

_GLITCHES = 3e-5
_LOST_SHARDS = 0.003
_SECOND_ATTEMPTS = 0.01
_CANCELLED = 0.004
_PLATFORM_HIT = 0.85
_TIMEOUT_MS = 30_000
_DRIFT_PER_DAY = 0.0006
"""Growth of all durations per day."""


@dataclass(frozen=True, slots=True)
class Faults:
    """All faults of a history."""

    breaks: tuple[Break, ...]
    slows: tuple[Slow, ...]
    flaky: Mapping[tuple[str, str], FlakyCase]
    outages: tuple[Down, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """The run that is to be executed. `day` is the number of days since the history began."""

    run_id: str
    suite: Suite
    commit: Commit
    trigger: str
    environment: str
    at: datetime
    day: float
    repeats: str | None = None


@dataclass(frozen=True, slots=True)
class _Conditions:
    """What holds for all cases of a run."""

    order: Order
    broken: Mapping[str, tuple[Break, bool]]
    """The regression of each broken case, and whether this run fails by it."""
    slow: Mapping[str, float]
    down: Down | None
    needing: frozenset[str]
    """The cases that need the dependency that is down."""
    down_cause: Cause | None
    flaky: Mapping[str, FlakyCase]
    badly_ordered: frozenset[str]
    """The cases that fail in this run because of the order of the cases."""


def execute(chance: random.Random, order: Order, faults: Faults) -> Run:
    """Return the run with the rows of its shards and cases."""
    conditions = _conditions(chance, order, faults)
    queued = order.at
    cancelled = chance.random() < _CANCELLED
    shards = tuple(
        _shard(chance, conditions, index, queued + timedelta(seconds=chance.lognormvariate(3.2, 0.5)), cancelled)
        for index in range(1, order.suite.shards + 1)
    )
    status, detail = _verdict(shards, cancelled=cancelled)
    return Run(
        run_id=order.run_id,
        suite=order.suite,
        commit=order.commit,
        trigger=order.trigger,
        environment=order.environment,
        queued_at=queued,
        status=status,
        detail=detail,
        shards=shards,
        repeats=order.repeats,
    )


def _conditions(chance: random.Random, order: Order, faults: Faults) -> _Conditions:
    suite = order.suite
    down = next((one for one in faults.outages if suite.name in one.label.suites and one.label.active(order.at)), None)
    causes: dict[str, Cause] = dict(down.causes) if down else {}
    broken = {}
    for one in faults.breaks:
        if one.label.suite == suite.name and one.span.holds(order.commit):
            broken.update({name: (one, chance.random() < one.label.rate) for name in one.label.names})
    slow: dict[str, float] = {}
    for slowed in faults.slows:
        if slowed.label.suite == suite.name and slowed.span.holds(order.commit):
            slow |= {name: slow.get(name, 1.0) * slowed.label.factor for name in slowed.label.names}
    active = {
        name: one
        for (owner, name), one in faults.flaky.items()
        if owner == suite.name and one.label.active(order.at) and _applies(one, order)
    }
    return _Conditions(
        order=order,
        broken=broken,
        slow=slow,
        down=down,
        needing=frozenset(name for owner, name in down.label.names if owner == suite.name) if down else frozenset(),
        down_cause=causes.get(suite.tool),
        flaky=active,
        badly_ordered=frozenset(
            name for name, one in active.items() if one.label.mechanism == "order" and chance.random() < one.label.rate
        ),
    )


def _applies(flaky: FlakyCase, order: Order) -> bool:
    label = flaky.label
    if label.mechanism == "time_of_day":
        return order.at.hour in label.hours
    return label.mechanism != "environment" or label.environment == order.environment


def _shard(chance: random.Random, conditions: _Conditions, index: int, started: datetime, cancelled: bool) -> Shard:
    order = conditions.order
    attempt = 2 if chance.random() < _SECOND_ATTEMPTS else 1
    started += timedelta(seconds=(attempt - 1) * chance.uniform(130, 400))
    worker = f"{order.suite.name}-{chance.getrandbits(24):06x}"
    platform = conditions.down is not None and conditions.down.label.kind == "platform"
    if platform and chance.random() < _PLATFORM_HIT:
        ended = started + timedelta(seconds=chance.uniform(5, 90))
        detail = "the suite could not start: the test tool is not installed: npm registry answered 503"
        return Shard(index, attempt, "errored", "failed_to_start", None, detail, worker, started, ended)
    specs = [spec for spec in order.suite.cases if spec.shard == index and spec.exists_in(order.commit.index)]
    lost = chance.random() < _LOST_SHARDS
    if lost or cancelled:
        specs = specs[: chance.randrange(len(specs) + 1)]
    cases = tuple(_cases(chance, conditions, specs, started + timedelta(seconds=chance.uniform(8, 40))))
    ended = max([started + timedelta(seconds=45), *(case.finished_at for case in cases if case.finished_at)])
    ended += timedelta(seconds=chance.uniform(2, 9))
    if cancelled:
        return Shard(
            index, attempt, "cancelled", "finished", None, "the run was cancelled", worker, started, ended, cases
        )
    bad = any(case.status in BAD for case in cases)
    if lost:
        ended += timedelta(minutes=30)
        detail = "the suite ran out of time: 30m"
        status: RunStatus = "failed" if bad else "errored"
        return Shard(index, attempt, status, "timed_out", 143, detail, worker, started, ended, cases)
    return Shard(
        index, attempt, "failed" if bad else "passed", "finished", int(bad), None, worker, started, ended, cases
    )


def _cases(chance: random.Random, conditions: _Conditions, specs: list[CaseSpec], at: datetime) -> Iterator[Case]:
    growth = 1 + _DRIFT_PER_DAY * conditions.order.day
    for spec in specs:
        if spec.skipped:
            yield Case(spec)
            continue
        factor = growth * conditions.slow.get(spec.name, 1.0)
        tries: list[Try] = []
        because: list[str] = []
        for _ in range(conditions.order.suite.retries + 1):
            duration = round(spec.median_ms * factor * chance.lognormvariate(0, spec.spread), 3)
            found = _fault(chance, conditions, spec)
            if found is None:
                tries.append(Try(duration))
                break
            reason, cause = found
            failure = failures.render(chance, cause, spec, conditions.order.suite.tool)
            late = duration and "Timeout" in cause.error_type
            tries.append(Try(_TIMEOUT_MS + duration if late else duration, failure))
            if reason not in because:
                because.append(reason)
        ended = at + timedelta(milliseconds=sum(one.duration_ms for one in tries))
        yield Case(spec, at, ended, tuple(tries), tuple(because))
        at = ended


def _fault(chance: random.Random, conditions: _Conditions, spec: CaseSpec) -> tuple[str, Cause] | None:
    """Return why this try fails: the id of the label and the cause, or None if it passes."""
    name, order = spec.name, conditions.order
    if name in conditions.needing and conditions.down and conditions.down_cause:
        return conditions.down.label.id, conditions.down_cause
    if name in conditions.broken and conditions.broken[name][1]:
        found = conditions.broken[name][0]
        return found.label.id, found.cause
    if name in conditions.flaky:
        flaky = conditions.flaky[name]
        by_order = flaky.label.mechanism == "order"
        if name in conditions.badly_ordered if by_order else chance.random() < flaky.label.rate:
            return flaky.label.id, flaky.cause
    if chance.random() < _GLITCHES:
        return GLITCH, failures.draw(chance, order.suite.tool, "timing")
    return None


def _verdict(shards: tuple[Shard, ...], *, cancelled: bool) -> tuple[RunStatus, str | None]:
    """Return status and detail of the run, by the rules of the reporter."""
    if cancelled:
        return "cancelled", None
    words: tuple[RunStatus, RunStatus] = ("failed", "errored")
    for word in words:
        bad = [shard for shard in shards if shard.status == word]
        if bad:
            detail = next((_place(shard, len(shards)) for shard in bad if shard.detail), None)
            return word, detail
    ran = any(case.tries for shard in shards for case in shard.cases)
    return ("passed", None) if ran else ("errored", "no case of the whole run ran")


def _place(shard: Shard, total: int) -> str | None:
    return f"shard {shard.index}/{total}: {shard.detail}" if total > 1 else shard.detail
