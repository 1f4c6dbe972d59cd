"""A sound asynchronous filesystem in memory, whose calls let others go first, for mutants that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from anyio.lowlevel import checkpoint

from ftpcore import VirtualPath
from ftpcore.ports import AsyncBinaryFile, BinaryFile, FileInfo, OpenMode
from ftpcore_adapters.memory import MemoryFileSystem

__all__ = ["AsyncDelegate", "AsyncEntries", "AsyncFile"]


class AsyncFile:
    """An open file."""

    def __init__(self, file: BinaryFile) -> None:
        self.file = file
        self.name = file.name
        self.size = file.size
        self.created = file.created

    async def read_at(self, offset: int, size: int, /) -> bytes:
        await checkpoint()
        return self.file.read_at(offset, size)

    async def write_at(self, offset: int, data: bytes, /) -> None:
        await checkpoint()
        self.file.write_at(offset, data)

    async def truncate(self, size: int, /) -> None:
        await checkpoint()
        self.file.truncate(size)

    async def close(self, *, complete: bool) -> None:
        self.file.close(complete=complete)


class AsyncEntries:
    """A listing."""

    def __init__(self, entries: Iterator[FileInfo]) -> None:
        self.entries = entries

    def __aiter__(self) -> AsyncIterator[FileInfo]:
        return self

    async def __anext__(self) -> FileInfo:
        await checkpoint()
        for info in self.entries:
            return info
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.entries = iter(())


class AsyncDelegate:
    """Passes everything on to a filesystem in memory."""

    file_class = AsyncFile
    entries_class = AsyncEntries

    def __init__(self) -> None:
        self.files = MemoryFileSystem()
        self.capabilities = self.files.capabilities

    async def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        await checkpoint()
        return self.files.stat(path, follow=follow)

    async def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> AsyncIterator[FileInfo]:
        await checkpoint()
        return self.entries_class(self.files.scan_dir(path, follow=follow))

    async def enter_dir(self, path: VirtualPath, /) -> None:
        await checkpoint()
        self.files.enter_dir(path)

    async def open_file(self, path: VirtualPath, mode: OpenMode, /) -> AsyncBinaryFile:
        await checkpoint()
        return self.file_class(self.files.open_file(path, mode))

    async def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, AsyncBinaryFile]:
        await checkpoint()
        name, file = self.files.open_unique(directory, prefix)
        return name, self.file_class(file)

    async def make_dir(self, path: VirtualPath, /) -> None:
        await checkpoint()
        self.files.make_dir(path)

    async def remove_dir(self, path: VirtualPath, /) -> None:
        await checkpoint()
        self.files.remove_dir(path)

    async def remove_file(self, path: VirtualPath, /) -> None:
        await checkpoint()
        self.files.remove_file(path)

    async def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        await checkpoint()
        self.files.rename(source, target)

    async def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        await checkpoint()
        self.files.set_mode(path, mode)

    async def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        await checkpoint()
        self.files.set_modified(path, seconds)

    async def make_link(self, path: VirtualPath, target: str) -> None:
        self.files.make_link(path, target)
