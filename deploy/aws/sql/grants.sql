-- Who may write which table. Run as testfleet_admin after the first migration, and after one that adds a table which
-- the reporter writes (its release note says so); running it again changes nothing.

SET ROLE testfleet_owner;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO testfleet_reporter, testfleet_cli, testfleet_reader;

GRANT INSERT, UPDATE ON test_runs, test_shards, artifacts TO testfleet_reporter;
-- The final transaction removes what an earlier attempt of the shard wrote and the last one did not.
GRANT INSERT, UPDATE, DELETE ON test_cases, case_tries TO testfleet_reporter;

GRANT INSERT ON test_runs TO testfleet_cli;

RESET ROLE;
