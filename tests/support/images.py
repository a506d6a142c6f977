"""The names of the images, which are targets of the Dockerfile."""

RELEASED = {"testfleet", "playwright", "k6", "newman", "pytest", "all"}
"""The images of an installation's cluster. `codebuild`, for a pipeline, is based on `testfleet`."""

IMAGES = RELEASED | {"embedded"}
"""`embedded` replaces AWS in trials."""
