-- Two more ways for a run to end: a person cancels it, or its pods and its message are gone (testfleet sweep).

ALTER TABLE test_runs
    DROP CONSTRAINT test_runs_status_check,
    ADD CONSTRAINT test_runs_status_check
        CHECK (status IN ('queued', 'running', 'passed', 'failed', 'errored', 'cancelled'));

ALTER TABLE test_shards
    DROP CONSTRAINT test_shards_status_check,
    ADD CONSTRAINT test_shards_status_check
        CHECK (status IN ('running', 'passed', 'failed', 'errored', 'interrupted', 'cancelled')),
    DROP CONSTRAINT test_shards_outcome_check,
    ADD CONSTRAINT test_shards_outcome_check
        CHECK (outcome IN ('finished', 'timed_out', 'interrupted', 'failed_to_start', 'abandoned'));

-- Cancels the run and returns the status that it had before; NULL where there is no such run. A finished run keeps
-- every row. It locks the run and then its shards, as every transaction of a reporter does.
--
-- A function with its owner's rights: who may cancel needs no right to update a table, and so cannot change a verdict.
CREATE FUNCTION cancel_run(wanted text) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    before text;
BEGIN
    SELECT status INTO before FROM test_runs WHERE run_id = wanted FOR NO KEY UPDATE;
    IF before IS NULL OR before NOT IN ('queued', 'running') THEN
        RETURN before;
    END IF;
    UPDATE test_shards AS held SET
        status = 'cancelled', lease_until = NULL, finished_at = clock_timestamp(),
        detail = coalesce(detail, 'the run was cancelled'),
        cases = (SELECT count(*) FROM test_cases AS c
                 WHERE c.run_id = held.run_id AND c.shard = held.shard AND c.attempt = held.attempt)
    WHERE run_id = wanted AND status IN ('running', 'interrupted');
    UPDATE test_runs SET
        status = 'cancelled', finished_at = clock_timestamp(), total = counted.total, passed = counted.passed,
        failed = counted.failed, errored = counted.errored, skipped = counted.skipped, flaky = counted.flaky
    FROM (
        SELECT count(*) AS total,
               count(*) FILTER (WHERE c.status = 'passed') AS passed,
               count(*) FILTER (WHERE c.status = 'failed') AS failed,
               count(*) FILTER (WHERE c.status = 'errored') AS errored,
               count(*) FILTER (WHERE c.status = 'skipped') AS skipped,
               count(*) FILTER (WHERE c.flaky) AS flaky
        FROM test_cases AS c WHERE c.run_id = wanted
    ) AS counted
    WHERE run_id = wanted;
    RETURN before;
END
$$;

REVOKE ALL ON FUNCTION cancel_run(text) FROM PUBLIC;

-- A cancelled run has partial results: it is no part of what holds across runs.

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
    c.fingerprint
FROM test_cases AS c
JOIN test_runs AS r USING (run_id)
WHERE r.finished_at IS NOT NULL AND r.status <> 'cancelled' AND r.suite IS NOT NULL AND c.status <> 'skipped'
WINDOW
    same_code AS (PARTITION BY r.suite, r.commit, c.name),
    past AS (PARTITION BY r.suite, r.branch, c.name ORDER BY r.started_at, c.run_id);

CREATE OR REPLACE VIEW run_greens AS
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
WHERE r.finished_at IS NOT NULL AND r.status <> 'cancelled' AND r.started_at IS NOT NULL AND r.suite IS NOT NULL;

CREATE OR REPLACE VIEW run_fleet AS
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
WHERE r.started_at IS NOT NULL AND r.status <> 'cancelled' AND r.suite IS NOT NULL;
