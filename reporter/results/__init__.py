"""PostgreSQL: the claim of a shard, its case rows, and the transactions that complete, interrupt or abandon it."""
