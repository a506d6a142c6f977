"""`testfleet migrate` creates the documented tables once, whole or not at all."""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from testfleet.database import migrations
from testfleet.database.migrations import migrate
from testfleet.errors import BadSetting, Unavailable
from tests.support.forks.popen import Popen
from tests.support.schema import put, schema, tables

DOCUMENTED = {
    "test_runs": "run_id suite commit branch target_url trigger status detail shards shards_done total passed failed "
    "errored skipped flaky p95_ms queued_at started_at finished_at day pull_request parent_commit author ci_url "
    "environment image_digest tools expected_cases quarantined number folded outage",
    "test_shards": "run_id shard claim_id attempt status lease_until worker message_id exit_code outcome detail cases "
    "started_at finished_at collected collected_digest selected selected_digest cpu_millis memory_mib "
    "image_digest tools earlier_seconds",
    "test_cases": "run_id name report_name shard attempt file status flaky tries duration_ms message location error "
    "error_type fingerprint started_at finished_at day quarantined_as",
    "case_tries": "run_id name attempt try status duration_ms message error day",
    "artifacts": "s3_uri run_id shard attempt case_name kind bytes content_type created_at",
    "regression_episodes": "id branch_id suite branch name opened_at opened_run_id evaluated_at closed_at p_value "
    "executions failures executions_before failures_before after_rate before_rate",
}
"""The columns of docs/design.md. Later migrations may add columns and remove none."""

PRIMARY_KEYS = {
    "test_runs": "run_id",
    "test_shards": "run_id shard",
    "test_cases": "run_id name day",
    "case_tries": "run_id name attempt try day",
    "artifacts": "s3_uri",
    "regression_episodes": "id",
}

DESIGN = Path(__file__).parents[2] / "docs" / "design.md"


def test_the_files_create_the_documented_tables(empty_database_url: str) -> None:
    assert migrate(empty_database_url) == [file.file for file in migrations.load(migrations.folder())]
    found = tables(empty_database_url)
    assert set(DOCUMENTED) <= set(found)
    for table, columns in DOCUMENTED.items():
        assert set(columns.split()) <= set(found[table]), table
    with psycopg.connect(empty_database_url) as connection:
        for table, key in PRIMARY_KEYS.items():
            definition = connection.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'",
                [table],
            ).fetchone()
            assert definition == (f"PRIMARY KEY ({', '.join(key.split())})",)
        indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'").fetchall()
    assert any("test_runs USING btree (suite, started_at)" in row[0] for row in indexes)
    assert any("artifacts USING btree (run_id)" in row[0] for row in indexes)


def test_the_documented_columns_are_those_of_the_design() -> None:
    text = DESIGN.read_text(encoding="utf-8")
    section = text[text.index("## The tables") : text.index("Status of a case")]
    for table, columns in DOCUMENTED.items():
        written = re.search(rf"`{table}\((.*?)\)`", section.replace("\n", " "))
        assert written, table
        inside = re.sub(r"PK\(.*?\)|PK of all five|PRIMARY KEY|\bPK\b|\binteger\b", "", written[1])
        assert set(re.findall(r"\w+", inside)) == set(columns.split()), table


def test_plain_sql_gives_the_same_schema(empty_database_url: str, database_url: str) -> None:
    """Flyway executes the files one after the other; the database is the same."""
    migrate(empty_database_url)
    assert schema(empty_database_url) == schema(database_url)


def test_a_second_migration_changes_nothing(empty_database_url: str) -> None:
    """A deployment may migrate at each start."""
    migrate(empty_database_url)
    before = schema(empty_database_url)
    assert migrate(empty_database_url) == []
    assert schema(empty_database_url) == before


def test_eight_concurrent_migrations_all_succeed(empty_database_url: str, clean_env: dict[str, str]) -> None:
    """A rollout starts many pods at once: one applies the files, the others wait for it."""
    processes = [
        Popen(
            [sys.executable, "-m", "testfleet", "migrate"],
            env=clean_env | {"TESTFLEET_DATABASE_URL": empty_database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    try:
        ended = [(process.communicate(timeout=120), process.returncode) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [code for _, code in ended] == [0] * 8, ended
    printed = sorted(out for (out, _), _ in ended)
    files = "".join(f"applied {file.file}\n" for file in migrations.load(migrations.folder()))
    assert printed == [files] + ["nothing to do\n"] * 7


def test_only_missing_files_are_applied(own_files: Path, empty_database_url: str) -> None:
    put(own_files, "V1__a.sql", "CREATE TABLE a (x text DEFAULT '100%'); CREATE TABLE b (y int);")
    assert migrate(empty_database_url) == ["V1__a.sql"]
    put(own_files, "V2__c.sql", "CREATE TABLE c (z int);")
    put(own_files, "V3__d.sql", "ALTER TABLE c ADD COLUMN w int;")
    assert migrate(empty_database_url) == ["V2__c.sql", "V3__d.sql"]
    assert tables(empty_database_url) == {"a": ["x"], "b": ["y"], "c": ["z", "w"]}


def test_a_failing_file_leaves_nothing_behind(own_files: Path, empty_database_url: str) -> None:
    """No version of testfleet fits a half-migrated database. The corrected files can be applied afterwards."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    put(own_files, "V2__b.sql", "CREATE TABLE b (y int); CREATE TABLE a (x int);")
    with pytest.raises(BadSetting, match=r'V2__b.sql: relation "a" already exists'):
        migrate(empty_database_url)
    assert tables(empty_database_url) == {}
    put(own_files, "V2__b.sql", "CREATE TABLE b (y int);")
    assert migrate(empty_database_url) == ["V1__a.sql", "V2__b.sql"]


def test_an_edited_file_is_refused(own_files: Path, empty_database_url: str) -> None:
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    migrate(empty_database_url)
    put(own_files, "V1__a.sql", "CREATE TABLE a (x bigint);")
    with pytest.raises(BadSetting, match=r"V1__a.sql: was changed after it had been applied"):
        migrate(empty_database_url)


def test_a_newer_database_is_refused_and_unchanged(own_files: Path, empty_database_url: str) -> None:
    """An older image may start after a newer one has migrated."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    put(own_files, "V2__b.sql", "CREATE TABLE b (y int);")
    migrate(empty_database_url)
    (own_files / "V2__b.sql").unlink()
    with pytest.raises(BadSetting, match=r"the database is at version 2 \(V2__b.sql\)"):
        migrate(empty_database_url)


def test_a_database_that_flyway_manages_is_refused_and_unchanged(empty_database_url: str) -> None:
    """Two programs with a history of their own would contradict each other."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE flyway_schema_history (installed_rank int)")
    with pytest.raises(BadSetting, match=r"Flyway manages the tables of this database; run: flyway migrate"):
        migrate(empty_database_url)
    assert set(tables(empty_database_url)) == {"flyway_schema_history"}


def test_the_wait_for_another_migration_is_bounded(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hangs with the lock must not block the others for ever."""
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 1)
    with psycopg.connect(empty_database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [migrations.LOCK])
        with pytest.raises(Unavailable, match=r"^database: .* lock timeout"):
            migrate(empty_database_url)


def test_a_migration_is_repeated_after_a_deadlock_with_a_pod(own_files: Path, empty_database_url: str) -> None:
    """The pod locks the two tables in the opposite order."""
    put(own_files, "V1__a.sql", "CREATE TABLE runs (x int); CREATE TABLE shards (x int);")
    migrate(empty_database_url)
    put(own_files, "V2__b.sql", "ALTER TABLE runs ADD COLUMN y int; ALTER TABLE shards ADD COLUMN y int;")
    waiting = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'shards'::regclass AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        # PostgreSQL ends the migration and not the pod: only the migration looks for a deadlock.
        name = connection.info.dbname
        connection.execute(sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '3s'").format(sql.Identifier(name)))
        with ThreadPoolExecutor() as pool, psycopg.connect(empty_database_url) as pod:
            pod.execute("SET deadlock_timeout = '1h'; LOCK TABLE shards IN ROW SHARE MODE")
            migrating = pool.submit(migrate, empty_database_url)
            deadline = time.monotonic() + 60
            while connection.execute(waiting).fetchone() != (True,):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            pod.execute("LOCK TABLE runs IN ROW SHARE MODE")
            pod.commit()
            assert migrating.result(timeout=60) == ["V2__b.sql"]
    assert tables(empty_database_url) == {"runs": ["x", "y"], "shards": ["x", "y"]}


def test_a_database_out_of_reach_is_unavailable() -> None:
    """Another start may succeed, so the error is no refusal."""
    with pytest.raises(Unavailable, match=r"^database: .*refused"):
        migrate("postgresql://127.0.0.1:1/nowhere")


def test_a_busy_table_is_reported_with_the_file(
    own_files: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator learns which migration to repeat."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    migrate(empty_database_url)
    put(own_files, "V2__b.sql", "ALTER TABLE a ADD COLUMN y int;")
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 1)
    with psycopg.connect(empty_database_url) as pod:
        pod.execute("LOCK TABLE a IN ROW SHARE MODE")
        with pytest.raises(Unavailable, match=r"^database: V2__b.sql: .* lock timeout"):
            migrate(empty_database_url)
    assert migrate(empty_database_url) == ["V2__b.sql"]


def test_a_lost_connection_is_one_error(
    own_files: Path, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The driver logs nothing beside the error, not even about the roll-back."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int); SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(Unavailable, match=r"^database: V1__a.sql: terminating connection"):
        migrate(empty_database_url)
    assert not caplog.records
    assert tables(empty_database_url) == {}
