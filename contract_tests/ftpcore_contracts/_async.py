"""The contract of asynchronous filesystems: every rule of the synchronous ones, and some of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ftpcore import VirtualPath
from ftpcore.ports import AsyncFileSystem, FileSystem
from ftpcore_contracts._async_view import AsyncView
from ftpcore_contracts._filesystem import FileSystemContract
from ftpcore_contracts._fs_asynchrony import Asynchrony

__all__ = ["AsyncFileSystemContract"]


class AsyncFileSystemContract(Asynchrony, FileSystemContract):
    """What every asynchronous filesystem keeps.  Subclass it as `TestX`, and override `filesystem`.

    The fixture `filesystem` returns an `AsyncFileSystem`.  It is used on the loop of the fixture `portal`, which it may
    ask for in order to be made, and ended, there:

        @pytest.fixture
        def filesystem(self, portal):
            with portal.wrap_async_context_manager(connected_filesystem()) as filesystem:
                yield filesystem

    Each call is a task of its own, and calls from several threads go on at once, as on a server.
    """

    backend: ClassVar[Literal["asyncio", "trio"]] = "asyncio"
    """The event loop."""

    _portal: BlockingPortal

    @pytest.fixture(autouse=True)
    def portal(self) -> Iterator[BlockingPortal]:
        """The loop, in a thread of its own: `portal.call(function, *arguments)` runs on it and returns what comes."""
        with start_blocking_portal(self.backend) as self._portal:
            yield self._portal

    @pytest.fixture
    def filesystem(self) -> AsyncFileSystem:
        """Return the implementation, fresh and empty."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `filesystem`: a fresh, empty one")

    def view(self, filesystem: AsyncFileSystem) -> FileSystem:  # type: ignore[override]  # the same for another port
        """Return what the synchronous rules call."""
        return AsyncView(filesystem, self._portal)

    def stock(  # type: ignore[override]  # as above
        self, filesystem: AsyncFileSystem, contents: Mapping[str, bytes]
    ) -> AsyncFileSystem:
        """Return a filesystem that holds `contents`; as with the synchronous contract."""
        super().stock(self.view(filesystem), contents)
        return filesystem

    def make_link(  # type: ignore[override]  # as above
        self, filesystem: AsyncFileSystem, path: VirtualPath, target: str
    ) -> None:
        """Make `path` a symbolic link, by default by a method of this name, which may be asynchronous."""
        super().make_link(self.view(filesystem), path, target)

    def limited(  # type: ignore[override]  # as above
        self, filesystem: AsyncFileSystem, room: int
    ) -> AsyncFileSystem | None:
        """Return an empty filesystem that has room for `room` bytes of content and no more; None: there is none."""
        return None

    def open_handles(self, filesystem: AsyncFileSystem) -> int:  # type: ignore[override]  # as above
        """Return how many handles are open: by default, descriptors of files, but none of connections."""
        return super().open_handles(self.view(filesystem))
