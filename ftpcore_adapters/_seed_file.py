"""`BinaryFile` on what the `open` and `mkstemp` of a seed-style filesystem return.

Such an object has `read(n)` or `write(b)`, `close()` and `closed`; the rest may be missing: `seek`, `tell`, `flush`,
`truncate`, `fileno`, `name`.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from typing import Any, Final

from ftpcore import UnsupportedOperation

__all__ = ["LateFile", "SeedFile", "seed_file"]

#: Largest file offset of any system.
_LAST_OFFSET: Final = 2**63 - 1

#: What objects raise that can't seek, or only to an absolute position.
_UNSEEKABLE: Final = (AttributeError, OSError, TypeError, ValueError)

_PLAIN_WRITERS: Final = frozenset({io.BufferedWriter, io.BufferedRandom})


class SeedFile:
    """A file object of a user's class.  Made by `seed_file`.

    Nothing stays in the buffer of the object: each write is flushed, so that others see it, and so that its errors come
    out as those of the block they belong to.
    """

    # Any: the object is the user's, and what it lacks is found out by use.
    def __init__(self, file: Any, real_path: str, size: int, *, appending: bool, created: bool) -> None:
        name = getattr(file, "name", None)
        self.name = name if isinstance(name, str) else real_path
        self.size = size
        self.created = created
        self._file = file
        self._appending = appending
        self._position = _told(file)
        self._closed = False

    def read_at(self, offset: int, size: int, /) -> bytes:
        self._check_open()
        if offset > _LAST_OFFSET - size:
            return b""
        try:
            self._seek(offset)
        except OSError as error:
            if error.errno == errno.EINVAL:  # no file of this system is that long
                return b""
            raise
        blocks, missing = [], size
        while missing:
            block = self._file.read(missing)
            if not block:
                break
            blocks.append(bytes(block))
            missing -= len(block)
        self._position = offset + size - missing
        return b"".join(blocks)

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._check_open()
        if offset > _LAST_OFFSET - len(data):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), self.name)
        if not data:
            return
        if not self._appending:
            self._seek(offset)
        self._position = -1  # wherever an error leaves it
        written = self._file.write(data)
        if isinstance(self._file, io.RawIOBase):  # alone in writing less than it is given, and in saying so reliably
            rest = memoryview(data)
            while rest := rest[written or 0 :]:
                written = self._file.write(rest)
        flush = getattr(self._file, "flush", None)
        if flush is not None:
            flush()
        self._position = offset + len(data)

    def truncate(self, size: int, /) -> None:
        self._check_open()
        if size > _LAST_OFFSET:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), self.name)
        truncate = getattr(self._file, "truncate", None)
        if truncate is None:
            raise UnsupportedOperation(f"{type(self._file).__name__} has no truncate()")
        truncate(size)
        if getattr(self._file, "tell", None) is not None and _length(self._file) < size:  # BytesIO only cuts
            self._file.seek(size - 1)
            self._file.write(b"\0")
        self._position = -1

    def close(self, *, complete: bool) -> None:
        """Close the object; what was written stays, whether `complete` or not."""
        self._check_open()
        self._closed = True
        try:
            self._file.close()
        except OSError:
            if complete:
                raise
            # The transfer failed before, and that is what gets reported.

    def _seek(self, offset: int) -> None:
        if offset != self._position:
            seek = getattr(self._file, "seek", None)
            if seek is None:
                raise UnsupportedOperation(f"{type(self._file).__name__} has no seek()")
            seek(offset)
            self._position = offset

    def _check_open(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.name)


class _KernelFile(SeedFile):
    """A file whose descriptor the kernel may use: nothing is buffered on the way to it."""

    def fileno(self) -> int:
        self._check_open()
        descriptor: int = self._file.fileno()
        return descriptor


class LateFile:
    """An existing file that a user's `open` would empty: it is opened when it is emptied, once data can come.

    `open` of the seed knows no mode that makes a file or keeps it, and may decide by the mode what it allows; so a
    plain STOR asks it for "wb", as ever, and nothing else.
    """

    created = False

    def __init__(self, open: Callable[[str], SeedFile], real_path: str, size: int) -> None:
        self.name = real_path
        self.size = size
        self._open = open
        self._file: SeedFile | None = None
        self._closed = False

    def truncate(self, size: int, /) -> None:
        if self._file is None and size == 0:
            self._opened("wb")
        else:
            self._opened("r+b").truncate(size)

    def read_at(self, offset: int, size: int, /) -> bytes:
        return self._opened("r+b").read_at(offset, size)

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._opened("r+b").write_at(offset, data)

    def close(self, *, complete: bool) -> None:
        self._check_open()
        self._closed = True
        if self._file is not None:
            self._file.close(complete=complete)

    def _opened(self, mode: str) -> SeedFile:
        self._check_open()
        if self._file is None:
            self._file = self._open(mode)
            self.name = self._file.name
        return self._file

    def _check_open(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.name)


def seed_file(file: Any, real_path: str, mode: str, *, created: bool) -> SeedFile:
    """Wrap what `open` or `mkstemp` returned for `mode`.

    The kernel may read whatever has a descriptor of a plain file: that is how the seed API asks for sendfile.  It may
    write only what is known to do nothing of its own in `write`.
    """
    status = _plain_status(file)
    size = 0 if mode == "wb" else _length(file) if status is None else status.st_size
    kernel = status is not None and (mode == "rb" or _writes_plainly(file))
    kind = _KernelFile if kernel else SeedFile
    return kind(file, real_path, size, appending=mode == "ab", created=created)


def _plain_status(file: Any) -> os.stat_result | None:
    """Return the status of the plain file that `file` has a descriptor of."""
    fileno = getattr(file, "fileno", None)
    if fileno is None:
        return None
    try:
        status = os.fstat(fileno())
    except (OSError, TypeError, ValueError):  # no descriptor after all, or no number
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _writes_plainly(file: object) -> bool:
    if isinstance(file, (io.BufferedWriter, io.BufferedRandom)):
        return type(file) in _PLAIN_WRITERS and type(file.raw) is io.FileIO
    return type(file) is io.FileIO


def _told(file: Any) -> int:
    """Return the position of `file`; 0 for one that can't tell: it was just opened."""
    try:
        return int(file.tell())
    except _UNSEEKABLE:
        return 0


def _length(file: Any) -> int:
    """Return how long `file` is, its position kept; 0 for one that can't tell, which is then read to its end."""
    try:
        position = file.tell()
        file.seek(0, os.SEEK_END)
        length = int(file.tell())
        file.seek(position)
    except _UNSEEKABLE:
        return 0
    return length
