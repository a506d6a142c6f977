"""Parent and author of a commit, from a git checkout."""

import os
import subprocess
from pathlib import Path

import pytest

from testfleet import checkout
from testfleet.checkout import Commit, name_of, parse, read

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Bot",
    "GIT_COMMITTER_EMAIL": "bot@example.com",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], env=ENV, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two commits."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for message in ("first", "second"):
        git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return folder


def test_a_commit_has_its_parent_and_the_name_of_its_author(repository: Path) -> None:
    first, second = git(repository, "rev-parse", "HEAD^"), git(repository, "rev-parse", "HEAD")
    assert read(second, repository) == Commit(first, "Ada Lovelace")
    assert read(second[:10], repository) == Commit(first, "Ada Lovelace")
    assert read(first, repository) == Commit(None, "Ada Lovelace")


def test_a_shallow_clone_knows_the_parent(repository: Path, tmp_path: Path) -> None:
    """CI services fetch one commit by default."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(clone))
    found = read(git(clone, "rev-parse", "HEAD"), clone)
    assert found == Commit(git(repository, "rev-parse", "HEAD^"), "Ada Lovelace")


@pytest.mark.parametrize("commit", [None, "", "main", "--help", "0" * 40, "HEAD"])
def test_a_name_that_is_no_hash_of_a_commit_is_not_read(commit: str | None, repository: Path) -> None:
    """The value may be a tag or an option of git."""
    assert read(commit, repository) is None


def test_a_folder_without_a_checkout_is_no_error(tmp_path: Path) -> None:
    assert read("a" * 40, tmp_path) is None
    assert read("a" * 40, tmp_path / "missing") is None


def test_a_machine_without_git_is_no_error(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image of testfleet has no git."""
    commit = git(repository, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", str(repository))
    assert read(commit, repository) is None


def test_a_git_that_hangs_is_given_up(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    program = repository / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(checkout, "GIT_SECONDS", 0.2)
    assert read(commit, repository) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tree a\nparent b1\nparent c2\nauthor A <a@b> 1 +0000\n\nparent d3\n", Commit("b1", "A")),
        ("tree a\nauthor  <a@b> 1 +0000\n\nmessage", Commit(None, None)),
        ("", Commit(None, None)),
    ],
    ids=["the first of two parents counts", "an author without a name", "no commit"],
)
def test_only_the_header_of_a_commit_is_read(text: str, expected: Commit) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("author", "name"),
    [("Ada <ada@x>", "Ada"), ("Ada", "Ada"), ("<ada@x>", None), ("", None), (None, None)],
)
def test_an_author_is_recorded_without_the_address(author: str | None, name: str | None) -> None:
    assert name_of(author) == name
