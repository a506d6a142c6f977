-- What results mean over several runs. Every reader (dashboards, command line, page) asks these views, so that "flaky" and
-- "regression" have one definition. They read finished runs only: a running one would change its answer.

-- One row for each case of each finished run, with what is known of its past. Skipped cases tell nothing and are left out.
CREATE VIEW case_history AS
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
    c.fingerprint
FROM test_cases AS c
JOIN test_runs AS r USING (run_id)
WHERE r.finished_at IS NOT NULL AND r.suite IS NOT NULL AND c.status <> 'skipped'
WINDOW
    same_code AS (PARTITION BY r.suite, r.commit, c.name),
    past AS (PARTITION BY r.suite, r.branch, c.name ORDER BY r.started_at, c.run_id);

-- Flaky: passed after failing within a run, or both outcomes on one commit.
CREATE VIEW flaky_cases AS
SELECT *
FROM case_history
WHERE passed_after_failing OR both_outcomes;

-- For each finished run, the suite's last green run before it on the same branch; runs without a branch are one branch.
CREATE VIEW run_greens AS
SELECT r.run_id, r.suite, r.branch, r.commit, r.status, r.started_at, green.run_id AS green_run_id,
    green.commit AS green_commit, green.started_at AS green_started_at,
    row_number() OVER (PARTITION BY r.suite, r.branch ORDER BY r.started_at DESC, r.run_id DESC) = 1 AS latest
FROM test_runs AS r
LEFT JOIN LATERAL (
    SELECT g.run_id, g.commit, g.started_at
    FROM test_runs AS g
    WHERE g.suite = r.suite
        AND g.branch IS NOT DISTINCT FROM r.branch
        AND g.status = 'passed'
        AND (g.started_at, g.run_id) < (r.started_at, r.run_id)
    ORDER BY g.started_at DESC, g.run_id DESC
    LIMIT 1
) AS green ON true
WHERE r.finished_at IS NOT NULL AND r.started_at IS NOT NULL AND r.suite IS NOT NULL;

-- Regression: fails now, passed in the suite's last green run. `latest` marks the suite's newest run on its branch.
CREATE VIEW regressions AS
SELECT g.suite, g.branch, g.commit, g.run_id, g.started_at, g.latest, c.name, c.status, c.error, c.error_type,
    c.fingerprint, g.green_run_id, g.green_commit
FROM run_greens AS g
JOIN test_cases AS c ON c.run_id = g.run_id AND c.status IN ('failed', 'errored')
JOIN test_cases AS before ON before.run_id = g.green_run_id AND before.name = c.name AND before.status = 'passed';

-- What has failed since the suite was last green on the branch, whether it had passed before or is new.
CREATE VIEW failures_since_green AS
WITH newest AS (
    SELECT suite, branch, max(started_at) FILTER (WHERE status = 'passed') AS green_started_at
    FROM test_runs
    WHERE finished_at IS NOT NULL AND suite IS NOT NULL
    GROUP BY suite, branch
)
SELECT h.suite, h.branch, h.name, count(*) AS failures, min(h.started_at) AS first_failed_at,
    (array_agg(h.commit ORDER BY h.started_at, h.run_id))[1] AS first_failed_commit,
    (array_agg(h.run_id ORDER BY h.started_at DESC, h.run_id DESC))[1] AS last_run_id,
    (array_agg(h.error ORDER BY h.started_at DESC, h.run_id DESC))[1] AS last_error
FROM case_history AS h
JOIN newest AS n ON n.suite = h.suite AND n.branch IS NOT DISTINCT FROM h.branch
WHERE NOT h.passed AND (n.green_started_at IS NULL OR h.started_at > n.green_started_at)
GROUP BY h.suite, h.branch, h.name;

-- What a run cost the fleet: seconds waited in the queue, how unevenly its shards were cut, how often it was attempted.
CREATE VIEW run_fleet AS
SELECT r.run_id, r.suite, r.branch, r.status, r.started_at, r.finished_at, r.shards,
    extract(epoch FROM r.started_at - r.queued_at) AS queue_seconds,
    extract(epoch FROM r.finished_at - r.started_at) AS run_seconds,
    s.slowest_seconds, s.mean_seconds,
    s.slowest_seconds / nullif(s.mean_seconds, 0) AS imbalance, -- 1 is even; 2 means the slowest took twice the mean
    s.attempts, s.repeated_shards
FROM test_runs AS r
JOIN LATERAL (
    SELECT max(extract(epoch FROM finished_at - started_at)) AS slowest_seconds,
        avg(extract(epoch FROM finished_at - started_at)) AS mean_seconds,
        sum(attempt) AS attempts,
        count(*) FILTER (WHERE attempt > 1) AS repeated_shards
    FROM test_shards
    WHERE run_id = r.run_id
) AS s ON true
WHERE r.started_at IS NOT NULL AND r.suite IS NOT NULL;
