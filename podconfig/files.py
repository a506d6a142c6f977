"""The files of the settings: `worker/WORKER_…` and `reporter/REPORTER_…`."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from runtime.errors import InvalidInput
from runtime.text import storable

_SETTING = re.compile(r"(WORKER|REPORTER)_[A-Z][A-Z_]*")


def parse(text: str) -> dict[str, str]:
    """Return the settings in the text of the secret.

    Raises:
        InvalidInput: the text is no JSON object of strings, or a key is no setting of worker or reporter. The error
            never contains a value.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None  # the decoder's error would carry the whole document
    if not isinstance(content, dict):
        raise InvalidInput("CONFIG_SECRET", "must hold a JSON object")
    for name, value in content.items():
        if not _SETTING.fullmatch(name):
            raise InvalidInput(f"CONFIG_SECRET: {name}", "must be a setting, WORKER_… or REPORTER_…")
        if not isinstance(value, str):
            raise InvalidInput(f"CONFIG_SECRET: {name}", "must be a string")
        if storable(value) != value:
            raise InvalidInput(f"CONFIG_SECRET: {name}", "must not contain NUL or a lone surrogate")
    return content


def write(values: Mapping[str, str], folder: Path) -> None:
    """Write a file for each setting, readable by this user only. A second call replaces the files."""
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
