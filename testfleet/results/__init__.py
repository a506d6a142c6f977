"""Runs in PostgreSQL: read them, wait for a verdict, cancel one."""
