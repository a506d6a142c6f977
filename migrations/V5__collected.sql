-- What each shard collected for all shards together, and which part of it was its own: a run whose shards did not collect
-- the same tests, or did not run each of them once, is errored. A digest is the sum of the SHA-256 of the tests' ids modulo
-- 2^256, so that the digests of the parts add up to that of the whole. NULL where the runner can't say it.

ALTER TABLE test_shards
    ADD COLUMN collected        integer CHECK (collected >= 0),
    ADD COLUMN collected_digest text,
    ADD COLUMN selected         integer CHECK (selected >= 0),
    ADD COLUMN selected_digest  text,
    -- out_of_space: the suite wrote more than its volumes may hold, and the worker ended it before the kubelet did
    DROP CONSTRAINT test_shards_outcome_check,
    ADD CONSTRAINT test_shards_outcome_check
        CHECK (outcome IN ('finished', 'timed_out', 'interrupted', 'failed_to_start', 'abandoned', 'out_of_space'));
