"""All that pods elsewhere need of a platform without AWS, under one host name: endpoint, database, a shop to test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from testfleet.local.aws.endpoint import endpoint
from testfleet.local.postgres.database import postgres
from testfleet.local.processes import OnDeath
from testfleet.local.samples import examples

ANY = "0.0.0.0"  # noqa: S104  # being reached from other machines is the point
PLATFORM_SECRET = "testfleet-platform"  # noqa: S105  # its name, as deploy/aws/database.yaml has it
VISIBILITY_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Place:
    """The name that others reach this machine by, and a port for each server."""

    host: str
    aws_port: int
    database_port: int
    shop_port: int

    def seen(self, url: str) -> str:
        """The URL of one of our servers as others must write it."""
        parts = urlsplit(url)
        login, _, place = parts.netloc.rpartition("@")
        netloc = f"{login}{'@' if login else ''}{self.host}:{place.rpartition(':')[2]}"
        return urlunsplit(parts._replace(netloc=netloc))


@contextmanager
def serving(place: Place, state: Path, password: str, on_death: OnDeath) -> Iterator[dict[str, str]]:
    """Serve for as long as the block lasts; yields what a command elsewhere must find in its environment.

    `on_death` is called when one of the servers ends by itself, as in `server`.

    Raises:
        Unavailable: a server did not start; another program may have its port.
    """
    with (
        postgres(state / "postgres", port=place.database_port, password=password, on_death=on_death) as database_url,
        examples.shop(host=ANY, port=place.shop_port, on_death=on_death) as shop_url,
        endpoint(
            host=ANY,
            names=[place.host],
            on_death=on_death,
            port=place.aws_port,
            visibility_timeout=VISIBILITY_TIMEOUT,
            secrets={
                PLATFORM_SECRET: {
                    "REPORTER_DATABASE_URL": place.seen(database_url),
                    "WORKER_BASE_URL": place.seen(shop_url),
                }
            },
        ) as aws,
    ):
        yield aws.env | {
            "AWS_ENDPOINT_URL": place.seen(aws.url),
            "TESTFLEET_DATABASE_URL": place.seen(database_url),
            "TESTFLEET_QUEUE_URL": place.seen(aws.queue_url),
            "TESTFLEET_DEAD_LETTER_QUEUE_URL": place.seen(aws.dead_letter_queue_url),
            "TESTFLEET_BUCKET": aws.bucket,
        }
