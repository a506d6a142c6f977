-- Why cases fail, and which failing cases do not fail their run. The reporter writes causes in the transaction of the
-- verdict, in proportion to the failures of the run.

CREATE TABLE causes (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint   text NOT NULL UNIQUE,           -- of its first failure
    error_type    text,
    example       text NOT NULL,                  -- the message of its first failure, at most 2000 bytes
    normalised    text NOT NULL,                  -- the example without the values of one run
    exact         boolean NOT NULL DEFAULT false, -- whether only this fingerprint belongs to it
    first_seen_at timestamptz NOT NULL,
    first_run_id  text NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    last_run_id   text NOT NULL,
    suites        text[] NOT NULL,                -- those it occurred in, in the order of their first failure
    occurrences   bigint NOT NULL DEFAULT 0,      -- failures in finished runs
    owner         text                            -- of most of its failures in the last run whose files have an owner
);
CREATE INDEX causes_suites ON causes USING gin (suites);

ALTER TABLE cause_fingerprints
    ADD CONSTRAINT cause_fingerprints_cause_id_fkey FOREIGN KEY (cause_id) REFERENCES causes ON DELETE CASCADE;
CREATE INDEX cause_fingerprints_cause ON cause_fingerprints (cause_id);

-- The causes of each finished run. The cause is NULL for failures without a text, and for those beyond the limit of new
-- causes in one run.
CREATE VIEW run_causes AS
SELECT f.run_id, f.cause_id, c.fingerprint, c.error_type, c.example, f.failures, f.new_failures, f.quarantined, f.case_name,
    c.first_seen_at, c.first_run_id, c.last_seen_at, c.suites, c.occurrences, c.owner
FROM (
    SELECT run_id, cause_id, count(*) AS failures, count(*) FILTER (WHERE kind IN ('new', 'new_case')) AS new_failures,
        count(*) FILTER (WHERE quarantined) AS quarantined, min(name) AS case_name
    FROM run_failures
    GROUP BY run_id, cause_id
) AS f
LEFT JOIN causes AS c ON c.id = f.cause_id;

-- Add the failures of a run to its causes. fold_run has written them, once.
CREATE FUNCTION count_causes(wanted text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    -- In one order, so that two runs with the same causes do not wait for each other in a circle.
    PERFORM FROM causes WHERE id IN (SELECT cause_id FROM run_failures WHERE run_id = wanted) ORDER BY id
        FOR NO KEY UPDATE;
    UPDATE causes AS c SET
        occurrences = c.occurrences + counted.failures,
        last_seen_at = greatest(c.last_seen_at, counted.finished_at),
        last_run_id = wanted,
        suites = CASE WHEN c.suites @> ARRAY[counted.suite] THEN c.suites ELSE c.suites || counted.suite END,
        owner = coalesce(counted.owner, c.owner)
    FROM (
        SELECT f.cause_id, f.suite, r.finished_at, count(*) AS failures,
            mode() WITHIN GROUP (ORDER BY coalesce(by_file.owner, by_suite.owner)) AS owner
        FROM run_failures AS f
        JOIN test_runs AS r USING (run_id)
        LEFT JOIN LATERAL ( -- by its key, whatever the planner expects: see V10
            SELECT c.file FROM test_cases AS c
            WHERE c.run_id = wanted AND c.name = f.name AND c.day = r.day OFFSET 0
        ) AS held ON true
        LEFT JOIN file_owners AS by_file ON by_file.suite = f.suite AND by_file.file = held.file
        LEFT JOIN file_owners AS by_suite ON by_suite.suite = f.suite AND by_suite.file = ''
        WHERE f.run_id = wanted AND f.cause_id IS NOT NULL
        GROUP BY f.cause_id, f.suite, r.finished_at
    ) AS counted
    WHERE c.id = counted.cause_id;
END
$$;
REVOKE ALL ON FUNCTION count_causes(text) FROM PUBLIC;

-- Make a cause of its own for each fingerprint of a finished run that has none: of runs from before this file, or that no
-- reporter has written. Return their number. rebuild_summaries calls it before it folds.
CREATE FUNCTION adopt_fingerprints() RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    adopted bigint;
BEGIN
    INSERT INTO causes (fingerprint, error_type, example, normalised, exact, first_seen_at, first_run_id, last_seen_at,
                        last_run_id, suites)
    SELECT DISTINCT ON (c.fingerprint) c.fingerprint, c.error_type, coalesce(c.message, left(c.error, 500), ''),
        coalesce(c.message, left(c.error, 500), ''), true, r.finished_at, r.run_id, r.finished_at, r.run_id, ARRAY[r.suite]
    FROM test_cases AS c
    JOIN test_runs AS r USING (run_id, day)
    WHERE c.status IN ('failed', 'errored') AND c.fingerprint IS NOT NULL
      AND r.finished_at IS NOT NULL AND r.status <> 'cancelled' AND r.suite IS NOT NULL
      AND NOT EXISTS (SELECT FROM cause_fingerprints AS known WHERE known.fingerprint = c.fingerprint)
    ORDER BY c.fingerprint, r.finished_at, r.run_id
    ON CONFLICT (fingerprint) DO NOTHING;
    INSERT INTO cause_fingerprints (fingerprint, cause_id)
    SELECT fingerprint, id FROM causes ORDER BY fingerprint
    ON CONFLICT (fingerprint) DO NOTHING;
    GET DIAGNOSTICS adopted = ROW_COUNT;
    RETURN adopted;
END
$$;
REVOKE ALL ON FUNCTION adopt_fingerprints() FROM PUBLIC;

-- Count the failures of every cause again. rebuild_summaries calls it after it has folded.
CREATE FUNCTION recount_causes() RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
    UPDATE causes AS c SET
        occurrences = coalesce(counted.failures, 0),
        first_seen_at = coalesce(counted.first_seen_at, c.first_seen_at),
        first_run_id = coalesce(counted.first_run_id, c.first_run_id),
        last_seen_at = coalesce(counted.last_seen_at, c.last_seen_at),
        last_run_id = coalesce(counted.last_run_id, c.last_run_id),
        suites = coalesce(counted.suites, c.suites)
    FROM causes AS present
    LEFT JOIN (
        SELECT cause_id, sum(failures) AS failures, min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at,
            (array_agg(first_run_id ORDER BY first_seen_at, first_run_id))[1] AS first_run_id,
            (array_agg(last_run_id ORDER BY last_seen_at DESC, last_run_id DESC))[1] AS last_run_id,
            array_agg(suite ORDER BY first_seen_at, suite) AS suites
        FROM (
            SELECT f.cause_id, f.suite, count(*) AS failures, min(r.finished_at) AS first_seen_at,
                max(r.finished_at) AS last_seen_at, (array_agg(r.run_id ORDER BY r.finished_at, r.run_id))[1] AS first_run_id,
                (array_agg(r.run_id ORDER BY r.finished_at DESC, r.run_id DESC))[1] AS last_run_id
            FROM run_failures AS f JOIN test_runs AS r USING (run_id)
            WHERE f.cause_id IS NOT NULL
            GROUP BY f.cause_id, f.suite
        ) AS by_suite
        GROUP BY cause_id
    ) AS counted ON counted.cause_id = present.id
    WHERE c.id = present.id;
$$;
REVOKE ALL ON FUNCTION recount_causes() FROM PUBLIC;

-- Write the owners of files of a suite; the file '' stands for the suite. A file without an owner loses its row.
CREATE FUNCTION set_file_owners(wanted_suite text, files text[], owners text[]) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM file_owners AS held USING unnest(files, owners) AS new (file, owner)
    WHERE held.suite = wanted_suite AND held.file = new.file AND new.owner IS NULL;
    INSERT INTO file_owners AS held (suite, file, owner)
    SELECT wanted_suite, new.file, new.owner FROM unnest(files, owners) AS new (file, owner)
    WHERE new.owner IS NOT NULL
    ORDER BY new.file
    ON CONFLICT (suite, file) DO UPDATE SET owner = excluded.owner WHERE held.owner <> excluded.owner;
END
$$;
REVOKE ALL ON FUNCTION set_file_owners(text, text[], text[]) FROM PUBLIC;

CREATE INDEX test_cases_quarantined ON test_cases (run_id) WHERE quarantined_as IS NOT NULL;

-- Cases that run, are recorded as they are, and do not fail their run until `until`. The name is exact.
CREATE TABLE quarantines (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    suite      text NOT NULL,
    branch     text,                    -- NULL: every branch
    name       text NOT NULL,
    owner      text NOT NULL,
    until      timestamptz NOT NULL,
    reason     text NOT NULL,
    -- 'command' decides. 'file' repeats quarantine.toml as the last run of the branch had it, for readers only: a file
    -- decides about the runs of its own image.
    source     text NOT NULL CHECK (source IN ('command', 'file')),
    forced     boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT session_user
);
-- Hashes, because the names together may be longer than an entry of an index.
CREATE UNIQUE INDEX quarantines_key ON quarantines (source, md5(suite), md5(name), md5(coalesce(branch, '')));

-- Add or replace a quarantine of the command. Return 'added' or 'replaced', or why it was not: 'unknown' (no finished run
-- of the suite has the case), 'broken' (the case fails every time, so it is no flaky case) or 'past' (it would not be active).
-- `forced` accepts an unknown and a broken case.
CREATE FUNCTION add_quarantine(
    wanted_suite text, wanted_branch text, wanted_name text, its_owner text, its_until timestamptz, its_reason text,
    forced boolean
) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    known integer;
    broken integer;
    replaced boolean;
BEGIN
    IF its_until <= clock_timestamp() THEN
        RETURN 'past';
    END IF;
    -- The default branches decide about a quarantine for every branch, if the case ran there.
    SELECT count(*), count(*) FILTER (WHERE s.state = 'broken') INTO known, broken
    FROM (
        SELECT state, branch = ANY (default_branches) AS is_default,
            bool_or(branch = ANY (default_branches)) OVER () AS has_default
        FROM case_states, analysis_settings
        WHERE suite = wanted_suite AND name = wanted_name AND (wanted_branch IS NULL OR branch = wanted_branch)
    ) AS s
    WHERE wanted_branch IS NOT NULL OR s.is_default OR NOT s.has_default;
    IF NOT forced AND known = 0 THEN
        RETURN 'unknown';
    END IF;
    IF NOT forced AND broken > 0 THEN
        RETURN 'broken';
    END IF;
    INSERT INTO quarantines AS held (suite, branch, name, owner, until, reason, source, forced)
    VALUES (wanted_suite, wanted_branch, wanted_name, its_owner, its_until, its_reason, 'command', forced)
    ON CONFLICT (source, md5(suite), md5(name), md5(coalesce(branch, ''))) DO UPDATE SET
        owner = excluded.owner, until = excluded.until, reason = excluded.reason, forced = excluded.forced,
        created_at = excluded.created_at, created_by = excluded.created_by
    RETURNING held.xmax::text <> '0' INTO replaced;
    RETURN CASE WHEN replaced THEN 'replaced' ELSE 'added' END;
END
$$;
REVOKE ALL ON FUNCTION add_quarantine(text, text, text, text, timestamptz, text, boolean) FROM PUBLIC;

-- Remove a quarantine of the command. Return whether there was one, active or expired.
CREATE FUNCTION remove_quarantine(wanted_suite text, wanted_branch text, wanted_name text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM quarantines
    WHERE source = 'command' AND suite = wanted_suite AND name = wanted_name AND branch IS NOT DISTINCT FROM wanted_branch;
    RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION remove_quarantine(text, text, text) FROM PUBLIC;

-- Repeat quarantine.toml as this run has it, in place of what an earlier run of its suite and branch had. Entries are
-- objects with name, branch, owner, until and reason; those for another branch are left out.
CREATE FUNCTION record_quarantine_file(wanted text, entries jsonb) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    its_suite text;
    its_branch text;
BEGIN
    SELECT suite, coalesce(branch, '') INTO its_suite, its_branch FROM test_runs WHERE run_id = wanted;
    DELETE FROM quarantines AS held
    WHERE held.source = 'file' AND held.suite = its_suite AND held.branch = its_branch
      AND NOT EXISTS (SELECT FROM jsonb_array_elements(entries) AS e WHERE e ->> 'name' = held.name
                        AND coalesce(e ->> 'branch', its_branch) = its_branch);
    INSERT INTO quarantines AS held (suite, branch, name, owner, until, reason, source)
    SELECT its_suite, its_branch, e ->> 'name', e ->> 'owner', (e ->> 'until')::timestamptz, e ->> 'reason', 'file'
    FROM jsonb_array_elements(entries) AS e
    WHERE its_suite IS NOT NULL AND coalesce(e ->> 'branch', its_branch) = its_branch
    ORDER BY e ->> 'name'
    ON CONFLICT (source, md5(suite), md5(name), md5(coalesce(branch, ''))) DO UPDATE SET
        owner = excluded.owner, until = excluded.until, reason = excluded.reason
    WHERE (held.owner, held.until, held.reason) IS DISTINCT FROM (excluded.owner, excluded.until, excluded.reason);
END
$$;
REVOKE ALL ON FUNCTION record_quarantine_file(text, jsonb) FROM PUBLIC;
