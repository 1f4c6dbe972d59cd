"""The filesystem of `examples/async_filesystem` under the asynchronous contract, and served, on both loops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from ftplib import FTP
from io import BytesIO
from typing import Final, Literal

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from examples.async_filesystem import BlobFileSystem, BlobStore, blob_filesystem, serve_store
from examples.async_filesystem.ftp import served
from ftpcore.ports import AsyncFileSystem
from ftpcore_contracts import AsyncFileSystemContract

#: Nothing here takes so many seconds: what does hangs.
HANGS: Final = 30


class TestAsyncio(AsyncFileSystemContract):
    many = 1200  # entries: two pages of the store, and a part of a third
    examples = 25

    @pytest.fixture
    def filesystem(self, portal: BlockingPortal) -> Iterator[AsyncFileSystem]:
        with ExitStack() as self._stack:
            yield self._connected(portal, BlobStore())

    def limited(self, filesystem: AsyncFileSystem, room: int) -> AsyncFileSystem:
        return self._connected(self._portal, BlobStore(limit=room))

    def open_handles(self, filesystem: AsyncFileSystem) -> int:
        assert isinstance(filesystem, BlobFileSystem)
        return filesystem.client.in_use

    def _connected(self, portal: BlockingPortal, store: BlobStore) -> BlobFileSystem:
        port = self._stack.enter_context(portal.wrap_async_context_manager(serve_store(store)))
        return self._stack.enter_context(portal.wrap_async_context_manager(blob_filesystem("127.0.0.1", port)))


@pytest.mark.derived
class TestTrio(TestAsyncio):
    backend = "trio"


@pytest.fixture(params=["asyncio", "trio"])
def client(request: pytest.FixtureRequest) -> Iterator[FTP]:
    """A client of a server whose files are in a store."""
    backend: Literal["asyncio", "trio"] = request.param
    with start_blocking_portal(backend) as portal, ExitStack() as stack:
        server = stack.enter_context(portal.wrap_async_context_manager(served(("127.0.0.1", 0))))
        with FTP(timeout=HANGS) as client:
            client.connect(*server.address)
            client.login("anybody", "")
            yield client


def test_files_are_stored_and_retrieved_by_ftp(client: FTP) -> None:
    """What a client stores in a directory it lists, retrieves and deletes, in blocks larger than any buffer."""
    data = bytes(range(256)) * 20_000
    client.mkd("dir")
    client.storbinary("STOR dir/file", BytesIO(data))
    got: list[bytes] = []
    client.retrbinary("RETR dir/file", got.append)
    assert b"".join(got) == data
    assert [(name, facts["size"]) for name, facts in client.mlsd("dir", ["size"])] == [("file", str(len(data)))]
    client.delete("dir/file")
    client.rmd("dir")
    assert client.nlst() == []


def test_an_upload_that_is_aborted_leaves_what_was_there(client: FTP) -> None:
    """The store shows an upload when it is complete, so that one which is given up leaves no half of a file."""
    client.storbinary("STOR file", BytesIO(b"old"))
    with client.transfercmd("STOR file") as data:
        data.sendall(b"new" * 100_000)
        client.putcmd("ABOR")
        assert client.getmultiline()[:3] == "426"
    assert client.getmultiline()[:3] == "226"
    got: list[bytes] = []
    client.retrbinary("RETR file", got.append)
    assert b"".join(got) == b"old"
