"""Filesystems around other filesystems: nothing may change, a directory is the root, or only so much may be stored.

Each takes any synchronous filesystem, another wrapper too.

>>> from ftpcore import VirtualPath
>>> from ftpcore.ports import OpenMode
>>> from ftpcore_adapters.memory import MemoryFileSystem
>>> disk = MemoryFileSystem()
>>> disk.write_bytes("/ann/notes", b"four")
>>> ann = Quota(Rooted(disk, "/ann"), max_bytes=10)
>>> [entry.name for entry in ann.scan_dir(VirtualPath("/"), follow=True)]
['notes']
>>> file = ann.open_file(VirtualPath("/notes"), OpenMode.APPEND)
>>> file.write_at(0, b"1234567")
Traceback (most recent call last):
OSError: [Errno 122] Disk quota exceeded: '/ann/notes'
>>> file.close(complete=False)
>>> disk.read_bytes("/ann/notes")
b'four123456'
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from typing import Final

from ftpcore import UnsupportedOperation, VirtualPath
from ftpcore.ports import BinaryFile, Capability, FileSystem, OpenMode
from ftpcore_adapters._quota import Quota, Usage
from ftpcore_adapters._rooted import Rooted
from ftpcore_adapters._wrapped import WrappedFileSystem

__all__ = ["Quota", "ReadOnly", "Rooted", "Usage"]

_CHANGING: Final = (
    Capability.WRITE
    | Capability.RESUME
    | Capability.APPEND
    | Capability.RENAME
    | Capability.REPLACE
    | Capability.MODE
    | Capability.TIMES
    | Capability.ATOMIC
)

#: Permission letters of commands that change something.
_CHANGING_RIGHTS: Final = frozenset("adfmwMT")


class ReadOnly(WrappedFileSystem):
    """A filesystem that nobody changes through this object.

    >>> from ftpcore_adapters.memory import MemoryFileSystem
    >>> ReadOnly(MemoryFileSystem()).make_dir(VirtualPath("/new"))
    Traceback (most recent call last):
    ftpcore._errors.UnsupportedOperation: [Errno 30] Read-only file system: '/new'

    Every verb that changes something raises UnsupportedOperation(EROFS), whatever is or is not there, and asks
    `filesystem` nothing.  Modes are shown as they are.
    """

    def __init__(self, filesystem: FileSystem) -> None:
        super().__init__(filesystem, filesystem.capabilities & ~_CHANGING)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        if mode is not OpenMode.READ:
            raise _read_only(path)
        return self._filesystem.open_file(path, mode)  # as it is: the kernel may send it

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        raise _read_only(directory)

    def make_dir(self, path: VirtualPath, /) -> None:
        raise _read_only(path)

    def remove_dir(self, path: VirtualPath, /) -> None:
        raise _read_only(path)

    def remove_file(self, path: VirtualPath, /) -> None:
        raise _read_only(path)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        raise _read_only(source)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        raise _read_only(path)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        raise _read_only(path)

    # The core leaves rights out that can't be used; one who makes the lines himself knows nothing of this wrapper.

    def fact_lines(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> Iterator[bytes]:
        return super().fact_lines(path, facts=facts, rights=_to_read(rights))

    def fact_line(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> bytes:
        return super().fact_line(path, facts=facts, rights=_to_read(rights))


def _to_read(rights: str) -> str:
    return "".join([letter for letter in rights if letter not in _CHANGING_RIGHTS])


def _read_only(path: VirtualPath) -> UnsupportedOperation:
    return UnsupportedOperation(errno.EROFS, os.strerror(errno.EROFS), path)
