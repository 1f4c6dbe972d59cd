"""A sound filesystem that stores a file when it is closed complete, as object stores do, for mutants that do not."""

from __future__ import annotations

import errno
import os
from itertools import count

from ftpcore import UnsupportedOperation, VirtualPath, join_path, parent_path
from ftpcore.ports import BinaryFile, Capability, FileKind, OpenMode
from ftpcore_adapters.memory import MemoryFileSystem
from mutants.delegation import Delegate

__all__ = ["AtomicFileSystem", "Upload"]

_OFFERED = (
    Capability.WRITE
    | Capability.RENAME
    | Capability.REPLACE
    | Capability.TIMES
    | Capability.CONFINED
    | Capability.ATOMIC
    | Capability.RAW_NAMES
    | Capability.EXACT_NAMES
)


class AtomicFileSystem(Delegate):
    """Keeps uploads to itself until they are complete, and gives readers what was there when they came."""

    upload_class: type[Upload]

    def __init__(self) -> None:
        self.memory = MemoryFileSystem(capabilities=_OFFERED)
        self.numbers = count(1)
        super().__init__(self.memory)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        if mode is OpenMode.READ:
            return Snapshot(self.files.open_file(path, mode))
        if mode is not OpenMode.REPLACE:
            raise UnsupportedOperation(f"this filesystem does not offer {mode}")
        return self.upload_class(self.memory, path, created=not self.exists(path))

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        if "/" in prefix:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), prefix)
        while True:
            name = f"{prefix}{next(self.numbers)}"
            path = join_path(directory, name)
            if not self.exists(path):
                return name, self.upload_class(self.memory, path, created=True)

    def exists(self, path: VirtualPath) -> bool:
        """Tell whether there is a file; raise if there can be none."""
        try:
            info = self.files.stat(path, follow=True)
        except FileNotFoundError:
            self.files.enter_dir(parent_path(path))
            return False
        if info.kind is FileKind.DIRECTORY:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return True


class Snapshot:
    """The content of a file when it was opened to be read."""

    created = False

    def __init__(self, file: BinaryFile) -> None:
        self.name = file.name
        self.size = file.size
        self._content: bytes | None = file.read_at(0, file.size)
        file.close(complete=True)

    def read_at(self, offset: int, size: int, /) -> bytes:
        if self._content is None:
            raise _closed(self.name)
        return self._content[offset : offset + size]

    def write_at(self, offset: int, data: bytes, /) -> None:
        raise _closed(self.name)

    def truncate(self, size: int, /) -> None:
        raise _closed(self.name)

    def close(self, *, complete: bool) -> None:
        if self._content is None:
            raise _closed(self.name)
        self._content = None


class Upload:
    """Bytes on their way to `path`."""

    size = 0

    def __init__(self, memory: MemoryFileSystem, path: VirtualPath, *, created: bool) -> None:
        self.memory = memory
        self.path = path
        self.name: str = path
        self.created = created
        self.content = bytearray()
        self.closed = False

    def read_at(self, offset: int, size: int, /) -> bytes:
        raise _closed(self.name)

    def write_at(self, offset: int, data: bytes, /) -> None:
        if self.closed:
            raise _closed(self.name)
        if offset != len(self.content):
            raise UnsupportedOperation("an upload goes on where it stopped")
        self.content += data

    def truncate(self, size: int, /) -> None:
        raise UnsupportedOperation("an upload can't be cut")

    def close(self, *, complete: bool) -> None:
        if self.closed:
            raise _closed(self.name)
        self.closed = True
        if complete:
            self.memory.write_bytes(self.path, bytes(self.content))


AtomicFileSystem.upload_class = Upload


def _closed(name: str) -> OSError:
    return OSError(errno.EBADF, os.strerror(errno.EBADF), name)
