"""What of the images' tests can be tested without any."""

import pytest

from tests.images.podman import images, why_not


def test_the_images_are_those_of_the_kind_overlay() -> None:
    """One for the platform's containers, one with every tool, and the stand-in for AWS."""
    names = ("all", "embedded", "testfleet")
    assert images() == tuple(f"localhost/testfleet/{name}:0.1.0" for name in names)


def test_a_missing_podman_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for before anything else."""
    monkeypatch.setenv("PATH", "/no/such/folder")
    assert why_not(()) == "podman is not installed"
