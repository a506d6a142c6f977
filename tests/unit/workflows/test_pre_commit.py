"""The hooks of a commit run what `make lint` runs."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_each_hook_is_a_command_of_make_lint_and_fetches_nothing() -> None:
    """A commit that the hooks accept is not rejected by CI's ruff."""
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    commands = {line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()}
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"] in commands | {"make lint"}


def test_the_hooks_of_a_commit_run_every_ruff_command() -> None:
    """A new ruff command of `make lint` must not be forgotten here."""
    wanted = set(re.findall(r"^\t\$\(BIN\)/(ruff .*)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = {hook["entry"].removeprefix(".venv/bin/") for hook in repository["hooks"]}
    assert wanted - entries == {"ruff check --fix", "ruff format"}  # those of make format
