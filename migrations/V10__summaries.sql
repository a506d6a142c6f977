-- What is known of each case, kept by run: when a run gets its verdict, the same transaction folds its cases into the
-- summaries of its suite and branch. The cost follows the run's own cases and not the history.
--
-- Runs of one suite fold one after the other, in the order of finished_at, which is taken under the suite's lock. A
-- second fold of the same rows in that order therefore gives the same summaries (rebuild_summaries).

ALTER TABLE test_runs
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY, -- a short reference for the summaries
    ADD COLUMN folded boolean NOT NULL DEFAULT false,      -- whether the summaries contain the run
    ADD COLUMN outage boolean NOT NULL DEFAULT false;      -- its failures are no evidence on one case: is_outage
CREATE UNIQUE INDEX test_runs_number ON test_runs (number);
CREATE INDEX test_runs_suite_finished_at ON test_runs (suite, finished_at);
CREATE INDEX test_runs_outages ON test_runs (finished_at) WHERE outage;
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
    -- The last 50 executions, oldest first: p passed, r passed on retry, f failed, e errored, o bad in an outage.
    outcomes          text NOT NULL,
    -- The last 10 executions, oldest first, two digits each: failed tries, passed tries. 00 in an outage.
    tried             text NOT NULL,
    durations         real[] NOT NULL,          -- ms of the executions in outcomes; NULL where the report has none
    executions        integer NOT NULL,
    failures          integer NOT NULL,
    day               date NOT NULL,            -- UTC day of the last execution
    day_executions    smallint NOT NULL,        -- on that day, without those that are bad in an outage
    day_failures      smallint NOT NULL,
    past_executions   smallint[] NOT NULL,      -- on up to 36 days before it, oldest first
    past_failures     smallint[] NOT NULL,
    streak            integer NOT NULL,         -- failures in a row up to the last execution
    last_number       bigint NOT NULL,          -- test_runs.number of the last execution
    last_pass_number  bigint,
    first_fail_number bigint,                   -- the first failure of the streak
    retried_at        timestamptz,              -- last run in which the case passed after a failed try
    mixed_at          timestamptz,              -- last run with another outcome than the run before on the same commit
    flipped_at        timestamptz,              -- last flip that made four or more, on a default branch
    suspected_at      timestamptz,              -- last failed try with a posterior over 0.1
    flaky_at          timestamptz,              -- the last of these four
    flaky_since       timestamptz,              -- the first evidence that found the case not flaky
    quiet_executions  integer,                  -- since flaky_at
    cause_id          bigint,                   -- of the last failure in the streak
    PRIMARY KEY (branch_id, name)
) WITH (fillfactor = 45);

CREATE VIEW case_summaries AS
SELECT s.suite, s.branch, f.name, f.file, f.outcomes, f.tried, f.durations, f.executions, f.failures,
    f.day, f.day_executions, f.day_failures, f.past_executions, f.past_failures, f.streak,
    f.retried_at, f.mixed_at, f.flipped_at, f.suspected_at, f.flaky_at, f.flaky_since, f.quiet_executions, f.cause_id,
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
    finished_at       timestamptz NOT NULL,     -- of the run
    first_fail_run_id text,                     -- of the present streak; the run itself where it begins one
    first_fail_commit text,
    first_fail_at     timestamptz,
    runs_since        integer NOT NULL,         -- executions of the streak before this run
    last_pass_run_id  text,
    last_pass_commit  text,
    cause_id          bigint,
    quarantined       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, name)
);

-- Each fingerprint belongs to one cause for ever: a rebuild of the summaries finds the same cause again.
CREATE TABLE cause_fingerprints (fingerprint text PRIMARY KEY, cause_id bigint NOT NULL);

-- Who answers for a file of a suite. The file '' stands for the suite.
CREATE TABLE file_owners (suite text, file text, owner text NOT NULL, PRIMARY KEY (suite, file));

-- The names under which a quarantine covers a bad case; NULL where none does. The transaction that completes the shard
-- writes it, by the database's clock. When the run ends, only a case that has one of these names stays covered.
ALTER TABLE test_cases ADD COLUMN quarantined_as text[];

-- Suites whose summaries are being rebuilt. The rebuild folds their new runs, too.
CREATE TABLE rebuilding_suites (suite text PRIMARY KEY);

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


-- Counts by day after `days` more days: the last day's count, then days without one. At most 36.
CREATE FUNCTION later_days(past smallint[], last smallint, days integer) RETURNS smallint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN days > 36 THEN ARRAY[]::smallint[]
    ELSE (past || last || array_fill(0::smallint, ARRAY[days - 1]))[greatest(cardinality(past) + days - 35, 1):]
END;

-- The functions below look up each case of a run by its key, in a LATERAL subquery with OFFSET 0: the planner can't turn it
-- around. It can't know how many rows a new run, suite or branch has, and a join of two such sets that it takes for one row
-- each costs the product of both. For the same reason these functions may not scan a whole table, which may grow under
-- the statement, and they plan with the values: a long list of names is then hashed.

-- Cases whose outcome in the run differs from that at their execution before on the same commit: among the last ten runs
-- of the suite on the commit within 14 days. It reads the cases that are bad in one of these runs.
CREATE FUNCTION mixed_cases(run test_runs) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    runs  text[];
    days  date[];
    found text[];
BEGIN
    SELECT array_agg(run_id ORDER BY finished_at DESC), array_agg(day ORDER BY finished_at DESC) INTO runs, days
    FROM (
        SELECT run_id, day, finished_at FROM test_runs
        WHERE suite = run.suite AND commit = run.commit AND status IN ('passed', 'failed', 'errored') AND NOT outage
          AND finished_at < run.finished_at AND finished_at > run.finished_at - interval '14 days'
        ORDER BY finished_at DESC LIMIT 10
    ) AS earlier;
    IF runs IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(present.name) INTO found
    FROM (SELECT DISTINCT name FROM run_failures WHERE run_id = ANY (run.run_id || runs)) AS bad
    CROSS JOIN LATERAL (
        SELECT c.name, c.status FROM test_cases AS c
        WHERE c.run_id = run.run_id AND c.day = run.day AND c.name = bad.name OFFSET 0
    ) AS present
    CROSS JOIN LATERAL (
        SELECT c.status FROM unnest(runs, days) WITH ORDINALITY AS earlier (run_id, day, place)
        JOIN test_cases AS c ON c.run_id = earlier.run_id AND c.day = earlier.day AND c.name = bad.name
        WHERE c.status <> 'skipped' ORDER BY earlier.place LIMIT 1
    ) AS before
    WHERE present.status <> 'skipped' AND (present.status = 'passed') <> (before.status = 'passed');
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION mixed_cases(test_runs) FROM PUBLIC;

-- Classify the bad cases of a run by the summaries before it. `own` is the branch; `base` is the suite's default branch,
-- for cases that its own branch does not know, and for those that the default branch breaks.
CREATE FUNCTION record_failures(run test_runs, own integer, base integer, on_default boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    -- On any branch: a case may be flaky only where pull requests are tested, and each of these has few runs.
    flaky_names constant text[] := (
        SELECT array_agg(DISTINCT f.name) FROM folded_cases AS f JOIN suite_summaries AS s USING (branch_id)
        WHERE s.suite = run.suite AND f.flaky_at > run.finished_at - interval '7 days'
          AND is_flaky(f.flaky_at, f.quiet_executions, run.finished_at));
BEGIN
    INSERT INTO run_failures AS held (run_id, name, suite, branch, kind, finished_at, first_fail_run_id,
        first_fail_commit, first_fail_at, runs_since, last_pass_run_id, last_pass_commit, cause_id, quarantined)
    SELECT run.run_id, c.name, run.suite, coalesce(run.branch, ''),
        CASE
            WHEN c.quarantined_as IS NOT NULL THEN 'quarantined'
            WHEN known.streak IS NULL THEN 'new_case'
            WHEN known.streak >= 3 THEN 'broken'
            WHEN c.name = ANY (flaky_names) THEN 'flaky'
            WHEN known.streak > 0 THEN 'broken'
            ELSE 'new'
        END,
        run.finished_at,
        CASE WHEN known.streak > 0 THEN first_fail.run_id ELSE run.run_id END,
        CASE WHEN known.streak > 0 THEN first_fail.commit ELSE run.commit END,
        CASE WHEN known.streak > 0 THEN first_fail.finished_at ELSE run.finished_at END,
        coalesce(known.streak, 0), last_pass.run_id, last_pass.commit,
        (SELECT f.cause_id FROM cause_fingerprints AS f WHERE f.fingerprint = c.fingerprint),
        c.quarantined_as IS NOT NULL
    FROM test_cases AS c
    LEFT JOIN LATERAL (
        SELECT f.streak, f.first_fail_number, f.last_pass_number FROM folded_cases AS f
        WHERE f.branch_id = own AND f.name = c.name OFFSET 0
    ) AS mine ON true
    LEFT JOIN LATERAL (
        SELECT f.streak, f.first_fail_number, f.last_pass_number FROM folded_cases AS f
        WHERE f.branch_id = base AND f.name = c.name OFFSET 0
    ) AS theirs ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN mine.streak > 0 THEN false
                    WHEN theirs.streak > 0 AND NOT on_default THEN true
                    ELSE mine.streak IS NULL END AS from_base
    ) AS chosen
    CROSS JOIN LATERAL (
        SELECT CASE WHEN from_base THEN theirs.streak ELSE mine.streak END AS streak,
            CASE WHEN from_base THEN theirs.first_fail_number ELSE mine.first_fail_number END AS first_fail_number,
            CASE WHEN from_base THEN theirs.last_pass_number ELSE mine.last_pass_number END AS last_pass_number
    ) AS known
    LEFT JOIN test_runs AS first_fail ON first_fail.number = known.first_fail_number
    LEFT JOIN test_runs AS last_pass ON last_pass.number = known.last_pass_number
    WHERE c.run_id = run.run_id AND c.day = run.day AND c.status IN ('failed', 'errored')
    ON CONFLICT (run_id, name) DO UPDATE SET
        kind = excluded.kind, finished_at = excluded.finished_at, first_fail_run_id = excluded.first_fail_run_id,
        first_fail_commit = excluded.first_fail_commit, first_fail_at = excluded.first_fail_at,
        runs_since = excluded.runs_since, last_pass_run_id = excluded.last_pass_run_id,
        last_pass_commit = excluded.last_pass_commit, cause_id = excluded.cause_id, quarantined = excluded.quarantined;
END
$$;
REVOKE ALL ON FUNCTION record_failures(test_runs, integer, integer, boolean) FROM PUBLIC;

-- The executed cases of a run, as the fold adds them. It has no SET clause, so that the planner inlines it; OFFSET 0 lets
-- it compute each column once.
CREATE FUNCTION cases_of(its_run_id text, its_day date, outage boolean, mixed_names text[])
RETURNS TABLE (name text, file text, bad boolean, mark text, tried text, ms real, counts integer, bad_counts integer,
    mixed boolean, cause_id bigint)
LANGUAGE sql STABLE
AS $$
    SELECT c.name, c.file, b.bad,
        CASE WHEN b.bad AND outage THEN 'o' WHEN c.status = 'failed' THEN 'f' WHEN b.bad THEN 'e'
             WHEN c.flaky THEN 'r' ELSE 'p' END,
        CASE WHEN b.bad AND outage THEN '00'
             WHEN c.tries > 1 OR c.flaky THEN (
                SELECT CASE WHEN count(*) > 0 THEN least(count(*) FILTER (WHERE t.status IN ('failed', 'errored')), 9)::text
                                || least(count(*) FILTER (WHERE t.status = 'passed'), 9)
                            WHEN c.flaky THEN '11' WHEN b.bad THEN '10' ELSE '01' END
                FROM case_tries AS t
                WHERE t.run_id = its_run_id AND t.day = its_day AND t.name = c.name AND t.attempt = c.attempt)
             WHEN b.bad THEN '10' ELSE '01' END,
        c.duration_ms::real,
        CASE WHEN b.bad AND outage THEN 0 ELSE 1 END,
        CASE WHEN b.bad AND NOT outage THEN 1 ELSE 0 END,
        coalesce(c.name = ANY (mixed_names), false),
        CASE WHEN b.bad THEN (SELECT f.cause_id FROM cause_fingerprints AS f WHERE f.fingerprint = c.fingerprint) END
    FROM test_cases AS c
    CROSS JOIN LATERAL (SELECT c.status <> 'passed' AS bad) AS b
    WHERE c.run_id = its_run_id AND c.day = its_day AND c.status <> 'skipped'
    OFFSET 0
$$;
REVOKE ALL ON FUNCTION cases_of(text, date, boolean, text[]) FROM PUBLIC;

-- Add each executed case of a run to its summary. A summary's row never changes its key, and each statement writes a row
-- at most once.
CREATE FUNCTION fold_cases(run test_runs, own integer, on_default boolean, mixed text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    at       constant timestamptz := run.finished_at;
    today    constant date := (at AT TIME ZONE 'UTC')::date;
    -- The tries after this run that suggest a flaky case. Most cases have the same few tries, so each is judged once.
    suspects constant text[] := (
        SELECT array_agg(seen.tried) FROM (
            SELECT DISTINCT right(concat(held.tried, c.tried), 20) AS tried
            FROM cases_of(run.run_id, run.day, run.outage, mixed) AS c
            LEFT JOIN LATERAL (
                SELECT f.tried FROM folded_cases AS f WHERE f.branch_id = own AND f.name = c.name OFFSET 0
            ) AS held ON true
            WHERE c.mark IN ('f', 'e', 'r') OFFSET 0
        ) AS seen
        WHERE flaky_posterior(seen.tried) > 0.1);
    updated  bigint;
BEGIN
    UPDATE folded_cases AS f SET
        file = coalesce(c.file, f.file),
        outcomes = right(f.outcomes || c.mark, 50),
        tried = right(f.tried || c.tried, 20),
        durations = f.durations[greatest(cardinality(f.durations) - 48, 1):] || c.ms,
        executions = f.executions + 1,
        failures = f.failures + c.bad::integer,
        day = greatest(f.day, today),
        day_executions = CASE WHEN f.day < today THEN c.counts ELSE least(f.day_executions + c.counts, 32767) END,
        day_failures = CASE WHEN f.day < today THEN c.bad_counts ELSE least(f.day_failures + c.bad_counts, 32767) END,
        past_executions = CASE WHEN f.day < today THEN later_days(f.past_executions, f.day_executions, today - f.day)
                               ELSE f.past_executions END,
        past_failures = CASE WHEN f.day < today THEN later_days(f.past_failures, f.day_failures, today - f.day)
                             ELSE f.past_failures END,
        streak = CASE WHEN c.mark = 'o' THEN f.streak WHEN c.bad THEN f.streak + 1 ELSE 0 END,
        last_number = run.number,
        last_pass_number = CASE WHEN c.bad THEN f.last_pass_number ELSE run.number END,
        first_fail_number = CASE WHEN NOT c.bad THEN NULL WHEN f.streak = 0 AND c.mark <> 'o' THEN run.number
                                 ELSE f.first_fail_number END,
        cause_id = CASE WHEN c.mark = 'o' THEN f.cause_id ELSE c.cause_id END,
        (retried_at, mixed_at, flipped_at, suspected_at, flaky_at, flaky_since, quiet_executions) = (
            SELECT CASE WHEN c.mark = 'r' THEN at ELSE f.retried_at END,
                CASE WHEN c.mixed THEN at ELSE f.mixed_at END,
                CASE WHEN d.flipped THEN at ELSE f.flipped_at END,
                CASE WHEN d.suspected THEN at ELSE f.suspected_at END,
                CASE WHEN d.evidence THEN at ELSE f.flaky_at END,
                CASE WHEN d.evidence AND NOT is_flaky(f.flaky_at, f.quiet_executions, at) THEN at ELSE f.flaky_since END,
                CASE WHEN d.evidence THEN 0 ELSE f.quiet_executions + 1 END
            FROM (
                SELECT m.flipped, m.suspected, c.mark = 'r' OR c.mixed OR m.flipped OR m.suspected AS evidence
                FROM (
                    -- CASE, because only it keeps PostgreSQL from computing the function for every case.
                    SELECT CASE WHEN c.mark IN ('f', 'e', 'r') THEN coalesce(right(f.tried || c.tried, 20) = ANY (suspects), false)
                                ELSE false END AS suspected,
                        CASE WHEN on_default AND c.mark <> 'o' AND right(f.outcomes, 1) <> 'o'
                                AND (c.mark IN ('f', 'e')) <> (right(f.outcomes, 1) IN ('f', 'e'))
                             THEN case_flips(right(f.outcomes || c.mark, 50)) >= 4 ELSE false END AS flipped
                    OFFSET 0 -- once, though several columns use it
                ) AS m
            ) AS d
        )
    FROM cases_of(run.run_id, run.day, run.outage, mixed) AS c
    CROSS JOIN LATERAL (
        SELECT held.ctid AS place FROM folded_cases AS held WHERE held.branch_id = own AND held.name = c.name OFFSET 0
    ) AS present
    WHERE f.ctid = present.place;
    GET DIAGNOSTICS updated = ROW_COUNT;
    IF updated = run.total - run.skipped THEN
        RETURN;
    END IF;
    INSERT INTO folded_cases (branch_id, name, file, outcomes, tried, durations, executions, failures, day, day_executions,
        day_failures, past_executions, past_failures, streak, last_number, last_pass_number, first_fail_number, retried_at,
        mixed_at, suspected_at, flaky_at, flaky_since, quiet_executions, cause_id)
    SELECT own, c.name, c.file, c.mark, c.tried, ARRAY[c.ms], 1, c.bad::integer, today, c.counts, c.bad_counts,
        ARRAY[]::smallint[], ARRAY[]::smallint[], (c.bad AND c.mark <> 'o')::integer, run.number,
        CASE WHEN NOT c.bad THEN run.number END, CASE WHEN c.bad AND c.mark <> 'o' THEN run.number END, CASE WHEN c.mark = 'r' THEN at END, CASE WHEN c.mixed THEN at END,
        CASE WHEN d.suspected THEN at END, CASE WHEN d.evidence THEN at END, CASE WHEN d.evidence THEN at END,
        CASE WHEN d.evidence THEN 0 END, CASE WHEN c.mark <> 'o' THEN c.cause_id END
    FROM cases_of(run.run_id, run.day, run.outage, mixed) AS c
    CROSS JOIN LATERAL (
        SELECT m.suspected, c.mark = 'r' OR c.mixed OR m.suspected AS evidence
        FROM (SELECT CASE WHEN c.mark IN ('f', 'e', 'r') THEN coalesce(c.tried = ANY (suspects), false) ELSE false END AS suspected) AS m
    ) AS d
    LEFT JOIN LATERAL (
        SELECT true AS known FROM folded_cases AS f WHERE f.branch_id = own AND f.name = c.name OFFSET 0
    ) AS present ON true
    WHERE present.known IS NULL;
END
$$;
REVOKE ALL ON FUNCTION fold_cases(test_runs, integer, boolean, text[]) FROM PUBLIC;

-- Whether the run is an outage, by the cases that passed at their last execution before it.
CREATE FUNCTION shows_outage(run test_runs, own integer, base integer) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN is_outage(count(*), count(*) FILTER (WHERE c.status <> 'passed'))
    FROM test_cases AS c
    LEFT JOIN LATERAL (
        SELECT f.streak FROM folded_cases AS f
        WHERE f.branch_id = own AND f.name = c.name OFFSET 0
    ) AS mine ON true
    LEFT JOIN LATERAL (
        SELECT f.streak FROM folded_cases AS f
        WHERE f.branch_id = base AND f.name = c.name OFFSET 0
    ) AS theirs ON true
    WHERE c.run_id = run.run_id AND c.day = run.day AND c.status <> 'skipped' AND coalesce(mine.streak, theirs.streak) = 0;
END
$$;
REVOKE ALL ON FUNCTION shows_outage(test_runs, integer, integer) FROM PUBLIC;

-- Whether the outage of the last run on the branch, if it was one, may last in this run. It may on the same commit, and
-- while another suite or branch shows an outage with another commit. Otherwise the cases are broken by a commit.
CREATE FUNCTION outage_may_last(run test_runs, own integer, base integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = public, pg_temp
AS $$
    SELECT NOT coalesce(last.outage, false) OR coalesce(last.commit = run.commit, false) OR EXISTS (
        SELECT FROM test_runs AS other
        WHERE other.outage AND other.finished_at < run.finished_at
          AND other.finished_at > run.finished_at - interval '2 hours'
          AND other.commit IS DISTINCT FROM run.commit
          AND (other.suite, coalesce(other.branch, '')) <> (run.suite, coalesce(run.branch, '')))
    FROM (SELECT 1) AS always
    LEFT JOIN LATERAL (
        SELECT r.outage, r.commit
        FROM suite_summaries AS s JOIN test_runs AS r ON r.run_id = s.last_run_id
        WHERE s.branch_id IN (own, base) ORDER BY s.branch_id = own DESC LIMIT 1
    ) AS last ON true
$$;
REVOKE ALL ON FUNCTION outage_may_last(test_runs, integer, integer) FROM PUBLIC;

-- Fold a finished run into the summaries, once, without the check whether its suite is being rebuilt.
CREATE FUNCTION fold_into_summaries(wanted text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    run        test_runs;
    key        text;
    own        integer;
    base       integer;
    usual      integer;
    on_default boolean;
    mixed      text[];
BEGIN
    SELECT * INTO run FROM test_runs
    WHERE run_id = wanted AND NOT folded AND suite IS NOT NULL AND status IN ('passed', 'failed', 'errored')
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    key := coalesce(run.branch, '');
    SELECT key = ANY (a.default_branches), mine.branch_id, theirs.branch_id, coalesce(mine.usual_cases, theirs.usual_cases)
    INTO on_default, own, base, usual
    FROM analysis_settings AS a
    LEFT JOIN suite_summaries AS mine ON mine.suite = run.suite AND mine.branch = key
    LEFT JOIN LATERAL (
        SELECT s.branch_id, s.usual_cases FROM suite_summaries AS s
        WHERE s.suite = run.suite AND s.branch = ANY (a.default_branches) AND s.branch <> key AND s.runs > 0
        ORDER BY array_position(a.default_branches, s.branch) LIMIT 1
    ) AS theirs ON true;
    IF own IS NULL THEN
        INSERT INTO suite_summaries (suite, branch) VALUES (run.suite, key) RETURNING branch_id INTO own;
    END IF;

    IF run.failed + run.errored >= 10 THEN
        run.outage := shows_outage(run, own, base) AND outage_may_last(run, own, base);
    END IF;
    IF run.failed + run.errored > 0 THEN
        PERFORM record_failures(run, own, base, on_default);
    END IF;
    IF run.commit IS NOT NULL AND NOT run.outage THEN
        mixed := mixed_cases(run);
    END IF;
    IF run.total > run.skipped THEN
        PERFORM fold_cases(run, own, on_default, mixed);
    END IF;
    UPDATE suite_summaries AS s SET
        runs = s.runs + 1, last_run_id = run.run_id, last_status = run.status, last_finished_at = run.finished_at,
        last_green_run_id = CASE WHEN run.status = 'passed' THEN run.run_id ELSE s.last_green_run_id END,
        last_green_commit = CASE WHEN run.status = 'passed' THEN run.commit ELSE s.last_green_commit END,
        last_green_at = CASE WHEN run.status = 'passed' THEN run.finished_at ELSE s.last_green_at END,
        (case_counts, usual_cases) = (
            SELECT n.counts, (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY each) FROM unnest(n.counts) AS each)
            FROM (
                SELECT CASE WHEN run.status IN ('passed', 'failed')
                            THEN s.case_counts[greatest(cardinality(s.case_counts) - 8, 1):] || run.total
                            ELSE s.case_counts END AS counts
            ) AS n
        )
    WHERE s.branch_id = own;
    UPDATE test_runs SET folded = true, outage = run.outage, expected_cases = usual WHERE run_id = wanted;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION fold_into_summaries(text) FROM PUBLIC;

-- Fold a finished run into the summaries, once. Return whether this call did. The verdict's transaction calls it.
--
-- An error in the data or in a function leaves the run without summaries, with a warning in the server's log, and never
-- without its verdict. Errors that a retry repairs fail the transaction, which the reporter repeats: rollback (40),
-- resources (53), locks (55), intervention (57), system (58).
CREATE FUNCTION fold_run(wanted text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    its_suite text;
    own       integer;
BEGIN
    SELECT suite INTO its_suite FROM test_runs WHERE run_id = wanted;
    PERFORM pg_advisory_xact_lock(hashtext('fold_run'), hashtext(its_suite));
    IF EXISTS (SELECT FROM rebuilding_suites WHERE suite = its_suite) THEN
        RETURN false;
    END IF;
    BEGIN
        IF NOT fold_into_summaries(wanted) THEN
            RETURN false;
        END IF;
        SELECT s.branch_id INTO own FROM suite_summaries AS s WHERE s.suite = its_suite AND s.last_run_id = wanted;
        -- A drop takes three failures. Most runs have no case with so many, and their branch no open episode.
        IF EXISTS (SELECT FROM folded_cases WHERE branch_id = own AND streak > 0 AND failures >= 3)
           OR EXISTS (SELECT FROM regression_episodes WHERE branch_id = own AND closed_at IS NULL) THEN
            PERFORM evaluate_regressions(wanted);
        END IF;
        RETURN true;
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE ~ '^(40|53|55|57|58)' THEN
            RAISE;
        END IF;
        RAISE WARNING 'run % was not folded: % %', wanted, SQLSTATE, SQLERRM;
        RETURN false;
    END;
END
$$;
REVOKE ALL ON FUNCTION fold_run(text) FROM PUBLIC;

-- Empty the summaries of a suite and mark its runs as not folded. Return the number of runs to fold again.
CREATE FUNCTION begin_rebuild(wanted text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    runs_to_fold bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('fold_run'), hashtext(wanted));
    INSERT INTO rebuilding_suites VALUES (wanted) ON CONFLICT DO NOTHING;
    DELETE FROM folded_cases WHERE branch_id IN (SELECT branch_id FROM suite_summaries WHERE suite = wanted);
    UPDATE suite_summaries SET
        runs = 0, last_run_id = NULL, last_status = NULL, last_finished_at = NULL, last_green_run_id = NULL,
        last_green_commit = NULL, last_green_at = NULL, case_counts = ARRAY[]::integer[], usual_cases = NULL
    WHERE suite = wanted;
    UPDATE test_runs SET folded = false WHERE suite = wanted AND folded;
    SELECT count(*) INTO runs_to_fold FROM test_runs
    WHERE suite = wanted AND status IN ('passed', 'failed', 'errored');
    RETURN runs_to_fold;
END
$$;
REVOKE ALL ON FUNCTION begin_rebuild(text) FROM PUBLIC;

-- Drop the summaries of a branch without a run since a time. Return whether they were dropped. Its runs stay.
CREATE FUNCTION forget_branch(its_branch integer, before timestamptz) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('fold_run'), hashtext(suite)) FROM suite_summaries WHERE branch_id = its_branch;
    DELETE FROM suite_summaries WHERE branch_id = its_branch AND last_finished_at < before;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM folded_cases WHERE branch_id = its_branch;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION forget_branch(integer, timestamptz) FROM PUBLIC;

-- Fold the suite's next runs, in the order of their ends. Return how many; fewer than `at_most` once the rebuild is done.
-- Each call is a transaction of its own: in one, no row version that a fold replaces could be removed.
CREATE FUNCTION continue_rebuild(wanted text, at_most integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    next_run text;
    done     integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('fold_run'), hashtext(wanted));
    FOR next_run IN
        SELECT run_id FROM test_runs
        WHERE suite = wanted AND NOT folded AND status IN ('passed', 'failed', 'errored')
        ORDER BY finished_at, run_id LIMIT at_most
    LOOP
        PERFORM fold_into_summaries(next_run);
        done := done + 1;
    END LOOP;
    IF done < at_most THEN
        DELETE FROM rebuilding_suites WHERE suite = wanted;
    END IF;
    RETURN done;
END
$$;
REVOKE ALL ON FUNCTION continue_rebuild(text, integer) FROM PUBLIC;

-- The reporter can't give a verdict without these two, so they are granted here where roles.sql has created its user.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'testfleet_reporter') THEN
        GRANT EXECUTE ON FUNCTION lock_summaries(text), fold_run(text) TO testfleet_reporter;
    END IF;
END
$$;
