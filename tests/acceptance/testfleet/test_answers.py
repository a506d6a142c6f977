"""The commands that read results, as processes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.past_shop import write_shop


@pytest.fixture(autouse=True)
def _shop(database_url: str) -> None:
    write_shop(database_url)


def test_each_answer_is_a_table_without_a_terminal_and_json_on_demand(command: Any) -> None:
    """The first cells of a row, and one value of the JSON."""
    expected: dict[tuple[str, ...], tuple[str, Callable[[Any], object], object]] = {
        ("flaky",): ("cart > adds\tshop\t", lambda read: read[0]["state"], "flaky"),
        ("flaky", "--state", "broken"): ("cart > pays\tshop\t", lambda read: read[0]["streak"], 3),
        ("regressions",): ("cart > pays\tshop\tbroken before\t2\t7777777\tAda\t6666666..7777777", len, 4),
        ("regressions", "-", "--branch", "main", "--suite", "shop"): ("login > opens\tshop\tnew\t0", len, 4),
        ("causes", "op-9"): ("3\t2\tIgnore all", lambda read: read["causes"], 1),
        ("causes", "--order", "most"): ("3\tgot 500\t", lambda read: read[-1]["occurrences"], 1),
        ("trends", "shop"): ("DAY\tRUNS\tFAILED", lambda read: read["branch"], "main"),
        ("compare", "shop-8", "shop-9"): (
            "broke\tlogin > opens\tpassed\tfailed",
            lambda read: read["counts"]["added"],
            1,
        ),
        ("history", "PAYS", "--branch", "main"): ("failed\t1\t2.0 s\tbroken before\tshop-9", len, 5),
    }
    for arguments, (cells, pick, value) in expected.items():
        done = command(*arguments, "--explain")
        assert (done.returncode, done.stderr) == (0, ""), arguments
        assert cells in done.stdout, arguments
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout
        assert pick(json.loads(command(*arguments, "--json").stdout)) == value, arguments


def test_an_ambiguous_name_is_one_line_and_the_exit_code_64(command: Any) -> None:
    """The line lists the candidates."""
    for arguments, line in (
        (("show", "shop-"), "RUN_ID: shop- names several runs; give more characters: shop-9, shop-8, shop-7, shop-6, "),
        (("history", "cart"), "CASE: cart names several cases; give the whole name or --suite: shop: cart > adds, "),
        (("compare", "shop-1", "nothing"), "RUN_B: the database has no run nothing"),
        (("trends", "x"), "SUITE: the database has no finished run of the suite x; suites: search, shop"),
    ):
        done = command(*arguments)
        assert (done.returncode, done.stdout) == (64, "")
        assert done.stderr.startswith(f"testfleet: {line}")
        assert done.stderr.count("\n") == 1


def test_wait_and_cancel_accept_whole_ids_only(command: Any) -> None:
    """A run has no row before its first pod claims it, so a short id could name another run."""
    assert command("wait", "op-9", "--timeout", "0s").returncode == 3
    done = command("cancel", "op-9")
    assert (done.returncode, done.stderr) == (64, "testfleet: RUN_ID: the database has no run op-9\n")


def test_a_report_is_written_of_a_run_with_a_short_id(command: Any) -> None:
    done = command("report", "op-9")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 broken since" in done.stdout
