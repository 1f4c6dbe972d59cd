"""What `FsspecFileSystem` asks of a backend, and the way into one."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileKind, OpenMode
from ftpcore_adapters._fsspec_errors import os_error, port_error

__all__ = ["Calls", "Store", "plain_file"]


class Store(Protocol):
    """What differs between backends with files and directories and those with objects and keys.

    `FsspecFileSystem` makes each call inside of `Calls.about`, and has checked before what is the same everywhere: that
    the path can be one here, that the operation is declared, and what is at the path, and above it where something is
    made.
    """

    offers: Capability
    """What may be declared."""

    def look(self, path: VirtualPath, /) -> FileInfo | None:
        """Tell what is at `path`; None: nothing, or it lies below a file."""
        ...

    def scan(self, path: VirtualPath, /) -> Iterator[FileInfo]:
        """Iterate over a directory.  The call itself raises FileNotFoundError or NotADirectoryError."""
        ...

    def check_new(self, path: VirtualPath, /) -> None:
        """Raise unless the last component may be the name of something new."""
        ...

    def open_to_read(self, path: VirtualPath, /) -> BinaryFile:
        """Open a file, if `plain_file` holds of what is at `path`."""
        ...

    def open_to_write(self, path: VirtualPath, mode: OpenMode, info: FileInfo | None, /) -> BinaryFile:
        """Open the plain file that `info` tells of; None: make it, in a directory that exists."""
        ...

    def make_unique(self, path: VirtualPath, /) -> BinaryFile:
        """Make a file, or raise FileExistsError."""
        ...

    def make_dir(self, path: VirtualPath, /) -> None: ...
    def remove_dir(self, path: VirtualPath, /) -> None: ...
    def remove_file(self, path: VirtualPath, /) -> None: ...
    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None: ...


def plain_file(info: FileInfo | None, path: VirtualPath) -> FileInfo:
    """Return `info`, which was found at `path`, or raise unless it is of a file that may be opened."""
    if info is None:
        raise os_error(errno.ENOENT, path)
    if info.kind is not FileKind.FILE:
        raise os_error(errno.EISDIR if info.kind is FileKind.DIRECTORY else errno.EACCES, path)
    return info


class Calls:
    """The way into a backend: with its lock held if it has one, and with errors that a port may raise."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock

    @contextmanager
    def about(self, path: str) -> Iterator[None]:
        """Enter with a call about `path`, as the client sees it, which is what errors name."""
        with self._lock:
            try:
                yield
            except Exception as error:
                known = port_error(error, path)
                if known is error:
                    raise
                raise known from error
