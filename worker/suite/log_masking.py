"""Masks the logs of a suite after its end."""

import os
import stat
from pathlib import Path

from runtime.masking import Masking

CHUNK = 1024 * 1024


def rewrite(file: Path, masking: Masking) -> None:
    """Mask the file in place; nothing may write to it meanwhile. A missing file is ignored.

    In place because a copy might not fit on the volume. The masked text is never longer, so that what is written never
    overtakes what is read. To be called within the sandbox: the path is the suite's to make a link of.

    Raises:
        OSError: the file can't be rewritten; it is then removed, so that nothing unmasked is stored.
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
