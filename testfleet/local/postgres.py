"""The embedded PostgreSQL: a real server with our tables, over a folder that outlives it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testfleet.local.server import server
from testfleet.migrations import migrate


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server with our tables up to date; yields its postgresql:// URL. Its data stay in `folder`.

    Raises:
        Unavailable: it did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with server("testfleet.local.postgres_server", str(folder)) as url:
        migrate(url)
        yield url
