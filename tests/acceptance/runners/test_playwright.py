"""Playwright: its tests as cases, for any number of shards."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from reporter.reports.folder import Reports
from reporter.results import coverage

CONFIG = """
    import { defineConfig } from '@playwright/test';
    export default defineConfig({
      retries: 1, workers: 1, fullyParallel: true, timeout: 1000, projects: [{ name: 'mobile' }]
    });
"""
PLAIN = CONFIG.replace("retries: 1, ", "")
INSIDE = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
WAIT = 60.0
"""Seconds until a condition must hold."""


def test_every_ending_of_a_test_is_reported(bench: Callable[..., Any]) -> None:
    """Passed, failed, flaky, skipped, expected to fail, out of time: one case each, its tries inside."""
    spec = r"""
        import { test, expect } from '@playwright/test';
        test('passes', () => {});
        test.describe('Cart', () => {
          test('fails & <breaks> "XML" \u0000\u001b[31m]]>', () => {
            expect('\u0007red', 'not \u0000 <ok> ]]>').toBe('blue');
          });
        });
        test('is flaky', ({}, info) => { expect(info.retry).toBe(1); });
        test('throws', () => { throw new Error('boom'); });
        test.skip('is skipped', () => {});
        test('skips itself', () => { test.skip(true, 'no such flag'); });
        test.fixme('is to be fixed', () => {});
        test('fails as expected', () => { test.fail(); expect(1).toBe(2); });
        test('should fail but passes', () => { test.fail(); });
        test('runs out of time', async () => { await new Promise(() => {}); });
        test('has two soft problems', () => { expect.soft(1, 'first').toBe(2); expect.soft(3, 'second').toBe(4); });
    """
    ended = bench("playwright", {"playwright.config.ts": CONFIG, "a.spec.ts": spec}).run()
    assert ended.exit_code == 1
    assert dict(ended.cases) == {
        "[mobile] passes": (),
        f'[mobile] Cart {INSIDE} fails & <breaks> "XML" \ufffd]]>': ("failure", "rerunFailure"),
        "[mobile] is flaky": ("flakyFailure",),
        "[mobile] throws": ("error", "rerunError"),
        "[mobile] is skipped": ("skipped",),
        "[mobile] skips itself": ("skipped",),
        "[mobile] is to be fixed": ("skipped",),
        "[mobile] fails as expected": (),
        "[mobile] should fail but passes": ("failure", "rerunFailure"),
        "[mobile] runs out of time": ("failure", "rerunFailure"),
        "[mobile] has two soft problems": ("failure", "rerunFailure"),
    }
    assert len(ended.cases) == 11
    assert "no such flag" in ended.text("[mobile] skips itself")
    assert 'type="TimeoutError"' in ended.text("[mobile] runs out of time")
    assert "expected to fail, but passed" in ended.text("[mobile] should fail but passes").lower()
    assert "first" in (both := ended.text("[mobile] has two soft problems"))
    assert "second" in both


def test_a_failures_message_holds_expected_received_and_the_failing_line(bench: Callable[..., Any]) -> None:
    """The first line of Playwright's own message names only the failed expectation."""
    spec = "import { test, expect } from '@playwright/test';\ntest('loses', () => { expect(2, 'items').toBe(3); });\n"
    ended = bench("playwright", {"playwright.config.ts": PLAIN, "a.spec.ts": spec}).run()
    reports = Reports(ended.artifacts)
    (case,) = (case for batch in reports.final() for case in batch)
    assert (case.message or "").splitlines() == [
        "Error: items",
        "expect(received).toBe(expected) // Object.is equality",
        "Expected: 3",
        "Received: 2",
        "> 2 | test('loses', () => { expect(2, 'items').toBe(3); });",
    ]
    assert case.location == "a.spec.ts:2"


@pytest.mark.parametrize("total", [1, 3])
def test_every_test_is_in_exactly_one_shard(bench: Callable[..., Any], total: int) -> None:
    """More shards than tests leave some with an empty report, which is no failure."""
    spec = """
        import { test } from '@playwright/test';
        for (const name of ['a', 'b']) test(name, () => {});
    """
    suite = bench("playwright", {"playwright.config.ts": PLAIN, "a.spec.ts": spec})
    shards = [suite.run(f"{index}/{total}") for index in range(1, total + 1)]
    assert [shard.exit_code for shard in shards] == [0] * total
    assert sorted(case for shard in shards for case in shard.cases) == [(f"[mobile] {name}", ()) for name in "ab"]
    records = dict(enumerate((shard.collection for shard in shards), start=1))
    assert [one is not None for one in records.values()] == [total > 1] * total
    assert coverage.doubt(total, records) is None


def test_setup_projects_and_filters_leave_the_shards_comparable(bench: Callable[..., Any]) -> None:
    """Setup and teardown projects run in each shard. `only`, --grep and repeats apply before sharding."""
    config = r"""
        import { defineConfig } from '@playwright/test';
        export default defineConfig({ projects: [
          { name: 'setup', testMatch: /\.setup\.ts$/, teardown: 'teardown' },
          { name: 'teardown', testMatch: /\.down\.ts$/ },
          { name: 'a', testMatch: /\.spec\.ts$/, dependencies: ['setup'], repeatEach: 2 },
          { name: 'b', testMatch: /\.spec\.ts$/, dependencies: ['setup'] },
        ] });
    """
    spec = """
        import { test } from '@playwright/test';
        test.describe.only('chosen', () => {
          for (const name of 'abcd') test(`${name} kept`, () => {});
          test('x', () => {});
        });
        test('left out, kept', () => {});
    """
    one = "import { test } from '@playwright/test'; test('it, kept', () => {});"
    files = {"playwright.config.ts": config, "a.spec.ts": spec, "a.setup.ts": one, "a.down.ts": one}
    suite = bench("playwright", files, args=("--grep=kept",))
    shards = {index: suite.run(f"{index}/2") for index in (1, 2)}
    assert [shard.exit_code for shard in shards.values()] == [0, 0]
    records = {index: shard.collection for index, shard in shards.items()}
    assert all(one is not None and one.collected.count == 12 for one in records.values()), records
    assert coverage.doubt(2, records) is None
    assert sum(len(shard.cases) for shard in shards.values()) == 12 + 2 * 2


def test_a_retried_serial_group_is_reported_once(bench: Callable[..., Any]) -> None:
    """The whole group runs again with its passed tests, and each test is one case."""
    spec = """
        import { test, expect } from '@playwright/test';
        test.describe.serial('Login', () => {
          test('opens', () => {});
          test('signs in', ({}, info) => { expect(info.retry).toBe(1); });
          test('leaves', () => {});
        });
        test('alone', () => {});
    """
    ended = bench("playwright", {"playwright.config.ts": CONFIG, "a.spec.ts": spec}).run()
    assert ended.exit_code == 0
    assert sorted(ended.cases) == [
        (f"[mobile] Login {INSIDE} leaves", ()),
        (f"[mobile] Login {INSIDE} opens", ()),
        (f"[mobile] Login {INSIDE} signs in", ("flakyFailure",)),
        ("[mobile] alone", ()),
    ]


def test_finished_tests_are_in_the_file_while_the_rest_runs(bench: Callable[..., Any]) -> None:
    """A killed run therefore leaves its finished tests."""
    spec = """
        import { test } from '@playwright/test';
        test('first', () => {});
        test('second', async () => { test.setTimeout(0); await new Promise(() => setInterval(() => {}, 1000)); });
    """
    process, folders = bench("playwright", {"playwright.config.ts": PLAIN, "a.spec.ts": spec}).start()
    try:
        assert until(lambda: 'name="[mobile] first"' in read(folders))
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert 'name="[mobile] first"' in read(folders)
    assert "second" not in read(folders)


def test_a_file_that_cannot_be_read_is_an_errored_case(bench: Callable[..., Any]) -> None:
    """A syntax error is no empty shard."""
    ended = bench("playwright", {"playwright.config.ts": PLAIN, "a.spec.ts": "test('x', () => {"}).run("1/2")
    assert ended.exit_code != 0
    assert set(ended.cases) == {("error outside any test", ("error",))}
    assert "SyntaxError" in ended.text("error outside any test")


def test_a_process_that_dies_in_a_test_is_that_tests_error(bench: Callable[..., Any]) -> None:
    """A crash belongs to the case in which it happened, and the others still run."""
    spec = """
        import { test } from '@playwright/test';
        test('crashes', () => { process.exit(3); });
        test('goes on', () => {});
    """
    ended = bench("playwright", {"playwright.config.ts": PLAIN, "a.spec.ts": spec}).run()
    assert ended.exit_code == 1
    assert ended.cases == [("[mobile] crashes", ("error",)), ("[mobile] goes on", ())]


def test_tests_that_a_stopped_run_left_out_are_skipped(bench: Callable[..., Any]) -> None:
    """A run that stops at the first failure reports its other tests."""
    spec = """
        import { test, expect } from '@playwright/test';
        test('a', () => { expect(1).toBe(2); });
        test('b', () => {});
    """
    suite = bench("playwright", {"playwright.config.ts": PLAIN, "a.spec.ts": spec}, args=("--max-failures=1",))
    ended = suite.run()
    assert ended.exit_code == 1
    assert ("[mobile] a", ("failure",)) in ended.cases
    assert ("[mobile] b", ("skipped",)) in ended.cases


def test_a_suite_without_tests_is_not_green(bench: Callable[..., Any]) -> None:
    """A wrong filter of an unsharded suite is an error."""
    spec = "import { test } from '@playwright/test'; test('a', () => {});"
    suite = bench("playwright", {"playwright.config.ts": PLAIN, "a.spec.ts": spec}, args=("nowhere",))
    assert suite.run().exit_code != 0


def read(folders: Any) -> str:
    return str(folders.junit_file.read_text()) if folders.junit_file.exists() else ""


def until(condition: Callable[[], bool]) -> bool:
    """Return whether the condition held before its deadline."""
    deadline = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
