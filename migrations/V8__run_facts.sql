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
