"""The secret becomes one file for each setting."""

import stat
from pathlib import Path

import pytest

from podconfig.files import parse, write
from runtime.errors import InvalidInput

SECRET = {"REPORTER_DATABASE_URL": "postgresql://db.example.com/testfleet", "WORKER_BASE_URL": "https://x.example.com"}


def test_a_second_write_replaces_the_files_and_keeps_them_private(tmp_path: Path) -> None:
    """Kubernetes may run an init container again."""
    write(SECRET, tmp_path)
    write(SECRET | {"WORKER_BASE_URL": "https://y.example.com"}, tmp_path)
    file = tmp_path / "worker" / "WORKER_BASE_URL"
    assert file.read_text() == "https://y.example.com"
    assert stat.S_IMODE(file.stat().st_mode) == 0o400


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("not JSON", "CONFIG_SECRET: must hold a JSON object"),
        ("[1]", "CONFIG_SECRET: must hold a JSON object"),
        ('{"BASE_URL": "x"}', "CONFIG_SECRET: BASE_URL: must be a setting, WORKER_… or REPORTER_…"),
        ('{"WORKER_../x": "x"}', "CONFIG_SECRET: WORKER_../x: must be a setting, WORKER_… or REPORTER_…"),
        ('{"REPORTER_LEASE": 7}', "CONFIG_SECRET: REPORTER_LEASE: must be a string"),
        (r'{"WORKER_X": "a\u0000"}', "CONFIG_SECRET: WORKER_X: must not contain NUL or a lone surrogate"),
        (r'{"WORKER_X": "\ud800"}', "CONFIG_SECRET: WORKER_X: must not contain NUL or a lone surrogate"),
        (r'{"WORKER_\nX": "x"}', "CONFIG_SECRET: WORKER_ X: must be a setting, WORKER_… or REPORTER_…"),
    ],
)
def test_the_error_names_the_key_and_never_a_value(text: str, line: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    assert str(caught.value) == line
