"""Finds the run or the case that an argument names: a short run id, `-` for the newest run, a part of a case's name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runtime.text import one_line, storable
from testfleet import results
from testfleet.database.connection import Connection
from testfleet.errors import Refused
from testfleet.output.blocks import clean_line

NEWEST = "-"
"""The argument that names the newest run."""

MIN_SHORT = 4
"""Minimum number of characters of a short run id, as in git."""

MAX_CANDIDATES = 5
"""Maximum number of runs or cases that an error lists."""

MAX_BRANCHES = 10
"""Number of branches, those with the newest runs, on which a part of a name is searched."""

MAX_TEXT = 100
"""Maximum number of characters of a name in an error."""


@dataclass(frozen=True, slots=True)
class CaseReference:
    """A case of a suite. `branch` is that on which the name was found; empty for runs without a branch."""

    suite: str
    branch: str
    name: str


EXACT_RUN = "SELECT run_id FROM test_runs WHERE run_id = %(text)s"

# The order of bytes, as that of the indexes, is that of the time for ids that `enqueue` makes.
SHORT_RUN = r"""
    (SELECT run_id FROM test_runs
     WHERE run_id COLLATE "C" LIKE %(beginning)s
     ORDER BY run_id COLLATE "C" DESC LIMIT %(limit)s)
    UNION
    (SELECT run_id FROM test_runs
     WHERE reverse(run_id) COLLATE "C" LIKE %(end)s
     ORDER BY reverse(run_id) COLLATE "C" DESC LIMIT %(limit)s)
    ORDER BY run_id DESC LIMIT %(limit)s
"""

NEWEST_RUN = """
    SELECT run_id FROM test_runs
    WHERE (%(suite)s::text IS NULL OR suite = %(suite)s)
      AND (%(branch)s::text IS NULL OR branch = %(branch)s)
      AND (NOT %(finished)s OR status IN ('passed', 'failed', 'errored'))
    ORDER BY coalesce(started_at, queued_at) DESC NULLS LAST, run_id DESC
    LIMIT 1
"""

DEFAULT_BRANCHES = "SELECT unnest(default_branches) AS branch FROM analysis_settings"

RECENT_BRANCHES = """
    SELECT branch FROM suite_summaries
    WHERE %(suite)s::text IS NULL OR suite = %(suite)s
    GROUP BY branch
    ORDER BY max(last_finished_at) DESC
    LIMIT %(branches)s
"""

# One suite and branch after the other, by the key. NULL for branches stands for all: only for whole names.
CASES = """
    SELECT DISTINCT ON (suite, name) suite, branch, name
    FROM case_summaries
    WHERE (%(suite)s::text IS NULL OR suite = %(suite)s)
      AND (%(branches)s::text[] IS NULL OR branch = ANY (%(branches)s))
      AND (NOT %(whole)s OR name = %(text)s)
      AND (%(whole)s OR strpos(lower(name), lower(%(text)s)) > 0)
    ORDER BY suite, name, array_position(%(branches)s::text[], branch), branch
    LIMIT %(limit)s
"""


def check_run(text: str, argument: str = "RUN_ID") -> None:
    """Check that the text may name a run, before a connection is opened.

    Raises:
        Refused: the text is neither a run id nor `-`; the error names the argument and what is allowed.
    """
    if text != NEWEST:
        results.run_id.check(text, argument)


def find_run(
    connection: Connection,
    text: str,
    *,
    suite: str | None = None,
    branch: str | None = None,
    finished: bool = False,
    argument: str = "RUN_ID",
) -> str:
    """Return the id of the run that the text names.

    The text is a run id, its beginning or its end of at least four characters, or `-`. The latter is the newest run of
    the suite and the branch, and with `finished` the newest with a verdict.

    Raises:
        Refused: no run, or more than one, has that short id; the error names the argument and lists the candidates.
    """
    if text == NEWEST:
        values = {"suite": suite, "branch": branch, "finished": finished}
        newest = connection.rows(NEWEST_RUN, values)
        if not newest:
            raise Refused(f"{argument}: the database has no {_described(suite, branch, finished=finished)}")
        return str(newest[0]["run_id"])
    check_run(text, argument)
    found = connection.rows(EXACT_RUN, {"text": text})
    if not found and len(text) >= MIN_SHORT:
        pattern = {"beginning": f"{_escaped(text)}%", "end": f"{_escaped(text[::-1])}%"}
        found = connection.rows(SHORT_RUN, pattern | {"limit": MAX_CANDIDATES + 1})
    if not found:
        raise Refused(f"{argument}: the database has no run {text}")
    if len(found) > 1:
        raise Refused(_ambiguous(argument, text, [row["run_id"] for row in found], "runs", "more characters"))
    return str(found[0]["run_id"])


def find_case(
    connection: Connection,
    text: str,
    *,
    suite: str | None = None,
    branch: str | None = None,
    argument: str = "CASE",
) -> CaseReference:
    """Return the case whose name is the text, or else the one whose name contains it. Letters match in either case.

    Without a branch, names of default branches come first. A part of a name is then searched on the branches that ran
    last, a whole name on all.

    Raises:
        Refused: no case, or more than one, has such a name; the error names the argument and lists the candidates.
    """
    wanted = storable(text).strip()
    if not wanted:
        raise Refused(f"{argument}: must be a name of a case or a part of it")
    values = {"text": wanted, "suite": suite, "limit": MAX_CANDIDATES + 1}
    searches = (
        connection.rows(CASES, values | {"whole": whole, "branches": branches})
        for whole in (True, False)
        for branches in _places(connection, suite, branch, whole=whole)
    )
    found = next(filter(None, searches), [])
    if not found:
        within = f" of the suite {_shown(suite)}" if suite else ""
        raise Refused(f"{argument}: no case{within} has {_shown(wanted)} in its name")
    if len(found) > 1:
        names = [f"{row['suite']}: {row['name']}" for row in found]
        more = "the whole name or --suite"
        raise Refused(_ambiguous(argument, wanted, names, "cases", more))
    return CaseReference(**found[0])


def _places(
    connection: Connection, suite: str | None, branch: str | None, *, whole: bool
) -> Iterator[list[str] | None]:
    """Yield the branches to search, one set after the other; None for all."""
    if branch is not None:
        yield [branch]
        return
    yield [row["branch"] for row in connection.rows(DEFAULT_BRANCHES)]
    if whole:
        yield None
    else:
        recent = connection.rows(RECENT_BRANCHES, {"suite": suite, "branches": MAX_BRANCHES})
        yield [row["branch"] for row in recent]


def _ambiguous(argument: str, text: str, candidates: Sequence[str], kind: str, more: str) -> str:
    shown = ", ".join(_shown(candidate) for candidate in candidates[:MAX_CANDIDATES])
    rest = ", …" if len(candidates) > MAX_CANDIDATES else ""
    return f"{argument}: {_shown(text)} names several {kind}; give {more}: {shown}{rest}"


def _described(suite: str | None, branch: str | None, *, finished: bool) -> str:
    words = "finished run" if finished else "run"
    words += f" of the suite {_shown(suite)}" if suite else ""
    return words + (f" on the branch {_shown(branch)}" if branch else "")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _shown(text: str) -> str:
    line = one_line(clean_line(text))
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"
