"""What a suite must not reach: the worker's credentials, and what worker and reporter say to each other.

The suite runs as the worker's user in the worker's container, so that no permission of a file keeps it out. Landlock
does (https://docs.kernel.org/userspace-api/landlock.html): a thread without any privilege gives up rights, and
whatever it starts from then on is born without them. The kernel then also denies such a process every look into one
that has kept them: `/proc/<pid>/environ`, `mem` or an open file of the worker and of PID 1. Some capabilities go before
that, so that a worker that has one of them is refused; a pod's has none.

The package on PyPI is a development release, hence the three system calls by hand.
"""

import ctypes
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from runtime.errors import InvalidInput
from runtime.landlock import CREATE_RULESET, LEAST_ABI, abi

T = TypeVar("T")

_ADD_RULE: Final = 445  # one number on every architecture
_RESTRICT_SELF: Final = 446
_PATH_BENEATH: Final = 1  # LANDLOCK_RULE_PATH_BENEATH
_DUMPABLE: Final = 4  # PR_SET_DUMPABLE
_NO_NEW_PRIVS: Final = 38  # PR_SET_NO_NEW_PRIVS

_EXECUTE, _WRITE_FILE, _READ_FILE, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 14
_UP_TO_REFER: Final = (1 << 14) - 1
_TRUNCATE_ABI: Final = 3
_SCOPE_ABI: Final = 6  # Linux 6.12
_SCOPE_SIGNAL: Final = 1 << 1  # LANDLOCK_SCOPE_SIGNAL

NEEDS: Final = (
    "landlock needs Linux 5.19 or newer with Landlock enabled; off lets test code read the worker's credentials"
)

_SEEING: Final = 1 << 19 | 1 << 21 | 1 << 38
"""SYS_PTRACE, SYS_ADMIN and PERFMON: they let a process read the memory of others."""

UNLESS: Final = (
    "landlock needs a worker without the capabilities SYS_PTRACE, SYS_ADMIN and PERFMON, as no pod of ours has them; "
    "off lets test code read the worker's credentials"
)

_SECRETS: Final = Path("/var/run/secrets")
"""Where Kubernetes and AWS mount tokens, by convention."""

_TOKENS: Final = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
_FILES: Final = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Paths that are hidden from whoever is called within: neither read nor changed, nor anything below them.

    In a folder on the way to a hidden path nothing new can be made, and what is made there later can't be opened: such
    paths belong into folders that no suite writes to, as `/handoff` and `/var/run/secrets` are. Hidden is nothing
    where `hidden` is empty.
    """

    hidden: frozenset[Path] = frozenset()

    def shut_memory(self) -> None:
        """Keep every process of the same user out of this one's memory and environment, once and for ever.

        For a moment the thread that starts a suite is within as much as the suite is, and through it the suite could
        look into the memory that all threads share. A core dump would hold it, too.
        """
        if self.hidden and _libc.prctl(_DUMPABLE, 0, 0, 0, 0):
            raise _error()

    def call(self, work: Callable[[], T]) -> T:
        """What `work` returns. The calling thread stays within for ever, and so does every process that it starts.

        Raises:
            OSError: the kernel refused, and `work` was not called.
        """
        if self.hidden:
            _restrict(self.hidden)
        return work()


def around(
    env: Mapping[str, str], *, secret: Mapping[str, Path], read: tuple[Path, ...], written: tuple[Path, ...]
) -> Sandbox:
    """The sandbox of a pod whose worker has this environment: `secret` and all places of credentials are hidden.

    `secret` are folders by the setting that names them; `read` and `written` are those that a suite reads and that it
    writes to.

    Raises:
        InvalidInput: this kernel can't do it; such a folder lies within a hidden one; or one that is hidden lies in a
            folder that is written to.
    """
    if abi() < LEAST_ABI:
        raise InvalidInput("WORKER_SUITE_SANDBOX", NEEDS)
    if _capabilities() & _SEEING:
        raise InvalidInput("WORKER_SUITE_SANDBOX", UNLESS)
    named = {name: Path(env[name]) for name in (*_TOKENS, *_FILES) if env.get(name)}
    places = {
        **secret,
        str(_SECRETS): _SECRETS,
        **{name: path.parent if name in _TOKENS else path for name, path in named.items()},  # its links change
        **({"HOME": Path(env["HOME"]) / ".aws"} if env.get("HOME") else {}),
    }
    hidden = {name: path.resolve() for name, path in places.items() if path.exists()}
    for name, path in hidden.items():
        for folder in (*read, *written):
            if folder.resolve().is_relative_to(path):
                raise InvalidInput(name, f"hides {path} from suites, so it must not hold {folder}")
        for folder in written:
            if path.is_relative_to(folder.resolve()):
                raise InvalidInput(name, f"hides {path} from suites, so it must not lie in {folder}")
    return Sandbox(frozenset(hidden.values()))


def _capabilities() -> int:
    """The effective ones, as proc(5) tells them."""
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("CapEff:")]
    return int(line.split()[1], 16)


def ruleset_attributes(version: int) -> tuple[int, ...]:
    """The fields of `struct landlock_ruleset_attr` that a kernel with this version of Landlock gets, 64 bits each.

    In this order: handled_access_fs, handled_access_net (version 4), scoped (version 6). A kernel refuses a field that
    it does not know unless it is left out. From version 6 on, a suite can signal no process outside of its domain.
    """
    handled = _UP_TO_REFER | (_TRUNCATE if version >= _TRUNCATE_ABI else 0)
    return (handled, 0, _SCOPE_SIGNAL) if version >= _SCOPE_ABI else (handled,)


def _restrict(hidden: frozenset[Path]) -> None:
    fields = ruleset_attributes(abi())
    handled = fields[0]
    of_files = handled & (_EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE)
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    ruleset = _call(CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    try:
        for path in _others(Path("/"), hidden):
            with suppress(FileNotFoundError):  # it has gone since it was listed
                _grant(ruleset, path, handled, of_files)
        if _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise _error()
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _others(folder: Path, hidden: frozenset[Path]) -> Iterator[Path]:
    """The fewest paths that hold everything below the folder but what is hidden."""
    if folder in hidden:
        return
    if not any(path.is_relative_to(folder) for path in hidden):
        yield folder
        return
    for child in folder.iterdir():
        if not child.is_symlink():  # what it leads to is granted by its own name, or it is not
            yield from _others(child, hidden)


def _grant(ruleset: int, path: Path, of_folders: int, of_files: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = _PathBeneath(of_folders if is_folder else of_files, descriptor)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    wide = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    answer: int = _libc.syscall(ctypes.c_long(number), *wide)
    if answer < 0:
        raise _error()
    return answer


def _error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"landlock: {os.strerror(code)}")
