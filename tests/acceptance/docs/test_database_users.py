"""The SQL of the runbook, run by the admin."""

import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from testfleet.database import migrations
from testfleet.local.postgres.database import postgres
from tests.support.aws.template import FOLDER
from tests.support.ports import free_ports
from tests.support.runbook import TEXT, Session


@pytest.fixture
def admin_url(postgres_url: str) -> Iterator[str]:
    """The URL of a database whose admin has the rights of `iam-db-auth`, after `roles.sql`."""
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


def test_the_pods_of_the_admin_create_the_users(session: Session) -> None:
    """The commands of the pods get their standard input: the token logs in, and the SQL is executed."""
    (port,) = free_ports(1)
    pods = [(command, given) for _, command, given in session.pods() if "psycopg" in " ".join(command)]
    with tempfile.TemporaryDirectory(prefix="rds-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user
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
                        for migration in migrations.load(migrations.folder()):
                            owner.execute(migration.sql.encode())
            refused = pod((*pods[0][0][:-1], here), "PGPASSWORD=expired\n\nSELECT 1")
            with psycopg.connect(migrator) as server:
                may = server.execute("SELECT has_table_privilege('testfleet_cli', 'test_runs', 'INSERT')").fetchone()
    assert [(each.returncode, each.stdout, each.stderr) for each in ended] == [(0, "", "")] * len(pods)
    assert may == (True,)
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr.splitlines()[-1]


def pod(command: tuple[str, ...], given: str) -> "subprocess.CompletedProcess[str]":
    """Run a pod's command with this Python in place of the image's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, input=given, env={"PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )


def test_grafanas_user_gets_a_password_and_no_longer_logs_in_by_iam(admin_url: str, postgres_url: str) -> None:
    """The admin is no superuser. `roles.sql` restores the login by IAM."""
    statements, _ = re.findall(r"^admin <<SQL\n(.*?)^SQL$", TEXT, re.MULTILINE | re.DOTALL)

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


def test_the_admin_sets_the_prices(admin_url: str, postgres_url: str) -> None:
    """The admin is a member of the role that owns the tables."""
    _, statements = re.findall(r"^admin <<SQL\n(.*?)^SQL$", TEXT, re.MULTILINE | re.DOTALL)
    owner = urlunsplit(urlsplit(postgres_url)._replace(path=urlsplit(admin_url).path))
    with psycopg.connect(owner, options="-c role=testfleet_owner") as connection:
        for migration in migrations.load(migrations.folder()):
            connection.execute(migration.sql.encode())
    with psycopg.connect(admin_url) as admin:
        admin.execute(statements.encode())
        found = admin.execute("SELECT round(vcpu_hour_price, 4), gb_hour_price, currency FROM analysis_settings")
        assert list(map(str, found.fetchone() or ())) == ["0.0676", "0", "USD"]
