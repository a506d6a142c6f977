-- Notices of what happened, written by the transaction in which it happened. `testfleet sweep` sends them to the targets of
-- its settings, at least once, and to each target in the order of their ids.

ALTER TABLE folded_cases ADD COLUMN IF NOT EXISTS flaky_since timestamptz; -- first evidence after a time without any

CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id  uuid NOT NULL DEFAULT gen_random_uuid(), -- by which a target recognises a repeated notice
    kind       text NOT NULL CHECK (kind IN
               ('run.finished', 'regression.opened', 'regression.closed', 'case.flaky', 'quarantine.expiring')),
    suite      text,
    branch     text NOT NULL,
    key        text NOT NULL,               -- the subject of the notice
    data       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    planned_at timestamptz                  -- when its deliveries were written; NULL: not yet
);
CREATE INDEX outbox_unplanned ON outbox (id) WHERE planned_at IS NULL;
CREATE INDEX outbox_subject ON outbox (hashtext(key), id); -- a hash, because a key may be longer than an entry of an index
CREATE INDEX outbox_created_at ON outbox (created_at);

-- A target of the settings. It gets the notices that are created after it was first seen.
CREATE TABLE outbox_targets (
    target      text PRIMARY KEY,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    failures    integer NOT NULL DEFAULT 0, -- in a row
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at     timestamptz,                -- last success
    last_error  text                        -- of the last try; NULL if it succeeded
);

-- One notice for one target. Waiting: neither sent nor dead.
CREATE TABLE outbox_deliveries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outbox_id   bigint NOT NULL REFERENCES outbox ON DELETE CASCADE,
    target      text NOT NULL REFERENCES outbox_targets ON DELETE CASCADE,
    waits_since timestamptz NOT NULL DEFAULT clock_timestamp(), -- its age counts from here
    attempts    integer NOT NULL DEFAULT 0,
    sent_at     timestamptz,
    dead_at     timestamptz,                -- given up; last_error has the reason
    last_error  text,
    UNIQUE (outbox_id, target),
    CHECK (sent_at IS NULL OR dead_at IS NULL)
);
CREATE INDEX outbox_deliveries_waiting ON outbox_deliveries (target, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_deliveries_dead ON outbox_deliveries (target, id) WHERE dead_at IS NOT NULL;

-- Write the notices of a run that has just got its verdict. Its fold has written run_failures and the summaries. A second
-- call adds nothing.
CREATE FUNCTION add_run_notices(wanted text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    run test_runs;
    its_branch integer;
BEGIN
    SELECT * INTO run FROM test_runs WHERE run_id = wanted AND status IN ('passed', 'failed', 'errored');
    IF NOT FOUND OR EXISTS (
        SELECT FROM outbox WHERE hashtext(key) = hashtext(wanted) AND key = wanted AND kind = 'run.finished'
    ) THEN
        RETURN;
    END IF;
    INSERT INTO outbox (kind, suite, branch, key, data)
    SELECT 'run.finished', run.suite, coalesce(run.branch, ''), wanted, jsonb_build_object(
        'run_id', run.run_id, 'suite', run.suite, 'status', run.status, 'detail', left(run.detail, 500),
        'branch', run.branch, 'commit', run.commit, 'pull_request', run.pull_request, 'author', run.author,
        'ci_url', run.ci_url, 'environment', run.environment, 'started_at', run.started_at,
        'finished_at', run.finished_at, 'total', run.total, 'passed', run.passed, 'failed', run.failed,
        'errored', run.errored, 'skipped', run.skipped, 'flaky', run.flaky, 'quarantined', run.quarantined,
        'failures', jsonb_build_object(
            'new', f.new, 'new_case', f.new_case, 'known_flaky', f.known_flaky, 'broken', f.broken,
            'quarantined', f.quarantined),
        'new_failures', f.names)
    FROM (
        SELECT count(*) FILTER (WHERE kind = 'new') AS new, count(*) FILTER (WHERE kind = 'new_case') AS new_case,
            count(*) FILTER (WHERE kind = 'flaky') AS known_flaky, count(*) FILTER (WHERE kind = 'broken') AS broken,
            count(*) FILTER (WHERE kind = 'quarantined') AS quarantined,
            to_jsonb((array_agg(left(name, 200) ORDER BY name) FILTER (WHERE kind IN ('new', 'new_case')))[:10]) AS names
        FROM run_failures WHERE run_id = wanted
    ) AS f;

    SELECT branch_id INTO its_branch FROM suite_summaries WHERE suite = run.suite AND branch = coalesce(run.branch, '');
    PERFORM add_regression_notices(its_branch) WHERE its_branch IS NOT NULL;

    -- A case that is flaky on a default branch is no news on another one, and a case is news once a week. A run makes at
    -- most 50 of these notices.
    INSERT INTO outbox (kind, suite, branch, key, data)
    SELECT 'case.flaky', run.suite, coalesce(run.branch, ''), run.suite || chr(31) || c.name, jsonb_build_object(
        'suite', run.suite, 'branch', run.branch, 'name', c.name, 'file', c.file, 'run_id', wanted,
        'commit', run.commit, 'flaky_since', c.flaky_since, 'executions', c.executions, 'failures', c.failures)
    FROM folded_cases AS c
    WHERE c.branch_id = its_branch AND c.flaky_at = run.finished_at AND c.flaky_since = run.finished_at
      AND NOT EXISTS (
          SELECT FROM suite_summaries AS s JOIN folded_cases AS held USING (branch_id), analysis_settings AS a
          WHERE s.suite = run.suite AND s.branch = ANY (a.default_branches) AND s.branch_id <> its_branch
            AND held.name = c.name AND is_flaky(held.flaky_at, held.quiet_executions, run.finished_at))
      AND NOT EXISTS (
          SELECT FROM outbox AS o
          WHERE hashtext(o.key) = hashtext(run.suite || chr(31) || c.name) AND o.key = run.suite || chr(31) || c.name
            AND o.kind = 'case.flaky' AND o.created_at > run.finished_at - interval '7 days')
    ORDER BY c.name
    LIMIT 50;
END
$$;
REVOKE ALL ON FUNCTION add_run_notices(text) FROM PUBLIC;

-- Write a notice for each regression of a branch that opened or closed since its last notice. Without a branch: of all.
CREATE FUNCTION add_regression_notices(only_branch integer DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO outbox (kind, suite, branch, key, data)
    SELECT news.kind, news.suite, news.branch, news.key, jsonb_build_object(
        'suite', news.suite, 'branch', nullif(news.branch, ''), 'name', news.name, 'opened_at', news.opened_at,
        'opened_run_id', news.opened_run_id, 'closed_at', news.closed_at, 'p_value', news.p_value,
        'before_rate', news.before_rate, 'after_rate', news.after_rate)
    FROM (
        SELECT DISTINCT ON (e.branch_id, e.name) e.*,
            CASE WHEN e.closed_at IS NULL THEN 'regression.opened' ELSE 'regression.closed' END AS kind,
            concat_ws(chr(31), 'regression', e.suite, e.branch, e.name) AS key
        FROM regression_episodes AS e
        WHERE (only_branch IS NULL OR e.branch_id = only_branch)
          AND (e.closed_at IS NULL OR e.closed_at > now() - interval '7 days')
        ORDER BY e.branch_id, e.name, e.opened_at DESC
    ) AS news
    LEFT JOIN LATERAL (
        SELECT o.kind FROM outbox AS o
        WHERE hashtext(o.key) = hashtext(news.key) AND o.key = news.key ORDER BY o.id DESC LIMIT 1
    ) AS last ON true
    WHERE news.kind IS DISTINCT FROM coalesce(last.kind, 'regression.closed')
    ORDER BY news.suite, news.branch, news.name;
END
$$;
REVOKE ALL ON FUNCTION add_regression_notices(integer) FROM PUBLIC;

-- Work that no run does, for `testfleet sweep`: create partitions of the next months, close regressions whose bad days are
-- over, write the notices of these and of each quarantine that ends within three days, delete notices of more than 30 days.
CREATE FUNCTION keep_house() RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('outbox'), hashtext('house')) THEN
        RETURN; -- another sweep does the same
    END IF;
    PERFORM ensure_partitions();
    PERFORM close_quiet_regressions();
    DELETE FROM outbox WHERE created_at < now() - interval '30 days';
    PERFORM add_regression_notices();
    INSERT INTO outbox (kind, suite, branch, key, data)
    SELECT 'quarantine.expiring', q.suite, coalesce(q.branch, ''), q.key, jsonb_build_object(
        'suite', q.suite, 'branch', q.branch, 'name', q.name, 'owner', q.owner, 'until', q.until, 'reason', q.reason,
        'source', q.source)
    FROM (
        SELECT *, concat_ws(chr(31), 'quarantine', source, suite, coalesce(branch, ''), name, until::text) AS key
        FROM quarantines
        WHERE until > now() AND until < now() + interval '3 days'
    ) AS q
    WHERE NOT EXISTS (SELECT FROM outbox AS o WHERE hashtext(o.key) = hashtext(q.key) AND o.key = q.key)
    ORDER BY q.until, q.suite, q.name;
END
$$;
REVOKE ALL ON FUNCTION keep_house() FROM PUBLIC;

-- Let dead notices wait again, and try their targets at once. Return the number of notices.
CREATE FUNCTION retry_notices(only_target text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    revived bigint;
BEGIN
    UPDATE outbox_deliveries SET dead_at = NULL, attempts = 0, waits_since = clock_timestamp()
    WHERE dead_at IS NOT NULL AND (only_target IS NULL OR target = only_target);
    GET DIAGNOSTICS revived = ROW_COUNT;
    UPDATE outbox_targets SET next_try_at = clock_timestamp(), failures = 0
    WHERE only_target IS NULL OR target = only_target;
    RETURN revived;
END
$$;
REVOKE ALL ON FUNCTION retry_notices(text) FROM PUBLIC;
