"""The tables: nodes make the tree, blocks hold what is in files."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from ftpcore import VirtualPath

__all__ = ["BLOCK", "ROOT", "Database", "Node", "failure"]

#: Bytes of a block; what is written in smaller pieces is collected until there are as many.
BLOCK: Final = 256 * 1024

#: The node of "/".
ROOT: Final = 1

_NAME_LIMIT: Final = 255

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS node (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER REFERENCES node,
    name BLOB,
    is_dir INTEGER NOT NULL,
    size INTEGER NOT NULL DEFAULT 0,
    modified REAL NOT NULL,
    UNIQUE (parent, name)
);
CREATE TABLE IF NOT EXISTS block (
    node INTEGER NOT NULL REFERENCES node,
    number INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (node, number)
) WITHOUT ROWID;
"""


class Node(NamedTuple):
    """A file or a directory.  A file without a parent is being stored, or was removed while it was open."""

    id: int
    parent: int | None
    name: bytes | None
    is_dir: int
    size: int
    modified: float


class Database:
    """One connection, which any thread may use."""

    def __init__(self, path: str | os.PathLike[str], now: float) -> None:
        self.lock = threading.RLock()
        self.openings: Counter[int] = Counter()
        """How often each node is open."""
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_SCHEMA)
        with self.transaction() as run:
            run("INSERT OR IGNORE INTO node (id, is_dir, modified) VALUES (?, 1, ?)", ROOT, now)
            # What a crash left: uploads that were never complete.
            run("DELETE FROM block WHERE node IN (SELECT id FROM node WHERE parent IS NULL AND id <> ?)", ROOT)
            run("DELETE FROM node WHERE parent IS NULL AND id <> ?", ROOT)

    def close(self) -> None:
        with self.lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[_Run]:
        """Do all of it, or nothing; what SQLite raises becomes OSError."""
        with self.lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield _Run(self._connection)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
                raise OSError(errno.ENOSPC if full else errno.EIO, str(error)) from error

    def node(self, number: int) -> Node:
        with self.transaction() as run:
            found = run.node("SELECT * FROM node WHERE id = ?", number)
        if found is None:
            raise failure(errno.ENOENT, "")
        return found

    def find(self, path: VirtualPath) -> Node:
        """Return what is at `path`, or raise FileNotFoundError or NotADirectoryError."""
        with self.transaction() as run:
            found = run.child(run.place(path)) if path != "/" else run.node("SELECT * FROM node WHERE id = ?", ROOT)
        if found is None:
            raise failure(errno.ENOENT, path)
        return found

    def opened(self, number: int) -> None:
        with self.lock:
            self.openings[number] += 1

    def released(self, number: int) -> None:
        """An opening is over: what has no name is gone with the last one."""
        with self.transaction() as run:
            self.openings[number] -= 1
            if not self.openings[number]:
                del self.openings[number]
                self.forget(run, number)

    def forget(self, run: _Run, number: int) -> None:
        """Delete a node that has no name, unless somebody has it open."""
        if self.openings[number]:
            return
        if run.node("SELECT * FROM node WHERE id = ? AND parent IS NULL", number) is not None:
            run("DELETE FROM block WHERE node = ?", number)
            run("DELETE FROM node WHERE id = ?", number)


class Place(NamedTuple):
    """Where a name stands, or would."""

    parent: int
    name: bytes
    path: VirtualPath


class _Run:
    """Statements of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def node(self, statement: str, *values: object) -> Node | None:
        row = self(statement, *values).fetchone()
        return None if row is None else Node(*row)

    def child(self, place: Place) -> Node | None:
        return self.node("SELECT * FROM node WHERE parent = ? AND name = ?", place.parent, place.name)

    def place(self, path: VirtualPath) -> Place:
        """Return the directory and the name of `path`, which may exist or not; PermissionError for the root."""
        if path == "/":
            raise failure(errno.EACCES, path)
        *above, last = [_stored(name, path) for name in path.strip("/").split("/")]
        parent = ROOT
        for name in above:
            found = self.child(Place(parent, name, path))
            if found is None:
                raise failure(errno.ENOENT, path)
            if not found.is_dir:
                raise failure(errno.ENOTDIR, path)
            parent = found.id
        return Place(parent, last, path)


def failure(number: int, path: str) -> OSError:
    """Return the OSError of an errno, of the class that belongs to it."""
    return OSError(number, os.strerror(number), path)


def _stored(name: str, path: str) -> bytes:
    if name in ("", ".", "..") or "\0" in name:
        raise failure(errno.EINVAL, path)
    try:
        stored = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise failure(errno.EILSEQ, path) from None
    if len(stored) > _NAME_LIMIT:
        raise failure(errno.ENAMETOOLONG, path)
    return stored
