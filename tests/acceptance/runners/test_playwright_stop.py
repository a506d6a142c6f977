"""Playwright stops before all tests have run: the record shows it, so that no quarantine covers the rest."""

from collections.abc import Callable
from typing import Any

import pytest

CONFIG = """
    import {{ defineConfig }} from '@playwright/test';
    export default defineConfig({{ workers: 1, fullyParallel: true, {more} }});
"""
SPEC = """
    import { test, expect } from '@playwright/test';
    test('fails', () => { expect(1).toBe(2); });
    test.skip('is skipped', () => {});
    test.fixme('is to be fixed', () => {});
    test('passes', () => {});
"""
SERIAL = SPEC.replace("test('fails'", "test.describe.configure({ mode: 'serial' });\n    test('fails'")


@pytest.mark.parametrize(
    ("more", "spec", "complete"),
    [
        ("maxFailures: 1", SPEC, False),
        ("retries: 1", SPEC, None),
        ("retries: 0", SERIAL, None),
        ("maxFailures: 9", SPEC, None),
    ],
)
def test_only_a_run_that_stopped_at_a_failure_is_incomplete(
    bench: Callable[..., Any], more: str, spec: str, complete: bool | None
) -> None:
    """A run of one shard has no record otherwise. Skipped tests did not stop it."""
    ended = bench("playwright", {"playwright.config.ts": CONFIG.format(more=more), "a.spec.ts": spec}).run()
    assert ended.exit_code == 1
    assert (ended.collection and ended.collection.complete) is complete
