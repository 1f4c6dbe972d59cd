"""A filesystem in a few lines, which says of each call what must come of it: the content, or which error.

It knows the capabilities, and does what `docs/port-semantics.md` rules for them.  Paths are tuples of names.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final, TypeAlias

from ftpcore import UnsupportedOperation
from ftpcore.ports import Capability, OpenMode
from ftpcore_contracts._refusals import NOT_FOUND

__all__ = ["DirectoryNode", "FileNode", "Node", "OpenReference", "Path", "Reference", "Refused"]

Path: TypeAlias = tuple[str, ...]

_MISSING: Final = (FileNotFoundError,)


class Refused(Exception):
    """A call must fail: with one of these kinds, or with one of these errnos."""

    def __init__(self, *kinds: type[OSError], errnos: tuple[int, ...] = ()) -> None:
        super().__init__(kinds, errnos)
        self.kinds = kinds
        self.errnos = errnos


class FileNode:
    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.mode: int | None = None
        """Permission bits, if they were set and nothing since may have changed them."""
        self.modified: int | None = None
        """Likewise."""
        self.replacements = 0
        """How often it was opened to be replaced in its place."""


class DirectoryNode:
    def __init__(self) -> None:
        self.entries: dict[str, Node] = {}


Node: TypeAlias = FileNode | DirectoryNode


class Reference:
    """A tree of nodes."""

    def __init__(self, capabilities: Capability) -> None:
        self.capabilities = capabilities
        self.atomic = Capability.ATOMIC in capabilities
        self.resume = Capability.RESUME in capabilities
        self.root = DirectoryNode()

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Iterate over everything below `path`."""
        for name, node in self.find_dir(path).entries.items():
            yield (*path, name), node
            if isinstance(node, DirectoryNode):
                yield from self.walk((*path, name))

    def find(self, path: Path) -> Node:
        """Return what is at `path`, which must be there."""
        node: Node = self.root
        for name in path:
            if isinstance(node, FileNode):
                raise Refused(*NOT_FOUND)
            if name not in node.entries:
                raise Refused(*_MISSING)
            node = node.entries[name]
        return node

    def at(self, path: Path) -> Node | None:
        """Return what is at `path`, if anything."""
        try:
            return self.find(path)
        except Refused:
            return None

    def find_dir(self, path: Path) -> DirectoryNode:
        node = self.find(path)
        if isinstance(node, FileNode):
            raise Refused(NotADirectoryError)
        return node

    def enter_dir(self, path: Path) -> None:
        self.find_dir(path)

    def find_file(self, path: Path) -> FileNode:
        node = self.find(path)
        if isinstance(node, DirectoryNode):
            raise Refused(IsADirectoryError)
        return node

    def make_dir(self, path: Path) -> None:
        parent = self.find_dir(path[:-1])
        if path[-1] in parent.entries:
            raise Refused(FileExistsError)
        parent.entries[path[-1]] = DirectoryNode()

    def remove_dir(self, path: Path) -> None:
        if self.find_dir(path).entries:
            raise Refused(errnos=(errno.ENOTEMPTY,))
        self._take(path)

    def remove_file(self, path: Path) -> None:
        if isinstance(self.find(path), DirectoryNode):
            raise Refused(IsADirectoryError, PermissionError)
        self._take(path)

    def rename(self, source: Path, target: Path) -> None:
        refusals: list[Refused] = []
        try:
            self.find(source)
        except Refused as refusal:
            refusals.append(refusal)
        try:
            self._check_target(source, target)
        except Refused as refusal:
            refusals.append(refusal)
        if refusals:  # of two reasons, either may be told
            kinds = {kind for refusal in refusals for kind in refusal.kinds}
            raise Refused(*kinds, errnos=tuple(number for refusal in refusals for number in refusal.errnos))
        if source != target:
            node = self._take(source)
            if isinstance(node, FileNode):
                node.mode = node.modified = None
            self.find_dir(target[:-1]).entries[target[-1]] = node

    def open(self, path: Path, mode: OpenMode) -> OpenReference:
        if mode is OpenMode.READ or mode is OpenMode.UPDATE:
            return OpenReference(self, path, mode, self.find_file(path), created=False)
        parent = self.find_dir(path[:-1])
        node = parent.entries.get(path[-1])
        if isinstance(node, DirectoryNode):
            raise Refused(IsADirectoryError)
        created = node is None
        if node is None:
            node = FileNode()
            if not self.atomic:
                parent.entries[path[-1]] = node
        elif mode is OpenMode.REPLACE and not self.atomic:
            node.content = b""
            node.mode = None
            node.replacements += 1
        return OpenReference(self, path, mode, node, created=created)

    def _check_target(self, source: Path, target: Path) -> None:
        node = self.at(source)
        if isinstance(node, DirectoryNode) and len(target) > len(source) and target[: len(source)] == source:
            missing = self.at(target[:-1]) is None
            raise Refused(*(NOT_FOUND if missing else ()), errnos=(errno.EINVAL,))
        old = self.find_dir(target[:-1]).entries.get(target[-1])
        if node is None or old is None or old is node:
            return
        if Capability.REPLACE not in self.capabilities:
            raise Refused(FileExistsError)
        if isinstance(node, FileNode) and isinstance(old, DirectoryNode):
            above = target == source[: len(target)]  # which some systems look at first
            raise Refused(IsADirectoryError, errnos=(errno.ENOTEMPTY,) if above else ())
        if isinstance(node, DirectoryNode) and isinstance(old, FileNode):
            raise Refused(NotADirectoryError)
        if isinstance(old, DirectoryNode) and old.entries:
            raise Refused(errnos=(errno.ENOTEMPTY,))

    def _take(self, path: Path) -> Node:
        return self.find_dir(path[:-1]).entries.pop(path[-1])


class OpenReference:
    """An open file; ATOMIC: with a content of its own until it is closed."""

    def __init__(self, tree: Reference, path: Path, mode: OpenMode, node: FileNode, *, created: bool) -> None:
        self.path = path
        self.mode = mode
        self.node = node
        self.created = created
        self._tree = tree
        self._replacements = node.replacements
        self.end = 0
        """Where writing goes on."""
        writing = mode is not OpenMode.READ
        if writing:
            node.modified = None
        # ATOMIC: nothing that was stored changes any more; a commit stores another node.
        aside = tree.atomic and writing
        self._own = FileNode(b"" if mode is OpenMode.REPLACE else node.content) if aside else node
        self.size = len(self._own.content)

    @property
    def stale(self) -> bool:
        """Something else is at the path by now, or nothing."""
        return self._tree.at(self.path) is not self.node

    @property
    def replaced(self) -> bool:
        """It was opened to be replaced by another handle since: this one may show the old content or the new."""
        return self.node.replacements > self._replacements

    def read_at(self, offset: int, size: int) -> bytes:
        return self._own.content[offset : offset + size]

    def write_at(self, offset: int, data: bytes) -> None:
        self._check_writing()
        if self.mode is OpenMode.APPEND:
            offset = len(self._own.content)
        elif offset != self.end and not self._tree.resume:
            raise Refused(UnsupportedOperation)
        self.end = offset + len(data)
        if data:
            kept = self._own.content
            self._set(kept[:offset].ljust(offset, b"\0") + data + kept[offset + len(data) :])

    def truncate(self, size: int) -> None:
        self._check_writing()
        if not self._tree.resume:
            raise Refused(UnsupportedOperation)
        self._set(self._own.content[:size].ljust(size, b"\0"))

    def close(self, complete: bool) -> None:
        if complete and self._own is not self.node:
            self._tree.find_dir(self.path[:-1]).entries[self.path[-1]] = self._own

    def _check_writing(self) -> None:
        if self.mode is OpenMode.READ:
            raise Refused(OSError)

    def _set(self, content: bytes) -> None:
        self._own.content = content
        self._own.modified = None
