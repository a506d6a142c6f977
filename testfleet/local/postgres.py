"""The embedded PostgreSQL: a real server with our tables, over a folder that outlives it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testfleet.local.server import server
from testfleet.migrations import migrate


@contextmanager
def postgres(folder: Path, *, port: int | None = None, password: str = "") -> Iterator[str]:
    """A server with our tables up to date; yields its postgresql:// URL. Its data stay in `folder`.

    It is reached through the folder alone, unless there is a port: then user postgres may log in with the password.

    Raises:
        Unavailable: it did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listening = () if port is None else ("--port", str(port))
    with server("testfleet.local.postgres_server", str(folder), *listening, env={"PGPASSWORD": password}) as url:
        migrate(url)
        yield url
