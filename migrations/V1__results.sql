-- The results of every run. Append-only: a change is a new file with the next version.
-- Times are the database's own (now()), so that two pods never compare their clocks.

CREATE TABLE test_runs (
    run_id      text PRIMARY KEY,
    suite       text,                       -- unknown where only a rejected message named the run
    commit      text,
    branch      text,
    target_url  text,
    trigger     text,
    status      text NOT NULL CHECK (status IN ('queued', 'running', 'passed', 'failed', 'errored')),
    detail      text,                       -- why the run is errored, for people
    shards      integer CHECK (shards >= 1),
    shards_done integer NOT NULL DEFAULT 0 CHECK (shards_done >= 0),
    total       integer NOT NULL DEFAULT 0,
    passed      integer NOT NULL DEFAULT 0,
    failed      integer NOT NULL DEFAULT 0,
    errored     integer NOT NULL DEFAULT 0,
    skipped     integer NOT NULL DEFAULT 0,
    flaky       integer NOT NULL DEFAULT 0, -- cases that passed after they had failed within this run
    p95_ms      double precision,           -- of case durations; for k6 of http_req_duration
    queued_at   timestamptz,
    started_at  timestamptz,                -- the first claim
    finished_at timestamptz,
    CHECK ((finished_at IS NULL) = (status IN ('queued', 'running')))
);

CREATE INDEX test_runs_suite_started_at ON test_runs (suite, started_at);

CREATE TABLE test_shards (
    run_id      text NOT NULL REFERENCES test_runs ON DELETE CASCADE,
    shard       integer NOT NULL CHECK (shard >= 1),
    claim_id    text NOT NULL,              -- a claim is repeatable for whoever shows this one
    attempt     integer NOT NULL CHECK (attempt >= 1), -- the fence
    status      text NOT NULL CHECK (status IN ('running', 'passed', 'failed', 'errored', 'interrupted')),
    lease_until timestamptz,                -- NULL: nobody holds the shard
    worker      text NOT NULL,
    message_id  text NOT NULL,
    exit_code   integer,
    outcome     text CHECK (outcome IN ('finished', 'timed_out', 'interrupted', 'failed_to_start')),
    detail      text,
    cases       integer NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL,       -- of the last attempt
    finished_at timestamptz,
    PRIMARY KEY (run_id, shard)
);

CREATE TABLE test_cases (
    run_id      text NOT NULL REFERENCES test_runs ON DELETE CASCADE,
    name        text NOT NULL,
    shard       integer NOT NULL,
    attempt     integer NOT NULL,
    file        text,
    status      text NOT NULL CHECK (status IN ('passed', 'failed', 'errored', 'skipped')),
    flaky       boolean NOT NULL DEFAULT false,
    tries       integer NOT NULL DEFAULT 1 CHECK (tries >= 1),
    duration_ms double precision,
    error       text,                       -- at most 16 KiB; the whole text stays in the JUnit file in S3
    error_type  text,
    fingerprint text,                       -- the same for failures that are the same but for numbers and addresses
    started_at  timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (run_id, name)
);

CREATE INDEX test_cases_run_id_shard ON test_cases (run_id, shard);

CREATE TABLE case_tries (
    run_id      text NOT NULL,
    name        text NOT NULL,
    attempt     integer NOT NULL,
    try         integer NOT NULL CHECK (try >= 1),
    status      text NOT NULL CHECK (status IN ('passed', 'failed', 'errored', 'skipped')),
    duration_ms double precision,
    error       text,
    PRIMARY KEY (run_id, name, attempt, try),
    FOREIGN KEY (run_id, name) REFERENCES test_cases ON DELETE CASCADE
);

CREATE TABLE artifacts (
    s3_uri       text PRIMARY KEY,
    run_id       text NOT NULL REFERENCES test_runs ON DELETE CASCADE,
    shard        integer NOT NULL,
    attempt      integer NOT NULL,
    case_name    text,                      -- where the file's path or the report tells whose it is
    kind         text NOT NULL
                 CHECK (kind IN ('junit', 'trace', 'video', 'screenshot', 'report', 'log', 'other')),
    bytes        bigint NOT NULL CHECK (bytes >= 0),
    content_type text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX artifacts_run_id ON artifacts (run_id);
