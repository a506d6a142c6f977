"""Processes that the kernel has killed for lack of memory, counted by the container's control group."""

from pathlib import Path

EVENTS = Path("/sys/fs/cgroup/memory.events")
"""The container's own, in cgroup v2: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files."""


def oom_kills(events: Path) -> int | None:
    """How many processes were killed since the container started; None where the kernel does not count them here."""
    try:
        lines = events.read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
    except (OSError, ValueError, IndexError):
        return None


def killed_since(before: int | None, events: Path) -> str | None:
    """One line on the processes that were killed since `before` was counted; None where there was none."""
    now = oom_kills(events)
    if before is None or now is None or now <= before:
        return None
    return f"out of memory, memory.events counts {now - before} more oom_kill"
