-- The detectors: functions of a case's last outcomes and durations, and the episodes of significant drops. docs/metrics.md
-- gives each formula with its source and a worked example. A string of outcomes has one character for each execution,
-- oldest first: p passed, r passed on retry, f failed, e errored, o failed in a run that was an outage.

-- Allure's chance that a try of a case fails for no reason of the code, from its last ten executions. An execution with F
-- failed and P passed tries has the likelihood (1-q) p^F (1-p)^P, and q + (1-q) p^F where P = 0; p ~ Beta(1, 19) is that
-- chance, q ~ Beta(1, 1) the chance that the code is broken. `tried` has two digits for each execution, oldest first: F
-- and P. "00" is an execution that says nothing.
--
-- The likelihood of all executions is a polynomial in p, q and 1-q, so both integrals are sums of Beta functions. Each Beta
-- function is a ratio of small integers times the one before: no term is subtracted, and no gamma function is needed.
CREATE FUNCTION flaky_posterior(tried text) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
DECLARE
    runs      constant integer := 10;
    prior_a   constant integer := 1;
    prior_b   constant integer := 19;
    failed    integer;
    passed    integer;
    healthy   integer := 0;      -- executions with a pass
    fails     integer := 0;      -- failed tries of those
    passes    integer := 0;      -- passed tries of those
    broken    integer[] := ARRAY[]::integer[]; -- failed tries of each execution without a pass
    total     integer := 0;      -- the sum of broken
    sum_of    integer := 0;
    weight    double precision[]; -- at j * (total + 1) + a + 1: ways to choose j of broken with a failed tries in all
    in_q      double precision := 1;
    in_p      double precision;
    term      double precision;
    mean      double precision;
    numerator double precision := 0;
    evidence  double precision := 0;
BEGIN
    FOR place IN greatest(1, length(tried) / 2 - runs + 1) .. length(tried) / 2 LOOP
        failed := substr(tried, 2 * place - 1, 1);
        passed := substr(tried, 2 * place, 1);
        IF passed > 0 THEN
            healthy := healthy + 1;
            fails := fails + failed;
            passes := passes + passed;
        ELSIF failed > 0 THEN
            broken := broken || failed;
            total := total + failed;
        END IF;
    END LOOP;

    weight := array_fill(0::double precision, ARRAY[(cardinality(broken) + 1) * (total + 1)]);
    weight[1] := 1;
    FOR place IN 1 .. cardinality(broken) LOOP
        failed := broken[place];
        FOR j IN REVERSE place - 1 .. 0 LOOP
            FOR a IN REVERSE sum_of .. 0 LOOP
                term := weight[j * (total + 1) + a + 1];
                CONTINUE WHEN term = 0;
                weight[(j + 1) * (total + 1) + a + failed + 1] :=
                    weight[(j + 1) * (total + 1) + a + failed + 1] + term;
            END LOOP;
        END LOOP;
        sum_of := sum_of + failed;
    END LOOP;

    FOR j IN 0 .. cardinality(broken) LOOP
        in_p := in_q;
        FOR a IN 0 .. total LOOP
            mean := (prior_a + fails + a)::double precision / (prior_a + prior_b + fails + a + passes);
            term := weight[j * (total + 1) + a + 1] * in_p;
            evidence := evidence + term;
            numerator := numerator + term * mean;
            in_p := in_p * mean;
        END LOOP;
        IF j < cardinality(broken) THEN
            in_q := in_q * (j + healthy + 1) / (cardinality(broken) - j);
        END IF;
    END LOOP;
    RETURN numerator / evidence;
END
$$;

-- Changes between good and bad over the last twenty executions. Three or more bad ones in a row are a defect and no
-- flips: they are cut out, wherever in the string they begin, and so are those of outages.
CREATE FUNCTION case_flips(outcomes text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN greatest(0, length(
    regexp_replace(regexp_replace(
        right(regexp_replace(translate(outcomes, 'refo', 'pbb'), 'bbb+', '', 'g'), 20),
    'p+', 'p', 'g'), 'b+', 'b', 'g')) - 1);

-- Whether a case is flaky at a time: a detector found it within 7 days, and fewer than 100 executions since.
CREATE FUNCTION is_flaky(flaky_at timestamptz, quiet_executions bigint, at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(flaky_at > at - interval '7 days' AND quiet_executions < 100, false);

-- Whether a run's failures are those of its surroundings: at least ten cases, and at least half of those that passed at
-- their last execution, fail now. `passing` counts these cases, `failed` those of them that are bad now.
CREATE FUNCTION is_outage(passing bigint, failed bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN failed >= 10 AND failed * 2 >= passing;

-- Fisher's exact test, one-sided: the probability of at most `passed` passes in the first row, given the sums of rows and
-- columns. A small one means that the first row's pass rate is less than the second's.
--
-- It sums the hypergeometric weights from the mode outwards, each as the one before times a ratio, so that none overflows.
CREATE FUNCTION fisher_less(passed bigint, failed bigint, passed_before bigint, failed_before bigint) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
DECLARE
    now_all  constant double precision := passed + failed;
    bad      constant double precision := failed + failed_before;
    good     constant double precision := passed + passed_before;
    least_y  constant bigint := greatest(0, passed + failed - passed - passed_before);
    most_y   constant bigint := least(passed + failed, failed + failed_before);
    mode     constant bigint := greatest(least_y, least(most_y, floor((bad + 1) * (now_all + 1) / (bad + good + 2))::bigint));
    y        bigint;
    weight   double precision := 1;
    total    double precision := 1;
    tail     double precision := CASE WHEN mode >= failed THEN 1 ELSE 0 END;
BEGIN
    y := mode;
    WHILE y < most_y LOOP
        weight := weight * ((bad - y) * (now_all - y) / ((y + 1) * (good - now_all + y + 1)));
        y := y + 1;
        total := total + weight;
        IF y >= failed THEN
            tail := tail + weight;
        END IF;
        EXIT WHEN weight < 1e-290 OR (y > failed AND weight < tail * 1e-17);
    END LOOP;
    y := mode;
    weight := 1;
    WHILE y > least_y LOOP
        weight := weight * (y * (good - now_all + y) / ((bad - y + 1) * (now_all - y + 1)));
        y := y - 1;
        total := total + weight;
        IF y >= failed THEN
            tail := tail + weight;
        END IF;
        EXIT WHEN weight < total * 1e-17;
    END LOOP;
    RETURN least(1, tail / total);
END
$$;

-- A quantile of durations in milliseconds, with linear interpolation as percentile_cont. NULL for none.
CREATE FUNCTION duration_quantile(durations real[], fraction double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT percentile_cont(fraction) WITHIN GROUP (ORDER BY each) FROM unnest(durations) AS each);

-- The probability that a standard normal variable is greater than z: the series of Taylor near zero, the continued
-- fraction of Laplace beyond. PostgreSQL has erfc from version 16 on only.
CREATE FUNCTION normal_tail(z double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
DECLARE
    x        constant double precision := CASE WHEN abs(z) < 1e-9 THEN 0 ELSE abs(z) END; -- its square must not underflow
    density  double precision;
    term     double precision := x;
    total    double precision := x;
    fraction double precision := x;
    tail     double precision;
BEGIN
    IF x > 37 THEN -- below the smallest double
        RETURN CASE WHEN z > 0 THEN 0 ELSE 1 END;
    END IF;
    density := exp(-x * x / 2) / sqrt(2 * pi());
    IF x < 3 THEN
        FOR n IN 1 .. 60 LOOP
            term := term * x * x / (2 * n + 1);
            total := total + term;
            EXIT WHEN term <= total * 1e-17; -- a product below the smallest double is an error
        END LOOP;
        tail := 0.5 - density * total;
    ELSE
        FOR n IN REVERSE 80 .. 1 LOOP
            fraction := x + n / fraction;
        END LOOP;
        tail := density / fraction;
    END IF;
    RETURN CASE WHEN z >= 0 THEN tail ELSE 1 - tail END;
END
$$;

-- The test of Mann and Whitney, one-sided: the probability that durations as much greater as `later` are drawn from the
-- distribution of `earlier`. By the normal approximation with corrections for ties and continuity; NULL where either has
-- fewer than eight values, for which the approximation is too coarse.
CREATE FUNCTION slowdown_p(earlier real[], later real[]) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    WITH ranked AS (
        SELECT is_later, count(*) OVER (PARTITION BY each) AS tied,
            rank() OVER (ORDER BY each) + (count(*) OVER (PARTITION BY each) - 1) / 2.0::double precision AS place
        FROM (
            SELECT false AS is_later, each FROM unnest(earlier) AS each
            UNION ALL
            SELECT true, each FROM unnest(later) AS each
        ) AS both_parts
    ), sums AS (
        SELECT sum(place) FILTER (WHERE is_later) AS places,
            count(*) FILTER (WHERE is_later)::double precision AS m, count(*) FILTER (WHERE NOT is_later)::double precision AS n,
            sum(tied::double precision * tied - 1) AS ties
        FROM ranked
    )
    SELECT CASE WHEN m >= 8 AND n >= 8 THEN coalesce(normal_tail(
        (places - m * (m + 1) / 2 - m * n / 2 - 0.5)
        / nullif(sqrt(m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1)))), 0)), 1) END
    FROM sums
$$;

-- A case's executions and failures on the last 7 days up to `today` and on the 30 days before, from the counts by day of
-- its summary: `day` is the day of the last execution, the arrays are of the days before it, oldest first.
CREATE FUNCTION weeks_of(
    day date, day_executions integer, day_failures integer, past_executions smallint[], past_failures smallint[], today date)
RETURNS TABLE (executions bigint, failures bigint, executions_before bigint, failures_before bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(sum(ran) FILTER (WHERE ago < 7), 0), coalesce(sum(bad) FILTER (WHERE ago < 7), 0),
        coalesce(sum(ran) FILTER (WHERE ago BETWEEN 7 AND 36), 0), coalesce(sum(bad) FILTER (WHERE ago BETWEEN 7 AND 36), 0)
    FROM (
        SELECT today - day AS ago, day_executions AS ran, day_failures AS bad
        UNION ALL
        SELECT today - day + cardinality(past_executions) - place::integer + 1, past.ran, past.bad
        FROM unnest(past_executions, past_failures) WITH ORDINALITY AS past (ran, bad, place)
    ) AS days
$$;

-- The p of a significant drop of the pass rate, or NULL where the drop is not significant: three failures at least, more
-- than 5 points, p < 0.05. An open episode stays open with more than 3 points and p < 0.10, so that it does not close and
-- open again around the limit. The parameters are those of Sippy's Component Readiness.
CREATE FUNCTION drop_p(
    executions bigint, failures bigint, executions_before bigint, failures_before bigint, is_open boolean)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT p FROM (
        SELECT CASE
            WHEN failures >= 3 AND executions_before > 0
                AND failures::double precision / executions - failures_before::double precision / executions_before
                    > CASE WHEN is_open THEN 0.03 ELSE 0.05 END
            THEN fisher_less(executions - failures, failures, executions_before - failures_before, failures_before)
        END AS p
    ) AS tested
    WHERE p < CASE WHEN is_open THEN 0.10 ELSE 0.05 END
$$;

-- A significant drop of a case's pass rate on a branch, from the run that showed it until it no longer shows. A drop that
-- returns within 5 days of its end continues the episode.
CREATE TABLE regression_episodes (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    branch_id         integer NOT NULL,
    suite             text NOT NULL,
    branch            text NOT NULL,
    name              text NOT NULL,
    opened_at         timestamptz NOT NULL,
    opened_run_id     text NOT NULL,
    evaluated_at      timestamptz NOT NULL,
    closed_at         timestamptz,
    p_value           double precision NOT NULL, -- of the last evaluation that found the drop
    executions        integer NOT NULL,          -- on the last 7 days
    failures          integer NOT NULL,
    executions_before integer NOT NULL,          -- on the 30 days before
    failures_before   integer NOT NULL,
    after_rate        double precision GENERATED ALWAYS AS (1 - failures::double precision / nullif(executions, 0)) STORED,
    before_rate       double precision
                      GENERATED ALWAYS AS (1 - failures_before::double precision / nullif(executions_before, 0)) STORED
);
CREATE UNIQUE INDEX regression_episodes_open ON regression_episodes (branch_id, name) WHERE closed_at IS NULL;
CREATE INDEX regression_episodes_case ON regression_episodes (branch_id, name, closed_at);

-- Evaluate the branch's open episodes and these cases of it at a time: open, continue, update and close episodes.
-- The caller holds the lock of the suite's summaries.
CREATE FUNCTION evaluate_cases(its_branch integer, names text[], run text, at timestamptz) RETURNS integer
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    today  constant date := (at AT TIME ZONE 'UTC')::date;
    found  record;
    closed integer := 0;
    again  bigint;
BEGIN
    FOR found IN
        SELECT s.suite, s.branch, f.name, e.id, w.*,
            drop_p(w.executions, w.failures, w.executions_before, w.failures_before, e.id IS NOT NULL) AS p
        FROM (
            SELECT unnest(names) AS name
            UNION
            SELECT o.name FROM regression_episodes AS o WHERE o.branch_id = its_branch AND o.closed_at IS NULL
        ) AS wanted
        CROSS JOIN LATERAL ( -- by its key, whatever the planner expects: see V10
            SELECT * FROM folded_cases AS held WHERE held.branch_id = its_branch AND held.name = wanted.name OFFSET 0
        ) AS f
        JOIN suite_summaries AS s ON s.branch_id = its_branch
        LEFT JOIN LATERAL (
            SELECT o.id FROM regression_episodes AS o
            WHERE o.branch_id = its_branch AND o.name = wanted.name AND o.closed_at IS NULL OFFSET 0
        ) AS e ON true
        CROSS JOIN LATERAL weeks_of(
            f.day, f.day_executions, f.day_failures, f.past_executions, f.past_failures, today) AS w
        WHERE f.failures >= 3 OR e.id IS NOT NULL
        ORDER BY f.name
    LOOP
        IF found.id IS NOT NULL THEN
            UPDATE regression_episodes SET
                evaluated_at = at, executions = found.executions, failures = found.failures,
                executions_before = found.executions_before, failures_before = found.failures_before,
                p_value = coalesce(found.p, p_value), closed_at = CASE WHEN found.p IS NULL THEN at END
            WHERE id = found.id;
            closed := closed + (found.p IS NULL)::integer;
        ELSIF found.p IS NOT NULL THEN
            SELECT id INTO again FROM regression_episodes
            WHERE branch_id = its_branch AND name = found.name AND closed_at > at - interval '5 days'
            ORDER BY closed_at DESC LIMIT 1;
            IF again IS NOT NULL THEN
                UPDATE regression_episodes SET
                    evaluated_at = at, closed_at = NULL, p_value = found.p,
                    executions = found.executions, failures = found.failures,
                    executions_before = found.executions_before, failures_before = found.failures_before
                WHERE id = again;
            ELSE
                INSERT INTO regression_episodes (branch_id, suite, branch, name, opened_at, opened_run_id, evaluated_at,
                    p_value, executions, failures, executions_before, failures_before)
                VALUES (its_branch, found.suite, found.branch, found.name, at, run, at,
                    found.p, found.executions, found.failures, found.executions_before, found.failures_before);
            END IF;
        END IF;
    END LOOP;
    RETURN closed;
END
$$;
REVOKE ALL ON FUNCTION evaluate_cases(integer, text[], text, timestamptz) FROM PUBLIC;

-- Evaluate the bad cases of a run that was just folded, and its branch's open episodes. fold_run calls it.
CREATE FUNCTION evaluate_regressions(wanted text) RETURNS integer
LANGUAGE sql
SET search_path = public, pg_temp
AS $$
    SELECT evaluate_cases(
        s.branch_id,
        (SELECT coalesce(array_agg(f.name), ARRAY[]::text[]) FROM run_failures AS f WHERE f.run_id = wanted AND NOT r.outage),
        wanted, r.finished_at)
    FROM test_runs AS r
    JOIN suite_summaries AS s ON s.suite = r.suite AND s.branch = coalesce(r.branch, '')
    WHERE r.run_id = wanted
$$;
REVOKE ALL ON FUNCTION evaluate_regressions(text) FROM PUBLIC;

-- Close the episodes whose drop has ended though no run failed: the bad days left the last 7. Housekeeping calls it.
-- Returns the number of closed episodes.
CREATE FUNCTION close_quiet_regressions(at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    its    record;
    closed bigint := 0;
BEGIN
    -- in order, so that two calls do not wait for each other; a fold holds one lock only
    FOR its IN SELECT DISTINCT suite, branch_id FROM regression_episodes WHERE closed_at IS NULL ORDER BY suite, branch_id LOOP
        PERFORM pg_advisory_xact_lock(hashtext('fold_run'), hashtext(its.suite));
        closed := closed + evaluate_cases(its.branch_id, ARRAY[]::text[], '', at);
    END LOOP;
    RETURN closed;
END
$$;
REVOKE ALL ON FUNCTION close_quiet_regressions(timestamptz) FROM PUBLIC;

-- What results mean over several runs, for every reader: dashboards, command line, page, the user's own SQL. The views read
-- the summaries, so that none of them reads the whole history. They replace those of V2, which V9 drops.

CREATE INDEX folded_cases_flaky ON folded_cases (flaky_at) WHERE flaky_at IS NOT NULL;
CREATE INDEX folded_cases_bad ON folded_cases (branch_id) WHERE streak > 0;
CREATE INDEX run_failures_flaky_case ON run_failures (name, finished_at) WHERE kind = 'flaky';
CREATE INDEX run_failures_flaky_suite ON run_failures (suite, finished_at) WHERE kind = 'flaky';
CREATE INDEX test_runs_suite_day ON test_runs (suite, day);

-- One row for each execution of a case in a run with a verdict.
CREATE VIEW case_history AS
SELECT r.suite, r.branch, r.commit, c.run_id, r.started_at, c.name, c.shard, c.status, c.status = 'passed' AS passed,
    c.flaky AS passed_after_failing, c.duration_ms, c.error, c.error_type, c.fingerprint, c.message, c.location,
    r.day, r.finished_at
FROM test_runs AS r
JOIN test_cases AS c ON c.run_id = r.run_id AND c.day = r.day
WHERE r.status IN ('passed', 'failed', 'errored') AND r.suite IS NOT NULL AND c.status <> 'skipped';

-- The state of each case on each branch, and why. broken: at its last three executions, or at the last one where it is not
-- flaky. flaky: a detector found it within 7 days, and fewer than 100 executions since.
CREATE VIEW case_states AS
SELECT s.suite, s.branch, c.name, c.file,
    CASE
        WHEN c.streak >= 3 THEN 'broken'
        WHEN is_flaky(c.flaky_at, c.quiet_executions, now()) THEN 'flaky'
        WHEN c.streak > 0 THEN 'broken'
        ELSE 'healthy'
    END AS state,
    array_remove(ARRAY[
        CASE WHEN is_flaky(c.retried_at, c.quiet_executions, now()) THEN 'retry' END,
        CASE WHEN is_flaky(c.mixed_at, c.quiet_executions, now()) THEN 'mixed_commit' END,
        CASE WHEN is_flaky(c.flipped_at, c.quiet_executions, now()) THEN 'flips' END,
        CASE WHEN is_flaky(c.suspected_at, c.quiet_executions, now()) THEN 'posterior' END
    ], NULL) AS reasons,
    flaky_posterior(c.tried) AS posterior,
    case_flips(c.outcomes) AS flips,
    length(c.outcomes) - length(replace(c.outcomes, 'r', '')) AS retried_runs,
    c.executions, c.failures, c.streak,
    coalesce(cost.runs_blocked, 0) AS runs_blocked, coalesce(cost.minutes_lost, 0) AS minutes_lost,
    c.flaky_at AS last_flaky_at, c.quiet_executions,
    duration_quantile(c.durations, 0.5) AS p50_ms, duration_quantile(c.durations, 0.95) AS p95_ms,
    last_run.run_id AS last_run_id, last_run.commit AS last_commit, last_run.finished_at AS last_seen_at,
    last_pass.run_id AS last_pass_run_id, last_pass.commit AS last_pass_commit, last_pass.finished_at AS last_pass_at,
    first_fail.run_id AS first_fail_run_id, first_fail.commit AS first_fail_commit,
    first_fail.finished_at AS first_fail_at, first_fail.author AS first_fail_author,
    coalesce(
        (SELECT o.owner FROM file_owners AS o WHERE o.suite = s.suite AND o.file = c.file),
        (SELECT o.owner FROM file_owners AS o WHERE o.suite = s.suite AND o.file = '')
    ) AS owner,
    c.cause_id, c.outcomes, c.branch_id
FROM folded_cases AS c
JOIN suite_summaries AS s USING (branch_id)
LEFT JOIN ( -- one row for each suite and name, so that a query without these two columns does not execute it
    SELECT f.suite, f.name, count(*) AS runs_blocked,
        sum(extract(epoch FROM r.finished_at - r.started_at) / 60
            / greatest(r.failed + r.errored - r.quarantined, 1))::double precision AS minutes_lost
    FROM run_failures AS f JOIN test_runs AS r USING (run_id)
    WHERE f.kind = 'flaky' AND f.finished_at > now() - interval '30 days'
    GROUP BY f.suite, f.name
) AS cost ON cost.suite = s.suite AND cost.name = c.name
LEFT JOIN test_runs AS last_run ON last_run.number = c.last_number
LEFT JOIN test_runs AS last_pass ON last_pass.number = c.last_pass_number
LEFT JOIN test_runs AS first_fail ON first_fail.number = c.first_fail_number;

-- The cases that are flaky now; ORDER BY runs_blocked DESC, minutes_lost DESC ranks them by what they cost.
CREATE VIEW flaky_cases AS
SELECT * FROM case_states
WHERE last_flaky_at > now() - interval '7 days' AND state = 'flaky';

-- What fails in the newest run of a suite on a branch and passed before: the defect is in a commit after last_pass_commit,
-- up to first_fail_commit. Known flaky cases, new cases and quarantined ones are not here; run_failures has them.
CREATE VIEW regressions AS
SELECT f.suite, s.branch, r.commit, f.run_id, r.started_at, f.name, f.kind, c.status, c.message, c.location, c.error,
    c.error_type, c.fingerprint, f.first_fail_run_id, f.first_fail_commit, f.first_fail_at, f.runs_since,
    f.last_pass_run_id, f.last_pass_commit, s.last_green_run_id, s.last_green_commit, f.cause_id
FROM suite_summaries AS s
JOIN run_failures AS f ON f.run_id = s.last_run_id AND f.kind IN ('new', 'broken') AND f.last_pass_run_id IS NOT NULL
JOIN test_runs AS r ON r.run_id = f.run_id AND NOT (r.outage AND f.kind = 'new')
JOIN test_cases AS c ON c.run_id = f.run_id AND c.day = r.day AND c.name = f.name;

-- Every case that failed at its last execution, with the time since when. last_green_at is the suite's last green run.
CREATE VIEW failures_since_green AS
SELECT c.suite, c.branch, c.name, c.streak AS failures, c.first_fail_at AS first_failed_at,
    c.first_fail_commit AS first_failed_commit, c.first_fail_run_id AS first_failed_run_id, c.last_run_id,
    last.error AS last_error, last.message AS last_message, last.location AS last_location, s.last_green_at
FROM case_summaries AS c
JOIN suite_summaries AS s USING (branch_id)
JOIN test_runs AS r ON r.run_id = c.last_run_id
JOIN test_cases AS last ON last.run_id = r.run_id AND last.day = r.day AND last.name = c.name
WHERE c.streak > 0;

-- Significant drops of a case's pass rate that have not ended.
CREATE VIEW open_regressions AS
SELECT e.id, e.suite, e.branch, e.name, e.opened_at, e.opened_run_id, e.evaluated_at, e.p_value,
    e.before_rate, e.after_rate, e.executions, e.failures, e.executions_before, e.failures_before,
    CASE
        WHEN f.streak >= 3 THEN 'broken'
        WHEN is_flaky(f.flaky_at, f.quiet_executions, now()) THEN 'flaky'
        WHEN f.streak > 0 THEN 'broken'
        ELSE 'healthy'
    END AS state, -- healthy: it passes again, and the bad days still count
    f.streak, f.cause_id
FROM regression_episodes AS e
JOIN folded_cases AS f USING (branch_id, name)
WHERE e.closed_at IS NULL;

-- A suite's runs by UTC day: how many ended how, the share of green runs among those that tested something (an errored run
-- did not), the share of cases that passed, and how long runs took.
CREATE VIEW suite_days AS
SELECT suite, coalesce(branch, '') AS branch, day,
    count(*) AS runs,
    count(*) FILTER (WHERE status = 'passed') AS passed,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'errored') AS errored,
    count(*) FILTER (WHERE status = 'passed')::double precision
        / nullif(count(*) FILTER (WHERE status IN ('passed', 'failed')), 0) AS pass_rate,
    coalesce(sum(test_runs.passed + test_runs.failed + test_runs.errored) FILTER (WHERE status IN ('passed', 'failed')), 0)
        AS executions,
    coalesce(sum(test_runs.failed + test_runs.errored) FILTER (WHERE status IN ('passed', 'failed')), 0) AS failures,
    (sum(test_runs.passed) FILTER (WHERE status IN ('passed', 'failed')))::double precision
        / nullif(sum(test_runs.passed + test_runs.failed + test_runs.errored) FILTER (WHERE status IN ('passed', 'failed')), 0)
        AS case_pass_rate,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))
        FILTER (WHERE status IN ('passed', 'failed')) AS p50_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))
        FILTER (WHERE status IN ('passed', 'failed')) AS p95_seconds
FROM test_runs
WHERE status IN ('passed', 'failed', 'errored') AND suite IS NOT NULL AND started_at IS NOT NULL
GROUP BY suite, coalesce(branch, ''), day;

-- A suite's last 7 UTC days beside the 30 before.
CREATE VIEW suite_changes AS
SELECT suite, branch, runs, runs_before, errored, errored_before, pass_rate, pass_rate_before,
    pass_rate - pass_rate_before AS pass_rate_change,
    p50_seconds, p50_seconds_before, p50_seconds / nullif(p50_seconds_before, 0) - 1 AS p50_change,
    p95_seconds, p95_seconds_before, p95_seconds / nullif(p95_seconds_before, 0) - 1 AS p95_change
FROM (
    SELECT suite, coalesce(branch, '') AS branch,
        count(*) FILTER (WHERE recent) AS runs, count(*) FILTER (WHERE NOT recent) AS runs_before,
        count(*) FILTER (WHERE recent AND status = 'errored') AS errored,
        count(*) FILTER (WHERE NOT recent AND status = 'errored') AS errored_before,
        avg((status = 'passed')::integer) FILTER (WHERE recent AND tested)::double precision AS pass_rate,
        avg((status = 'passed')::integer) FILTER (WHERE NOT recent AND tested)::double precision AS pass_rate_before,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE recent AND tested) AS p50_seconds,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE NOT recent AND tested) AS p50_seconds_before,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE recent AND tested) AS p95_seconds,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE NOT recent AND tested) AS p95_seconds_before
    FROM (
        SELECT suite, branch, status, status IN ('passed', 'failed') AS tested,
            day > (now() AT TIME ZONE 'UTC')::date - 7 AS recent,
            extract(epoch FROM finished_at - started_at)::double precision AS seconds
        FROM test_runs
        WHERE status IN ('passed', 'failed', 'errored') AND suite IS NOT NULL AND started_at IS NOT NULL
            AND started_at > now() - interval '38 days' AND day > (now() AT TIME ZONE 'UTC')::date - 37
    ) AS run
    GROUP BY suite, coalesce(branch, '')
) AS compared;

-- The durations of the executions that passed at the first try: a failure ends early or by a time limit.
CREATE FUNCTION passed_durations(outcomes text, durations real[]) RETURNS real[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN translate(outcomes, 'p', '') = '' AND array_position(durations, NULL) IS NULL THEN durations
    ELSE (
        SELECT coalesce(array_agg(each ORDER BY place), ARRAY[]::real[])
        FROM unnest(durations) WITH ORDINALITY AS d (each, place)
        WHERE each IS NOT NULL AND substr(outcomes, place::integer, 1) = 'p')
END;

-- Cases that became slower: the last ten passed executions beside the older half of the last fifty. The median is at least a
-- fifth greater, and p of the test of Mann and Whitney times the number of tested cases of the suite and branch is below
-- 0.05, so that a suite of stable cases shows none in 19 of 20 looks, however many it has.
CREATE VIEW slow_cases AS
SELECT suite, branch, name, file, median_ms, median_ms_before, median_ms / median_ms_before AS ratio, p_value, compared, cases
FROM (
    SELECT s.suite, s.branch, f.name, f.file, m.median_ms, m.median_ms_before, t.p_value,
        cardinality(w.earlier) + cardinality(w.later) AS compared, count(*) OVER (PARTITION BY s.suite, s.branch) AS cases
    FROM folded_cases AS f
    JOIN suite_summaries AS s USING (branch_id)
    CROSS JOIN LATERAL (SELECT passed_durations(f.outcomes, f.durations) AS passed OFFSET 0) AS d
    CROSS JOIN LATERAL (
        SELECT d.passed[:cardinality(d.passed) / 2] AS earlier, d.passed[cardinality(d.passed) - 9:] AS later OFFSET 0
    ) AS w
    CROSS JOIN LATERAL (
        SELECT duration_quantile(w.later, 0.5) AS median_ms, duration_quantile(w.earlier, 0.5) AS median_ms_before
        OFFSET 0
    ) AS m
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.median_ms >= 1.2 * m.median_ms_before AND m.median_ms_before > 0
                    THEN slowdown_p(w.earlier, w.later) END AS p_value OFFSET 0
    ) AS t
    WHERE cardinality(d.passed) >= 20
) AS tested
WHERE p_value * cases < 0.05;

-- What each flaky case cost in the last 30 days: the runs that it failed when it was known as flaky. The failures of a run
-- that no quarantine covers share its time and its cost equally, as in case_states.minutes_lost.
CREATE VIEW flaky_costs AS
SELECT f.suite, f.name, count(*) AS runs_blocked, count(c.cost) AS priced_runs,
    sum(c.pod_seconds / greatest(r.failed + r.errored - r.quarantined, 1)) AS pod_seconds,
    sum(c.cost / greatest(r.failed + r.errored - r.quarantined, 1)) AS cost, c.currency
FROM run_failures AS f
JOIN test_runs AS r USING (run_id)
JOIN run_costs AS c USING (run_id)
WHERE f.kind = 'flaky' AND f.finished_at > now() - interval '30 days'
GROUP BY f.suite, f.name, c.currency;
