-- The right to write, for each user and table. Run this file as testfleet_admin after the first migration, and after each
-- migration that adds a function or a table that the reporter writes; CHANGELOG.md names those. A second run changes
-- nothing.

SET ROLE testfleet_owner;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO testfleet_reporter, testfleet_cli, testfleet_reader;

GRANT INSERT, UPDATE ON test_runs, test_shards, artifacts TO testfleet_reporter;
-- The final transaction removes what an earlier attempt of the shard wrote and the last one did not.
GRANT INSERT, UPDATE, DELETE ON test_cases, case_tries TO testfleet_reporter;
-- The summaries are changed by these functions only. They act with the rights of testfleet_owner.
GRANT EXECUTE ON FUNCTION lock_summaries(text), fold_run(text) TO testfleet_reporter;
-- A cause is never changed by the reporter itself: count_causes counts its failures.
GRANT INSERT ON causes, cause_fingerprints TO testfleet_reporter;
GRANT EXECUTE ON FUNCTION count_causes(text), set_file_owners(text, text[], text[]), record_quarantine_file(text, jsonb)
    TO testfleet_reporter;
-- Notices are written by the first two functions only. testfleet sweep, which logs in as the reporter, sends them.
GRANT EXECUTE ON FUNCTION add_run_notices(text), keep_house() TO testfleet_reporter;
GRANT UPDATE (planned_at) ON outbox TO testfleet_reporter;
GRANT INSERT, UPDATE ON outbox_targets, outbox_deliveries TO testfleet_reporter;

GRANT INSERT ON test_runs TO testfleet_cli;
-- It acts with the rights of testfleet_owner, so that testfleet cancel needs no right to update a verdict.
GRANT EXECUTE ON FUNCTION cancel_run(text) TO testfleet_cli;
-- A quarantine of the command is added and removed by these two only. The reporter can add none that decides.
GRANT EXECUTE ON FUNCTION add_quarantine(text, text, text, text, timestamptz, text, boolean),
    remove_quarantine(text, text, text) TO testfleet_cli;
-- testfleet notices retry
GRANT EXECUTE ON FUNCTION retry_notices(text) TO testfleet_cli;

RESET ROLE;
