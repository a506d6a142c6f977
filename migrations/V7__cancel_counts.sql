-- cancel_run locks the shards, in order, in a statement of its own before it counts their cases. The counting statement
-- then has a snapshot that sees what a pod wrote while cancel_run waited for its shard. Replacing keeps the grants.

CREATE OR REPLACE FUNCTION cancel_run(wanted text) RETURNS text
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
    PERFORM FROM test_shards WHERE run_id = wanted ORDER BY shard FOR NO KEY UPDATE;
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
