"""Count the processes that the kernel killed for lack of memory, from the container's control group."""

from pathlib import Path

EVENTS = Path("/sys/fs/cgroup/memory.events")
"""The container's own, in cgroup v2: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files."""


def oom_kills(events: Path) -> int | None:
    """Return the number of OOM kills since the container started, or None if the kernel does not count them."""
    try:
        lines = events.read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
    except (OSError, ValueError, IndexError):
        return None


def killed_since(before: int | None, events: Path) -> str | None:
    """Return one line on the OOM kills since `before` was counted, or None without any."""
    now = oom_kills(events)
    if before is None or now is None or now <= before:
        return None
    return f"out of memory, memory.events counts {now - before} more oom_kill"
