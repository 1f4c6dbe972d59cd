"""An FTP server whose files are in a blob store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from examples.async_filesystem.filesystem import blob_filesystem
from examples.async_filesystem.store import BlobStore, serve_store
from ftpcore import VirtualPath
from ftpcore.ports import Account, AsyncFileSystem
from ftpcore_adapters.anyio import Server, serve
from ftpcore_adapters.handlers import FTPHandler

__all__ = ["Visitors", "served"]

#: All there is, but not what the filesystem does not offer.
_RIGHTS: Final = "elrdmw"


class Visitors:
    """Lets everybody in, to the same files: an example needs no secrets."""

    blocking = False

    def __init__(self, filesystem: AsyncFileSystem) -> None:
        self._filesystem = filesystem

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        return Account(name=username, filesystem=self._filesystem, rights=_RIGHTS)

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter in _RIGHTS

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return _RIGHTS


@asynccontextmanager
async def served(address: tuple[str, int]) -> AsyncIterator[Server]:
    """Give an FTP server, its files in a new store, on the loop that runs."""
    async with serve_store(BlobStore()) as port, blob_filesystem("127.0.0.1", port) as filesystem:
        handler = type("BlobHandler", (FTPHandler,), {"authorizer": Visitors(filesystem)})
        async with serve(handler, address) as server:
            yield server
