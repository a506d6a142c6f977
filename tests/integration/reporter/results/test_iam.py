"""The login to PostgreSQL as in RDS: a signed token as password, over TLS with a verified host name.

The embedded server has no TLS. A proxy of this test ends TLS with its own certificate, requests a clear-text
password and forwards everything else.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reporter.aws import rds_tokens
from reporter.errors import DatabaseOutOfReach, DatabaseRefused
from reporter.results.database import connect
from reporter.settings import ReporterSettings

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
ASK_PASSWORD = b"R" + (8).to_bytes(4) + (3).to_bytes(4)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for a host name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@dataclass
class Gate:
    """A TLS proxy of the server. It records the passwords."""

    socket: str
    tls: ssl.SSLContext
    passwords: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) != SSL_REQUEST:
                return
            writer.write(b"S")
            await writer.start_tls(self.tls)
            startup = await _packet(reader)
            writer.write(ASK_PASSWORD)
            await reader.readexactly(1)
            self.passwords.append((await _packet(reader))[4:].rstrip(b"\0").decode())
            behind, before = await asyncio.open_unix_connection(self.socket)
            before.write(startup)
            await asyncio.wait(
                {asyncio.create_task(_pipe(reader, before)), asyncio.create_task(_pipe(behind, writer))},
                return_when=asyncio.FIRST_COMPLETED,
            )
            before.close()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client rejected the certificate
        finally:
            writer.close()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length) - 4)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@dataclass(frozen=True)
class Rds:
    """The gate's address, its certificate authority and the recorded passwords."""

    url: Callable[[str], str]
    ca: Path
    gate: Gate


@pytest.fixture
async def rds(database_url: str, tmp_path: Path) -> AsyncIterator[Rds]:
    """The test's database behind TLS, with a certificate for `localhost`."""
    async with _rds(database_url, tmp_path) as rds:
        yield rds


@asynccontextmanager
async def _rds(database_url: str, folder: Path) -> AsyncIterator[Rds]:
    cert, key = certificate(folder, "localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    parts = urlsplit(database_url)
    gate = Gate(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432", tls)
    server = await asyncio.start_server(gate.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield Rds(lambda host: f"postgresql://postgres@{host}:{port}{parts.path}", cert, gate)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


async def test_each_new_connection_has_its_own_token(rds: Rds) -> None:
    """The token names host, port, user and region. A second login signs a new one."""
    url = rds.url("localhost")
    signed: list[str] = []
    async with rds_tokens(url) as sign:

        async def token() -> str:
            signed.append(await sign())
            return signed[-1]

        for _ in range(2):
            async with connect(url, patience=0, token=token, ca=rds.ca) as database:
                assert await database.run(lambda connection: connection.fetchval("SELECT 1")) == 1
    assert len(signed) == 2
    assert rds.gate.passwords == signed
    asked = urlsplit(f"//{signed[0]}")
    query = parse_qs(asked.query)
    assert asked.netloc == urlsplit(url).netloc.removeprefix("postgres@")
    assert (query["Action"], query["DBUser"], query["X-Amz-Expires"]) == (["connect"], ["postgres"], ["900"])
    assert query["X-Amz-Credential"][0].endswith("/eu-central-1/rds-db/aws4_request")


async def test_another_host_name_is_refused_before_the_token_is_sent(rds: Rds) -> None:
    """A certificate for `localhost` is not valid for 127.0.0.1. There is no retry."""
    url = rds.url("127.0.0.1")
    async with rds_tokens(url) as token, connect(url, patience=300, token=token, ca=rds.ca) as database:
        async with asyncio.timeout(20):
            with pytest.raises(DatabaseRefused, match="certificate verify failed"):
                await database.run(lambda connection: connection.fetchval("SELECT 1"))
    assert rds.gate.passwords == []


async def test_an_unknown_authority_is_refused_before_the_token_is_sent(rds: Rds, tmp_path: Path) -> None:
    """Only the authorities of the bundle are accepted."""
    stranger, _ = certificate(tmp_path, "stranger")
    url = rds.url("localhost")
    async with rds_tokens(url) as token, connect(url, patience=300, token=token, ca=stranger) as database:
        with pytest.raises(DatabaseRefused, match="certificate verify failed"):
            await database.run(lambda connection: connection.fetchval("SELECT 1"))
    assert rds.gate.passwords == []


async def test_a_server_without_tls_is_refused() -> None:
    """A server that offers no TLS gets no token."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == SSL_REQUEST
        writer.write(b"N")
        assert await reader.read() == b""
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    url = f"postgresql://postgres@localhost:{server.sockets[0].getsockname()[1]}/postgres"
    async with server, rds_tokens(url) as token, connect(url, patience=0, token=token) as database:
        with pytest.raises(DatabaseOutOfReach, match="rejected SSL upgrade"):
            await database.run(lambda connection: connection.fetchval("SELECT 1"))


def test_the_bundle_is_read_when_the_settings_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting accepts a certificate of this test."""
    cert, _ = certificate(tmp_path, "localhost")
    for name, value in {
        "HANDOFF_DIR": str(tmp_path),
        "ARTIFACTS_DIR": str(tmp_path),
        "REPORTER_DATABASE_AUTH": "iam",
        "REPORTER_DATABASE_URL": "postgresql://qa@db.example:5432/qa",
        "REPORTER_DATABASE_CA": str(cert),
        "REPORTER_BUCKET": "qa-artifacts",
    }.items():
        monkeypatch.setenv(name, value)
    assert ReporterSettings().database_ca == cert
