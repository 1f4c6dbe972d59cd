"""A filesystem that passes everything on to a sound one, so that a mutant is the one method that it spoils."""

from __future__ import annotations

from collections.abc import Iterator

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, FileInfo, FileSystem, OpenMode

__all__ = ["Delegate", "DelegateFile"]


class DelegateFile:
    """Passes everything on to `file`."""

    def __init__(self, file: BinaryFile, mode: OpenMode) -> None:
        self.file = file
        self.mode = mode
        self.name = file.name
        self.size = file.size
        self.created = file.created

    def read_at(self, offset: int, size: int, /) -> bytes:
        return self.file.read_at(offset, size)

    def write_at(self, offset: int, data: bytes, /) -> None:
        self.file.write_at(offset, data)

    def truncate(self, size: int, /) -> None:
        self.file.truncate(size)

    def close(self, *, complete: bool) -> None:
        self.file.close(complete=complete)


class Delegate:
    """Passes everything on to `files`, and opens files as `file_class`."""

    file_class = DelegateFile

    def __init__(self, files: FileSystem) -> None:
        self.files = files
        self.capabilities = files.capabilities
        self.blocking = files.blocking

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return self.files.stat(path, follow=follow)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return self.files.scan_dir(path, follow=follow)

    def enter_dir(self, path: VirtualPath, /) -> None:
        self.files.enter_dir(path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return self.file_class(self.files.open_file(path, mode), mode)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        name, file = self.files.open_unique(directory, prefix)
        return name, self.file_class(file, OpenMode.REPLACE)

    def make_dir(self, path: VirtualPath, /) -> None:
        self.files.make_dir(path)

    def remove_dir(self, path: VirtualPath, /) -> None:
        self.files.remove_dir(path)

    def remove_file(self, path: VirtualPath, /) -> None:
        self.files.remove_file(path)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self.files.rename(source, target)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self.files.set_mode(path, mode)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self.files.set_modified(path, seconds)
