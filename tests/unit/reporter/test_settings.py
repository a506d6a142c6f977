"""Each invalid setting gives one line with its name and the allowed values."""

from pathlib import Path

import pytest

from reporter.settings import ReporterSettings
from runtime.errors import InvalidInput
from runtime.settings import load


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with exactly the required settings."""
    for name in (
        "DATABASE_URL", "DATABASE_AUTH", "DATABASE_CA", "BUCKET", "LEASE", "DATABASE_PATIENCE",
    ):  # fmt: skip
        monkeypatch.delenv(f"REPORTER_{name}", raising=False)
    for name in ("LOG_LEVEL", "LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HANDOFF_DIR", str(tmp_path))
    monkeypatch.setenv("ARTIFACTS_DIR", str(tmp_path))
    monkeypatch.setenv("REPORTER_DATABASE_URL", "postgresql://qa:s3cret@db.example:5432/qa")
    monkeypatch.setenv("REPORTER_BUCKET", "qa-artifacts")
    return monkeypatch


def test_a_missing_setting_has_its_documented_default(env: pytest.MonkeyPatch) -> None:
    """Only the URL and the bucket are required."""
    settings = load(ReporterSettings)
    assert (settings.database_auth, settings.lease, settings.database_patience) == ("password", 120, 300)
    assert settings.bucket == "qa-artifacts"
    assert env is not None


def test_a_password_is_not_shown(env: pytest.MonkeyPatch) -> None:
    """Neither the settings nor an error contain the secret."""
    assert "s3cret" not in repr(load(ReporterSettings))
    env.setenv("REPORTER_DATABASE_URL", "mysql://qa:s3cret@db/qa")
    with pytest.raises(InvalidInput) as error:
        load(ReporterSettings)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("REPORTER_DATABASE_URL", None, "REPORTER_DATABASE_URL: is required"),
        ("REPORTER_DATABASE_URL", "mysql://db/qa",
         "REPORTER_DATABASE_URL: must be a postgresql://user@host:port/database URL"),
        ("REPORTER_DATABASE_URL", "postgresql://db:port/qa",
         "REPORTER_DATABASE_URL: must be a postgresql://user@host:port/database URL"),
        ("REPORTER_DATABASE_AUTH", "kerberos", "REPORTER_DATABASE_AUTH: Input should be 'password' or 'iam'"),
        ("REPORTER_BUCKET", None, "REPORTER_BUCKET: is required"),
        ("REPORTER_BUCKET", "s3://qa", "REPORTER_BUCKET: must be a bucket's name: 3 to 63 characters of a-z 0-9 . -"),
        ("REPORTER_BUCKET", "qa", "REPORTER_BUCKET: must be a bucket's name: 3 to 63 characters of a-z 0-9 . -"),
        ("REPORTER_LEASE", "0", "REPORTER_LEASE: Input should be greater than or equal to 1"),
        ("REPORTER_LEASE", "2m",
         "REPORTER_LEASE: Input should be a valid integer, unable to parse string as an integer"),
        ("REPORTER_LEASE", "43201", "REPORTER_LEASE: Input should be less than or equal to 43200"),
        ("REPORTER_DATABASE_PATIENCE", "0", "REPORTER_DATABASE_PATIENCE: Input should be greater than or equal to 1"),
        ("HANDOFF_DIR", "/nowhere/at/all", "HANDOFF_DIR: must be an existing folder"),
        ("ARTIFACTS_DIR", "/nowhere/at/all", "ARTIFACTS_DIR: must be an existing folder"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: Input should be 'json' or 'console'"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_clear_line(env: pytest.MonkeyPatch, name: str, value: str | None, line: str) -> None:
    """The line has the variable's name and its allowed values."""
    if value is None:
        env.delenv(name)
    else:
        env.setenv(name, value)
    with pytest.raises(InvalidInput) as error:
        load(ReporterSettings)
    assert str(error.value) == line


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("postgresql://qa:s3cret@db/qa", "must hold no password if REPORTER_DATABASE_AUTH is iam"),
        ("postgresql://qa@db/qa?password=s3cret", "must hold no password if REPORTER_DATABASE_AUTH is iam"),
        ("postgresql://db/qa", "must name a user and a host if REPORTER_DATABASE_AUTH is iam"),
        ("postgresql://qa@/qa", "must name a user and a host if REPORTER_DATABASE_AUTH is iam"),
    ],
)
def test_iam_takes_a_url_without_password_and_with_user_and_host(env: pytest.MonkeyPatch, url: str, line: str) -> None:
    """A password beside a token is an error."""
    env.setenv("REPORTER_DATABASE_AUTH", "iam")
    env.setenv("REPORTER_DATABASE_URL", url)
    with pytest.raises(InvalidInput) as error:
        load(ReporterSettings)
    assert str(error.value) == f"REPORTER_DATABASE_URL: {line}"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_iam_needs_a_bundle_that_can_be_read(env: pytest.MonkeyPatch, tmp_path: Path, content: str | None) -> None:
    """A missing or broken bundle fails at the start and not at the first connection."""
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)
    env.setenv("REPORTER_DATABASE_AUTH", "iam")
    env.setenv("REPORTER_DATABASE_URL", "postgresql://qa@db.example/qa")
    env.setenv("REPORTER_DATABASE_CA", str(bundle))
    with pytest.raises(InvalidInput, match="REPORTER_DATABASE_CA: must be a readable PEM file of certificates"):
        load(ReporterSettings)
