-- What a run depends on and what it costs: the change that it tests, where it ran, what its pods requested.

ALTER TABLE test_runs
    -- The UTC day on which the run was first seen. It never changes: the cases of a run are stored by it.
    ADD COLUMN day            date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    ADD COLUMN pull_request   text,
    ADD COLUMN parent_commit  text,
    ADD COLUMN author         text,
    ADD COLUMN ci_url         text,
    ADD COLUMN environment    text,
    ADD COLUMN image_digest   text,              -- of the workers; that of the shard that was claimed first
    ADD COLUMN tools          jsonb,             -- versions by name; those of the shard that was complete first
    ADD COLUMN expected_cases integer CHECK (expected_cases >= 0), -- the usual number when the run ended; NULL: no history
    ADD COLUMN quarantined    integer NOT NULL DEFAULT 0 CHECK (quarantined >= 0); -- bad cases that a quarantine covers

ALTER TABLE test_shards
    ADD COLUMN cpu_millis      integer CHECK (cpu_millis >= 0), -- requested by the pod of the last attempt
    ADD COLUMN memory_mib      integer CHECK (memory_mib >= 0),
    ADD COLUMN image_digest    text,             -- of the last attempt
    ADD COLUMN tools           jsonb,
    -- The time of all attempts that ended before the one of this row. Of an abandoned shard, it includes the last one.
    ADD COLUMN earlier_seconds double precision NOT NULL DEFAULT 0 CHECK (earlier_seconds >= 0);

-- One row. The owner of the tables changes it with UPDATE.
CREATE TABLE analysis_settings (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- In the order of preference. The empty text stands for runs without a branch.
    default_branches  text[] NOT NULL DEFAULT '{main,master,trunk,""}',
    -- NULL: unknown, and so is the cost. The upper limit also refuses NaN.
    vcpu_hour_price   numeric CHECK (vcpu_hour_price >= 0 AND vcpu_hour_price <= 1000000),
    gb_hour_price     numeric CHECK (gb_hour_price >= 0 AND gb_hour_price <= 1000000),
    currency          text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z][A-Z][A-Z]$'), -- ISO 4217; a name, no conversion
    min_cases_percent integer NOT NULL DEFAULT 75 CHECK (min_cases_percent BETWEEN 0 AND 100)
);
INSERT INTO analysis_settings DEFAULT VALUES;

-- The price of a pod for some seconds, from what it requests and the price of a vCPU and of a GB (1024 MiB) for an hour.
-- NULL if one of them is unknown.
CREATE FUNCTION pod_cost(
    seconds double precision, cpu_millis integer, memory_mib integer, vcpu_hour_price numeric, gb_hour_price numeric
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT seconds / 3600
    * (cpu_millis / 1000.0 * vcpu_hour_price + memory_mib / 1024.0 * gb_hour_price)::double precision
$$;

-- Whether a finished run has too small a share of its usual cases. A run without a history has no usual number.
CREATE FUNCTION is_incomplete(reported integer, usual integer, min_percent integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT coalesce(reported * 100::bigint < usual * min_percent::bigint, false)
$$;

-- The time and the price of all attempts at a shard that its row records. The start and the end of a pod do not count.
CREATE VIEW shard_costs AS
SELECT s.run_id, s.shard, s.attempt, s.cpu_millis, s.memory_mib, t.seconds AS pod_seconds,
    pod_cost(t.seconds, s.cpu_millis, s.memory_mib, a.vcpu_hour_price, a.gb_hour_price) AS cost
FROM test_shards AS s
CROSS JOIN analysis_settings AS a
CROSS JOIN LATERAL (
    SELECT s.earlier_seconds + CASE WHEN s.outcome IS NOT DISTINCT FROM 'abandoned' THEN 0 ELSE greatest(0, extract(
        epoch FROM coalesce(s.finished_at, least(s.lease_until, now()), s.started_at) - s.started_at
    )) END AS seconds
) AS t;

-- The same for a run. The hours and the cost are NULL where those of one shard are unknown, as on a laptop: a sum without
-- that shard would look like a saving.
CREATE VIEW run_costs AS
SELECT r.run_id, r.suite, r.branch, r.day, r.status, s.attempts, s.pod_seconds, s.vcpu_hours, s.gb_hours, s.cost,
    a.currency
FROM test_runs AS r
CROSS JOIN analysis_settings AS a
JOIN LATERAL (
    SELECT sum(c.attempt) AS attempts, sum(c.pod_seconds) AS pod_seconds,
        CASE WHEN bool_and(c.cpu_millis IS NOT NULL) THEN sum(c.pod_seconds * c.cpu_millis) / 3600000 END AS vcpu_hours,
        CASE WHEN bool_and(c.memory_mib IS NOT NULL) -- 3600 s, 1024 MiB
            THEN sum(c.pod_seconds * c.memory_mib) / 3686400 END AS gb_hours,
        CASE WHEN bool_and(c.cost IS NOT NULL) THEN sum(c.cost) END AS cost
    FROM shard_costs AS c
    WHERE c.run_id = r.run_id
) AS s ON s.attempts IS NOT NULL;

-- A suite on one day. `priced_runs` of `runs` have a known cost.
CREATE VIEW suite_costs AS
SELECT suite, day, count(*) AS runs, count(cost) AS priced_runs, sum(pod_seconds) AS pod_seconds,
    sum(vcpu_hours) AS vcpu_hours, sum(gb_hours) AS gb_hours, sum(cost) AS cost, currency
FROM run_costs
WHERE suite IS NOT NULL
GROUP BY suite, day, currency;

-- Expected against reported shards and cases.
CREATE VIEW run_completeness AS
SELECT r.run_id, r.suite, r.branch, r.shards AS expected_shards, r.shards_done AS reported_shards, r.expected_cases,
    r.total AS reported_cases, a.min_cases_percent,
    r.finished_at IS NOT NULL AND r.status <> 'cancelled'
        AND is_incomplete(r.total, r.expected_cases, a.min_cases_percent) AS incomplete
FROM test_runs AS r
CROSS JOIN analysis_settings AS a;

CREATE OR REPLACE VIEW run_fleet AS
SELECT r.run_id, r.suite, r.branch, r.status, r.started_at, r.finished_at, r.shards,
    extract(epoch FROM r.started_at - r.queued_at) AS queue_seconds,
    extract(epoch FROM r.finished_at - r.started_at) AS run_seconds,
    s.slowest_seconds, s.mean_seconds,
    s.slowest_seconds / nullif(s.mean_seconds, 0) AS imbalance, -- 1 is even; 2 means the slowest took twice the mean
    s.attempts, s.repeated_shards,
    s.pod_seconds / 60 AS fleet_minutes, s.cost, a.currency
FROM test_runs AS r
CROSS JOIN analysis_settings AS a
JOIN LATERAL (
    SELECT max(extract(epoch FROM finished_at - started_at)) AS slowest_seconds,
        avg(extract(epoch FROM finished_at - started_at)) AS mean_seconds,
        sum(attempt) AS attempts,
        count(*) FILTER (WHERE attempt > 1) AS repeated_shards,
        sum(c.pod_seconds) AS pod_seconds,
        CASE WHEN bool_and(c.cost IS NOT NULL) THEN sum(c.cost) END AS cost
    FROM test_shards
    JOIN shard_costs AS c USING (run_id, shard, attempt)
    WHERE run_id = r.run_id
) AS s ON true
WHERE r.started_at IS NOT NULL AND r.status <> 'cancelled' AND r.suite IS NOT NULL;

-- For the arguments of the command: the newest run of a suite or a branch, and short run ids. Ids are compared by their
-- bytes, so that LIKE can use the index whatever the collation of the database.
CREATE INDEX test_runs_newest ON test_runs (coalesce(started_at, queued_at) DESC NULLS LAST, run_id DESC);
CREATE INDEX test_runs_suite_newest ON test_runs (suite, coalesce(started_at, queued_at) DESC NULLS LAST, run_id DESC);
CREATE INDEX test_runs_branch_newest ON test_runs (branch, coalesce(started_at, queued_at) DESC NULLS LAST, run_id DESC);
CREATE INDEX test_runs_id_beginning ON test_runs (run_id COLLATE "C");
CREATE INDEX test_runs_id_end ON test_runs (reverse(run_id) COLLATE "C");
