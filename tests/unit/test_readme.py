"""The README's table of settings matches the code."""

from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from podconfig.settings import ConfigSettings
from reporter.settings import ReporterSettings
from runtime.settings import PodSettings
from testfleet.settings import Settings
from worker.settings import WorkerSettings

README = Path(__file__).parents[2] / "README.md"
SHARED = tuple(PodSettings.model_fields)


def table(kind: type[BaseSettings], *, without: tuple[str, ...] = ()) -> list[str]:
    """Return the rows that the README must contain for the settings of one program."""
    rows = []
    for name, field in kind.model_fields.items():
        if name in without:
            continue
        variable = field.validation_alias or f"{kind.model_config.get('env_prefix', '')}{name}".upper()
        if field.default is PydanticUndefined:
            default = "required" if field.is_required() else ""
        else:
            default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `{variable}` | {default} | {field.description} |")
    return rows


@pytest.mark.parametrize(
    ("kind", "without"),
    [(PodSettings, ()), (WorkerSettings, SHARED), (ReporterSettings, SHARED), (ConfigSettings, ()), (Settings, ())],
    ids=["both", "worker", "reporter", "podconfig", "testfleet"],
)
def test_the_settings_table_is_that_of_the_code(kind: type[BaseSettings], without: tuple[str, ...]) -> None:
    """Each setting stands in the README with its default and its description, word for word."""
    readme = README.read_text().splitlines()
    missing = [row for row in table(kind, without=without) if row not in readme]
    assert not missing, "these rows are missing from README.md:\n" + "\n".join(missing)
