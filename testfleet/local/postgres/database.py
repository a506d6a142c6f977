"""The embedded PostgreSQL with the tables of testfleet. Its folder outlives the server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testfleet.database.migrations import migrate
from testfleet.local.processes import OnDeath, ignore_death, server


@contextmanager
def postgres(
    folder: Path, *, port: int | None = None, password: str = "", on_death: OnDeath = ignore_death
) -> Iterator[str]:
    """Run a server while the block lasts, and migrate it; yield its postgresql:// URL. The data stay in `folder`.

    The server listens on a socket in the folder. With a port, it listens on all addresses, too, and user postgres logs
    in with the password. `on_death` is as in `server`.

    Raises:
        Unavailable: the server did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listening = () if port is None else ("--port", str(port))
    module, secret = "testfleet.local.postgres.server", {"PGPASSWORD": password}
    with server("PostgreSQL", module, str(folder), *listening, env=secret, on_death=on_death) as url:
        migrate(url)
        yield url
