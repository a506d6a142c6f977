"""The servers for a cluster without AWS, under one host name: embedded endpoint, PostgreSQL and the sample shop."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from testfleet.local.aws.endpoint import endpoint
from testfleet.local.postgres.database import postgres
from testfleet.local.processes import OnDeath
from testfleet.local.samples import examples

ANY = "0.0.0.0"  # noqa: S104  # pods of other machines connect to it
PLATFORM_SECRET = "testfleet-platform"  # noqa: S105  # the secret's name, as in deploy/aws/database.yaml
VISIBILITY_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Address:
    """The host name under which pods reach this machine, and the port of each server."""

    host: str
    aws_port: int
    database_port: int
    shop_port: int

    def public_url(self, url: str) -> str:
        """Return the URL of one of the servers with this host name."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        netloc = f"{login}{at}{self.host}:{parts.port}"
        return urlunsplit(parts._replace(netloc=netloc))


@contextmanager
def serving(address: Address, state: Path, password: str, on_death: OnDeath) -> Iterator[dict[str, str]]:
    """Serve while the block lasts; yield the environment variables that a command on another machine needs.

    `on_death` is called when a server ends unexpectedly, as in `server`.

    Raises:
        Unavailable: a server did not start, for example because another program uses its port.
    """
    with (
        postgres(state / "postgres", port=address.database_port, password=password, on_death=on_death) as database_url,
        examples.shop(host=ANY, port=address.shop_port, on_death=on_death) as shop_url,
        endpoint(
            host=ANY,
            names=[address.host],
            on_death=on_death,
            port=address.aws_port,
            visibility_timeout=VISIBILITY_TIMEOUT,
            secrets={
                PLATFORM_SECRET: {
                    "REPORTER_DATABASE_URL": address.public_url(database_url),
                    "WORKER_BASE_URL": address.public_url(shop_url),
                }
            },
        ) as aws,
    ):
        yield aws.env | {
            "AWS_ENDPOINT_URL": address.public_url(aws.url),
            "TESTFLEET_DATABASE_URL": address.public_url(database_url),
            "TESTFLEET_QUEUE_URL": address.public_url(aws.queue_url),
            "TESTFLEET_DEAD_LETTER_QUEUE_URL": address.public_url(aws.dead_letter_queue_url),
            "TESTFLEET_BUCKET": aws.bucket,
        }
