"""`testfleet dlq`: one module for each of its commands."""
