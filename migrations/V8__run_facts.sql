-- What a run depends on and what it costs: the change that it tests, where it ran, what its pods requested.

ALTER TABLE test_runs
    -- The UTC day on which the run was first seen. It never changes: the cases of a run are stored by it.
    ADD COLUMN day            date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    ADD COLUMN pull_request   text,
    ADD COLUMN parent_commit  text,
    ADD COLUMN author         text,
    ADD COLUMN ci_url         text,
    ADD COLUMN environment    text,
    ADD COLUMN image_digest   text,
    ADD COLUMN tools          jsonb,             -- versions by name
    ADD COLUMN expected_cases integer CHECK (expected_cases >= 0),
    ADD COLUMN quarantined    integer NOT NULL DEFAULT 0 CHECK (quarantined >= 0); -- bad cases that a quarantine covers

ALTER TABLE test_shards
    ADD COLUMN cpu_millis integer CHECK (cpu_millis >= 0),   -- requested by the pod
    ADD COLUMN memory_mib integer CHECK (memory_mib >= 0);

-- One row. The owner of the tables changes it with UPDATE.
CREATE TABLE analysis_settings (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- In the order of preference. The empty text stands for runs without a branch.
    default_branches  text[] NOT NULL DEFAULT '{main,master,trunk,""}',
    vcpu_hour_price   numeric CHECK (vcpu_hour_price >= 0),  -- NULL: unknown, and so is the cost
    gb_hour_price     numeric CHECK (gb_hour_price >= 0),
    currency          text NOT NULL DEFAULT 'USD',
    min_cases_percent integer NOT NULL DEFAULT 75 CHECK (min_cases_percent BETWEEN 0 AND 100)
);
INSERT INTO analysis_settings DEFAULT VALUES;

-- Seconds of pods and their price. A shard's row has the times of its last attempt only, so earlier attempts are missing.
CREATE VIEW run_costs AS
SELECT s.run_id,
    sum(extract(epoch FROM s.finished_at - s.started_at))::float8 AS pod_seconds,
    sum(extract(epoch FROM s.finished_at - s.started_at) / 3600
        * (s.cpu_millis / 1000.0 * a.vcpu_hour_price + s.memory_mib / 1024.0 * a.gb_hour_price))::float8 AS cost
FROM test_shards AS s CROSS JOIN analysis_settings AS a
GROUP BY s.run_id;
