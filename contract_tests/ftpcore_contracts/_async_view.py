"""An asynchronous filesystem as a synchronous one: each call is a task of its own on the loop of a portal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial

from anyio.from_thread import BlockingPortal

from ftpcore import VirtualPath
from ftpcore.ports import AsyncBinaryFile, AsyncFileSystem, Capability, FileInfo, OpenMode

__all__ = ["AsyncView"]


class AsyncView:
    """A `FileSystem` whose calls wait for those of an `AsyncFileSystem`; calls from several threads go on at once."""

    blocking = True

    def __init__(self, filesystem: AsyncFileSystem, portal: BlockingPortal) -> None:
        self.filesystem = filesystem
        self._portal = portal
        make_link = getattr(filesystem, "make_link", None)
        if make_link is not None:  # beyond the port, for tests
            self.make_link = partial(portal.call, make_link)

    @property
    def capabilities(self) -> Capability:
        return self.filesystem.capabilities

    @capabilities.setter
    def capabilities(self, capabilities: Capability) -> None:
        self.filesystem.capabilities = capabilities

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return self._portal.call(partial(self.filesystem.stat, path, follow=follow))

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        entries = self._portal.call(partial(self.filesystem.scan_dir, path, follow=follow))
        return (_ClosableEntries if hasattr(entries, "aclose") else _Entries)(entries, self._portal)

    def enter_dir(self, path: VirtualPath, /) -> None:
        self._portal.call(self.filesystem.enter_dir, path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> _OpenView:
        return _OpenView(self._portal.call(self.filesystem.open_file, path, mode), self._portal)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, _OpenView]:
        name, file = self._portal.call(self.filesystem.open_unique, directory, prefix)
        return name, _OpenView(file, self._portal)

    def make_dir(self, path: VirtualPath, /) -> None:
        self._portal.call(self.filesystem.make_dir, path)

    def remove_dir(self, path: VirtualPath, /) -> None:
        self._portal.call(self.filesystem.remove_dir, path)

    def remove_file(self, path: VirtualPath, /) -> None:
        self._portal.call(self.filesystem.remove_file, path)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._portal.call(self.filesystem.rename, source, target)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._portal.call(self.filesystem.set_mode, path, mode)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self._portal.call(self.filesystem.set_modified, path, seconds)


class _Entries:
    """An asynchronous iterator, stepped from a thread."""

    def __init__(self, entries: AsyncIterator[FileInfo], portal: BlockingPortal) -> None:
        self._entries = entries
        self._portal = portal

    def __iter__(self) -> Iterator[FileInfo]:
        return self

    def __next__(self) -> FileInfo:
        info = self._portal.call(_next, self._entries)
        if info is None:
            raise StopIteration
        return info


class _ClosableEntries(_Entries):
    """One that can be given up early."""

    def close(self) -> None:
        self._portal.call(_close, self._entries)


class _OpenView:
    """An open file, used from threads."""

    def __init__(self, file: AsyncBinaryFile, portal: BlockingPortal) -> None:
        self.name = file.name
        self.size = file.size
        self.created = file.created
        self._file = file
        self._portal = portal

    def read_at(self, offset: int, size: int, /) -> bytes:
        return self._portal.call(self._file.read_at, offset, size)

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._portal.call(self._file.write_at, offset, data)

    def truncate(self, size: int, /) -> None:
        self._portal.call(self._file.truncate, size)

    def close(self, *, complete: bool) -> None:
        self._portal.call(partial(self._file.close, complete=complete))


async def _next(entries: AsyncIterator[FileInfo]) -> FileInfo | None:
    return await anext(entries, None)


async def _close(entries: AsyncIterator[FileInfo]) -> None:
    await entries.aclose()  # type: ignore[attr-defined]  # it was looked for before
