"""The images, as far as their recipe tells: what is built, as whom it runs, and what is left out."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
BAKE = ROOT / "docker" / "docker-bake.hcl"
IMAGES = {"testfleet", "playwright", "k6", "newman", "pytest", "all"}


def stages() -> dict[str, tuple[str, list[str]]]:
    """Each stage with what it is made from and its instructions, one to a line."""
    text = re.sub(r"\\\n\s*", " ", DOCKERFILE.read_text())
    found: dict[str, tuple[str, list[str]]] = {}
    instructions: list[str] = []
    for line in text.splitlines():
        if match := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            instructions = []
            found[match[2]] = (match[1], instructions)
        elif line and not line.startswith("#"):
            instructions.append(line)
    return found


def history(image: str) -> list[str]:
    """Every instruction that an image is made of, its ancestors' first."""
    known = stages()
    parent, own = known[image]
    return (history(parent) if parent in known else []) + own


def test_hadolint_has_nothing_to_say() -> None:
    """Each rule that is off stands beside its reason."""
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    assert linter, "hadolint comes with the development dependencies"
    ended = subprocess.run([linter, "--no-color", str(DOCKERFILE)], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_bake_builds_every_image_and_no_other() -> None:
    """What the Dockerfile offers last is what bake knows."""
    bake = BAKE.read_text()
    (matrix,) = re.findall(r"tool = \[(.*?)\]", bake)
    assert {"testfleet", *re.findall(r'"(\w+)"', matrix)} == IMAGES
    assert 'target "codebuild"' in bake
    assert stages().keys() >= IMAGES | {"codebuild"}


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_an_image_runs_under_an_init_as_nobody_special(image: str) -> None:
    """PID 1 reaps orphans and hears SIGTERM; the user is a number, so that a pod's runAsNonRoot can check it."""
    made_of = history(image)
    assert [line for line in made_of if line.startswith("ENTRYPOINT")] == ['ENTRYPOINT ["tini", "--"]']
    *_, user = [line.split()[1] for line in made_of if line.startswith("USER")]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert not [line for line in made_of if line.startswith("HEALTHCHECK")]


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_an_image_holds_the_installed_wheel_and_no_tool_to_build_with(image: str) -> None:
    """The environment comes from the lock; sources, uv, compilers and npm stay behind."""
    made_of = history(image)
    (environment,) = [line for line in made_of if "/opt/testfleet /opt/testfleet" in line]
    (venv,) = re.findall(r"--from=(\S+)", environment)
    (sync,) = [line for line in stages()[venv][1] if line.startswith("RUN")]
    assert "uv sync --frozen --no-dev --no-editable" in sync
    assert not [line for line in made_of if re.search(r"\buv\b|\bnpm\b|\bgcc\b|build-essential|/src\b", line)]


def test_only_the_all_image_brings_sample_suites() -> None:
    """A team's own image brings its own."""
    assert {image for image in IMAGES if "COPY suites /suites" in history(image)} == {"all"}


def test_whatever_is_copied_is_let_into_the_build() -> None:
    """The context starts empty, so a forgotten name would break the build far from here."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for _, instructions in stages().values()
        for line in instructions
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in allowed)


def test_the_image_of_codebuild_starts_as_root_and_without_an_entry_point() -> None:
    """CodeBuild's agent starts as the image's user and writes below `/codebuild`; it is `testfleet` otherwise."""
    parent, own = stages()["codebuild"]
    assert (parent, own) == ("testfleet", ["USER 0:0", "ENTRYPOINT []"])


def test_the_file_of_authorities_has_amazons_roots_besides_those_of_rds() -> None:
    """RDS Proxy shows a certificate of Amazon's public authority; Debian's ca-certificates has its roots."""
    made_of = history("base")
    packages = next(index for index, line in enumerate(made_of) if "install" in line and "ca-certificates" in line)
    bundle = next(index for index, line in enumerate(made_of) if line.endswith("rds-global-bundle.pem"))
    (roots,) = [index for index, line in enumerate(made_of) if "Amazon_Root_CA_*.crt >> /etc/ssl/certs/rds-" in line]
    user = next(index for index, line in enumerate(made_of) if line.startswith("USER"))
    assert packages < bundle < roots < user
