"""The AWS calls of real programs, compared with the policies of their roles. Each program has its own access key."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from handoff.message import JobMessage
from testfleet.local.fleet import Fleet, FleetConfig
from testfleet.local.pods.pod import OURS, PodSpec
from tests.support.aws.policy import Call, Difference, Policy, compare
from tests.support.aws.recorder import Recorder, recorder
from tests.support.aws.resolve import ACCOUNT, REGION
from tests.support.aws.roles import OPERATORS, documents
from tests.support.aws.stacks import deploy
from tests.support.aws.template import FOLDER
from tests.support.fleet import eventually, rows, wait_until_empty, wait_until_finished
from tests.support.forks.popen import run_program

PLATFORM_SECRET = "testfleet-platform"
CATALOG = Path(__file__).parent / "catalog.toml"


class WatchedFleet(Fleet):
    """A fleet whose programs call AWS through a recorder and log in to the database as their own users."""

    recorder: Recorder

    def __enter__(self) -> Self:
        self._watching = ExitStack()
        with self._watching:
            super().__enter__()
            self._watching = self._watching.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._watching.close()

    def settings_of(self, program: str, user: str) -> dict[str, str]:
        """Return the environment of a command that has the program's access key and database user."""
        return self.env | self._as(program) | {"TESTFLEET_DATABASE_URL": self.database(user)}

    def settings_of_init(self, program: str) -> dict[str, str]:
        """Return the AWS settings of an init container."""
        return self.aws.env | self._as(program)

    def database(self, user: str) -> str:
        parts = urlsplit(self.database_url)
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))

    def _as(self, program: str) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.recorder.url, "AWS_ACCESS_KEY_ID": program}

    def _spec(self) -> PodSpec:
        self.recorder = self._watching.enter_context(recorder(self.aws.url))
        self._make_users()
        spec = super()._spec()
        database = {"REPORTER_DATABASE_URL": self.database("testfleet_reporter")}
        return replace(
            spec,
            worker_env={**spec.worker_env, **self._as("worker")},
            reporter_env={**spec.reporter_env, **self._as("reporter"), **database},
        )

    def _make_users(self) -> None:
        """Create the users as an installation does. Tables and functions exist already, so their owner is changed."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute("CREATE ROLE rds_iam")
            connection.execute((FOLDER / "sql" / "roles.sql").read_text().encode())
            every_table_and_view = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            tables = connection.execute(every_table_and_view.encode()).fetchall()
            for (table,) in tables:
                connection.execute(f"ALTER TABLE {table} OWNER TO testfleet_owner".encode())
            every_function = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            for (function,) in connection.execute(every_function.encode()).fetchall():
                connection.execute(f"ALTER FUNCTION {function} OWNER TO testfleet_owner".encode())
            connection.execute((FOLDER / "sql" / "grants.sql").read_text().encode())


@pytest.fixture(scope="module")
def fleet() -> Iterator[WatchedFleet]:
    """A fleet whose programs have made each of their AWS calls at least once."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        config = FleetConfig(
            Path(folder),
            CATALOG,
            max_pods=2,
            visibility_timeout=6,
            lease=6,
            stop_grace=5,
            sweep_after=10 * 24 * 3600,  # otherwise the fleet sweeps r-5 itself, and hides dead messages from `dlq`
            secrets={
                "testfleet/sample": {"SHOP_USER": "robin"},
                PLATFORM_SECRET: {"REPORTER_DATABASE_URL": "postgresql://db.example.com/testfleet"},
            },
        )
        with WatchedFleet(config) as running:
            _use(running)
            yield running


def _use(fleet: WatchedFleet) -> None:
    """Run a suite whose first upload fails, enqueue an unknown suite, and use each command."""
    fleet.recorder.refuse_next_part()
    enqueued = _testfleet(fleet, "enqueue", "sample", "--run-id", "r-1", "--commit", "9f2c1ab")
    assert enqueued.returncode == 0, enqueued.stderr
    hopeless = _testfleet(fleet, "wait", "r-unknown", "--timeout", "1s")
    assert hopeless.returncode != 0
    wait_until_finished(fleet, "r-1")
    assert _testfleet(fleet, "wait", "r-1", "--timeout", "60s").returncode == 0
    for command in (("runs",), ("show", "r-1")):
        assert _testfleet(fleet, *command).returncode == 0
    with tempfile.TemporaryDirectory() as folder:
        config = {"CONFIG_SECRET": PLATFORM_SECRET, "CONFIG_DIR": folder}
        reporter = {"CONFIG_DIR": f"{folder}/reporter", "HANDOFF_DIR": folder, "ARTIFACTS_DIR": folder}
        _init(fleet.settings_of_init("config") | config, "podconfig")
        _init(
            fleet.settings_of_init("reporter") | reporter | {"REPORTER_BUCKET": fleet.aws.bucket}, "reporter", "--check"
        )
    rejected = _testfleet(fleet, "enqueue", "no-such-suite", "--run-id", "r-2")
    assert rejected.returncode == 0, rejected.stderr
    eventually(lambda: fleet.aws.depth(fleet.aws.dead_letter_queue_url) == (1, 0), "the message is dead-lettered")
    wait_until_empty(fleet)
    _clean_up(fleet)


def _clean_up(fleet: WatchedFleet) -> None:
    """Redrive one dead message and drop another, cancel a run, and sweep an abandoned one."""
    body = JobMessage(run_id="r-3", suite="sample").to_json()
    fleet.aws.client("sqs").send_message(QueueUrl=fleet.aws.dead_letter_queue_url, MessageBody=body)
    with psycopg.connect(fleet.database_url) as connection:
        connection.execute(
            "INSERT INTO test_runs (run_id, suite, status, shards, queued_at) VALUES"
            " ('r-4', 'sample', 'queued', 1, now()), ('r-5', 'sample', 'queued', 1, now() - interval '1 day')"
        )
    sweep = fleet.settings_of("sweep", "testfleet_reporter")
    for env, arguments in (
        (None, ("cancel", "r-4")),
        (None, ("dlq", "list")),
        (sweep, ("sweep", "--older-than", "1h", "--pause", "1s")),
        (None, ("dlq", "drop", "--run", "r-2", "--yes")),
        (None, ("dlq", "redrive", "--run", "r-3")),
    ):
        done = _testfleet(fleet, *arguments, env=env)
        assert done.returncode == 0, (arguments, done.stderr, fleet.aws.depth(fleet.aws.dead_letter_queue_url))
    wait_until_finished(fleet, "r-3")
    wait_until_empty(fleet)


def _init(env: Mapping[str, str], *module: str) -> None:
    """Run an init container of the pod as a process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    done = run_program(
        [sys.executable, "-m", *module],
        env=inherited | dict(env),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _testfleet(
    fleet: WatchedFleet, *arguments: str, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return run_program(
        [sys.executable, "-m", "testfleet", *arguments],
        env=inherited | dict(env or fleet.settings_of("cli", "testfleet_cli")),
        capture_output=True,
        text=True,
        timeout=120,
    )


def logins(*users: str) -> frozenset[Call]:
    """Return the logins by IAM. The recorder cannot record them, because the program signs the token itself."""
    place = f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:db-ABC"
    return frozenset(Call("rds-db:connect", f"{place}/{user}") for user in users)


LOGINS: Mapping[str, frozenset[Call]] = {
    "config": logins(),
    "worker": logins(),
    "reporter": logins("testfleet_reporter"),
    "cli": logins("testfleet_cli"),
    "sweep": logins("testfleet_reporter"),
}


@pytest.mark.parametrize(
    ("program", "role"),
    [
        ("config", "ConfigRole"),
        ("worker", "WorkerRole"),
        ("reporter", "ReporterRole"),
        ("cli", "CliRole"),
        ("sweep", "SweepRole"),
    ],
)
def test_a_role_allows_exactly_the_calls_that_its_program_makes(fleet: WatchedFleet, program: str, role: str) -> None:
    """Without a needed grant, a run fails in the cluster. Test code could use a superfluous one."""
    stack = deploy(identity=OPERATORS)["identity"]
    calls = fleet.recorder.calls(program)
    assert calls
    assert compare(Policy.of(*documents(stack, role)), calls | LOGINS[program]) == Difference(frozenset(), frozenset())


def test_no_other_access_key_calls_aws(fleet: WatchedFleet) -> None:
    """The suite's process has no credentials, and no program uses the key of another."""
    assert fleet.recorder.callers() == {"config", "worker", "reporter", "cli", "sweep"}


def test_the_runs_end_as_expected_with_one_database_user_per_program(fleet: WatchedFleet) -> None:
    """The grants of sql/ suffice. The refused upload led to the second attempt."""
    (run,) = rows(fleet, "SELECT status, total, shards_done FROM test_runs WHERE run_id = 'r-1'")
    assert run == {"status": "passed", "total": 1, "shards_done": 1}
    (shard,) = rows(fleet, "SELECT attempt FROM test_shards WHERE run_id = 'r-1'")
    assert shard == {"attempt": 2}
    (rejected,) = rows(fleet, "SELECT status FROM test_runs WHERE run_id = 'r-2'")
    assert rejected == {"status": "errored"}
    others = rows(fleet, "SELECT run_id, status FROM test_runs WHERE run_id IN ('r-3', 'r-4', 'r-5')")
    assert {row["run_id"]: row["status"] for row in others} == {"r-3": "passed", "r-4": "cancelled", "r-5": "errored"}
