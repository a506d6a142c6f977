"""The sandbox that keeps a suite from the worker's credentials and from the handoff.

The suite runs as the worker's user in the worker's container, so file permissions do not separate them. Landlock does
(https://docs.kernel.org/userspace-api/landlock.html): an unprivileged thread gives up access rights, and every process
that it starts lacks them too. Such a process cannot read the memory, environment or open files of processes with these
rights, such as the worker and PID 1. Three capabilities override this, so a worker that has one of them is rejected.
The worker of a pod has none.

The package on PyPI is a development release, so this module makes the three system calls itself.
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

_OVERRIDING: Final = 1 << 19 | 1 << 21 | 1 << 38
"""SYS_PTRACE, SYS_ADMIN and PERFMON let a process read the memory of others."""

UNLESS: Final = (
    "landlock needs a worker without the capabilities SYS_PTRACE, SYS_ADMIN and PERFMON; "
    "off lets test code read the worker's credentials"
)

_SECRETS: Final = Path("/var/run/secrets")
"""The folder in which Kubernetes and AWS mount tokens."""

_TOKENS: Final = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
_FILES: Final = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Hides paths, and all paths below them, from code that runs within. An empty `hidden` disables the sandbox.

    Code within can neither create a file in a parent folder of a hidden path, nor open one that is created there later.
    A hidden path must therefore not lie in a folder to which suites write.
    """

    hidden: frozenset[Path] = frozenset()

    def protect_memory(self) -> None:
        """Deny other processes of this user access to the memory and environment of this one, for good.

        The launching thread briefly shares the suite's Landlock domain. Through it, the suite could read the memory of
        all threads. This also disables core dumps, which would contain it.
        """
        if self.hidden and _libc.prctl(_DUMPABLE, 0, 0, 0, 0):
            raise _error()

    def call(self, work: Callable[[], T]) -> T:
        """Restrict the calling thread and all processes that it starts, for good, and return the result of `work`.

        Raises:
            OSError: the kernel rejected the restriction, and `work` was not called.
        """
        if self.hidden:
            _restrict(self.hidden)
        return work()


def for_pod(
    env: Mapping[str, str], *, secret: Mapping[str, Path], read: tuple[Path, ...], written: tuple[Path, ...]
) -> Sandbox:
    """Return the sandbox that hides `secret` and all credentials that the worker's environment `env` names.

    `secret` maps settings to their folders. `read` and `written` are the folders that a suite reads and writes.

    Raises:
        InvalidInput: the kernel lacks Landlock, or a capability overrides it. Or a hidden path contains a folder of
            `read` or `written`, or lies in a folder of `written`.
    """
    if abi() < LEAST_ABI:
        raise InvalidInput("WORKER_SUITE_SANDBOX", NEEDS)
    if _capabilities() & _OVERRIDING:
        raise InvalidInput("WORKER_SUITE_SANDBOX", UNLESS)
    named = {name: Path(env[name]) for name in (*_TOKENS, *_FILES) if env.get(name)}
    places = {
        **secret,
        str(_SECRETS): _SECRETS,
        # The folder of a token, because the token's file is a link that changes.
        **{name: path.parent if name in _TOKENS else path for name, path in named.items()},
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
    """Return the effective capabilities as a bit mask (proc(5), `CapEff`)."""
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("CapEff:")]
    return int(line.split()[1], 16)


def ruleset_attributes(version: int) -> tuple[int, ...]:
    """Return the fields of `struct landlock_ruleset_attr` for this version of Landlock, 64 bits each.

    The fields are handled_access_fs, handled_access_net (version 4) and scoped (version 6). A kernel rejects fields
    that it does not know. From version 6 on, a suite can signal no process outside of its domain.
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
            with suppress(FileNotFoundError):  # removed since it was listed
                _grant(ruleset, path, handled, of_files)
        if _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise _error()
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _others(folder: Path, hidden: frozenset[Path]) -> Iterator[Path]:
    """Yield the fewest paths that cover the folder without the hidden paths."""
    if folder in hidden:
        return
    if not any(path.is_relative_to(folder) for path in hidden):
        yield folder
        return
    for child in folder.iterdir():
        if not child.is_symlink():  # its target is granted by its own path, or hidden
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
