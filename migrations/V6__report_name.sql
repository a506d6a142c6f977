-- A case whose name another shard of the run reports too carries its shard in its name. Its name in the shard's report
-- is kept here, so that names can be settled when the run ends.

ALTER TABLE test_cases ADD COLUMN report_name text; -- NULL where it is the same as name

CREATE INDEX test_cases_report_name ON test_cases (run_id) WHERE report_name IS NOT NULL;
