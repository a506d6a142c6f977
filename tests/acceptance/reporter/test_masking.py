"""No value of a secret is in a row or in the log."""

from collections.abc import Callable
from typing import Any

from handoff import volume
from handoff.records import (
    Committed,
    Failed,
    Mask,
    Run,
)

CASES = "SELECT name, status, attempt FROM test_cases ORDER BY 1"

Eventually = Callable[[Callable[[], Any], str], Any]


def test_no_secret_is_logged(pod: Any) -> None:
    """The database's password does not appear at the level DEBUG."""
    url = "postgresql://qa:s3cr3t@127.0.0.1:1/none"
    pod.start(REPORTER_DATABASE_URL=url, REPORTER_DATABASE_PATIENCE="1", LOG_LEVEL="debug")
    pod.job()
    pod.admission()
    assert pod.stop() == 0
    assert "s3cr3t" not in pod.log


SECRET = "hunter2-secret"

RED = f"""<testsuites><testsuite>
<testcase name="a"><failure message="Error: got {SECRET}" type="E">expected &quot;{SECRET}&quot;</failure></testcase>
<testcase name="b"><error message="{SECRET}">{"x" * (16 * 1024 - 20)} {SECRET}</error>
<rerunFailure message="{SECRET}"><stackTrace>{SECRET}</stackTrace></rerunFailure></testcase>
"""


def test_no_live_or_final_row_contains_a_value_of_the_secret(pod: Any, eventually: Eventually) -> None:
    """Texts are masked before the first row is written, even if a cut divided a value."""
    volume.write(pod.handoff, Mask(values=(SECRET,)), mode=0o600)
    pod.start()
    pod.job()
    assert pod.admission() == Run(attempt=1)
    (pod.artifacts / "junit").mkdir()
    (pod.artifacts / "junit" / "junit.xml").write_text(RED)
    eventually(lambda: len(pod.rows(CASES)) == 2, "the live rows")
    everything = "SELECT test_cases::text AS row FROM test_cases UNION ALL SELECT case_tries::text FROM case_tries"
    live = [each["row"] for each in pod.rows(everything)]
    (pod.artifacts / "junit" / "junit.xml").write_text(RED + "</testsuite></testsuites>")
    pod.outcome(exit_code=1)
    assert pod.receipt() == Committed(status="failed", cases=2, artifacts=1)
    for row in [*live, *(each["row"] for each in pod.rows(everything))]:
        assert "hunter2" not in row
    (first,) = pod.rows("SELECT error FROM test_cases WHERE name = 'a'")
    assert 'expected "***"' in first["error"]
    assert SECRET not in pod.log


def test_without_the_values_to_mask_nothing_is_stored(pod: Any) -> None:
    """A file that can't be read does not mean that there is no secret."""
    (pod.handoff / Mask.FILE).write_text("{}")
    pod.start()
    pod.job()
    pod.report("a")
    pod.outcome()
    assert pod.receipt() == Failed(detail="mask.json.values: is required")
    assert pod.rows(CASES) == []
