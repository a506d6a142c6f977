"""SIGTERM and SIGINT as an event of the event loop.

A process with PID 1 ignores SIGTERM until it installs a handler, so each program installs this one before its slow
imports.
"""

import signal
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Stop:
    """Records SIGTERM and SIGINT.

    Call `install` before the slow imports, `bind` in the event loop, and `ignore` before the program exits.
    """

    def __init__(self) -> None:
        self._received = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None

    def install(self) -> None:
        """Install the handler of SIGTERM, and of SIGINT for a program in a terminal."""
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGINT, self._receive)

    def bind(self) -> "asyncio.Event":
        """Return an event of the running loop that is set when a signal arrives, or at once if one has arrived."""
        import asyncio  # noqa: PLC0415  # slow to import: `install` comes first

        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._received:
            self._event.set()
        return self._event

    def ignore(self) -> None:
        """Ignore both signals. Call this when the exit code is decided.

        The interpreter restores the default action of a handled signal before it exits, but not of an ignored one.
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _receive(self, _signal: int, _frame: FrameType | None) -> None:
        self._received = True
        if self._loop is not None and self._event is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)
