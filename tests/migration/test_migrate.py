"""The tables come into being once, whole, and as documented."""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from testfleet import migrations
from testfleet.errors import BadSetting, Unavailable
from testfleet.migrations import migrate

DOCUMENTED = {
    "test_runs": "run_id suite commit branch target_url trigger status detail shards shards_done total passed failed "
    "errored skipped flaky p95_ms queued_at started_at finished_at",
    "test_shards": "run_id shard claim_id attempt status lease_until worker message_id exit_code outcome detail cases "
    "started_at finished_at collected collected_digest selected selected_digest",
    "test_cases": "run_id name report_name shard attempt file status flaky tries duration_ms message location error "
    "error_type fingerprint started_at finished_at",
    "case_tries": "run_id name attempt try status duration_ms message error",
    "artifacts": "s3_uri run_id shard attempt case_name kind bytes content_type created_at",
}
"""The columns that the design promises; later migrations may add to them and take nothing away."""

PRIMARY_KEYS = {
    "test_runs": "run_id",
    "test_shards": "run_id shard",
    "test_cases": "run_id name",
    "case_tries": "run_id name attempt try",
    "artifacts": "s3_uri",
}
BOOKKEEPING = {migrations.VERSION_TABLE, "testfleet_migrations"}
DESIGN = Path(__file__).parents[2] / "docs" / "design.md"


def tables(url: str) -> dict[str, list[str]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
        ).fetchall()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        if table not in BOOKKEEPING:
            found.setdefault(table, []).append(column)
    return found


def schema(url: str) -> list[tuple[object, ...]]:
    """Everything that a statement could notice: columns with types and defaults, constraints, indexes."""
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
        constraints = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace"
        ).fetchall()
        indexes = connection.execute(
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        ).fetchall()
    return sorted((row for row in columns + constraints + indexes if row[0] not in BOOKKEEPING), key=str)


def put(folder: Path, name: str, statements: str) -> None:
    (folder / name).write_text(statements)


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations in place of ours."""
    monkeypatch.setattr(migrations, "folder", lambda: tmp_path)
    return tmp_path


def test_replay_gives_the_documented_tables(empty_database_url: str) -> None:
    """Nothing that the design promises is missing, and the keys are the promised ones."""
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


def test_this_list_is_the_designs() -> None:
    """The copy above is of today's design."""
    text = DESIGN.read_text(encoding="utf-8")
    section = text[text.index("## The tables") : text.index("Status of a case")]
    for table, columns in DOCUMENTED.items():
        written = re.search(rf"`{table}\((.*?)\)`", section.replace("\n", " "))
        assert written, table
        inside = re.sub(r"PK\(.*?\)|PK of all four|PRIMARY KEY|\bPK\b|\binteger\b", "", written[1])
        assert set(re.findall(r"\w+", inside)) == set(columns.split()), table


def test_plain_sql_gives_the_same_schema(empty_database_url: str, database_url: str) -> None:
    """The files executed one after the other, as Flyway does, and ours lead to the same database."""
    migrate(empty_database_url)
    assert schema(empty_database_url) == schema(database_url)


def test_the_second_time_there_is_nothing_to_do(empty_database_url: str) -> None:
    """A deployment may migrate at each start."""
    migrate(empty_database_url)
    before = schema(empty_database_url)
    assert migrate(empty_database_url) == []
    assert schema(empty_database_url) == before


def test_eight_at_once_all_succeed(empty_database_url: str, clean_env: dict[str, str]) -> None:
    """A rollout starts many pods at once: one of them applies, the others wait for it."""
    processes = [
        subprocess.Popen(
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
    said = sorted(out for (out, _), _ in ended)
    files = "".join(f"applied {file.file}\n" for file in migrations.load(migrations.folder()))
    assert said == [files] + ["nothing to do\n"] * 7


def test_only_what_is_missing_is_applied(own_files: Path, empty_database_url: str) -> None:
    """A database of last month gets this month's files."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x text DEFAULT '100%'); CREATE TABLE b (y int);")
    assert migrate(empty_database_url) == ["V1__a.sql"]
    put(own_files, "V2__c.sql", "CREATE TABLE c (z int);")
    put(own_files, "V3__d.sql", "ALTER TABLE c ADD COLUMN w int;")
    assert migrate(empty_database_url) == ["V2__c.sql", "V3__d.sql"]
    assert tables(empty_database_url) == {"a": ["x"], "b": ["y"], "c": ["z", "w"]}


def test_a_failing_file_leaves_nothing_behind(own_files: Path, empty_database_url: str) -> None:
    """Half a migration would be a state that no version has; the corrected files can be applied afterwards."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    put(own_files, "V2__b.sql", "CREATE TABLE b (y int); CREATE TABLE a (x int);")
    with pytest.raises(BadSetting, match=r'V2__b.sql: relation "a" already exists'):
        migrate(empty_database_url)
    assert tables(empty_database_url) == {}
    put(own_files, "V2__b.sql", "CREATE TABLE b (y int);")
    assert migrate(empty_database_url) == ["V1__a.sql", "V2__b.sql"]


def test_an_edited_file_is_refused(own_files: Path, empty_database_url: str) -> None:
    """The database remembers what it was given."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    migrate(empty_database_url)
    put(own_files, "V1__a.sql", "CREATE TABLE a (x bigint);")
    with pytest.raises(BadSetting, match=r"V1__a.sql: was changed after it had been applied"):
        migrate(empty_database_url)


def test_a_newer_database_is_left_alone(own_files: Path, empty_database_url: str) -> None:
    """An older image that starts late must not touch what it does not know."""
    put(own_files, "V1__a.sql", "CREATE TABLE a (x int);")
    put(own_files, "V2__b.sql", "CREATE TABLE b (y int);")
    migrate(empty_database_url)
    (own_files / "V2__b.sql").unlink()
    with pytest.raises(BadSetting, match=r"the database is at version 2 \(V2__b.sql\)"):
        migrate(empty_database_url)


def test_a_database_of_flyways_is_left_to_flyway(empty_database_url: str) -> None:
    """Two keepers of one schema would each believe to be alone."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE flyway_schema_history (installed_rank int)")
    with pytest.raises(BadSetting, match=r"go on with flyway migrate"):
        migrate(empty_database_url)
    assert set(tables(empty_database_url)) == {"flyway_schema_history"}


def test_waiting_for_another_has_an_end(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hangs in the middle must not hang all others for ever."""
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 1)
    with psycopg.connect(empty_database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [migrations.LOCK])
        with pytest.raises(Unavailable, match=r"lock timeout"):
            migrate(empty_database_url)


def test_a_deadlock_with_a_pod_is_tried_again(own_files: Path, empty_database_url: str) -> None:
    """A pod holds the second table and then wants the first, which the migration has changed already."""
    put(own_files, "V1__a.sql", "CREATE TABLE runs (x int); CREATE TABLE shards (x int);")
    migrate(empty_database_url)
    put(own_files, "V2__b.sql", "ALTER TABLE runs ADD COLUMN y int; ALTER TABLE shards ADD COLUMN y int;")
    waiting = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'shards'::regclass AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        # The migration finds the deadlock: it has not yet looked for one when the pod closes the circle.
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


def test_a_database_out_of_reach_is_told() -> None:
    """Another start may succeed."""
    with pytest.raises(Unavailable, match=r"^database: .*refused"):
        migrate("postgresql://127.0.0.1:1/nowhere")
