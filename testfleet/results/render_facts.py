"""Renders what a run tests, what it depends on and what it cost."""

from testfleet.output import units
from testfleet.output.blocks import Line, clean_line
from testfleet.results.costs import RunCost
from testfleet.results.meaning import short_commit
from testfleet.results.runs import RunDetail, RunRow

MAX_TEXT = 200
"""Maximum number of characters of one fact."""

_DIGEST = len("sha256:") + 12


def facts(detail: RunDetail) -> list[Line]:
    """Return one line for each group of facts that is known."""
    run = detail.run
    lines = (_tested(run), _started_by(run), _tools(run), _cost(detail.cost))
    return [Line(line, "faint") for line in lines if line]


def _tested(run: RunRow) -> str:
    commit = f"commit {short_commit(run.commit)}" if run.commit else ""
    if commit and run.parent_commit:
        commit += f" after {short_commit(run.parent_commit)}"
    return _joined(
        commit,
        f"by {_short(run.author)}" if run.author else "",
        f"branch {_short(run.branch)}" if run.branch else "",
        f"pull request {_short(run.pull_request)}" if run.pull_request else "",
        f"environment {_short(run.environment)}" if run.environment else "",
        _short(run.target_url or ""),
    )


def _started_by(run: RunRow) -> str:
    """Return the trigger and the whole URL of the CI job: a shortened one would lead nowhere."""
    return _joined(f"started by {_short(run.trigger)}" if run.trigger else "", clean_line(run.ci_url or ""))


def _tools(run: RunRow) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted((run.tools or {}).items()))
    return _joined(_short(versions), f"image {clean_line(run.image_digest)[:_DIGEST]}" if run.image_digest else "")


def _cost(cost: RunCost | None) -> str:
    if cost is None:
        return ""
    attempts = "1 attempt" if cost.attempts == 1 else f"{cost.attempts} attempts"
    price = "" if cost.cost is None else f"{cost.cost:.4f} {cost.currency}"
    return _joined(f"fleet time {units.duration(cost.pod_seconds * 1000)} in {attempts}", price)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _short(text: str) -> str:
    line = clean_line(text)
    return line if len(line) <= MAX_TEXT else line[:MAX_TEXT] + "…"
