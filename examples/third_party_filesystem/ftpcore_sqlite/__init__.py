"""An FTP root in one SQLite database.

A file is stored under its name when it is complete, in one transaction: a client that breaks off leaves nothing.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final, Self

from ftpcore import UnsupportedOperation, VirtualPath, join_path
from ftpcore.ports import Capability, FileInfo, FileKind, OpenMode
from ftpcore_sqlite._database import BLOCK, ROOT, Database, Node, failure

__all__ = ["SqliteFileSystem"]

#: Entries of a directory that are read at once.
_PAGE: Final = 500


class SqliteFileSystem:
    """The files in the database at `path`, which is made if it is missing; `close` it, or use `with`.

    Any thread may use it, and several sessions share one.  Times come from `now`, in seconds since 1970 UTC.
    """

    capabilities = (
        Capability.WRITE
        | Capability.RENAME
        | Capability.REPLACE
        | Capability.TIMES
        | Capability.UNIQUE_ID
        | Capability.CONFINED
        | Capability.ATOMIC
        | Capability.RAW_NAMES
        | Capability.EXACT_NAMES
    )
    blocking = True

    def __init__(self, path: str | os.PathLike[str] = ":memory:", *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._data = Database(path, now())
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; files that are open are not stored."""
        self._data.close()

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return _info(self._data.find(path))

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return self._entries(self._directory(path).id)

    def enter_dir(self, path: VirtualPath, /) -> None:
        self._directory(path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> _Reader | _Writer:
        if mode not in (OpenMode.READ, OpenMode.REPLACE):
            raise UnsupportedOperation(f"a file in the database is not changed, only replaced: no {mode}")
        if mode is OpenMode.READ:
            with self._data.lock:
                node = self._data.find(path)
                if node.is_dir:
                    raise failure(errno.EISDIR, path)
                self._data.opened(node.id)
                return _Reader(self._data, node, path)
        with self._data.transaction() as run:
            old = None if path == "/" else run.child(run.place(path))
            if path == "/" or (old is not None and old.is_dir):
                raise failure(errno.EISDIR, path)
        return _Writer(self._data, path, self._now, created=old is None)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, _Writer]:
        """Take a name that nobody else gets; it is seen when the file is complete."""
        if "/" in prefix:
            raise failure(errno.EINVAL, prefix)
        self._directory(directory)
        while True:
            name = f"{prefix}{next(self._numbers)}"
            path = join_path(directory, name)
            with self._data.transaction() as run:
                taken = run.child(run.place(path)) is not None
            if not taken:
                return name, _Writer(self._data, path, self._now, created=True, unique=True)

    def make_dir(self, path: VirtualPath, /) -> None:
        if path == "/":
            raise failure(errno.EEXIST, path)
        with self._data.transaction() as run:
            place = run.place(path)
            if run.child(place) is not None:
                raise failure(errno.EEXIST, path)
            run(
                "INSERT INTO node (parent, name, is_dir, modified) VALUES (?, ?, 1, ?)",
                *(place.parent, place.name, self._now()),
            )

    def remove_dir(self, path: VirtualPath, /) -> None:
        with self._data.transaction() as run:
            node = run.child(run.place(path))
            if node is None:
                raise failure(errno.ENOENT, path)
            if not node.is_dir:
                raise failure(errno.ENOTDIR, path)
            if run.node("SELECT * FROM node WHERE parent = ? LIMIT 1", node.id) is not None:
                raise failure(errno.ENOTEMPTY, path)
            run("DELETE FROM node WHERE id = ?", node.id)

    def remove_file(self, path: VirtualPath, /) -> None:
        with self._data.transaction() as run:
            node = run.child(run.place(path))
            if node is None:
                raise failure(errno.ENOENT, path)
            if node.is_dir:
                raise failure(errno.EISDIR, path)
            run("UPDATE node SET parent = NULL, name = NULL WHERE id = ?", node.id)
            self._data.forget(run, node.id)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        with self._data.transaction() as run:
            node, place = run.child(run.place(source)), run.place(target)
            if node is None:
                raise failure(errno.ENOENT, source)
            above: int | None = place.parent
            while above is not None:
                if above == node.id:
                    raise failure(errno.EINVAL, target)
                above = run("SELECT parent FROM node WHERE id = ?", above).fetchone()[0]
            old = run.child(place)
            if old is not None and old.id == node.id:
                return
            if old is not None and old.is_dir:
                if not node.is_dir:
                    raise failure(errno.EISDIR, target)
                if run.node("SELECT * FROM node WHERE parent = ? LIMIT 1", old.id) is not None:
                    raise failure(errno.ENOTEMPTY, target)
                run("DELETE FROM node WHERE id = ?", old.id)
            elif old is not None:
                if node.is_dir:
                    raise failure(errno.ENOTDIR, target)
                run("UPDATE node SET parent = NULL, name = NULL WHERE id = ?", old.id)
                self._data.forget(run, old.id)
            run("UPDATE node SET parent = ?, name = ? WHERE id = ?", place.parent, place.name, node.id)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        raise UnsupportedOperation("the database keeps no modes")

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        if not abs(seconds) < 2.0**63:
            raise failure(errno.EINVAL, path)
        node = self._data.find(path)
        with self._data.transaction() as run:
            run("UPDATE node SET modified = ? WHERE id = ?", seconds, node.id)

    def _directory(self, path: VirtualPath) -> Node:
        node = self._data.find(path)
        if not node.is_dir:
            raise failure(errno.ENOTDIR, path)
        return node

    def _entries(self, directory: int) -> Iterator[FileInfo]:
        last = b""  # no name is empty
        while True:
            with self._data.transaction() as run:
                rows = run(
                    "SELECT * FROM node WHERE parent = ? AND name > ? ORDER BY name LIMIT ?", directory, last, _PAGE
                ).fetchall()
            for row in rows:
                try:
                    node = self._data.node(row[0])
                except FileNotFoundError:
                    continue
                if node.parent == directory:
                    yield _info(node)
            if len(rows) < _PAGE:
                return
            last = rows[-1][2]


class _Reader:
    """A file that is read.  It stays as it was when it was opened, whatever becomes of its name."""

    created = False

    def __init__(self, data: Database, node: Node, path: VirtualPath) -> None:
        self.name: str = path
        self.size = node.size
        self._data = data
        self._node: int | None = node.id

    def read_at(self, offset: int, size: int, /) -> bytes:
        if self._node is None:
            raise failure(errno.EBADF, self.name)
        first, skip = divmod(offset, BLOCK)
        last = min(offset + size, self.size) // BLOCK
        with self._data.transaction() as run:
            rows = run(
                "SELECT data FROM block WHERE node = ? AND number BETWEEN ? AND ? ORDER BY number",
                *(self._node, first, last),
            ).fetchall()
        return b"".join([row[0] for row in rows])[skip : skip + size]

    def write_at(self, offset: int, data: bytes, /) -> None:
        raise failure(errno.EBADF, self.name)

    def truncate(self, size: int, /) -> None:
        raise failure(errno.EBADF, self.name)

    def close(self, *, complete: bool) -> None:
        node, self._node = self._node, None
        if node is None:
            raise failure(errno.EBADF, self.name)
        self._data.released(node)


class _Writer:
    """A file that is stored: blocks of a node without a name, which gets one when it is complete."""

    size = 0

    def __init__(
        self, data: Database, path: VirtualPath, now: Callable[[], float], *, created: bool, unique: bool = False
    ) -> None:
        self.name: str = path
        self.created = created
        self._unique = unique
        self._path = path
        self._data = data
        self._now = now
        self._pending = bytearray()
        self._blocks = 0
        self._end = 0
        with data.transaction() as run:
            number = run("INSERT INTO node (is_dir, modified) VALUES (0, ?)", now()).lastrowid
        assert number is not None
        self._node: int | None = number
        data.opened(number)

    def read_at(self, offset: int, size: int, /) -> bytes:
        raise failure(errno.EBADF, self.name)

    def write_at(self, offset: int, data: bytes, /) -> None:
        if self._node is None:
            raise failure(errno.EBADF, self.name)
        if offset != self._end:
            raise UnsupportedOperation(f"a file is written from start to end: at {self._end}, not at {offset}")
        self._pending += data
        self._end += len(data)
        while len(self._pending) >= BLOCK:
            self._store(self._node, BLOCK)

    def truncate(self, size: int, /) -> None:
        raise UnsupportedOperation("a file is written from start to end")

    def close(self, *, complete: bool) -> None:
        node, self._node = self._node, None
        if node is None:
            raise failure(errno.EBADF, self.name)
        try:
            if complete:
                if self._pending:
                    self._store(node, len(self._pending))
                self._name(node)
        finally:
            self._data.released(node)

    def _store(self, node: int, size: int) -> None:
        with self._data.transaction() as run:
            run("INSERT INTO block VALUES (?, ?, ?)", node, self._blocks, bytes(self._pending[:size]))
        del self._pending[:size]
        self._blocks += 1

    def _name(self, node: int) -> None:
        with self._data.transaction() as run:
            place = run.place(self._path)
            old = run.child(place)
            if old is not None and self._unique:
                raise failure(errno.EEXIST, self._path)
            if old is not None and old.is_dir:
                raise failure(errno.EISDIR, self._path)
            if old is not None:
                run("UPDATE node SET parent = NULL, name = NULL WHERE id = ?", old.id)
                self._data.forget(run, old.id)
            run(
                "UPDATE node SET parent = ?, name = ?, size = ?, modified = ? WHERE id = ?",
                *(place.parent, place.name, self._end, self._now(), node),
            )


def _info(node: Node) -> FileInfo:
    return FileInfo(
        "/" if node.id == ROOT or node.name is None else node.name.decode("utf-8", "surrogateescape"),
        FileKind.DIRECTORY if node.is_dir else FileKind.FILE,
        node.size,
        node.modified,
        unique=f"s{node.id:x}",
    )
