"""Whom the system takes a thread for when it touches files: user, group and supplementary groups, switched and back.

On Linux these belong to a thread.  The wrappers of the C library change all threads of a process, so that they are
passed by: the system calls are made as they are.  `setfsuid` and `setfsgid` report no failure, hence what came of them
is read back.  Only the rights on files change; the process stays what it was for signals, limits and sockets.

Elsewhere they belong to the process, and `ProcessCredentials` is for programs in which one thread at a time works.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import threading
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final, NamedTuple, NoReturn, Protocol

from ftpcore_adapters._credentials_loss import CredentialsLost, end_process, give_up
from ftpcore_adapters.exceptions import AuthorizerError

__all__ = [
    "PER_THREAD",
    "Credentials",
    "ProcessCredentials",
    "Switch",
    "SystemCalls",
    "ThreadCredentials",
]


class _Numbers(NamedTuple):
    """Those of the calls that take identifiers of 32 bits."""

    setfsuid: int
    setfsgid: int
    setgroups: int
    prctl: int


_SINCE_2_4: Final = _Numbers(215, 216, 206, 172)
_GENERIC: Final = _Numbers(151, 152, 159, 167)

#: By machine, as `uname` names it, and the size of a pointer in this program.
_NUMBERS: Final = {
    ("x86_64", 8): _Numbers(122, 123, 116, 157),
    ("aarch64", 8): _GENERIC,
    ("riscv64", 8): _GENERIC,
    ("loongarch64", 8): _GENERIC,
    ("ppc64le", 8): _Numbers(138, 139, 81, 171),
    ("ppc64", 8): _Numbers(138, 139, 81, 171),
    ("s390x", 8): _SINCE_2_4,
    ("x86_64", 4): _SINCE_2_4,
    ("i686", 4): _SINCE_2_4,
    ("armv7l", 4): _SINCE_2_4,
    ("aarch64", 4): _SINCE_2_4,
}


def _numbers() -> _Numbers | None:
    if sys.platform != "linux":
        return None
    return _NUMBERS.get((os.uname().machine, struct.calcsize("P")))


#: Whether credentials belong to a thread here.
PER_THREAD: Final = _numbers() is not None

#: prctl(2) and capabilities(7): a thread that is root no more keeps its capabilities.
_PR_GET_SECUREBITS: Final = 27
_NO_SETUID_FIXUP: Final = 1 << 2

#: What `setfsuid` and `setfsgid` take for no identifier: they change nothing, and return the present one.
_NOBODY: Final = 0xFFFFFFFF


class Credentials(NamedTuple):
    """Whom files are touched as."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """Supplementary ones."""


class Switch(Protocol):
    """Becomes somebody, and what it was before."""

    def become(self, credentials: Credentials, /) -> None:
        """Become somebody; on an error, stay what was.  OSError: the system refuses."""
        ...

    def restore(self) -> None:
        """Become what was before the last `become`; without one, do nothing."""
        ...


class SystemCalls(Protocol):
    """What is asked of the system about the calling thread."""

    def keeps_privileges(self) -> bool:
        """Tell whether a thread that becomes another user for files may still do with them what root may."""
        ...

    def present(self) -> Credentials: ...

    def set_groups(self, groups: tuple[int, ...], /) -> None:
        """OSError: it is refused."""
        ...

    def set_group(self, gid: int, /) -> None:
        """A failure is silent."""
        ...

    def set_user(self, uid: int, /) -> None:
        """A failure is silent."""
        ...


class LinuxCalls:
    """The system calls themselves."""

    def keeps_privileges(self) -> bool:
        numbers, call = _linked()
        return bool(call(numbers.prctl, _PR_GET_SECUREBITS, None) & _NO_SETUID_FIXUP)

    def present(self) -> Credentials:
        numbers, call = _linked()
        # The C library's getgroups tells of the calling thread, too.
        return Credentials(
            call(numbers.setfsuid, _NOBODY, None) & _NOBODY,
            call(numbers.setfsgid, _NOBODY, None) & _NOBODY,
            tuple(os.getgroups()),
        )

    def set_groups(self, groups: tuple[int, ...], /) -> None:
        numbers, call = _linked()
        result = call(numbers.setgroups, len(groups), _packed(groups))
        if result < 0:
            raise OSError(-result, f"setgroups: {os.strerror(-result)}")

    def set_group(self, gid: int, /) -> None:
        numbers, call = _linked()
        call(numbers.setfsgid, gid, None)

    def set_user(self, uid: int, /) -> None:
        numbers, call = _linked()
        call(numbers.setfsuid, uid, None)


class ThreadCredentials:
    """Switches the calling thread, and no other.

    It may be nested: what `restore` restores is what was before.  A thread that can't be restored must touch nothing
    any more: the main thread ends the process, any other raises `CredentialsLost`, which ends it.

    Raises:
        AuthorizerError: Whoever it became, this thread would keep the capabilities of root.
    """

    def __init__(self, calls: SystemCalls | None = None, *, end: Callable[[], NoReturn] = end_process) -> None:
        self._calls = LinuxCalls() if calls is None else calls
        self._end = end
        if self._calls.keeps_privileges():
            raise AuthorizerError(
                "the process has the secure bit no_setuid_fixup: as any user it would keep the rights of root; "
                "start it without that bit"
            )
        self._thread = threading.local()

    def become(self, credentials: Credentials, /) -> None:
        former = self._former()
        if former and former[-1] is None:
            raise CredentialsLost("this thread could not become itself again, and must not go on")
        present = self._calls.present()
        former.append(present)
        try:
            self._set(credentials, present)
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        former = self._former()
        if not former:
            return
        target = former[-1]
        if target is None:
            raise CredentialsLost("this thread could not become itself again, and must not go on")
        try:
            self._set(target, self._calls.present())
        except OSError as error:
            former.append(None)  # for whoever catches what is raised
            give_up(error, self._end)
        former.pop()

    def _set(self, target: Credentials, present: Credentials) -> None:
        calls = self._calls
        if target == present:
            return
        # Groups first, the user last: nobody is ever that user with the groups of another.
        if set(target.groups) != set(present.groups):
            calls.set_groups(target.groups)
        calls.set_group(target.gid)
        calls.set_user(target.uid)
        came = calls.present()
        if (came.uid, came.gid, set(came.groups)) != (target.uid, target.gid, set(target.groups)):
            raise PermissionError(errno.EPERM, f"the system made this thread {came}; expected {target}")

    def _former(self) -> list[Credentials | None]:
        """Return what this thread was before each switch; None at the end: it could not be restored."""
        try:
            former: list[Credentials | None] = self._thread.former
        except AttributeError:
            former = self._thread.former = []
        return former


class ProcessCredentials:
    """Switches the whole process: effective user and group, and supplementary groups."""

    def __init__(self) -> None:
        self._former: list[Credentials] = []

    def become(self, credentials: Credentials, /) -> None:
        self._former.append(Credentials(os.geteuid(), os.getegid(), tuple(os.getgroups())))
        try:
            # Some systems allow 16 groups; the group itself is the first there.
            os.setgroups(credentials.groups[: os.sysconf("SC_NGROUPS_MAX")])
            os.setegid(credentials.gid)
            os.seteuid(credentials.uid)
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        if not self._former:
            return
        target = self._former[-1]
        try:
            os.seteuid(target.uid)
            os.setegid(target.gid)
            os.setgroups(target.groups)
        except OSError as error:
            give_up(error)
        self._former.pop()


@cache
def _linked() -> tuple[_Numbers, Callable[[int, int, bytes | None], int]]:
    numbers = _numbers()
    if numbers is None:
        raise NotImplementedError("credentials of a thread are known for Linux on usual machines only")

    import ctypes  # 10 ms, and not everybody needs it

    # None of the calls waits for anything: PyDLL spares giving other threads their turn.
    system_call = ctypes.PyDLL(None, use_errno=True).syscall
    system_call.restype = ctypes.c_long
    system_call.argtypes = [ctypes.c_long, ctypes.c_ulong, ctypes.c_char_p]
    last_error = ctypes.get_errno

    def call(number: int, value: int, data: bytes | None) -> int:
        result: int = system_call(number, value, data)
        return -last_error() if result == -1 else result

    return numbers, call


@lru_cache(maxsize=256)
def _packed(groups: tuple[int, ...]) -> bytes:
    return struct.pack(f"={len(groups)}I", *groups)
