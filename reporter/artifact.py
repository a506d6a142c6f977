"""An artifact: a file that is in the bucket and gets a row in `artifacts`."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["junit", "trace", "video", "screenshot", "report", "log", "other"]


@dataclass(frozen=True, slots=True)
class Artifact:
    """An uploaded file. `path` is relative to the artifacts folder, as the file system has it."""

    path: str
    s3_uri: str
    kind: Kind
    bytes: int
    content_type: str
