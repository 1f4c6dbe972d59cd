"""The contract of asynchronous filesystems: every rule of the synchronous ones, and some of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ftpcore.ports import AsyncFileSystem, FileSystem
from ftpcore_contracts._async_view import AsyncView
from ftpcore_contracts._filesystem import FileSystemRules
from ftpcore_contracts._fs_asynchrony import Asynchrony

__all__ = ["AsyncFileSystemContract"]


class AsyncFileSystemContract(Asynchrony, FileSystemRules[AsyncFileSystem]):
    """What every asynchronous filesystem keeps.  Subclass it as `TestX`, and override `filesystem`.

    The fixture `filesystem` returns an `AsyncFileSystem`.  It is used on the loop of the fixture `portal`, which it may
    ask for in order to be made, and ended, there:

        @pytest.fixture
        def filesystem(self, portal):
            with portal.wrap_async_context_manager(connected_filesystem()) as filesystem:
                yield filesystem

    Its hooks are those of `FileSystemContract`.  `open_handles` counts descriptors of files; whoever holds connections
    overrides it.  A method `make_link(path, target)` of the filesystem, for tests, may be asynchronous or not.

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

    def view(self, filesystem: AsyncFileSystem) -> FileSystem:
        """Return what the synchronous rules call."""
        return AsyncView(filesystem, self._portal)
