"""What a run tests and what started it: options, the CI service's environment, the git checkout."""

import os
from dataclasses import asdict
from pathlib import Path

from testfleet import checkout, ci, queue


def of(*, commit: str | None, **options: str | None) -> dict[str, str]:
    """Return the fields of a job. An option comes before a value of the CI service or of the checkout.

    A value of the CI service that a job may not have, such as a text that is too long, is left out.
    """
    build = ci.build(os.environ)
    if commit is None:
        commit = build.commit
    found = asdict(ci.with_commit(build, checkout.read(commit, Path.cwd())))
    given = {"commit": commit, **options}
    return queue.jobs.valid(found) | {name: value for name, value in given.items() if value is not None}
