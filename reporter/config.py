"""`python -m reporter.config`: the platform's secret into a folder, a file for each setting, before the pod's programs.

The folder is in memory, and each container mounts only its own part: `worker/` or `reporter/`. The next init container,
`python -m reporter --check`, says whether the settings are any good.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from reporter import aws, exit_codes
from reporter.errors import OutOfReach
from runtime.errors import InvalidInput
from runtime.settings import PodSettings, load

_SETTING = re.compile(r"(WORKER|REPORTER)_[A-Z][A-Z_]*")


class ConfigSettings(BaseSettings):
    """What the init container is told. AWS access comes through the SDK's own chain."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, env_prefix="CONFIG_")

    secret: str = Field(
        description="Secrets Manager id of the platform's secret: a JSON object, setting to value, all of them strings."
    )
    dir: Path = Field(
        default=PodSettings.model_fields["config_dir"].default,
        description="Folder that the settings are written to, in one folder for each program.",
    )


def main() -> int:
    """Fetch the secret and write it; the answer is the exit code."""
    try:
        settings = load(ConfigSettings)
        write(parse(asyncio.run(aws.secret(settings.secret))), settings.dir)
    except InvalidInput as error:
        sys.stderr.write(f"config: {error}\n")
        return exit_codes.BAD_CONFIGURATION
    except OutOfReach as error:
        sys.stderr.write(f"config: {error}\n")
        return exit_codes.TRY_AGAIN
    return 0


def parse(text: str) -> dict[str, str]:
    """The settings in the secret. No error ever tells a value.

    Raises:
        InvalidInput: it is no JSON object of strings, or a key is no setting of the pod's programs.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None  # and not the decoder's error, which carries the whole document
    if not isinstance(content, dict):
        raise InvalidInput("CONFIG_SECRET", "must hold a JSON object")
    for name, value in content.items():
        if not _SETTING.fullmatch(name):
            raise InvalidInput(f"CONFIG_SECRET: {name}", "must be a setting, WORKER_… or REPORTER_…")
        if not isinstance(value, str):
            raise InvalidInput(f"CONFIG_SECRET: {name}", "must be a string")
    return content


def write(values: Mapping[str, str], folder: Path) -> None:
    """Lay out each program's part of the folder, readable to this user only. A second time changes nothing."""
    for program in ("worker", "reporter"):
        part = folder / program
        part.mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            if name.startswith(f"{program.upper()}_"):
                new = part / f".{name}"
                new.unlink(missing_ok=True)
                with open(new, "x", opener=_private, encoding="utf-8") as file:
                    file.write(value)
                new.replace(part / name)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o400)


if __name__ == "__main__":
    sys.exit(main())
