"""One entry of a directory that is held open: looked at first, opened then.

Nothing but a plain file is ever opened for reading or writing: opening a FIFO can wake or block somebody, opening a
device can do anything.  On Linux the look is a descriptor itself (O_PATH), and what is opened or changed is what was
looked at, through /proc/self/fd.  Elsewhere, and where /proc is missing, as in a bare chroot, the entry is looked at by
name, opened without blocking, and looked at again.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

__all__ = ["ALWAYS", "Place", "change", "open_plain"]

#: For every file that is opened.  Python itself adds O_CLOEXEC.  O_NOFOLLOW: links are followed by `_confine`, so a
#: link is one that came meanwhile.  O_NONBLOCK: the same for a FIFO.  Windows lacks some, and needs O_BINARY.
ALWAYS: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)

_O_PATH: Final = getattr(os, "O_PATH", 0) if sys.platform == "linux" else 0
_O_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)


class Place:
    """The name of an entry, which need not exist, and the descriptor of its directory, which the context closes.

    Args:
        directory: The descriptor; None: `name` is a path.
    """

    __slots__ = ("directory", "name")

    def __init__(self, directory: int | None, name: str) -> None:
        self.directory = directory
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.close()

    def close(self) -> None:
        if self.directory is not None:
            os.close(self.directory)

    def stat(self) -> os.stat_result:
        """Look at the entry; a link is not followed."""
        return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)

    def read_link(self) -> str:
        return os.readlink(self.name, dir_fd=self.directory)


def open_plain(place: Place, flags: int) -> tuple[int, os.stat_result]:
    """Open a plain file that exists; return its descriptor and its status.  `flags` include `ALWAYS`.

    Raises:
        OSError: ELOOP: it is a link.
        IsADirectoryError: It is a directory.
        PermissionError: It is neither of them nor a plain file, or the system refuses.
    """
    if _O_PATH:
        handle = os.open(place.name, _O_PATH | _O_NOFOLLOW, dir_fd=place.directory)
        try:
            status = os.fstat(handle)
            _check_plain(status, place.name)
            return os.open(_again(handle), flags & ~_O_NOFOLLOW), status
        except FileNotFoundError:
            pass  # no /proc here
        except OSError as error:
            error.filename = place.name
            raise
        finally:
            os.close(handle)
    _check_plain(place.stat(), place.name)
    return _opened(place, flags, _check_plain)


def change(place: Place, apply: Callable[[str | int], None]) -> None:
    """Call `apply` with what names a file or directory to `os.chmod` and `os.utime`, never a link or anything else.

    Where there is neither O_PATH nor /proc it must be readable.  Raises as `open_plain`, but for directories.
    """
    if _O_PATH:
        handle = os.open(place.name, _O_PATH | _O_NOFOLLOW, dir_fd=place.directory)
        try:
            _check_changeable(os.fstat(handle), place.name)
            apply(_again(handle))
            return
        except FileNotFoundError:
            pass  # no /proc here
        except OSError as error:
            error.filename = place.name
            raise
        finally:
            os.close(handle)
    _check_changeable(place.stat(), place.name)
    if sys.platform == "win32":
        apply(place.name)
        return
    descriptor, _ = _opened(place, os.O_RDONLY | ALWAYS, _check_changeable)
    try:
        apply(descriptor)
    finally:
        os.close(descriptor)


def _check_plain(status: os.stat_result, name: str) -> None:
    """Raise what `open_plain` does, unless this is the status of a plain file."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    _check_changeable(status, name)


def _check_changeable(status: os.stat_result, name: str) -> None:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise PermissionError(errno.EACCES, "Not a plain file", name)


def _opened(place: Place, flags: int, check: Callable[[os.stat_result, str], None]) -> tuple[int, os.stat_result]:
    descriptor = os.open(place.name, flags, dir_fd=place.directory)
    try:
        status = os.fstat(descriptor)
        check(status, place.name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _again(handle: int) -> str:
    """Return the path by which the kernel finds what `handle` is, whatever its name is now."""
    return f"/proc/self/fd/{handle}"
