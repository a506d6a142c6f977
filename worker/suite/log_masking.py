"""Mask the suite's logs after its end."""

import os
import stat
from pathlib import Path

from runtime.masking import Masking

CHUNK = 1024 * 1024


def rewrite(file: Path, masking: Masking) -> None:
    """Mask the file in place, because a copy might not fit on the volume. A missing file is ignored.

    Masked text is never longer, so the write position never passes the read position. No process may write to the file
    meanwhile. Call it within the sandbox, because the suite may have replaced the file by a link.

    Raises:
        OSError: the file can't be rewritten. It is then removed, so that no secret is stored.
    """
    if not masking:
        return
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError:
        file.unlink()
        raise
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _rewrite(descriptor, masking)
    except OSError:
        file.unlink()
        raise
    finally:
        os.close(descriptor)


def _rewrite(descriptor: int, masking: Masking) -> None:
    read = written = 0
    rest = b""
    last = False
    while not last:
        chunk = os.pread(descriptor, CHUNK, read)
        read += len(chunk)
        last = not chunk
        masked, rest = masking.data(rest + chunk, last=last)
        while masked:
            count = os.pwrite(descriptor, masked, written)
            written += count
            masked = masked[count:]
    os.ftruncate(descriptor, written)
