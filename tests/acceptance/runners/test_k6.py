"""k6: thresholds and checks as cases, for any number of segments."""

from collections.abc import Callable
from typing import Any

import pytest

SCRIPT = """
    import http from 'k6/http';
    import { check, group } from 'k6';
    import { Trend } from 'k6/metrics';
    const never = new Trend('never');
    export const options = {
      scenarios: { all: { executor: 'shared-iterations', vus: 2, iterations: 4 } },
      thresholds: { http_req_duration: ['p(95)<5000', 'min>4000'], never: ['p(95)<5'], checks: ['rate>0.5'] },
      summaryTrendStats: ['med'],
    };
    export default function () {
      const answer = http.get(`${__ENV.BASE_URL}/health`);
      check(answer, { 'is up': (r) => r.status === 200 });
      group('outer', () => group('inner', () => check(answer, { 'is a teapot': (r) => r.status === 418 })));
    }
"""


def test_thresholds_and_checks_become_cases(bench: Callable[..., Any]) -> None:
    """Crossed thresholds are ordinary red (99); one without samples is red although k6 lets it pass."""
    ended = bench("k6", {"script.js": SCRIPT}).run()
    assert ended.exit_code == 99
    assert ended.cases == [
        ("checks rate>0.5", ("failure",)),
        ("http_req_duration min>4000", ("failure",)),
        ("http_req_duration p(95)<5000", ()),
        ("never p(95)<5", ("failure",)),
        ("is up", ()),
        ("is a teapot", ("failure",)),
    ]
    assert "no samples" in ended.text("never p(95)<5")
    assert "failed 4 of 4 times" in ended.text("is a teapot")
    assert 'classname="checks &gt; outer &gt; inner"' in ended.text("is a teapot")


def test_the_95th_percentile_is_in_milliseconds_for_any_summary_of_the_script(bench: Callable[..., Any]) -> None:
    """The script summarises the median only, and the run's row needs p(95)."""
    (p95,) = bench("k6", {"script.js": SCRIPT}).run().root.iter("property")
    assert p95.get("name") == "p95_ms"
    assert 0 < float(p95.get("value", "")) < 5000


@pytest.mark.parametrize("total", [2, 5])
def test_all_segments_together_do_exactly_the_whole(bench: Callable[..., Any], total: int) -> None:
    """Each iteration runs in one shard; a shard without any is empty and green, and every case names its shard."""
    script = """
        import { check } from 'k6';
        export const options = {
          scenarios: { all: { executor: 'shared-iterations', vus: 2, iterations: 4 } },
          thresholds: { iterations: ['count>0'] },
        };
        export default function () { console.log('iterated'); check(1, { 'is one': (one) => one === 1 }); }
    """
    suite = bench("k6", {"script.js": script})
    shards = [suite.run(f"{index}/{total}") for index in range(1, total + 1)]
    assert [shard.exit_code for shard in shards] == [0] * total
    logs = [(shard.artifacts / "k6.log").read_text().count("iterated") for shard in shards]
    assert sum(logs) == 4
    for index, (shard, iterations) in enumerate(zip(shards, logs, strict=True), 1):
        suffix = f"[shard {index}/{total}]"
        expected = [(f"iterations count>0 {suffix}", ()), (f"is one {suffix}", ())] if iterations else []
        assert shard.cases == expected
    assert (0 in logs) == (total == 5)


def test_a_script_may_have_a_summary_of_its_own(bench: Callable[..., Any]) -> None:
    """Its `handleSummary` runs with its usual figures, and our report stays complete."""
    script = SCRIPT + "export function handleSummary(data) { return { stdout: 'MINE ' + Object.keys(data.metrics) }; }"
    ended = bench("k6", {"script.js": script}).run()
    assert "MINE" in ended.output
    assert ("is up", ()) in ended.cases


@pytest.mark.parametrize(
    "script",
    [
        "export const options = { iterations: 3 }; export default function () { throw new Error('boom'); }",
        "export const options = { iterations: 3 }; export default async function () { throw new Error('boom'); }",
        "export function setup() { throw new Error('boom'); } export default function () {}",
        "throw new Error('boom'); export default function () {}",
    ],
    ids=["iteration", "promise", "setup", "init"],
)
def test_a_script_that_throws_is_an_errored_case(bench: Callable[..., Any], script: str) -> None:
    """k6 exits with 0 after iterations that threw. The report must not look green."""
    ended = bench("k6", {"script.js": script}).run()
    assert ended.cases == [("uncaught exceptions", ("error",))]
    assert "boom" in ended.text("uncaught exceptions")


def test_a_script_that_only_logs_errors_is_green(bench: Callable[..., Any]) -> None:
    """Output of the script counts as no error, even if it looks like k6's log."""
    script = """
        import { check } from 'k6';
        export default function () { console.error('{"executor":"x"} boom'); check(1, { ok: () => true }); }
    """
    assert bench("k6", {"script.js": script}).run().cases == [("ok", ())]
