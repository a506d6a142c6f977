"""Settings of the init container `config`: environment variables with the prefix `CONFIG_`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.settings import PodSettings


class ConfigSettings(BaseSettings):
    """Secret and folder. AWS access follows the SDK's own chain."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, env_prefix="CONFIG_")

    secret: str = Field(
        description="Secrets Manager id of the platform's secret: a JSON object that maps settings to strings."
    )
    dir: Path = Field(
        default=PodSettings.model_fields["config_dir"].default,
        description="Folder of the files, with one folder for each program.",
    )
