"""Settings: read from the environment, and a wrong one named."""

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from handoff.errors import InvalidInput
from handoff.settings import PodSettings, load


class ProgramSettings(PodSettings):
    """Stands for a program's settings: a prefix of its own beside the shared names."""

    model_config = SettingsConfigDict(env_prefix="PROGRAM_")

    url: str
    wait: int = Field(default=5, ge=1)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HANDOFF_DIR", "ARTIFACTS_DIR", "LOG_LEVEL", "LOG_FORMAT", "PROGRAM_URL", "PROGRAM_WAIT"):
        monkeypatch.delenv(name, raising=False)


def test_own_and_shared_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prefix belongs to the program's own settings only."""
    monkeypatch.setenv("PROGRAM_URL", "http://x")
    monkeypatch.setenv("HANDOFF_DIR", "/elsewhere")
    settings = load(ProgramSettings)
    assert (settings.url, str(settings.handoff_dir), settings.wait) == ("http://x", "/elsewhere", 5)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PROGRAM_URL", None, "PROGRAM_URL: is required"),
        ("PROGRAM_URL", "", "PROGRAM_URL: is required"),
        ("PROGRAM_WAIT", "0", "PROGRAM_WAIT: Input should be greater than or equal to 1"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: Input should be 'json' or 'console'"),
    ],
)
def test_a_wrong_setting_is_named_by_its_variable(
    name: str, value: str | None, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who reads the line can search their manifest for the name in it."""
    monkeypatch.setenv("PROGRAM_URL", "http://x")
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load(ProgramSettings)
    assert str(caught.value) == line
