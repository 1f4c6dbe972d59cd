"""Asynchronous ports over those in memory: each call gives others a turn before it does its work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeAlias

from anyio.lowlevel import checkpoint

from ftpcore import FileInfo, VirtualPath
from ftpcore.ports import Account, AsyncBinaryFile, BinaryFile, Capability, FileSystem, OpenMode

__all__ = ["AsyncFile", "AsyncFiles", "AsyncUser"]

Turn: TypeAlias = Callable[[], Awaitable[None]]


class AsyncFiles:
    """An `AsyncFileSystem` over a synchronous one.

    Args:
        turn: What is awaited before each call.
    """

    def __init__(self, files: FileSystem, turn: Turn = checkpoint) -> None:
        self.files = files
        self._turn = turn
        self.capabilities: Capability = files.capabilities

    async def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        await self._turn()
        return self.files.stat(path, follow=follow)

    async def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> AsyncIterator[FileInfo]:
        await self._turn()
        return _entries(self.files.scan_dir(path, follow=follow))

    async def enter_dir(self, path: VirtualPath, /) -> None:
        await self._turn()
        self.files.enter_dir(path)

    async def open_file(self, path: VirtualPath, mode: OpenMode, /) -> AsyncBinaryFile:
        await self._turn()
        return AsyncFile(self.files.open_file(path, mode), self._turn)

    async def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, AsyncBinaryFile]:
        await self._turn()
        name, file = self.files.open_unique(directory, prefix)
        return name, AsyncFile(file, self._turn)

    async def make_dir(self, path: VirtualPath, /) -> None:
        await self._turn()
        self.files.make_dir(path)

    async def remove_dir(self, path: VirtualPath, /) -> None:
        await self._turn()
        self.files.remove_dir(path)

    async def remove_file(self, path: VirtualPath, /) -> None:
        await self._turn()
        self.files.remove_file(path)

    async def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        await self._turn()
        self.files.rename(source, target)

    async def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        await self._turn()
        self.files.set_mode(path, mode)

    async def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        await self._turn()
        self.files.set_modified(path, seconds)


class AsyncFile:
    """An `AsyncBinaryFile` over a synchronous one.  A cancelled close closes all the same, as it should."""

    def __init__(self, file: BinaryFile, turn: Turn) -> None:
        self._file = file
        self._turn = turn
        self.name = file.name
        self.size = file.size
        self.created = file.created

    async def read_at(self, offset: int, size: int, /) -> bytes:
        await self._turn()
        return self._file.read_at(offset, size)

    async def write_at(self, offset: int, data: bytes, /) -> None:
        await self._turn()
        self._file.write_at(offset, data)

    async def truncate(self, size: int, /) -> None:
        await self._turn()
        self._file.truncate(size)

    async def close(self, *, complete: bool) -> None:
        closed = False
        try:
            await self._turn()
            closed = True
            self._file.close(complete=complete)
        finally:
            if not closed:
                self._file.close(complete=False)


class AsyncUser:
    """An `AsyncAuthorizer` that lets everybody do everything, in files of his own.

    Args:
        files: Makes the filesystem of a user.
    """

    def __init__(self, files: Callable[[], AsyncFiles | FileSystem]) -> None:
        self._files = files

    async def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        await checkpoint()
        return Account(name=username, filesystem=self._files(), rights="elradfmwMT", rights_vary=True)

    async def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        await checkpoint()
        return letter in account.rights

    async def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        await checkpoint()
        return account.rights


async def _entries(entries: Iterator[FileInfo]) -> AsyncIterator[FileInfo]:
    for entry in entries:
        await checkpoint()
        yield entry
