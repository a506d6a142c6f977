"""Answers of a database without finished runs."""

from collections.abc import Callable
from typing import Any

import pytest

from testfleet.database.connection import Connection, Database
from testfleet.errors import Refused
from testfleet.results import causes, failures, history, regressions, states, trends
from testfleet.results.references import CaseReference


@pytest.mark.parametrize("given", [{}, {"suite": "shop"}, {"suite": "shop", "branch": "main"}])
@pytest.mark.parametrize("ask", [states.flaky, states.broken])
def test_no_case_has_a_state(ask: Callable[..., Any], given: dict[str, str], filled: Database) -> None:
    with filled.connect() as connection:
        assert ask(connection, **given) == ()


def test_there_is_no_regression(filled: Database) -> None:
    with filled.connect() as connection:
        found = (regressions.newest(connection), regressions.of_run(connection, "done"))
    assert [(one.failing, dict(one.set_apart), one.drops) for one in found] == [((), {}, ()), ((), {}, ())]


@pytest.mark.parametrize("order", ["last", "most"])
def test_there_is_no_cause(order: causes.Order, filled: Database) -> None:
    with filled.connect() as connection:
        assert causes.newest(connection, suite="shop", order=order) == ()
        assert causes.of_run(connection, "done") == causes.RunCauses("done", 0, 0, ())


def test_a_case_that_no_run_has_has_no_history(filled: Database) -> None:
    with filled.connect() as connection:
        found = history.of_case(connection, CaseReference("shop", "main", "unknown"))
    assert (found.state, found.executions) == (None, ())


def test_a_suite_without_finished_runs_has_no_trends(filled: Database) -> None:
    def ask(connection: Connection) -> None:
        trends.of_suite(connection, "shop\x1b[31m", branch="x")

    with filled.connect() as connection, pytest.raises(Refused) as refused:
        ask(connection)
    assert str(refused.value) == "SUITE: the database has no finished run of the suite shop on the branch x"


def test_a_run_without_failures_was_not_compared(filled: Database) -> None:
    with filled.connect() as connection:
        assert failures.of_run(connection, "done") is None
