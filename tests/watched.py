"""A filesystem that keeps account of its files, and fails where it is told to, as a disk does."""

from __future__ import annotations

from collections.abc import Iterator

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, Capability, FileInfo, OpenMode
from ftpcore_adapters.memory import MemoryFileSystem

__all__ = ["WatchedFile", "WatchedFileSystem", "WatchedScan"]


class WatchedFileSystem:
    """Passes everything on to a `MemoryFileSystem`.

    Attributes:
        opened: Every file that was opened.
        scans: Every directory that was listed.
        faults: Name of a method, of a file or of the filesystem -> what it raises instead of doing its work.
            A close that fails has closed the file.
        kernel: Files that are opened have a descriptor, so that a host may move them within the kernel.
        sizeless: Files that are opened claim to be empty, as those of /proc do.
    """

    blocking = False

    def __init__(
        self, files: MemoryFileSystem, *, kernel: bool = False, capabilities: Capability | None = None
    ) -> None:
        self.files = files
        self.capabilities = files.capabilities if capabilities is None else capabilities
        self.kernel = kernel
        self.sizeless = False
        self.opened: list[WatchedFile] = []
        self.scans: list[WatchedScan] = []
        self.faults: dict[str, Exception] = {}

    @property
    def closings(self) -> list[list[bool]]:
        """For each file that was opened, the `complete` of each of its closings."""
        return [file.closings for file in self.opened]

    def check(self, method: str) -> None:
        """Raise the fault of `method`, if it has one."""
        if method in self.faults:
            raise self.faults[method]

    def _watched(self, file: BinaryFile) -> WatchedFile:
        watched = (WatchedKernelFile if self.kernel else WatchedFile)(self, file)
        self.opened.append(watched)
        return watched

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        self.check("stat")
        return self.files.stat(path, follow=follow)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        self.check("scan_dir")
        scan = WatchedScan(self, self.files.scan_dir(path, follow=follow))
        self.scans.append(scan)
        return scan

    def enter_dir(self, path: VirtualPath, /) -> None:
        self.check("enter_dir")
        self.files.enter_dir(path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        self.check("open_file")
        return self._watched(self.files.open_file(path, mode))

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        self.check("open_unique")
        name, file = self.files.open_unique(directory, prefix)
        return name, self._watched(file)

    def make_dir(self, path: VirtualPath, /) -> None:
        self.check("make_dir")
        self.files.make_dir(path)

    def remove_dir(self, path: VirtualPath, /) -> None:
        self.check("remove_dir")
        self.files.remove_dir(path)

    def remove_file(self, path: VirtualPath, /) -> None:
        self.check("remove_file")
        self.files.remove_file(path)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self.check("rename")
        self.files.rename(source, target)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self.check("set_mode")
        self.files.set_mode(path, mode)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self.check("set_modified")
        self.files.set_modified(path, seconds)


class WatchedFile:
    """An open file of a `WatchedFileSystem`."""

    def __init__(self, filesystem: WatchedFileSystem, file: BinaryFile) -> None:
        self.name = file.name
        self.size = 0 if filesystem.sizeless else file.size
        self.created = file.created
        self.closings: list[bool] = []
        self._filesystem = filesystem
        self._file = file

    def read_at(self, offset: int, size: int, /) -> bytes:
        self._filesystem.check("read_at")
        return self._file.read_at(offset, size)

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._filesystem.check("write_at")
        self._file.write_at(offset, data)

    def truncate(self, size: int, /) -> None:
        self._filesystem.check("truncate")
        self._file.truncate(size)

    def close(self, *, complete: bool) -> None:
        self.closings.append(complete)
        self._file.close(complete=complete)
        self._filesystem.check("close")


class WatchedKernelFile(WatchedFile):
    """One with a descriptor, if only in name."""

    def fileno(self) -> int:
        return -1


class WatchedScan:
    """The entries of a directory, and whether they were all read or given up."""

    def __init__(self, filesystem: WatchedFileSystem, entries: Iterator[FileInfo]) -> None:
        self.ended = False
        self._filesystem = filesystem
        self._entries = entries

    def __iter__(self) -> Iterator[FileInfo]:
        return self

    def __next__(self) -> FileInfo:
        self._filesystem.check("next")
        try:
            return next(self._entries)
        except StopIteration:
            self.ended = True
            raise

    def close(self) -> None:
        self.ended = True
