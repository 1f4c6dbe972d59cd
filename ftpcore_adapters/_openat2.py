"""The system call `openat2` of Linux 5.6 and later, without a dependency.

It is asked to pass through no symbolic link, wherever on the path.  With a path that holds no ".." either, what it
opens is below what its beginning names, whoever renames and links meanwhile.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

__all__ = ["open_linkless"]

_NUMBER: Final = 437
#: Where the number is this one: everywhere but on Alpha, MIPS and Itanium.
_MACHINES: Final = ("x86_64", "aarch64", "riscv64", "ppc64", "s390x", "loongarch64", "arm", "i386", "i486", "i686")

_AT_FDCWD: Final = -100
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_NO_SYMLINKS: Final = 0x04

_O_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)

_SystemCall = Callable[[bytes, bytes], int]


def open_linkless(path: str, flags: int) -> int:
    """Open an absolute path without NUL and "..", and return the descriptor, or the negative number of an error.

    No exception: two of the errors are usual, -ELOOP for a link on the path, and -ENOSYS or -EPERM where the call is
    missing or forbidden (some containers answer EPERM).  The flags are stricter than those of `os.open`.
    """
    call = _system_call()
    name, how = os.fsencode(path), _open_how(flags)
    while (result := call(name, how)) == -errno.EINTR:
        pass  # Python has run its handlers of signals by now, and one that raises ended the loop
    return result


@lru_cache(maxsize=8)
def _open_how(flags: int) -> bytes:
    """Return a `struct open_how`.  The kernel only reads it, so that all threads share one."""
    # O_NOFOLLOW would make a link in the last place an ENOTDIR, if a directory is wanted.
    flags = flags & ~_O_NOFOLLOW | getattr(os, "O_CLOEXEC", 0)
    return struct.pack("=QQQ", flags, 0, _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)


@cache
def _system_call() -> _SystemCall:
    if sys.platform != "linux" or not os.uname().machine.startswith(_MACHINES):
        return lambda name, how: -errno.ENOSYS

    import ctypes  # 10 ms, and not everybody needs it

    # The descriptor may be on a slow disk: CDLL lets other threads run meanwhile.
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    system_call.restype = ctypes.c_long
    system_call.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
    last_error = ctypes.get_errno

    def call(name: bytes, how: bytes) -> int:
        result: int = system_call(_NUMBER, _AT_FDCWD, name, how, len(how))
        return result if result >= 0 else -last_error()

    return call
