-- The detectors: functions of a case's last outcomes and durations, and the episodes of significant drops. docs/metrics.md
-- gives each formula with its source and a worked example. A string of outcomes has one character for each execution,
-- oldest first: p passed, r passed on retry, f failed, e errored, o failed in a run that was an outage.

-- Allure's chance that a try of a case fails for no reason of the code, from its last ten executions. A run with F failed
-- and P passed tries has the likelihood (1-q) p^F (1-p)^P, and q + (1-q) p^F where P = 0; p ~ Beta(1, 19) is that chance,
-- q ~ Beta(1, 1) the chance that the code is broken.
--
-- The likelihood of all runs is a polynomial in p, q and 1-q, so both integrals are sums of Beta functions. Each Beta function
-- is a ratio of small integers times the one before: no term is subtracted, and no gamma function is needed.
-- failed_tries has one digit for each character of outcomes: F of that run. Without it, f, e and r count F = 1.
CREATE FUNCTION flaky_posterior(outcomes text, failed_tries text DEFAULT NULL) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    runs      constant integer := 10;
    prior_a   constant integer := 1;
    prior_b   constant integer := 19;
    seen      integer := 0;
    outcome   text;
    tries     integer;
    passes    integer := 0;    -- of the runs with a pass; each has one
    fails     integer := 0;    -- of the runs with a pass
    broken    integer[] := '{}'; -- failed tries of each run without a pass
    total     integer := 0;    -- the sum of broken
    sum_of    integer := 0;
    weight    double precision[]; -- at j * (total + 1) + a + 1: ways to choose j runs of broken with a failed tries in all
    in_q      double precision := 1;
    in_p      double precision;
    term      double precision;
    mean      double precision;
    numerator double precision := 0;
    evidence  double precision := 0;
BEGIN
    FOR place IN REVERSE length(outcomes) .. 1 LOOP
        EXIT WHEN seen = runs;
        outcome := substr(outcomes, place, 1);
        CONTINUE WHEN outcome = 'o';
        seen := seen + 1;
        tries := CASE WHEN outcome = 'p' THEN 0 ELSE coalesce(nullif(substr(failed_tries, place, 1), '')::integer, 1) END;
        IF outcome IN ('p', 'r') THEN
            passes := passes + 1;
            fails := fails + tries;
        ELSE
            broken := broken || tries;
            total := total + tries;
        END IF;
    END LOOP;

    weight := array_fill(0::double precision, ARRAY[(cardinality(broken) + 1) * (total + 1)]);
    weight[1] := 1;
    FOR run IN 1 .. cardinality(broken) LOOP
        tries := broken[run];
        FOR j IN REVERSE run - 1 .. 0 LOOP
            FOR a IN REVERSE sum_of .. 0 LOOP
                term := weight[j * (total + 1) + a + 1];
                CONTINUE WHEN term = 0;
                weight[(j + 1) * (total + 1) + a + tries + 1] :=
                    weight[(j + 1) * (total + 1) + a + tries + 1] + term;
            END LOOP;
        END LOOP;
        sum_of := sum_of + tries;
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
            in_q := in_q * (j + passes + 1) / (cardinality(broken) - j);
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
        right(regexp_replace(translate(outcomes, 'refo', 'pbb'), 'b{3,}', '', 'g'), 20),
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
