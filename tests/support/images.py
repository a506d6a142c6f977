"""The names of the images, as the Dockerfile's targets have them."""

RELEASED = {"testfleet", "playwright", "k6", "newman", "pytest", "all"}
"""What an installation runs in its cluster; `codebuild` is `testfleet` once more, for a pipeline."""

IMAGES = RELEASED | {"embedded"}
"""`embedded` stands in for AWS in trials."""
