"""Renders a run as Markdown that fits into one comment of a pull request.

All text of reports, commits and authors is hostile: it could mention people, add links, close the comment's blocks or
run a command of the forge. It appears only as inline code, as a fenced block or escaped.
"""

import re
from collections.abc import Iterator, Sequence

from testfleet.output import units
from testfleet.output.blocks import clean, clean_line, first_line
from testfleet.report.run_report import Case, Group, RunReport, count, web_address
from testfleet.results import meaning

MAX_CHARACTERS = 65_536
"""Longest body of a comment on GitHub."""

MAX_GROUPS = 20
"""Maximum number of causes in one section."""

MAX_NAMES = 20
"""Maximum number of cases of one cause, and of cases in a plain list."""

MAX_TEXT = 200
"""Maximum number of characters of a name, a place or a title."""

MAX_MESSAGE_LINES = 20
MAX_LINE = 300

_END = 300
"""Characters that are kept free for the last line."""

_MARKS = {"passed": "✅", "failed": "❌", "errored": "💥", "cancelled": "⏹️", "running": "⏳", "queued": "⏳"}
_INVISIBLE = re.compile(r"[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_BACKTICKS = re.compile(r"`+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_GAP = "\u200b"
"""A zero-width space, which keeps `@name`, `#1` and `www.` from becoming a mention or a link."""


def render(report: RunReport, *, limit: int = MAX_CHARACTERS) -> str:
    """Return the run as Markdown of at most `limit` characters. The first line is the sentence that matters.

    What does not fit is left out from the end, and the last line says so.
    """
    blocks = _head(report)
    used = sum(len(block) + 2 for block in blocks)
    for block in _sections(report):
        if used + len(block) + 2 > limit - _END:
            blocks.append(f"… and more: `testfleet report {_option(report.run.run_id)} --format html`")
            break
        blocks.append(block)
        used += len(block) + 2
    return "\n\n".join(blocks) + "\n"


def _head(report: RunReport) -> list[str]:
    run = report.run
    title = f"### {_MARKS[run.status]} {code(run.suite or run.run_id)}: {escaped(report.sentence)}"
    facts = [
        code(run.commit[:12]) if run.commit else "",
        f"on {code(run.branch)}" if run.branch else "",
        f"{count(run.total, 'case')} in {count(run.shards or run.shards_done, 'shard')}",
        units.duration(run.milliseconds) if run.milliseconds is not None else "",
        link(f"run {run.run_id}", report.link),
        link("CI", run.ci_url) if web_address(run.ci_url) else "",
    ]
    return [title, " · ".join(filter(None, facts))]


def _sections(report: RunReport) -> Iterator[str]:
    """Yield the blocks in the order of their use to the author of the change."""
    yield from _by_cause("New failures", report.groups("new", "new_case"))
    yield from _by_cause("Failures", report.groups())
    for shard in report.shards:
        if shard.status in {"errored", "interrupted"}:
            reason = f": {code(first_line(shard.detail))}" if shard.detail else ""
            yield f"- shard {shard.shard} {shard.status}{reason}"
    yield from _listed("Broken before this run", report, "broken")
    yield from _listed("Known flaky", report, "flaky")
    yield from _listed("Quarantined", report, "quarantined")
    if report.flaky:
        yield _list("Passed on retry", [(case, f"{len(case.tries)} tries") for case in report.flaky])


def _by_cause(title: str, groups: Sequence[Group]) -> Iterator[str]:
    if not groups:
        return
    cases = sum(len(group.cases) for group in groups)
    causes = f" ({count(len(groups), 'cause')})" if cases > 1 else ""
    yield f"#### {title}: {cases}{causes}"
    for group in groups[:MAX_GROUPS]:
        yield _group(group)
    if len(groups) > MAX_GROUPS:
        yield f"… and {count(sum(len(group.cases) for group in groups[MAX_GROUPS:]), 'case')} of other causes"


def _group(group: Group) -> str:
    first = group.cases[0]
    lines = [f"- {_named(case)}{_since_pass(case)}" for case in group.cases[:MAX_NAMES]]
    if len(group.cases) > MAX_NAMES:
        lines.append(f"- … and {len(group.cases) - MAX_NAMES} more")
    message = _message(first)
    files = [f"{file.kind}: {code(file.s3_uri, limit=1000)}" for file in first.evidence[:3]]
    return "\n".join(
        [
            f"**{code(group.title)}**",
            "",
            *lines,
            *(["", "<details><summary>Message</summary>", "", fenced(message), "", "</details>"] if message else []),
            *(["", " · ".join(files)] if files else []),
        ]
    )


def _message(case: Case) -> str:
    given = [line.rstrip() for line in plain(case.first_message or case.error or "").splitlines()]
    lines = [line[:MAX_LINE] + ("…" if len(line) > MAX_LINE else "") for line in given[:MAX_MESSAGE_LINES]]
    if len(given) > MAX_MESSAGE_LINES:
        lines.append("…")
    return "\n".join(lines).strip("\n")


def _named(case: Case) -> str:
    place = f" · {code(case.place)}" if case.place and case.place != case.name else ""
    return f"{code(case.name)}{place}"


def _since_pass(case: Case) -> str:
    if case.failure is None:
        return ""
    if case.failure.kind == "new_case":
        return " · new case"
    commit = case.failure.last_pass_commit
    return f" · passed at {code(meaning.short_commit(commit))}" if commit else ""


def _listed(title: str, report: RunReport, kind: str) -> Iterator[str]:
    cases = [case for group in report.groups(kind) for case in group.cases]
    if cases:
        broken = kind == "broken"
        yield _list(
            title,
            [(case, escaped(meaning.describe(case.failure)) if broken and case.failure else "") for case in cases],
        )


def _list(title: str, cases: Sequence[tuple[Case, str]]) -> str:
    lines = [f"#### {title}: {len(cases)}", ""]
    lines += [f"- {_named(case)}" + (f" · {remark}" if remark else "") for case, remark in cases[:MAX_NAMES]]
    if len(cases) > MAX_NAMES:
        lines.append(f"- … and {len(cases) - MAX_NAMES} more")
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return the text without control sequences and without invisible characters, which can reverse a line."""
    return _INVISIBLE.sub("", clean(text))


def code(text: str, *, limit: int = MAX_TEXT) -> str:
    """Return the text as inline code in one line. Forges look for no mention and no command in it."""
    line = plain(clean_line(text))
    if len(line) > limit:
        line = f"{line[: limit - 1]}…"
    if not line.strip():
        return "``` ```" if line else "-"
    fence = "`" * (_longest_run(line) + 1)
    gap = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{gap}{line}{gap}{fence}"


def fenced(text: str) -> str:
    """Return the text as a block of code, with a fence that the text does not contain."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def escaped(text: str) -> str:
    """Return the text in one line such that it has no markup, mention or link."""
    line = _PUNCTUATION.sub(r"\\\1", plain(clean_line(text)))
    return re.sub(r"\\[@#!:/]|(?i:www)(?=\\\.)|(?i:\bGH)(?=\\-)", lambda found: found[0] + _GAP, line)


def link(text: str, url: str | None) -> str:
    """Return a link, or the text as code if the address is no http(s) URL."""
    address = web_address(url)
    return f"[{escaped(text)}](<{address}>)" if address else code(text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def _option(run_id: str) -> str:
    return run_id if re.fullmatch(r"[A-Za-z0-9._-]+", run_id) else "RUN_ID"
