"""The folder `examples/`: the sample suites and the web shop that they test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testfleet.local.processes import OnDeath, ignore_death, server


def folder() -> Path:
    """Return the folder: inside the package in a wheel, beside the package in the source tree."""
    package = Path(__file__).parents[2]
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent / "examples"


def catalog() -> Path:
    """Return the catalog of the sample suites."""
    return folder() / "suites" / "catalog.toml"


@contextmanager
def shop(*, host: str = "127.0.0.1", port: int = 0, on_death: OnDeath = ignore_death) -> Iterator[str]:
    """Run the shop while the block lasts; yield its URL. Port 0 takes a free one. `on_death` is as in `server`.

    Raises:
        Unavailable: the shop did not start.
    """
    options = ("--host", host, "--port", str(port))
    path = filter(None, (str(folder()), os.environ.get("PYTHONPATH")))
    with server("shop", "shop", *options, env={"PYTHONPATH": os.pathsep.join(path)}, on_death=on_death) as url:
        yield url
