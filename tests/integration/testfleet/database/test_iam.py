"""Logging in to RDS without a password."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from testfleet.database.connection import RDS_BUNDLE, Database
from testfleet.errors import BadSetting, Unavailable

SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # PostgreSQL's protocol, "SSLRequest"


class Plain:
    """A server without TLS. `received` holds the bytes of the client."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""
        self.thread = threading.Thread(target=self._answer)
        self.thread.start()

    def _answer(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:  # no client connected
            return
        with connection:
            connection.settimeout(30)
            self.received = connection.recv(8)
            connection.sendall(b"N")
            while more := connection.recv(4096):
                self.received += more

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def plain() -> Iterator[Plain]:
    server = Plain()
    yield server
    server.close()


@pytest.fixture
def _signing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.mark.usefixtures("_signing")
def test_a_token_is_never_sent_without_tls(plain: Plain, tmp_path: Path) -> None:
    """The URL cannot change this. A token is valid for 15 minutes."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("")
    url = f"postgresql://fleet@127.0.0.1:{plain.port}/results?sslmode=disable&gssencmode=disable&sslrootcert={bundle}"
    with pytest.raises(Unavailable, match=r"^database: "):
        Database(url, "iam").open()
    assert plain.received == SSL_REQUEST


def test_a_region_is_needed_to_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The line names the variable."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadSetting, match=r"^TESTFLEET_DATABASE_AUTH: no RDS token could be signed: .*region"):
        Database("postgresql://fleet@127.0.0.1/results", "iam").open()


@pytest.mark.usefixtures("_signing")
def test_credentials_are_needed_to_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The line names the variables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(BadSetting, match=r"^TESTFLEET_DATABASE_AUTH: no RDS token could be signed: .*credentials"):
        Database("postgresql://fleet@127.0.0.1/results", "iam").open()


def test_authorities_come_from_the_url_then_libpq_then_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is libpq's. The image's bundle replaces the file in the home folder."""
    monkeypatch.setenv("PGSSLROOTCERT", "/env.pem")
    assert Database("postgresql://h/x?sslrootcert=/url.pem").authorities == "/url.pem"
    assert Database("postgresql://h/x").authorities == "/env.pem"
    monkeypatch.delenv("PGSSLROOTCERT")
    assert Database("postgresql://h/x").authorities == RDS_BUNDLE
