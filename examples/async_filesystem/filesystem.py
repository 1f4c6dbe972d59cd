"""A filesystem on the network that is asynchronous to the bottom: `AsyncFileSystem` over the store.

What to look at as the author of another one:

- It derives from nothing.  Its methods are coroutines, and nothing in them blocks.
- It declares what the store can do and no more: a blob is replaced as a whole when it is complete (`ATOMIC`), so there
  is no `RESUME` and no `APPEND`; it can't be renamed in one step, so there is no `RENAME`.  What is not declared raises
  `UnsupportedOperation`.
- What must not change between a look and an action goes to the store as a condition of the action.
- Directories are blobs without content whose key ends in "/": so an empty one exists, too.
- `close` releases what an upload holds on every path.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from examples.async_filesystem.client import Conditions, Facts, StoreClient, Upload, connected
from ftpcore import UnsupportedOperation, VirtualPath, base_name, join_path, parent_path
from ftpcore.ports import Capability, FileInfo, FileKind, OpenMode

__all__ = ["BlobFileSystem", "blob_filesystem"]

#: Bytes in one name, and in a path.
_NAME_LIMIT: Final = 255
_PATH_LIMIT: Final = 4096


@asynccontextmanager
async def blob_filesystem(host: str, port: int) -> AsyncIterator[BlobFileSystem]:
    """Give the filesystem in the store at an address; its connections are closed with the context."""
    async with connected(host, port) as client:
        yield BlobFileSystem(client)


class BlobFileSystem:
    """All blobs of a store as files."""

    capabilities = (
        Capability.WRITE | Capability.ATOMIC | Capability.CONFINED | Capability.RAW_NAMES | Capability.EXACT_NAMES
    )

    def __init__(self, client: StoreClient) -> None:
        self.client = client

    async def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        file, directory = await self.client.look(_file_key(path), _dir_key(path))
        if directory is not None:
            return _info(base_name(path), FileKind.DIRECTORY, directory)
        if file is not None:
            return _info(base_name(path), FileKind.FILE, file)
        raise _error(errno.ENOENT, path)

    async def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> AsyncIterator[FileInfo]:
        # The first page is fetched here: what is wrong with the directory is raised by the call.
        first = await self.client.list(_dir_key(path), conditions=_is_directory(path))
        return self._scan(_dir_key(path), first)

    async def enter_dir(self, path: VirtualPath, /) -> None:
        await self.client.look(conditions=_is_directory(path))

    async def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BlobReader | BlobWriter:
        key = _file_key(path)
        if mode is OpenMode.READ:
            (facts,) = await self.client.look(
                key, conditions={f"-{_dir_key(path)}": errno.EISDIR, f"+{key}": errno.ENOENT}
            )
            assert facts is not None, "a condition of the request"
            return BlobReader(self.client, key, path, facts)
        if mode is not OpenMode.REPLACE:
            self._refuse(f"to open a file in mode {mode.name}")
        return BlobWriter(await self.client.upload(key, conditions=_may_hold_file(path)), path)

    async def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BlobWriter]:
        if "/" in prefix:
            raise _error(errno.EINVAL, prefix)
        # 64 random bits: nobody meets a name that another upload has taken, and commits first.
        name = f"{prefix}{secrets.token_hex(8)}"
        path = join_path(directory, name)
        free = {**_may_hold_file(path), f"-{_file_key(path)}": errno.EEXIST}
        return name, BlobWriter(await self.client.upload(_file_key(path), conditions=free), path)

    async def make_dir(self, path: VirtualPath, /) -> None:
        free = {f"-{_dir_key(path)}": errno.EEXIST, f"-{_file_key(path)}": errno.EEXIST}
        await self.client.put(_dir_key(path), b"", conditions={**free, **_is_directory(parent_path(path))})

    async def remove_dir(self, path: VirtualPath, /) -> None:
        if path == "/":
            raise _error(errno.EACCES, path)
        empty = {**_is_directory(path), f"!{_dir_key(path)}": errno.ENOTEMPTY}
        await self.client.remove(_dir_key(path), conditions=empty)

    async def remove_file(self, path: VirtualPath, /) -> None:
        is_file = {f"-{_dir_key(path)}": errno.EISDIR, f"+{_file_key(path)}": errno.ENOENT}
        await self.client.remove(_file_key(path), conditions=is_file)

    async def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._refuse("to rename")

    async def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._refuse("modes")

    async def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self._refuse("to set times")

    def _refuse(self, what: str) -> NoReturn:
        raise UnsupportedOperation(f"a blob store does not offer {what}")

    async def _scan(self, prefix: str, page: list[tuple[str, Facts | None]]) -> AsyncIterator[FileInfo]:
        """Iterate over a directory; no connection is held between two steps, so nothing is lost with a generator."""
        while page:
            for name, facts in page:
                if name.endswith("/"):
                    yield _info(name[:-1], FileKind.DIRECTORY, facts)
                else:
                    yield _info(name, FileKind.FILE, facts)
            page = await self.client.list(prefix, after=page[-1][0])


class BlobReader:
    """A blob, open to read: one version of it, whatever is stored since."""

    created = False

    def __init__(self, client: StoreClient, key: str, path: VirtualPath, facts: Facts) -> None:
        self.name: str = path
        self.size = facts.size
        self._client = client
        self._key = key
        self._version = facts.version
        self._closed = False

    async def read_at(self, offset: int, size: int, /) -> bytes:
        self._check_open()
        if offset >= self.size or not size:
            return b""
        return await self._client.read(self._key, self._version, offset, size)

    async def write_at(self, offset: int, data: bytes, /) -> None:
        raise _error(errno.EBADF, self.name)

    async def truncate(self, size: int, /) -> None:
        raise _error(errno.EBADF, self.name)

    async def close(self, *, complete: bool) -> None:
        self._check_open()
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise _error(errno.EBADF, self.name)


class BlobWriter:
    """A blob that is being uploaded, from its first byte to its last."""

    size = 0

    def __init__(self, upload: Upload, path: VirtualPath) -> None:
        self.name: str = path
        self.created = not upload.replaces
        self._upload: Upload | None = upload
        self._end = 0

    async def read_at(self, offset: int, size: int, /) -> bytes:
        raise _error(errno.EBADF, self.name)

    async def write_at(self, offset: int, data: bytes, /) -> None:
        upload = self._opened()
        if offset != self._end:
            raise UnsupportedOperation("an upload to a blob store goes on where it stopped")
        if data:
            await upload.send(data)
            self._end += len(data)

    async def truncate(self, size: int, /) -> None:
        self._opened()
        raise UnsupportedOperation("what was sent to a blob store can't be cut")

    async def close(self, *, complete: bool) -> None:
        # It is closed from here on, whatever comes: nobody closes it twice.
        upload, self._upload = self._opened(), None
        if complete:
            await upload.commit()
        else:
            await upload.abandon()

    def _opened(self) -> Upload:
        if self._upload is None:
            raise _error(errno.EBADF, self.name)
        return self._upload


def _is_directory(path: VirtualPath) -> Conditions:
    if path == "/":
        return {}
    return {f"-{_file_key(path)}": errno.ENOTDIR, f"+{_dir_key(path)}": errno.ENOENT}


def _may_hold_file(path: VirtualPath) -> Conditions:
    return {f"-{_dir_key(path)}": errno.EISDIR, **_is_directory(parent_path(path))}


def _dir_key(path: VirtualPath) -> str:
    """Return the key of the blob that stands for a directory; "" for the root."""
    return "" if path == "/" else f"{_file_key(path)}/"


def _file_key(path: VirtualPath) -> str:
    """Return the key of a file; a name that no file can have is refused here."""
    try:
        encoded = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _error(errno.EILSEQ, path) from None
    if b"\0" in encoded:
        raise _error(errno.EINVAL, path)
    if len(encoded) > _PATH_LIMIT or max(map(len, encoded.split(b"/"))) > _NAME_LIMIT:
        raise _error(errno.ENAMETOOLONG, path)
    return path[1:]


def _info(name: str, kind: FileKind, facts: Facts | None) -> FileInfo:
    if facts is None or kind is FileKind.DIRECTORY:  # of keys without a directory's blob nothing is known
        return FileInfo(name, kind, modified=facts.modified if facts else 0.0)
    return FileInfo(name, kind, facts.size, facts.modified)


def _error(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)
