"""What the runbook has one do, done: its commands against a whole fleet, its SQL as the admin, its wrong values."""

import os
import re
import runpy
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from testfleet.local.fleet import Fleet, FleetConfig
from testfleet.local.pods.pod import OURS
from testfleet.local.postgres.database import postgres
from tests.support.aws.endpoint import Aws
from tests.support.aws.template import FOLDER
from tests.support.fleet import eventually, rows, wait_until_empty, wait_until_finished
from tests.support.ports import free_ports
from tests.support.runbook import ROOT, TEXT, Session, blocks, cost, option, run, words
from worker.suite import sandbox

SUITE = """
import os
from pathlib import Path

for number in range(13):  # and the report, and the log that the worker keeps of a suite
    Path(os.environ["ARTIFACTS_DIR"], f"trace-{number}.zip").write_bytes(b"x" * 1000)
Path(os.environ["JUNIT_FILE"]).write_text('<testsuite><testcase classname="shop" name="buys" time="0.1"/></testsuite>')
"""
CATALOG = """
[suites.smoke]
runner  = "command"
command = ["python3", "suite.py"]
path    = "."
timeout = "2m"
"""
CRASHED = """
INSERT INTO test_runs (run_id, suite, status, shards, started_at) VALUES ('crashed', 'smoke', 'running', 1, now());
INSERT INTO test_shards (run_id, shard, claim_id, attempt, status, lease_until, worker, message_id, started_at)
VALUES ('crashed', 1, 'c', 5, 'running', now() - interval '1 hour', 'w', 'm', now())
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The runbook's commands, as the programs were given them."""
    return run(tmp_path_factory.mktemp("runbook"))


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """A fleet whose suite `smoke` leaves as many files as the table of costs has."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL is another user
        (folder / "suites").mkdir()
        (folder / "suites" / "suite.py").write_text(SUITE)
        (folder / "suites" / "catalog.toml").write_text(CATALOG)
        config = FleetConfig(folder, folder / "suites" / "catalog.toml", visibility_timeout=6, lease=6, stop_grace=5)
        with Fleet(config) as running:
            yield running


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """This process's, without any setting of ours but these."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | dict(env)


def python(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(env),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def send(fleet: Fleet, body: str) -> None:
    fleet.aws.client("sqs").send_message(QueueUrl=fleet.aws.queue_url, MessageBody=body)


def test_the_first_runs_come_to_their_verdict(fleet: Fleet, session: Session) -> None:
    """The one that is sent by hand, and the one that the command enqueues, waits for and shows."""
    (body,) = [body for command in session.of("aws") for body in option(command, "--message-body")]
    send(fleet, body)
    wait_until_finished(fleet, "first")
    done = {line[0]: python(fleet.env, "-m", "testfleet", *line) for line in words(session)}
    assert {name: each.returncode for name, each in done.items()} == {"enqueue": 0, "wait": 0, "show": 0}
    assert done["enqueue"].stdout == "second\n"
    assert "passed" in done["wait"].stdout
    statuses = rows(fleet, "SELECT run_id, status FROM test_runs ORDER BY run_id")
    assert statuses == [{"run_id": "first", "status": "passed"}, {"run_id": "second", "status": "passed"}]


def test_a_file_is_one_object_as_the_costs_have_it(fleet: Fleet) -> None:
    """So many requests does a run of so many files make, beside the one that checks the bucket."""
    send(fleet, '{"runId": "files", "suite": "smoke"}')
    wait_until_finished(fleet, "files")
    (counted,) = rows(fleet, "SELECT count(*) AS files FROM artifacts WHERE run_id = 'files'")
    listed = fleet.aws.client("s3").list_objects_v2(Bucket=fleet.aws.bucket)["Contents"]
    objects = [each for each in listed if "/files/" in f"/{each['Key']}"]
    (requests,) = [Decimal(row[1]) for row in cost() if row[0].startswith("S3: one request")]
    assert len(objects) == counted["files"] == 15 == requests - 1
    assert "fifteen files" in TEXT


def test_a_rejected_message_that_is_sent_back_changes_nothing(fleet: Fleet) -> None:
    """It comes back to the dead-letter queue, and the run keeps its verdict: only a new id makes another."""
    sqs = fleet.aws.client("sqs")
    body = '{"runId": "unknown", "suite": "no-such-suite"}'
    verdict = "SELECT status, detail, finished_at FROM test_runs WHERE run_id = 'unknown'"
    send(fleet, body)
    wait_until_finished(fleet, "unknown")
    (before,) = rows(fleet, verdict)
    assert before["status"] == "errored"
    eventually(lambda: fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (1, 0), "it is dead-lettered")
    (message,) = sqs.receive_message(QueueUrl=fleet.aws.dead_letter_queue_url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert {"reason", "detail"} <= set(message["MessageAttributes"])
    sqs.delete_message(QueueUrl=fleet.aws.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"])
    send(fleet, message["Body"])
    eventually(lambda: fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (1, 0), "it comes back here")
    wait_until_empty(fleet)
    assert rows(fleet, verdict) == [before]


def test_a_message_that_is_sent_back_runs_where_its_shard_is_not_complete(fleet: Fleet) -> None:
    """A run that five crashes have left `running` gets its verdict from the message that they left."""
    with psycopg.connect(fleet.database_url) as connection:
        connection.execute(CRASHED.encode())
    send(fleet, '{"runId": "crashed", "suite": "smoke"}')
    wait_until_finished(fleet, "crashed")
    assert rows(fleet, "SELECT status FROM test_runs WHERE run_id = 'crashed'") == [{"status": "passed"}]
    assert rows(fleet, "SELECT attempt FROM test_shards WHERE run_id = 'crashed'") == [{"attempt": 6}]


def test_a_roll_back_leaves_the_tables_and_the_older_command_reads_them(empty_database_url: str) -> None:
    """The migration fails with the line that is quoted and code 78; everything else goes on."""
    env = {"TESTFLEET_DATABASE_URL": empty_database_url}
    assert python(env, "-m", "testfleet", "migrate").returncode == 0
    with psycopg.connect(empty_database_url) as connection:
        (last,) = connection.execute("SELECT max(version) FROM testfleet_migrations").fetchone() or (0,)
        connection.execute(
            "INSERT INTO testfleet_migrations (version, file, sha256) VALUES (%s, %s, '')",
            (last + 1, f"V{last + 1}__….sql"),
        )
    refused = python(env, "-m", "testfleet", "migrate")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (78, "", 1)
    (quoted,) = blocks("text")
    said, expected = (re.sub("[0-9]+", "N", text) for text in (refused.stderr, quoted))  # the versions are an example's
    assert said.startswith(expected.strip())
    listed = python(env, "-m", "testfleet", "runs", "--json")
    assert (listed.returncode, listed.stdout.strip()) == (0, "[]")


@pytest.fixture
def admin_url(postgres_url: str) -> Iterator[str]:
    """A database of an admin such as `iam-db-auth` makes, for whom `roles.sql` has run."""
    name = f"results_{uuid.uuid4().hex}"
    made = ("testfleet_migrator", "testfleet_reporter", "testfleet_cli", "testfleet_reader", "testfleet_owner")
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE ROLE rds_iam NOLOGIN")
        server.execute("CREATE ROLE testfleet_admin LOGIN CREATEROLE PASSWORD 'x'")
        server.execute("GRANT rds_iam TO testfleet_admin WITH ADMIN OPTION")
        server.execute(sql.SQL("CREATE DATABASE {} OWNER testfleet_admin").format(sql.Identifier(name)))
    parts = urlsplit(postgres_url)
    url = urlunsplit(parts._replace(netloc=f"testfleet_admin@{parts.netloc.rpartition('@')[2]}", path=f"/{name}"))
    with psycopg.connect(url) as admin:
        admin.execute((FOLDER / "sql" / "roles.sql").read_text().encode())
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for role in (*made, "testfleet_admin", "rds_iam"):
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_the_admins_pods_make_the_users(session: Session) -> None:
    """The commands of the pods, with the input that they are given: the token logs in, and the SQL is executed."""
    (port,) = free_ports(1)
    pods = [(command, given) for _, command, given in session.pods() if "psycopg" in " ".join(command)]
    with tempfile.TemporaryDirectory(prefix="rds-") as name:
        Path(name).chmod(0o755)  # PostgreSQL is another user
        with postgres(Path(name) / "data", port=port, password="p") as url:
            with psycopg.connect(url, autocommit=True) as server:
                server.execute("CREATE ROLE rds_iam NOLOGIN")
                server.execute("CREATE ROLE testfleet_admin LOGIN CREATEROLE PASSWORD 'database-token'")
                server.execute("GRANT rds_iam TO testfleet_admin WITH ADMIN OPTION")
                server.execute("CREATE DATABASE testfleet OWNER testfleet_admin TEMPLATE template0")
            ended = []
            for command, given in pods:
                here = f"host=127.0.0.1 port={port} user=testfleet_admin dbname=testfleet"
                ended.append(pod((*command[:-1], here), given))
                if len(ended) == 1:
                    migrator = urlunsplit(urlsplit(url)._replace(path="/testfleet"))
                    with psycopg.connect(migrator, options="-c role=testfleet_owner") as owner:
                        for migration in sorted((ROOT / "migrations").glob("V*.sql")):
                            owner.execute(migration.read_text().encode())
            refused = pod((*pods[0][0][:-1], here), "PGPASSWORD=expired\n\nSELECT 1")
            with psycopg.connect(migrator) as server:
                may = server.execute("SELECT has_table_privilege('testfleet_cli', 'test_runs', 'INSERT')").fetchone()
    assert [(each.returncode, each.stdout, each.stderr) for each in ended] == [(0, "", "")] * len(pods)
    assert may == (True,)
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr.splitlines()[-1]


def pod(command: tuple[str, ...], given: str) -> "subprocess.CompletedProcess[str]":
    """Run what a pod of the runbook would, with this Python as the image's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, input=given, env={"PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )


def test_grafanas_user_gets_a_password_and_no_longer_logs_in_by_iam(admin_url: str, postgres_url: str) -> None:
    """As the admin who is no superuser; and `roles.sql` takes it back, as the runbook says."""
    (statements,) = re.findall(r"^admin <<SQL\n(.*?)^SQL$", TEXT, re.MULTILINE | re.DOTALL)

    def by_iam() -> object:
        with psycopg.connect(admin_url) as admin:
            row = admin.execute("SELECT pg_has_role('testfleet_reader', 'rds_iam', 'member')").fetchone()
        return row and row[0]

    assert by_iam() is True
    with psycopg.connect(admin_url) as admin:
        admin.execute(statements.replace("$GRAFANA_PASSWORD", "p").encode())
    assert by_iam() is False
    with psycopg.connect(postgres_url) as server:
        kept = server.execute(
            "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'testfleet_reader'"
        ).fetchone()
    assert kept == (True,)
    with psycopg.connect(admin_url) as admin:
        admin.execute((FOLDER / "sql" / "roles.sql").read_text().encode())
    assert by_iam() is True


QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/test-jobs"
WORKER = {
    "WORKER_CATALOG": str(ROOT / "examples" / "suites" / "catalog.toml"),
    "WORKER_DEAD_LETTER_QUEUE_URL": f"{QUEUE}-dead",
}
RANGES = ("--database-cidr", "10.0.0.0/16", "--target-cidr", "10.0.42.0/24", "--dns-cidr", "172.20.0.0/16")


@pytest.mark.parametrize(
    ("env", "arguments", "code"),
    [
        (WORKER | {"WORKER_QUEUE_URL": "test-jobs"}, ("-m", "worker", "--check"), 78),
        ({"REPORTER_BUCKET": "Qa_1", "REPORTER_DATABASE_URL": "postgresql://h/d"}, ("-m", "reporter", "--check"), 78),
        ({"TESTFLEET_QUEUE_URL": "test-jobs"}, ("-m", "testfleet", "enqueue", "smoke"), 78),
        (
            {},
            (
                "deploy/keda/platform_env.py",
                "--image-tag",
                "1",
                "--database-cidr",
                "10.0.0.1/16",
                *RANGES[2:],
            ),
            64,
        ),
    ],
    ids=["queue", "bucket", "command", "range"],
)
def test_a_wrong_value_is_told_in_the_words_of_the_table(
    env: dict[str, str], arguments: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """One line, which stands there word for word."""
    folders = {"HANDOFF_DIR": str(tmp_path), "ARTIFACTS_DIR": str(tmp_path), "CONFIG_DIR": str(tmp_path)}
    done = python(env | folders | {"AWS_REGION": "eu-central-1"}, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert f"`{done.stderr.strip()}`" in TEXT


def test_a_missing_export_is_told_in_the_words_of_the_table() -> None:
    """Where everything is there but the one that the table has."""
    script = runpy.run_path(str(ROOT / "deploy" / "keda" / "platform_env.py"))
    places = {*script["EXPORTS"].values(), ("database", "DatabaseEndpoint"), ("database", "DatabaseName")}
    exports = {f"testfleet-{template}-{output}": "there" for template, output in places}
    options = script["_options"](["--image-tag", "1", *RANGES])
    script["found"](exports, options)
    del exports["testfleet-identity-WorkerRoleArn"]
    with pytest.raises(script["Missing"]) as caught:
        script["found"](exports, options)
    assert f"`platform: {caught.value}`" in TEXT


def test_a_missing_image_is_told_in_the_words_of_the_table(aws: Aws) -> None:
    """By a registry that has none."""
    script = runpy.run_path(str(ROOT / "deploy" / "keda" / "platform_env.py"))
    options = script["_options"](["--image-tag", "0.1.0", *RANGES])
    with pytest.raises(script["Missing"]) as caught:
        script["_digest"](aws.client("ecr"), "testfleet/all", options)
    assert f"`platform: {caught.value}`" in TEXT


def test_a_missing_secret_is_told_in_the_words_of_the_table(aws: Aws, tmp_path: Path) -> None:
    """By an endpoint that has none."""
    done = python(aws.env | {"CONFIG_SECRET": "not-there", "CONFIG_DIR": str(tmp_path)}, "-m", "podconfig")
    (line,) = re.findall(r"`(config: CONFIG_SECRET: .*?)…`", TEXT)
    assert (done.returncode, done.stderr.startswith(line)) == (78, True)


def test_a_kernel_without_landlock_is_told_in_the_words_of_the_table() -> None:
    """As far as they are quoted."""
    (line,) = re.findall(r"`worker: WORKER_SUITE_SANDBOX: (.*?); …`", TEXT)
    assert sandbox.NEEDS.startswith(f"{line};")
