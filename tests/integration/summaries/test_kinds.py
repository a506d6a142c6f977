"""What a failure means for the developer of the run: the kind in run_failures."""

from datetime import timedelta
from typing import Any

from tests.support.folded_runs import Past

WEEK = timedelta(days=7)


def kinds(past: Past, run_id: str) -> dict[str, str]:
    found = past.connection.execute("SELECT name, kind FROM run_failures WHERE run_id = %s", [run_id]).fetchall()
    return dict(found)


def failure(past: Past, run_id: str, *columns: str) -> tuple[Any, ...]:
    row = past.connection.execute(
        f"SELECT {', '.join(columns)} FROM run_failures WHERE run_id = %s".encode(), [run_id]
    ).fetchone()
    assert row is not None
    return tuple(row)


def test_a_case_that_passed_at_its_last_execution_is_a_new_failure(past: Past) -> None:
    """The run before is the last pass, and this run the first failure."""
    green = past.add({"pays": "p", "finds": "p"}, commit="a")
    red = past.add({"pays": "f", "finds": "p"}, commit="b")
    assert kinds(past, red) == {"pays": "new"}
    columns = ("first_fail_run_id", "first_fail_commit", "runs_since", "last_pass_run_id", "last_pass_commit")
    assert failure(past, red, *columns) == (red, "b", 0, green, "a")


def test_a_case_that_still_fails_is_broken_since_its_first_failure(past: Past) -> None:
    """Skipped executions and runs without the case count as no execution."""
    green = past.add({"pays": "p"}, commit="a")
    first = past.add({"pays": "f"}, commit="b")
    past.add({"pays": "s"}, commit="c")
    past.add({"finds": "p"}, commit="d")
    later = past.add({"pays": "e"}, commit="e")
    assert kinds(past, later) == {"pays": "broken"}
    columns = ("first_fail_run_id", "first_fail_commit", "runs_since", "last_pass_run_id")
    assert failure(past, later, *columns) == (first, "b", 1, green)


def test_a_name_that_neither_branch_knows_is_a_new_case(past: Past) -> None:
    """It has no last pass."""
    past.add({"finds": "p"})
    run = past.add({"pays": "f", "finds": "p"}, branch="fix")
    assert kinds(past, run) == {"pays": "new_case"}
    assert failure(past, run, "last_pass_run_id", "runs_since") == (None, 0)


def test_the_first_run_of_a_branch_is_compared_with_the_default_branch(past: Past) -> None:
    """What passes there is broken by the branch; what fails there is not."""
    past.add({"pays": "p", "finds": "p"})
    broken = past.add({"pays": "p", "finds": "f"})
    run = past.add({"pays": "f", "finds": "f"}, branch="fix")
    assert kinds(past, run) == {"pays": "new", "finds": "broken"}
    row = past.connection.execute(
        "SELECT first_fail_run_id FROM run_failures WHERE run_id = %s AND name = 'finds'", [run]
    ).fetchone()
    assert row == (broken,)


def test_a_case_that_the_default_branch_breaks_is_not_new_on_another_branch(past: Past) -> None:
    """The branch passed before it got the commits of the default branch."""
    past.add({"pays": "p"})
    past.add({"pays": "p"}, branch="fix")
    past.add({"pays": "f"})
    assert kinds(past, past.add({"pays": "f"}, branch="fix")) == {"pays": "broken"}


def test_another_branch_does_not_excuse_the_default_branch(past: Past) -> None:
    """A pull request that breaks a case changes nothing for main."""
    past.add({"pays": "p"})
    past.add({"pays": "f"}, branch="fix")
    assert kinds(past, past.add({"pays": "f"})) == {"pays": "new"}


def test_a_case_that_passed_on_retry_is_flaky_for_a_week(past: Past) -> None:
    """Its next failure is known to be flaky; a failure after seven quiet days is new."""
    past.add({"pays": "r"})
    assert kinds(past, past.add({"pays": "f"})) == {"pays": "flaky"}
    past.add({"pays": "p"})
    assert kinds(past, past.add({"pays": "f"}, after=WEEK)) == {"pays": "new"}


def test_a_flaky_case_that_fails_three_times_is_broken(past: Past) -> None:
    """The fourth failure in a row says so."""
    past.add({"pays": "r"})
    runs = [past.add({"pays": "f"}) for _ in range(4)]
    assert [kinds(past, run)["pays"] for run in runs] == ["flaky", "flaky", "flaky", "broken"]


def test_both_outcomes_on_one_commit_make_a_case_flaky(past: Past) -> None:
    """On any branch of the suite, within 14 days."""
    past.add({"pays": "p"}, commit="a")
    past.add({"pays": "f"}, commit="a", branch="fix")
    assert kinds(past, past.add({"pays": "f"}, commit="b", branch="fix")) == {"pays": "flaky"}
    past.add({"finds": "p"}, commit="c")
    past.add({"finds": "f"}, commit="c", after=timedelta(days=15))
    assert kinds(past, past.add({"finds": "f"}, commit="d")) == {"finds": "broken"}


def test_a_quarantined_case_has_its_own_kind(past: Past) -> None:
    """Whatever its past."""
    past.add({"pays": "p"})
    run = past.add({"pays": "f"}, fold=False)
    past.connection.execute("UPDATE test_cases SET quarantined_as = ARRAY['pays'] WHERE run_id = %s", [run])
    past.connection.execute("SELECT fold_run(%s)", [run])
    assert kinds(past, run) == {"pays": "quarantined"}
    assert failure(past, run, "quarantined") == (True,)


def test_an_outage_is_no_evidence_on_one_case(past: Past) -> None:
    """Its failures are recorded, and its cases are not flaky afterwards."""
    names = [f"case {number}" for number in range(12)]
    past.add(dict.fromkeys(names, "p"), commit="a")
    outage = past.add(dict.fromkeys(names, "e"), commit="a")
    past.add(dict.fromkeys(names, "p"), commit="a")
    assert set(kinds(past, outage).values()) == {"new"}
    found = past.connection.execute("SELECT DISTINCT outcomes, failures, flaky_at FROM case_summaries").fetchall()
    assert found == [("pop", 1, None)]


def test_suites_have_summaries_of_their_own(past: Past) -> None:
    """The same name in another suite is another case."""
    past.add({"pays": "p"})
    assert kinds(past, past.add({"pays": "f"}, suite="search")) == {"pays": "new_case"}
