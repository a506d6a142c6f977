-- What is known of each case, kept by run: when a run gets its verdict, the same transaction folds its cases into the
-- summaries of its suite and branch. The cost follows the run's own cases and not the history.
--
-- Runs of one suite fold one after the other, in the order of finished_at, which is taken under the suite's lock. A
-- second fold of the same rows in that order therefore gives the same summaries (rebuild_summaries).

ALTER TABLE test_runs
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY, -- a short reference for the summaries
    ADD COLUMN folded boolean NOT NULL DEFAULT false;      -- whether the summaries contain the run
CREATE UNIQUE INDEX test_runs_number ON test_runs (number);
CREATE INDEX test_runs_suite_finished_at ON test_runs (suite, finished_at);
CREATE INDEX test_runs_suite_commit ON test_runs (suite, commit) WHERE commit IS NOT NULL;

-- A suite on one branch. Runs without a branch have the branch ''.
CREATE TABLE suite_summaries (
    branch_id         integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    suite             text NOT NULL,
    branch            text NOT NULL,
    runs              integer NOT NULL DEFAULT 0,
    last_run_id       text,
    last_status       text,
    last_finished_at  timestamptz,
    last_green_run_id text,
    last_green_commit text,
    last_green_at     timestamptz,
    case_counts       integer[] NOT NULL DEFAULT ARRAY[]::integer[], -- totals of the last ten passed or failed runs, oldest first
    usual_cases       integer,                         -- their median; NULL before the first of them
    PRIMARY KEY (suite, branch)
) WITH (fillfactor = 50);

-- One row for each case of a suite on a branch. Read the view case_summaries, which names suite, branch and runs.
-- An execution is a case that was not skipped. Each run updates every row of its cases: half of a page stays free, so
-- that the new version of a row fits beside the old one and no index changes.
CREATE TABLE folded_cases (
    branch_id         integer NOT NULL,
    name              text NOT NULL,
    file              text,
    outcomes          text NOT NULL,            -- last 50 executions, oldest first: p(assed) f(ailed) e(rrored) r(etried)
    tried             text NOT NULL,            -- last 10 executions, oldest first: two digits each, failed and passed tries
    durations         real[] NOT NULL,          -- ms of the executions in outcomes; NULL where the report has none
    executions        integer NOT NULL,
    failures          integer NOT NULL,
    day               date NOT NULL,            -- UTC day of the last execution
    day_executions    smallint NOT NULL,        -- on that day
    day_failures      smallint NOT NULL,
    past_executions   smallint[] NOT NULL,      -- on up to 36 days before it, oldest first
    past_failures     smallint[] NOT NULL,
    streak            integer NOT NULL,         -- failures in a row up to the last execution
    last_number       bigint NOT NULL,          -- test_runs.number of the last execution
    last_pass_number  bigint,
    first_fail_number bigint,                   -- the first failure of the streak
    retried_at        timestamptz,              -- last run in which the case passed after a failed try
    mixed_at          timestamptz,              -- last run that showed both outcomes on its commit
    flaky_at          timestamptz,              -- last evidence of any detector
    quiet_executions  integer,                  -- since flaky_at
    posterior         real,                     -- of the last 10 executions; NULL where none of them failed a try
    flips             smallint NOT NULL DEFAULT 0, -- among the last 20 outcomes
    cause_id          bigint,                   -- of the last failure in the streak
    PRIMARY KEY (branch_id, name)
) WITH (fillfactor = 45);

CREATE VIEW case_summaries AS
SELECT s.suite, s.branch, f.name, f.file, f.outcomes, f.tried, f.durations, f.executions, f.failures,
    f.day, f.day_executions, f.day_failures, f.past_executions, f.past_failures, f.streak,
    f.retried_at, f.mixed_at, f.flaky_at, f.quiet_executions, f.posterior, f.flips, f.cause_id,
    last_run.run_id AS last_run_id, last_run.commit AS last_commit, last_run.finished_at AS last_seen_at,
    last_pass.run_id AS last_pass_run_id, last_pass.commit AS last_pass_commit, last_pass.finished_at AS last_pass_at,
    first_fail.run_id AS first_fail_run_id, first_fail.commit AS first_fail_commit,
    first_fail.finished_at AS first_fail_at, first_fail.author AS first_fail_author, f.branch_id
FROM folded_cases AS f
JOIN suite_summaries AS s USING (branch_id)
LEFT JOIN test_runs AS last_run ON last_run.number = f.last_number
LEFT JOIN test_runs AS last_pass ON last_pass.number = f.last_pass_number
LEFT JOIN test_runs AS first_fail ON first_fail.number = f.first_fail_number;

-- The bad cases of each finished run, classified once, by what was known before the run.
CREATE TABLE run_failures (
    run_id            text NOT NULL REFERENCES test_runs ON DELETE CASCADE,
    name              text NOT NULL,
    suite             text NOT NULL,
    branch            text NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('new', 'new_case', 'flaky', 'broken', 'quarantined')),
    first_fail_run_id text NOT NULL,            -- of the present streak; the run itself where it begins one
    first_fail_commit text,
    first_fail_at     timestamptz NOT NULL,
    runs_since        integer NOT NULL,         -- executions of the streak before this run
    last_pass_run_id  text,
    last_pass_commit  text,
    cause_id          bigint,
    quarantined       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, name)
);

-- Take the lock of the suite's summaries until the end of the transaction, and return the time at which the run ends:
-- later than that of every folded run of the suite, whatever the clock.
CREATE FUNCTION lock_summaries(wanted text) RETURNS timestamptz
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    its_suite text;
    latest timestamptz;
BEGIN
    SELECT suite INTO its_suite FROM test_runs WHERE run_id = wanted;
    IF its_suite IS NULL THEN
        RETURN clock_timestamp();
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('fold_run'), hashtext(its_suite));
    SELECT max(finished_at) INTO latest FROM test_runs WHERE suite = its_suite;
    RETURN greatest(clock_timestamp(), latest + interval '1 microsecond');
END
$$;
REVOKE ALL ON FUNCTION lock_summaries(text) FROM PUBLIC;

-- Fold a finished run into the summaries, once. Return whether this call did.
CREATE FUNCTION fold_run(wanted text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN false;
END
$$;
REVOKE ALL ON FUNCTION fold_run(text) FROM PUBLIC;
