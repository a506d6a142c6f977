"""`subprocess.Popen` and `subprocess.run` that start the programs of testfleet as forks.

A call with any other program, or with an option that a fork cannot honour, starts an interpreter as `subprocess` does.
"""

import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, AnyStr

from tests.support.forks.server import NUMBER_BYTES

PROGRAMS = frozenset({"podconfig", "reporter", "testfleet", "worker"})
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Prefix of a command that drops all capabilities, as in a pod. Only root has any."""

OWN_VARIABLES = frozenset({"PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONWARNINGS"})
"""Variables of the interpreter that a fork honours."""


class _Fork(subprocess.Popen[AnyStr]):
    """A `subprocess.Popen` whose process is a fork of the fork server where that is possible.

    The process is a child of the fork server. Its command line in /proc is that of the server.
    """

    _status: socket.socket | None = None

    def _execute_child(self, *values: Any) -> None:
        start = super()._execute_child  # type: ignore[misc]  # private: its parameters are taken by name
        given: dict[str, Any] = inspect.signature(start).bind(*values).arguments
        if not _can_fork(given):
            start(*values)
            return
        prefix, argv = _split([os.fspath(each) for each in given["args"]])
        env = os.environ if given["env"] is None else given["env"]
        request = {
            "argv": argv[2:],
            "capabilities": not prefix,
            "env": dict(env),
            "folder": given["cwd"] and os.fspath(given["cwd"]),
            "new_session": given["start_new_session"],
        }
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(_server(), [json.dumps(request).encode()], [*_streams(given), theirs.fileno()])
        number = self._status.recv(NUMBER_BYTES)
        assert number, "the fork server has ended"  # kill(2) takes the process id 0 for the caller's process group
        self.pid = int.from_bytes(number, "little")
        self._child_created = True
        names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[name] for name in names))  # type: ignore[attr-defined]  # private

    def _internal_poll(self, *values: Any, **options: Any) -> int | None:
        if self._status is None:
            return super()._internal_poll(*values, **options)  # type: ignore[misc,no-any-return]  # private
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]  # private
        return self.returncode

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._status is None:
            return super()._try_wait(flags)  # type: ignore[misc,no-any-return]  # private
        try:
            answer = self._status.recv(NUMBER_BYTES, socket.MSG_DONTWAIT if flags & os.WNOHANG else 0)
        except BlockingIOError:
            return 0, 0
        assert answer, "the fork server has ended"
        self._status.shutdown(socket.SHUT_WR)
        self._status.recv(NUMBER_BYTES)  # the end of file: the server has collected the process
        self._status.close()
        return self.pid, int.from_bytes(answer, "little")


Popen = subprocess.Popen if TYPE_CHECKING else _Fork  # mypy: the type of the output follows from the arguments


def run_program(
    argv: Any, *, timeout: float | None = None, check: bool = False, capture_output: bool = False, **options: Any
) -> "subprocess.CompletedProcess[Any]":
    """Run a program to its end, as `subprocess.run` does."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(argv, **options) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
    if check:
        done.check_returncode()
    return done


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Return the prefix that drops all capabilities, if there is one, and the command."""
    end = len(WITHOUT_CAPABILITIES) if tuple(argv[: len(WITHOUT_CAPABILITIES)]) == WITHOUT_CAPABILITIES else 0
    return argv[:end], argv[end:]


def _streams(given: Mapping[str, Any]) -> list[int]:
    """Return the descriptors of stdin, stdout and stderr; -1 means this process's own."""
    names = ("p2cread", "c2pwrite", "errwrite")
    return [own if given[name] == -1 else given[name] for own, name in enumerate(names)]


def _can_fork(given: Mapping[str, Any]) -> bool:
    if sys.platform != "linux" or isinstance(given["args"], str | bytes):
        return False
    _, argv = _split([os.fspath(each) for each in given["args"]])
    if argv[:2] != [sys.executable, "-m"]:
        return False
    variables = os.environ if given["env"] is None else given["env"]
    own = {name for name in variables if name.startswith(("PYTHON", "LANG", "LC_"))} - OWN_VARIABLES
    return (
        argv[2] in PROGRAMS
        and all(variables[name] == os.environ.get(name) for name in own)
        and given["close_fds"]
        and not any(given[name] for name in ("executable", "preexec_fn", "pass_fds", "shell"))
        and all(given[name] in {None, -1} for name in ("gid", "gids", "uid", "umask", "process_group"))
    )


def _server() -> socket.socket:
    with _starting:  # two threads would otherwise start two servers, and the first one would end with its socket
        return _started()


@cache
def _started() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        argv = [sys.executable, "-m", "tests.support.forks.server", str(theirs.fileno())]
        env = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
        _keep.append(subprocess.Popen(argv, env=env, pass_fds=[theirs.fileno()], start_new_session=True))
    return ours


_starting = threading.Lock()
_keep: list["subprocess.Popen[bytes]"] = []
