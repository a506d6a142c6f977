"""PostgreSQL: the claim of a shard, its case rows, and the transaction that completes, releases or ends it."""
