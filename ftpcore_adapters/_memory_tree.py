"""The tree behind `MemoryFileSystem`: nodes, the walk along a path, and the room that contents take.

Whoever calls a method holds `Tree.lock`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import ClassVar, Final, NamedTuple, TypeAlias

from ftpcore.ports import FileKind

__all__ = ["Directory", "Entry", "File", "Link", "Node", "Place", "Tree", "error"]

#: Bytes in one name, as on the disks of common systems.
NAME_LIMIT: Final = 255
#: Links followed on the way to one object, as Linux does.
LINK_LIMIT: Final = 40


@dataclass(slots=True, eq=False)
class File:
    mode: int
    modified: float
    serial: int
    content: bytearray = field(default_factory=bytearray)
    openings: int = 0
    named: bool = True
    """It has an entry in a directory."""
    kind: ClassVar[FileKind] = FileKind.FILE

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(slots=True, eq=False)
class Directory:
    mode: int
    modified: float
    serial: int
    entries: dict[str, Node] = field(default_factory=dict)
    parent: Directory | None = None
    """None: the root."""
    kind: ClassVar[FileKind] = FileKind.DIRECTORY
    size: ClassVar[int] = 0


@dataclass(slots=True, eq=False)
class Link:
    mode: int
    modified: float
    serial: int
    target: str
    kind: ClassVar[FileKind] = FileKind.LINK

    @property
    def size(self) -> int:
        return len(self.target)


Node: TypeAlias = File | Directory | Link


class Place(NamedTuple):
    """Where a path leads: `name` in `directory`, and what is there, if anything."""

    directory: Directory
    name: str
    node: Node | None


class Entry(NamedTuple):
    """A `Place` with something in it that may be taken out."""

    directory: Directory
    name: str
    node: Node


class Tree:
    """Directories, files and links below one root, and a limit to what the files hold."""

    def __init__(self, limit: int | None, now: Callable[[], float]) -> None:
        self.lock = Lock()
        self.limit = limit
        self.now = now
        self.used = 0
        self._serials = count(1)
        self.root = self.new_dir()

    def new_dir(self) -> Directory:
        return Directory(stat.S_IFDIR | 0o755, self.now(), next(self._serials))

    def new_link(self, target: str) -> Link:
        return Link(stat.S_IFLNK | 0o777, self.now(), next(self._serials), target)

    def lookup(self, path: str, *, follow: bool = True, start: Directory | None = None) -> Place:
        """Return where `path` leads from `start` or the root; only the last component may be missing."""
        place = Place(start or self.root, "", start or self.root)
        pending = _steps(path)
        links = 0
        while pending:
            if place.node is None:
                raise error(errno.ENOENT, path)
            if not isinstance(place.node, Directory):
                raise error(errno.ENOTDIR, path)
            directory, name = place.node, pending.pop()
            if name == "..":  # only the target of a link holds one; above the root is the root
                place = Place(directory, name, directory.parent or directory)
                continue
            place = Place(directory, name, directory.entries.get(name))
            if isinstance(place.node, Link) and (follow or pending):
                links += 1
                if links > LINK_LIMIT:
                    raise error(errno.ELOOP, path)
                pending += _steps(place.node.target)
                directory = self.root if place.node.target.startswith("/") else directory
                place = Place(directory, "", directory)
        return place

    def find(self, path: str, *, follow: bool = True, start: Directory | None = None) -> Node:
        """Return what is at `path`, or raise FileNotFoundError."""
        node = self.lookup(path, follow=follow, start=start).node
        if node is None:
            raise error(errno.ENOENT, path)
        return node

    def find_dir(self, path: str) -> Directory:
        node = self.find(path)
        if not isinstance(node, Directory):
            raise error(errno.ENOTDIR, path)
        return node

    def entry(self, path: str) -> Entry:
        """Return what may be taken out of its directory: anything but the root; links are not followed."""
        directory, name, node = self.lookup(path, follow=False)
        if node is None:
            raise error(errno.ENOENT, path)
        if node is self.root:
            raise error(errno.EACCES, path)
        return Entry(directory, name, node)

    def add(self, path: str, node: Node) -> None:
        """Put `node` at `path`, where nothing may be yet."""
        place = self.lookup(path, follow=False)
        if place.node is not None:
            raise error(errno.EEXIST, path)
        self.put(place, node)

    def add_file(self, place: Place, permissions: int) -> File:
        node = File(stat.S_IFREG | permissions, self.now(), next(self._serials))
        self.put(place, node)
        return node

    def put(self, place: Place, node: Node) -> None:
        place.directory.entries[place.name] = node
        place.directory.modified = self.now()
        if isinstance(node, Directory):
            node.parent = place.directory

    def take(self, entry: Entry) -> None:
        del entry.directory.entries[entry.name]
        entry.directory.modified = self.now()

    def remove(self, entry: Entry) -> None:
        """Take an entry out for good; the content of a file lasts until nobody has it open."""
        self.take(entry)
        if isinstance(entry.node, File):
            entry.node.named = False
            self.release(entry.node)

    def release(self, node: File) -> None:
        """Free the content of a file that has neither a name nor an opening."""
        if not node.named and not node.openings:
            self.used -= node.size
            node.content = bytearray()

    def resize(self, node: File, size: int) -> None:
        """Cut `node`, or extend it by zeros; raise OSError(ENOSPC) and change nothing if they do not fit."""
        growth = size - node.size
        if self.limit is not None and growth > max(0, self.limit - self.used):
            raise error(errno.ENOSPC)
        try:
            if growth > 0:
                node.content += bytes(growth)
            else:
                del node.content[size:]
        except (MemoryError, OverflowError):
            raise error(errno.ENOSPC) from None
        self.used += growth
        node.modified = self.now()

    def write(self, node: File, offset: int, data: bytes) -> None:
        """Write `data` at `offset`; raise OSError(ENOSPC) after the part of it that fits."""
        size = node.size
        end = offset + len(data)
        if end > size and self.limit is not None:
            end = min(end, size + self.limit - self.used)
        if offset < end:
            if offset > size:
                self.resize(node, offset)
            before = node.size
            node.content[offset:end] = data[: end - offset]
            self.used += node.size - before
            node.modified = self.now()
        if end < offset + len(data):
            raise error(errno.ENOSPC)


def error(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


def _steps(path: str) -> list[str]:
    """Return the components of `path`, the first one last."""
    if "\0" in path:
        raise error(errno.EINVAL, path)
    steps = [step for step in path.split("/") if step not in ("", ".")]
    try:
        sizes = [len(step.encode("utf-8", "surrogateescape")) for step in steps]
    except UnicodeEncodeError:
        raise error(errno.EILSEQ, path) from None
    if max(sizes, default=0) > NAME_LIMIT:
        raise error(errno.ENAMETOOLONG, path)
    return steps[::-1]
