"""The admin that runs `roles.sql`: one with a password would lock itself out, so the file rejects it."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from testfleet.local.postgres.database import postgres
from tests.support.aws.database_user import as_user, is_member_of_rds_iam
from tests.support.aws.template import FOLDER
from tests.support.ports import free_ports


@pytest.fixture
def by_password(postgres_url: str) -> Iterator[str]:
    """The URL of an admin with a password: no superuser, may create roles, no member of `rds_iam`."""
    name = f"admin_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE ROLE rds_iam NOLOGIN")
        server.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'x'").format(sql.Identifier(name)))
    yield as_user(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
        server.execute("DROP ROLE rds_iam")


@pytest.fixture
def rds() -> Iterator[str]:
    """The URL of the superuser of a server that treats rds_iam as RDS does.

    It refuses the password of each member, and `rds_grant(login)` stands for `GRANT rds_iam`, which RDS allows to an
    admin who is no member.
    """
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="rds-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user
        folder = Path(name) / "data"
        with postgres(folder, port=port, password="p") as url, psycopg.connect(url, autocommit=True) as server:
            server.execute("CREATE ROLE rds_iam NOLOGIN")
            server.execute(
                "CREATE FUNCTION rds_grant(login text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS "
                "$$ BEGIN EXECUTE format('GRANT rds_iam TO %I', login); END $$"
            )
            hba = folder / "pg_hba.conf"
            hba.write_text(f"host all +rds_iam all reject\n{hba.read_text()}")
            server.execute("CREATE ROLE testfleet_admin LOGIN CREATEROLE PASSWORD 'x'")
            server.execute("CREATE DATABASE results OWNER testfleet_admin TEMPLATE template1")
            server.execute("SELECT pg_reload_conf()")
            yield url


def test_an_admin_with_a_password_is_not_locked_out(rds: str) -> None:
    """roles.sql raises an error with a hint, and the admin can still log in."""
    parts = urlsplit(rds)
    admin_url = urlunsplit(parts._replace(netloc=f"testfleet_admin:x@127.0.0.1:{parts.port}", path="/postgres"))
    statements = (FOLDER / "sql" / "roles.sql").read_text()
    grant = "EXECUTE format('GRANT rds_iam TO %I', login);"
    assert grant in statements
    refusal = None
    with psycopg.connect(admin_url) as admin:
        try:
            admin.execute(statements.replace(grant, "PERFORM rds_grant(login);").encode())
        except psycopg.errors.RaiseException as error:
            refusal = error.diag
    with psycopg.connect(admin_url) as admin:
        assert admin.execute("SELECT FROM pg_roles WHERE rolname = 'testfleet_reporter'").fetchall() == []
    assert refusal is not None
    assert "is not a member of rds_iam" in (refusal.message_primary or "")
    assert "MasterUserAuthenticationType: iam-db-auth" in (refusal.message_hint or "")


def test_the_creator_of_a_user_of_rds_iam_becomes_a_member(by_password: str, postgres_url: str) -> None:
    """This holds from PostgreSQL 16 on, and is why `roles.sql` rejects an admin with a password.

    The server grants the new role to its creator WITH ADMIN OPTION on behalf of the bootstrap superuser, so that a
    REVOKE by the creator changes nothing. `createrole_self_grant` only adds to this grant.
    """
    user = sql.Identifier(f"probe_{uuid.uuid4().hex[:8]}")
    with (
        psycopg.connect(by_password, autocommit=True) as admin,
        psycopg.connect(postgres_url, autocommit=True) as server,
    ):
        admin.execute("SET createrole_self_grant = ''")
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
        server.execute(sql.SQL("GRANT rds_iam TO {}").format(user))  # RDS lets members of rds_superuser do this
        assert is_member_of_rds_iam(by_password)
        admin.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(user))
        assert is_member_of_rds_iam(by_password)
        admin.execute(sql.SQL("DROP ROLE {}").format(user))
    assert not is_member_of_rds_iam(by_password)
