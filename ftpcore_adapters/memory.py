"""A filesystem in memory: for tests and examples, and for servers whose files need not outlive them.

It behaves as a POSIX disk does: an open file survives its removal and its renaming, a hole reads as zeros, and the
bytes that fit are stored before ENOSPC.  Modes are kept and shown, but forbid nothing.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Final

from ftpcore import UnsupportedOperation, VirtualPath, base_name, join_path
from ftpcore.ports import Capability, FileInfo, OpenMode
from ftpcore_adapters._memory_tree import Directory, Entry, File, Link, Node, Tree, error

__all__ = ["MemoryFileSystem"]

#: Seconds from 1970 that a 64-bit system can count.
TIME_LIMIT: Final = 2.0**63

_EVERYTHING: Final = (
    Capability.WRITE
    | Capability.RESUME
    | Capability.APPEND
    | Capability.RENAME
    | Capability.REPLACE
    | Capability.MODE
    | Capability.TIMES
    | Capability.LINKS
    | Capability.UNIQUE_ID
    | Capability.CONFINED
    | Capability.RAW_NAMES
    | Capability.EXACT_NAMES
)

_NEEDS: Final[Mapping[OpenMode, Capability]] = {
    OpenMode.WRITE: Capability.RESUME,
    OpenMode.UPDATE: Capability.RESUME,
    OpenMode.REPLACE: Capability.WRITE,
    OpenMode.APPEND: Capability.APPEND,
}


class MemoryFileSystem:
    """A tree of files in memory, the same for everybody who holds it; any thread may use it.

    >>> files = MemoryFileSystem(now=lambda: 0.0)
    >>> files.write_bytes("/pub/hello.txt", b"hello")
    >>> files.tree()
    {'/pub/': b'', '/pub/hello.txt': b'hello'}

    A file closed with `complete=False` stays as far as it was written, as on a plain disk.

    Args:
        limit: Bytes that all files together may hold; one that was removed while open counts until it is closed.
            A write beyond it stores what fits and raises OSError(ENOSPC).  None: as many as the process gets, and a
            client that may write at any offset can ask for all of them.
        capabilities: What is offered; the rest raises UnsupportedOperation.
        now: Seconds since 1970-01-01 UTC, for modification times.
    """

    blocking = False

    def __init__(
        self,
        *,
        limit: int | None = None,
        capabilities: Capability = _EVERYTHING,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.capabilities = capabilities
        self._tree = Tree(limit, now)
        self._numbers = count(1)

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        with self._tree.lock:
            return self._info(base_name(path), self._tree.find(path, follow=follow))

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        with self._tree.lock:
            directory = self._tree.find_dir(path)
            return self._scan(directory, list(directory.entries.items()), follow)

    def enter_dir(self, path: VirtualPath, /) -> None:
        with self._tree.lock:
            self._tree.find_dir(path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> _OpenFile:
        if mode is not OpenMode.READ:
            self._require(_NEEDS[mode])
        with self._tree.lock:
            place = self._tree.lookup(path)
            if place.node is None:
                if mode in (OpenMode.READ, OpenMode.UPDATE):
                    raise error(errno.ENOENT, path)
                return _OpenFile(
                    self.capabilities, self._tree, self._tree.add_file(place, 0o644), path, mode, created=True
                )
            if not isinstance(place.node, File):
                raise error(errno.EISDIR, path)
            if mode is OpenMode.REPLACE:
                self._tree.resize(place.node, 0)
            return _OpenFile(self.capabilities, self._tree, place.node, path, mode, created=False)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, _OpenFile]:
        """Make a file named by `prefix` and the next number that is free."""
        self._require(Capability.WRITE)
        if "/" in prefix:
            raise error(errno.EINVAL, prefix)
        with self._tree.lock:
            self._tree.find_dir(directory)
            while True:
                name = f"{prefix}{next(self._numbers)}"
                path = join_path(directory, name)
                place = self._tree.lookup(path, follow=False)
                if place.node is None:
                    node = self._tree.add_file(place, 0o600)
                    return name, _OpenFile(self.capabilities, self._tree, node, path, OpenMode.REPLACE, created=True)

    def make_dir(self, path: VirtualPath, /) -> None:
        self._require(Capability.WRITE)
        with self._tree.lock:
            self._tree.add(path, self._tree.new_dir())

    def remove_dir(self, path: VirtualPath, /) -> None:
        self._require(Capability.WRITE)
        with self._tree.lock:
            entry = self._tree.entry(path)
            if not isinstance(entry.node, Directory):
                raise error(errno.ENOTDIR, path)
            if entry.node.entries:
                raise error(errno.ENOTEMPTY, path)
            self._tree.remove(entry)

    def remove_file(self, path: VirtualPath, /) -> None:
        self._require(Capability.WRITE)
        with self._tree.lock:
            entry = self._tree.entry(path)
            if isinstance(entry.node, Directory):
                raise error(errno.EISDIR, path)
            self._tree.remove(entry)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._require(Capability.RENAME)
        with self._tree.lock:
            old = self._tree.entry(source)
            new = self._tree.lookup(target, follow=False)
            if new.node is self._tree.root:
                raise error(errno.EACCES, target)
            above: Directory | None = new.directory
            while above is not None:
                if above is old.node:
                    raise error(errno.EINVAL, target)
                above = above.parent
            if new.node is old.node:
                return
            if new.node is not None:
                self._check_replacing(old.node, new.node, target)
                self._tree.remove(Entry(new.directory, new.name, new.node))
            self._tree.take(old)
            self._tree.put(new, old.node)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._require(Capability.MODE)
        with self._tree.lock:
            node = self._tree.find(path)
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self._require(Capability.TIMES)
        if not abs(seconds) < TIME_LIMIT:
            raise error(errno.EINVAL, path)
        with self._tree.lock:
            self._tree.find(path).modified = seconds

    # Beyond the port, for tests and set-up.

    def write_bytes(self, path: str, data: bytes) -> None:
        """Make or replace the file `path`, and make the directories that it needs, whatever the capabilities."""
        steps = path.split("/")
        with self._tree.lock:
            for depth in range(2, len(steps)):
                with suppress(FileExistsError):
                    self._tree.add("/".join(steps[:depth]), self._tree.new_dir())
            place = self._tree.lookup(path)
            file = self._tree.add_file(place, 0o644) if place.node is None else place.node
            if not isinstance(file, File):
                raise error(errno.EISDIR, path)
            self._tree.resize(file, 0)
            self._tree.write(file, 0, data)

    def read_bytes(self, path: str) -> bytes:
        """Return the content of the file `path`."""
        file = self.open_file(VirtualPath(path), OpenMode.READ)
        try:
            return file.read_at(0, file.size)
        finally:
            file.close(complete=True)

    def make_link(self, path: str, target: str) -> None:
        """Make `path` a symbolic link; a `target` that begins with "/" counts from the root of this filesystem."""
        if Capability.LINKS not in self.capabilities:
            raise UnsupportedOperation(f"this filesystem does not offer {Capability.LINKS}")
        with self._tree.lock:
            self._tree.add(path, self._tree.new_link(target))

    def tree(self) -> dict[str, bytes]:
        """Return all contents by path, sorted; a directory is "name/": b"", a link "name -> target": b""."""
        found: dict[str, bytes] = {}
        with self._tree.lock:
            pending = [("/", self._tree.root)]
            while pending:
                path, directory = pending.pop()
                for name, node in directory.entries.items():
                    match node:
                        case Directory():
                            found[f"{path}{name}/"] = b""
                            pending.append((f"{path}{name}/", node))
                        case Link():
                            found[f"{path}{name} -> {node.target}"] = b""
                        case File():
                            found[f"{path}{name}"] = bytes(node.content)
        return dict(sorted(found.items()))

    def _require(self, capability: Capability) -> None:
        _require(self.capabilities, capability)

    def _check_replacing(self, old: Node, new: Node, path: VirtualPath) -> None:
        if Capability.REPLACE not in self.capabilities:
            raise error(errno.EEXIST, path)
        if isinstance(new, Directory):
            if not isinstance(old, Directory):
                raise error(errno.EISDIR, path)
            if new.entries:
                raise error(errno.ENOTEMPTY, path)
        elif isinstance(old, Directory):
            raise error(errno.ENOTDIR, path)

    def _scan(self, directory: Directory, entries: list[tuple[str, Node]], follow: bool) -> Iterator[FileInfo]:
        for name, node in entries:
            with self._tree.lock:
                if directory.entries.get(name) is not node:
                    continue
                if follow and isinstance(node, Link):
                    try:
                        node = self._tree.find(name, start=directory)
                    except OSError:
                        continue  # it leads nowhere
                info = self._info(name, node)
            yield info

    def _info(self, name: str, node: Node) -> FileInfo:
        return FileInfo(
            name,
            node.kind,
            node.size,
            node.modified,
            node.mode if Capability.MODE in self.capabilities else None,
            unique=f"0g{node.serial:x}" if Capability.UNIQUE_ID in self.capabilities else None,
            target=node.target if isinstance(node, Link) else None,
        )


class _OpenFile:
    """A file of a `MemoryFileSystem`, open."""

    def __init__(
        self, capabilities: Capability, tree: Tree, node: File, path: VirtualPath, mode: OpenMode, *, created: bool
    ) -> None:
        self.name: str = path
        self.size = node.size
        self.created = created
        self._capabilities = capabilities
        self._tree = tree
        self._node: File | None = node
        self._mode = mode
        self._end = 0  # of what was written last
        node.openings += 1

    def read_at(self, offset: int, size: int, /) -> bytes:
        with self._tree.lock:
            content = self._opened(writing=False).content
            return bytes(content[offset : offset + size])

    def write_at(self, offset: int, data: bytes, /) -> None:
        with self._tree.lock:
            node = self._opened(writing=True)
            if self._mode is OpenMode.APPEND:
                offset = node.size
            elif offset != self._end:
                _require(self._capabilities, Capability.RESUME)
            self._tree.write(node, offset, data)
            self._end = offset + len(data)

    def truncate(self, size: int, /) -> None:
        _require(self._capabilities, Capability.RESUME)
        with self._tree.lock:
            self._tree.resize(self._opened(writing=True), size)

    def close(self, *, complete: bool) -> None:
        """Close; what was written stays, whether `complete` or not."""
        with self._tree.lock:
            node, self._node = self._node, None
            if node is None:
                raise error(errno.EBADF, self.name)
            node.openings -= 1
            self._tree.release(node)

    def _opened(self, *, writing: bool) -> File:
        if self._node is None or writing is (self._mode is OpenMode.READ):
            raise error(errno.EBADF, self.name)
        return self._node


def _require(offered: Capability, capability: Capability) -> None:
    """Raise unless what changes something is offered."""
    if Capability.WRITE not in offered:
        raise UnsupportedOperation(errno.EROFS, os.strerror(errno.EROFS))
    if capability not in offered:
        raise UnsupportedOperation(f"this filesystem does not offer {capability}")
