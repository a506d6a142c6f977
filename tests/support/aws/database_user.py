"""URLs of the database's users, and whether RDS rejects a user's password."""

from urllib.parse import urlsplit, urlunsplit

import psycopg


def on_database(url: str, database: str, user: str | None = None) -> str:
    """Return the URL with this database and, if given, this user."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{user}@{host}" if user else parts.netloc
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))


def as_user(url: str, user: str) -> str:
    """Return the URL with this user."""
    return on_database(url, urlsplit(url).path.strip("/"), user)


def is_member_of_rds_iam(url: str) -> bool:
    """Return whether RDS rejects the password of the user: `pg_hba.conf` has a line for `+rds_iam`, which follows
    memberships of any kind, direct or indirect.
    """
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT pg_has_role(current_user, 'rds_iam', 'MEMBER')").fetchone() == (True,)
