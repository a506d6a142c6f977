"""Valid catalogs. tests/acceptance/worker/test_bad_input.py holds the error of each wrong field."""

from pathlib import Path

from worker import catalog
from worker.catalog import Suite


def _load(folder: Path, text: str) -> dict[str, Suite]:
    (folder / "catalog.toml").write_text(text)
    return dict(catalog.load(folder / "catalog.toml"))


def test_every_field_is_read(tmp_path: Path) -> None:
    """Paths are relative to the catalog's folder."""
    text = """
        [suites.checkout]
        runner = "playwright"
        path = "suites/checkout"
        timeout = "30m"
        secret = "testfleet/checkout"
        args = ["--project=chromium"]

        [suites.legacy]
        runner = "command"
        command = ["./run.sh", "--all"]
        path = "."
        timeout = 90
        env = { STAGE = "qa" }
    """
    assert _load(tmp_path, text) == {
        "checkout": Suite(
            name="checkout",
            runner="playwright",
            path=tmp_path / "suites" / "checkout",
            timeout=1800,
            secret="testfleet/checkout",
            args=("--project=chromium",),
        ),
        "legacy": Suite(
            name="legacy",
            runner="command",
            path=tmp_path,
            timeout=90,
            command=("./run.sh", "--all"),
            env={"STAGE": "qa"},
        ),
    }


def test_a_catalog_that_is_mounted_from_a_config_map_finds_its_suites(tmp_path: Path) -> None:
    """Kubernetes mounts it as a symbolic link into a hidden folder. The suites are beside the link."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "catalog.toml").write_text('[suites.a]\nrunner = "k6"\npath = "a"\ntimeout = 1')
    (tmp_path / "catalog.toml").symlink_to("..data/catalog.toml")
    assert catalog.load(tmp_path / "catalog.toml")["a"].path == tmp_path / "a"


def test_the_longest_timeout_is_eleven_hours(tmp_path: Path) -> None:
    """SQS hides a message for twelve, and the results must be committed within them."""
    text = '[suites.a]\nrunner = "k6"\npath = "a"\ntimeout = "11h"'
    assert _load(tmp_path, text)["a"].timeout == 11 * 3600
