-- What broke, apart from the text of the whole failure, and where. Views get their columns at the end: replacing a view
-- keeps its grants, and it may only add columns there.

ALTER TABLE test_cases
    ADD COLUMN message  text,  -- at most 2000 bytes: what was expected and received, without stack and colours
    ADD COLUMN location text;  -- file:line of the failure
ALTER TABLE case_tries ADD COLUMN message text;

CREATE OR REPLACE VIEW case_history AS
SELECT
    r.suite,
    r.branch,
    r.commit,
    c.run_id,
    r.started_at,
    c.name,
    c.shard,
    c.status,
    c.status = 'passed' AS passed,
    c.flaky AS passed_after_failing,
    -- both outcomes on one commit: the code was the same, so the test or its surroundings were not
    r.commit IS NOT NULL
        AND bool_or(c.status = 'passed') OVER same_code
        AND bool_or(c.status <> 'passed') OVER same_code AS both_outcomes,
    (c.status = 'passed') IS DISTINCT FROM lag(c.status = 'passed') OVER past
        AND lag(c.status) OVER past IS NOT NULL AS switched,
    c.duration_ms,
    c.error,
    c.error_type,
    c.fingerprint,
    c.message,
    c.location
FROM test_cases AS c
JOIN test_runs AS r USING (run_id)
WHERE r.finished_at IS NOT NULL AND r.status <> 'cancelled' AND r.suite IS NOT NULL AND c.status <> 'skipped'
WINDOW
    same_code AS (PARTITION BY r.suite, r.commit, c.name),
    past AS (PARTITION BY r.suite, r.branch, c.name ORDER BY r.started_at, c.run_id);

CREATE OR REPLACE VIEW flaky_cases AS
SELECT *
FROM case_history
WHERE passed_after_failing OR both_outcomes;

CREATE OR REPLACE VIEW regressions AS
SELECT g.suite, g.branch, g.commit, g.run_id, g.started_at, g.latest, c.name, c.status, c.error, c.error_type,
    c.fingerprint, g.green_run_id, g.green_commit, c.message, c.location
FROM run_greens AS g
JOIN test_cases AS c ON c.run_id = g.run_id AND c.status IN ('failed', 'errored')
JOIN test_cases AS before ON before.run_id = g.green_run_id AND before.name = c.name AND before.status = 'passed';

CREATE OR REPLACE VIEW failures_since_green AS
WITH newest AS (
    SELECT suite, branch, max(started_at) FILTER (WHERE status = 'passed') AS green_started_at
    FROM test_runs
    WHERE finished_at IS NOT NULL AND suite IS NOT NULL
    GROUP BY suite, branch
)
SELECT h.suite, h.branch, h.name, count(*) AS failures, min(h.started_at) AS first_failed_at,
    (array_agg(h.commit ORDER BY h.started_at, h.run_id))[1] AS first_failed_commit,
    (array_agg(h.run_id ORDER BY h.started_at DESC, h.run_id DESC))[1] AS last_run_id,
    (array_agg(h.error ORDER BY h.started_at DESC, h.run_id DESC))[1] AS last_error,
    (array_agg(h.message ORDER BY h.started_at DESC, h.run_id DESC))[1] AS last_message,
    (array_agg(h.location ORDER BY h.started_at DESC, h.run_id DESC))[1] AS last_location
FROM case_history AS h
JOIN newest AS n ON n.suite = h.suite AND n.branch IS NOT DISTINCT FROM h.branch
WHERE NOT h.passed AND (n.green_started_at IS NULL OR h.started_at > n.green_started_at)
GROUP BY h.suite, h.branch, h.name;
