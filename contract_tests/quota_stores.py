"""Filesystems that a `Quota` must count right on, beside the usual ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from mutants.delegation import Delegate

from ftpcore import VirtualPath, join_path, parent_path
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileSystem, OpenMode
from ftpcore_adapters.memory import MemoryFileSystem

__all__ = ["Anonymous", "Staging"]


class Anonymous(Delegate):
    """A filesystem whose objects have no identifiers."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__(files)
        self.capabilities &= ~(Capability.UNIQUE_ID | Capability.LINKS)

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return super().stat(path, follow=follow)._replace(unique=None)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return (info._replace(unique=None) for info in super().scan_dir(path, follow=follow))


class Staging(Delegate):
    """Memory that keeps every upload, also one that goes on with what is there, to itself until it is complete."""

    def __init__(self) -> None:
        self.memory = MemoryFileSystem()
        super().__init__(self.memory)
        self.capabilities |= Capability.ATOMIC
        self.uploads: list[Upload] = []
        """Those that are open."""
        self._names = (f"{number}" for number in count(1))

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        if mode is OpenMode.READ:
            return self.memory.open_file(path, mode)
        if mode is OpenMode.UPDATE or self._exists(path):
            file = self.memory.open_file(path, OpenMode.READ)
            content = b"" if mode is OpenMode.REPLACE else file.read_at(0, file.size)
            file.close(complete=True)
            return Upload(self, path, content, appending=mode is OpenMode.APPEND, created=False)
        self.memory.enter_dir(parent_path(path))
        return Upload(self, path, b"", appending=mode is OpenMode.APPEND, created=True)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        self.memory.enter_dir(directory)
        name = f"{prefix}{next(self._names)}"
        return name, Upload(self, join_path(directory, name), b"", appending=False, created=True)

    def _exists(self, path: VirtualPath) -> bool:
        try:
            self.memory.stat(path, follow=True)
        except FileNotFoundError:
            return False
        return True


class Upload:
    """A file of `Staging` on its way."""

    def __init__(self, store: Staging, path: VirtualPath, content: bytes, *, appending: bool, created: bool) -> None:
        self.name: str = path
        self.size = len(content)
        self.created = created
        self.staged = MemoryFileSystem()
        self.staged.write_bytes("/x", content)
        mode = OpenMode.APPEND if appending else OpenMode.WRITE
        self._file = self.staged.open_file(VirtualPath("/x"), mode)
        self._store = store
        self._path = path
        store.uploads.append(self)

    @property
    def added(self) -> int:
        """Bytes beyond those that it began with."""
        return max(0, len(self.staged.read_bytes("/x")) - self.size)

    def read_at(self, offset: int, size: int, /) -> bytes:
        return self._file.read_at(offset, size)

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._file.write_at(offset, data)

    def truncate(self, size: int, /) -> None:
        self._file.truncate(size)

    def close(self, *, complete: bool) -> None:
        self._file.close(complete=complete)
        self._store.uploads.remove(self)
        if complete:
            file = self._store.memory.open_file(self._path, OpenMode.REPLACE)
            file.write_at(0, self.staged.read_bytes("/x"))
            file.close(complete=True)
