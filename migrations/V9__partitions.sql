-- Cases and tries are stored by month, so that old ones can be dropped in seconds. The day of a row is that of its run.
-- Existing rows stay where they are: their tables become the first partition. V11 creates the views over them.
--
-- A pod of an earlier release can't write cases any more. Its message comes back after a back-off, and a pod of this
-- release runs the shard again: docs/runbook.md.

-- A view of your own would read the old partition only, without a sign.
DO $$
DECLARE
    foreign_views text;
BEGIN
    SELECT string_agg(DISTINCT r.ev_class::regclass::text, ', ') INTO foreign_views
    FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid IN ('test_cases'::regclass, 'case_tries'::regclass)
      AND r.ev_class NOT IN ('case_history'::regclass, 'regressions'::regclass);
    IF foreign_views IS NOT NULL THEN
        RAISE EXCEPTION 'these views read test_cases or case_tries: %', foreign_views
            USING HINT = 'Drop them, migrate, and create them again.';
    END IF;
END
$$;
DROP VIEW failures_since_green, regressions, flaky_cases, run_greens, case_history;

ALTER TABLE case_tries DROP CONSTRAINT case_tries_run_id_name_fkey;
ALTER TABLE test_cases RENAME TO test_cases_before;
ALTER TABLE case_tries RENAME TO case_tries_before;

-- A column with a constant default is added without writing the rows. All runs that V8 found have the same day.
DO $$
DECLARE
    known date := (SELECT coalesce(min(day), (now() AT TIME ZONE 'UTC')::date) FROM test_runs);
    moved text;
BEGIN
    FOREACH moved IN ARRAY ARRAY['test_cases_before', 'case_tries_before'] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN day date NOT NULL DEFAULT %L', moved, known);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN day DROP DEFAULT', moved);
        -- Runs that were first seen between V8 and this file, if they are applied apart.
        IF EXISTS (SELECT FROM test_runs WHERE day <> known) THEN
            EXECUTE format('UPDATE %I AS c SET day = r.day FROM test_runs AS r WHERE r.run_id = c.run_id '
                           'AND r.day <> %L', moved, known);
        END IF;
    END LOOP;
END
$$;

CREATE TABLE test_cases (LIKE test_cases_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (day);
CREATE TABLE case_tries (LIKE case_tries_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (day);

-- The run comes first: a reader that does not have the day looks up one key in each partition.
ALTER TABLE test_cases
    ADD CONSTRAINT test_cases_key PRIMARY KEY (run_id, name, day),
    ADD CONSTRAINT test_cases_run FOREIGN KEY (run_id) REFERENCES test_runs ON DELETE CASCADE;
CREATE INDEX test_cases_by_shard ON test_cases (run_id, shard);
CREATE INDEX test_cases_renamed ON test_cases (run_id) WHERE report_name IS NOT NULL;
-- No foreign key to test_cases: dropping a month would look for each of its cases. Both refer to the run.
ALTER TABLE case_tries
    ADD CONSTRAINT case_tries_key PRIMARY KEY (run_id, name, attempt, try, day),
    ADD CONSTRAINT case_tries_run FOREIGN KEY (run_id) REFERENCES test_runs ON DELETE CASCADE;

-- Rows of a month without a partition. ensure_partitions moves them.
CREATE TABLE test_cases_other PARTITION OF test_cases DEFAULT;
CREATE TABLE case_tries_other PARTITION OF case_tries DEFAULT;

-- The partitions of both tables. A month is a partition that can be dropped when `until` has passed.
CREATE VIEW case_months AS
SELECT parent.relname::text AS table_name, part.relname::text AS partition, bounds.since, bounds.until,
    part.reltuples::bigint AS estimated_rows, pg_total_relation_size(part.oid) AS bytes
FROM pg_inherits AS i
JOIN pg_class AS part ON part.oid = i.inhrelid
JOIN pg_class AS parent ON parent.oid = i.inhparent
CROSS JOIN LATERAL (
    SELECT substring(pg_get_expr(part.relpartbound, part.oid) FROM 'FROM \(''([0-9-]+)''\)')::date AS since, -- NULL: open
        substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \(''([0-9-]+)''\)')::date AS until
) AS bounds
WHERE i.inhparent IN ('test_cases'::regclass, 'case_tries'::regclass) AND bounds.until IS NOT NULL;

-- Create the missing partitions: of the present month, of `months_ahead` months after it, of each month from `since`
-- on, and of each month with rows in the partition for other days. Return their names.
--
-- It locks test_runs, as every writer does first, so that it waits for no pod that waits for it.
CREATE FUNCTION ensure_partitions(months_ahead integer DEFAULT 3, since date DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    present date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    missing date[];
    month date;
    until date;
    parent text;
    made text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ensure_partitions'), 0);
    SELECT array_agg(m ORDER BY m) INTO missing
    FROM (
        SELECT g::date AS m
        FROM generate_series(least(date_trunc('month', since::timestamp), present::timestamp),
                             present + make_interval(months => months_ahead), interval '1 month') AS g
        UNION SELECT date_trunc('month', day::timestamp)::date FROM test_cases_other
        UNION SELECT date_trunc('month', day::timestamp)::date FROM case_tries_other
    ) AS wanted
    WHERE NOT EXISTS (SELECT FROM case_months AS c WHERE coalesce(c.since <= m, true) AND m < c.until);
    IF missing IS NULL THEN
        RETURN;
    END IF;
    LOCK TABLE test_runs IN SHARE ROW EXCLUSIVE MODE;
    FOREACH month IN ARRAY missing LOOP
        until := (month + interval '1 month')::date;
        FOREACH parent IN ARRAY ARRAY['test_cases', 'case_tries'] LOOP
            made := parent || to_char(month, '_YYYY_MM');
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', made, parent);
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE day >= %L AND day < %L RETURNING *) '
                           'INSERT INTO %I SELECT * FROM moved', parent || '_other', month, until, made);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, made, month, until);
            RETURN NEXT made;
        END LOOP;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION ensure_partitions(integer, date) FROM PUBLIC;

-- The day up to which cases were dropped, in one row.
CREATE TABLE dropped_cases (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    until    date                               -- NULL: all cases are here
);
INSERT INTO dropped_cases DEFAULT VALUES;

-- Drop the cases and tries of all partitions that end on a day or before it. Runs and summaries stay. Return the names of
-- the dropped tables. It waits for the transactions of the pods and holds them up while it drops, which takes a moment.
CREATE FUNCTION drop_cases(before date) RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    dropped record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ensure_partitions'), 0);
    LOCK TABLE test_runs IN SHARE ROW EXCLUSIVE MODE;
    FOR dropped IN SELECT partition, until FROM case_months WHERE until <= before ORDER BY until, partition LOOP
        EXECUTE format('DROP TABLE %I', dropped.partition);
        UPDATE dropped_cases SET until = greatest(dropped_cases.until, dropped.until);
        RETURN NEXT dropped.partition;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION drop_cases(date) FROM PUBLIC;

-- The earlier tables, if they hold a row: one partition up to the end of this month.
DO $$
DECLARE
    until date := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date;
BEGIN
    IF NOT EXISTS (SELECT FROM test_cases_before) THEN
        DROP TABLE test_cases_before, case_tries_before;
        RETURN;
    END IF;
    ALTER TABLE test_cases_before DROP CONSTRAINT test_cases_pkey;
    ALTER TABLE case_tries_before DROP CONSTRAINT case_tries_pkey;
    EXECUTE format('ALTER TABLE test_cases ATTACH PARTITION test_cases_before FOR VALUES FROM (MINVALUE) TO (%L)', until);
    EXECUTE format('ALTER TABLE case_tries ATTACH PARTITION case_tries_before FOR VALUES FROM (MINVALUE) TO (%L)', until);
END
$$;
SELECT ensure_partitions();

-- cancel_run keeps the end of an interrupted attempt, whose pod is gone, so that the wait until the cancel costs nothing. It
-- reads the cases of the run's day only. Replacing keeps the grants.
CREATE OR REPLACE FUNCTION cancel_run(wanted text) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    before text;
    its_day date;
BEGIN
    SELECT status, day INTO before, its_day FROM test_runs WHERE run_id = wanted FOR NO KEY UPDATE;
    IF before IS NULL OR before NOT IN ('queued', 'running') THEN
        RETURN before;
    END IF;
    PERFORM FROM test_shards WHERE run_id = wanted ORDER BY shard FOR NO KEY UPDATE;
    UPDATE test_shards AS held SET
        status = 'cancelled', lease_until = NULL, finished_at = coalesce(finished_at, clock_timestamp()),
        detail = coalesce(detail, 'the run was cancelled'),
        cases = (SELECT count(*) FROM test_cases AS c
                 WHERE c.run_id = held.run_id AND c.day = its_day AND c.shard = held.shard AND c.attempt = held.attempt)
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
        FROM test_cases AS c WHERE c.run_id = wanted AND c.day = its_day
    ) AS counted
    WHERE run_id = wanted;
    RETURN before;
END
$$;
