"""Settings: read from the environment, and a wrong one named."""

from pathlib import Path

import pytest
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from runtime.errors import InvalidInput
from runtime.settings import PodSettings, load


class ProgramSettings(PodSettings):
    """Stands for a program's settings: a prefix of its own beside the shared names."""

    model_config = SettingsConfigDict(env_prefix="PROGRAM_")

    url: str
    wait: int = Field(default=5, ge=1)
    artifacts_dir: Path = Field(default=Path("/no/such/default"), validation_alias="ARTIFACTS_DIR")

    @field_validator("artifacts_dir")
    @classmethod
    def _check_folder(cls, value: Path) -> Path:
        if not value.is_dir():
            msg = "must be an existing folder"
            raise ValueError(msg)
        return value


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HANDOFF_DIR", "ARTIFACTS_DIR", "LOG_LEVEL", "LOG_FORMAT", "PROGRAM_URL", "PROGRAM_WAIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARTIFACTS_DIR", str(tmp_path))


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
        ("ARTIFACTS_DIR", "/no/such/folder", "ARTIFACTS_DIR: must be an existing folder"),
        ("ARTIFACTS_DIR", None, "ARTIFACTS_DIR: must be an existing folder"),  # the default folder does not exist
        ("LOG_LEVEL", "loud", "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: Input should be 'json' or 'console'"),
    ],
)
def test_a_wrong_setting_is_named_by_its_variable(
    name: str, value: str | None, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of the line can search a manifest for this name."""
    monkeypatch.setenv("PROGRAM_URL", "http://x")
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load(ProgramSettings)
    assert str(caught.value) == line


def test_what_the_environment_lacks_is_read_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An init container writes one file for each setting. The environment takes precedence."""
    monkeypatch.setenv("CONFIG_DIR", str(tmp_path))
    (tmp_path / "PROGRAM_URL").write_text("http://file")
    (tmp_path / "PROGRAM_WAIT").write_text("7")
    assert (load(ProgramSettings).url, load(ProgramSettings).wait) == ("http://file", 7)
    monkeypatch.setenv("PROGRAM_WAIT", "9")
    assert load(ProgramSettings).wait == 9
    (tmp_path / "PROGRAM_WAIT").write_text("0")
    monkeypatch.delenv("PROGRAM_WAIT")
    with pytest.raises(InvalidInput, match=r"^PROGRAM_WAIT: Input should be greater"):
        load(ProgramSettings)
