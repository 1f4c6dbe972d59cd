"""A filesystem that holds so many bytes and files, and no more.

Three kinds of locks, always taken in this order: the one of names, for whatever makes, finds, moves and removes files;
the one of an open file, while its size changes; the one of the sums, which is held for no call of the filesystem.
Blocks of different files are thus written at the same time.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Hashable
from contextlib import ExitStack, nullcontext
from threading import Lock
from typing import Final

from ftpcore import VirtualPath, join_path, parent_path
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileKind, FileSystem, OpenMode
from ftpcore_adapters._quota_file import Close, KernelReader, Reader, Writer
from ftpcore_adapters._quota_ledger import REFUSALS, Ledger, OpenObject, Usage, all_files, over_quota
from ftpcore_adapters._wrapped import NEEDS, WrappedFileSystem, require, system_error

__all__ = ["Quota", "Usage"]

_MAKING: Final = frozenset({OpenMode.WRITE, OpenMode.REPLACE, OpenMode.APPEND})


class Quota(WrappedFileSystem):
    """A filesystem in which at most `max_bytes` bytes and `max_files` files are stored.

    What fits of a block is stored, and OSError(EDQUOT) raised for the rest; a file too many is not made.  Clients get
    552.  Directories and links are not counted.

    >>> from ftpcore_adapters.memory import MemoryFileSystem
    >>> files = Quota(MemoryFileSystem(), max_files=1)
    >>> files.open_file(VirtualPath("/one"), OpenMode.REPLACE).close(complete=True)
    >>> files.open_file(VirtualPath("/two"), OpenMode.REPLACE)
    Traceback (most recent call last):
    OSError: [Errno 122] Disk quota exceeded: '/two'
    >>> files.count()
    Usage(size=0, files=1)

    One object counts for all who share the limits: their sessions use the same one, in any threads.  What is there
    already is counted by `count`, or before the first change.  Whatever else changes the files meanwhile is not seen
    until `count` is called again.

    - A hole counts as the zeros that it reads as.
    - A file that is removed or replaced while it is open counts until it is closed, as on a disk.  Who reads it is
      known with UNIQUE_ID only.
    - With ATOMIC, an upload counts beside what it will replace, until it is closed; one that goes on with what is there
      (APPE) counts what it adds.
    - A file with several names (hard links) counts once, as long as any of them is there.
    - The kernel would store bytes that nobody has counted: uploads go through this process, downloads don't.
    - Two openings of one file under different names are known as such with UNIQUE_ID only.
    - When the filesystem fails, what is there is looked up.  Where that can't be, what may be there counts until the
      file is closed.

    Args:
        filesystem: A synchronous one.
        max_bytes: None: as many as `filesystem` takes.
        max_files: None: as many as `filesystem` takes.
        most_entries: How many entries `count` looks at.
    """

    def __init__(
        self,
        filesystem: FileSystem,
        *,
        max_bytes: int | None = None,
        max_files: int | None = None,
        most_entries: int = 1_000_000,
    ) -> None:
        super().__init__(filesystem, filesystem.capabilities)
        self._ledger = Ledger(max_bytes, max_files)
        self._most_entries = most_entries
        self._counted = False
        self._names = Lock()
        self._atomic = Capability.ATOMIC in self.capabilities
        self._identifies = Capability.UNIQUE_ID in self.capabilities
        self._open: dict[Hashable, OpenObject] = {}
        """Those that a path leads to."""
        self._apart: set[OpenObject] = set()
        """Those that no path leads to: not yet (ATOMIC), or no more."""

    def count(self) -> Usage:
        """Look at all entries and count the files; return what is stored.

        Nothing is written meanwhile.

        Raises:
            OSError: There are more than `most_entries`.  Until there are fewer, nothing can be changed.
        """
        with self._names:
            self._count()
            return self._ledger.usage

    def usage(self) -> Usage:
        """Return what is stored, as far as it was counted."""
        return self._ledger.usage

    # -- the port ------------------------------------------------------------------------------------------------------

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        if mode is OpenMode.READ:
            return self._opened_to_read(path)
        require(self.capabilities, NEEDS[mode])
        with self._names:
            self._count_once()
            before = self._look(path)
            if before is None and mode in _MAKING:
                self._check_room(path)
            known = None if before is None else self._open.get(self._key(path, before))
            with known.lock if known is not None else nullcontext():
                file = self._filesystem.open_file(path, mode)
                if mode is OpenMode.REPLACE and not self._atomic:
                    size = before.size if before is not None and known is None else 0
                    if known is not None:
                        size, known.size = known.size, 0
                    self._ledger.add(-size)
            if self._atomic:
                return self._staged(file, path, mode, new=before is None)
            if file.created:
                self._ledger.add(0, files=1)
            return self._writer(file, path, mode, before)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        require(self.capabilities, Capability.WRITE)
        with self._names:
            self._count_once()
            if not self._ledger.has_room_for_file():
                self._filesystem.enter_dir(directory)
                raise over_quota(directory)
            name, file = self._filesystem.open_unique(directory, prefix)
            path = join_path(directory, name)
            if self._atomic:
                return name, self._staged(file, path, OpenMode.REPLACE, new=True)
            self._ledger.add(0, files=1)
            return name, self._writer(file, path, OpenMode.REPLACE, None)

    def remove_file(self, path: VirtualPath, /) -> None:
        require(self.capabilities, Capability.WRITE)
        with self._names:
            self._count_once()
            before = self._look(path, follow=False)
            self._filesystem.remove_file(path)
            self._lost(path, before)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        require(self.capabilities, Capability.WRITE | Capability.RENAME)
        with self._names:
            self._count_once()
            replaced = self._look(target, follow=False)
            self._filesystem.rename(source, target)
            # Whoever renames a file onto itself, or to another name of it, finds it where it was.
            if replaced is not None and self._look(source, follow=False) is not None:
                return
            self._lost(target, replaced)
            self._moved(source, target)

    # -- open files ----------------------------------------------------------------------------------------------------

    def _opened_to_read(self, path: VirtualPath) -> BinaryFile:
        if not self._identifies:
            return self._filesystem.open_file(path, OpenMode.READ)
        with self._names:
            file = self._filesystem.open_file(path, OpenMode.READ)
            stored = self._hold(path, self._look(path), file.size)
        kind = KernelReader if hasattr(file, "fileno") else Reader
        return kind(file, self._closing(stored, file))

    def _writer(self, file: BinaryFile, path: VirtualPath, mode: OpenMode, before: FileInfo | None) -> Writer:
        stored = self._hold(path, self._look(path) if before is None else before, file.size)

        def actual() -> int | None:
            fileno = getattr(file, "fileno", None)
            if fileno is not None:
                return os.fstat(fileno()).st_size
            at = stored.path
            info = self._look(at) if stored.named else None
            return info.size if info is not None and self._key(at, info) == stored.key else None

        close = self._closing(stored, file)
        return Writer(file, stored, self._ledger, actual, close, appending=mode is OpenMode.APPEND)

    def _staged(self, file: BinaryFile, path: VirtualPath, mode: OpenMode, *, new: bool) -> Writer:
        kept = 0 if mode is OpenMode.REPLACE else file.size
        stored = OpenObject(object(), path, kept, base=kept, new=new)
        self._apart.add(stored)
        if new:
            self._ledger.add(0, files=1)
        close = lambda complete: self._commit(stored, file) if complete else self._abort(stored, file)
        return Writer(file, stored, self._ledger, lambda: None, close, appending=mode is OpenMode.APPEND)

    def _hold(self, path: VirtualPath, info: FileInfo | None, size: int) -> OpenObject:
        """Return what is known of a file that was just opened.  The names are locked."""
        key: Hashable = object() if info is None else self._key(path, info)
        stored = self._open.get(key)
        if stored is None:
            stored = self._open[key] = OpenObject(key, path, size)
        stored.openings += 1
        return stored

    def _closing(self, stored: OpenObject, file: BinaryFile) -> Close:
        def close(complete: bool) -> None:
            with self._names:  # until it is forgotten: the next file may be given the same identifier
                try:
                    file.close(complete=complete)
                finally:
                    stored.openings -= 1
                    if not stored.openings:
                        self._forget(stored)

        return close

    def _forget(self, stored: OpenObject) -> None:
        if stored.named:
            del self._open[stored.key]
        else:
            self._apart.remove(stored)
            self._ledger.add(-stored.size, files=-1)

    def _abort(self, stored: OpenObject, file: BinaryFile) -> None:
        with self._names:
            try:
                file.close(complete=False)
            finally:
                self._unstage(stored)

    def _commit(self, stored: OpenObject, file: BinaryFile) -> None:
        """Close an upload that is seen from now on, if it still fits beside what was stored meanwhile."""
        with self._names:
            before = self._look(stored.path)
            gives_way = before is not None and self._key(stored.path, before) not in self._open
            growth = stored.size - stored.charge(stored.size) - (before.size if before and gives_way else 0)
            fits = self._ledger.has_room(growth) and (stored.new or gives_way or self._ledger.has_room_for_file())
            try:
                file.close(complete=fits)
            except BaseException:
                self._unstage(stored)
                self._replaced(stored.path, before, self._look(stored.path))
                raise
            self._unstage(stored)
            if not fits:
                raise over_quota(stored.path)
            # What nobody may look at was stored all the same.
            after = self._look(stored.path) or FileInfo("", FileKind.FILE, stored.size)
            self._replaced(stored.path, before, after)

    def _unstage(self, stored: OpenObject) -> None:
        self._apart.remove(stored)
        self._ledger.add(-stored.charge(stored.size), files=-1 if stored.new else 0)

    def _replaced(self, path: VirtualPath, before: FileInfo | None, after: FileInfo | None) -> None:
        """Count what is at `path` now instead of what was there before."""
        if before is not None and after is not None and self._key(path, before) == self._key(path, after):
            self._ledger.add(after.size - before.size)
            if (known := self._open.get(self._key(path, after))) is not None:
                known.size = after.size
            return
        self._lost(path, before)
        if after is not None:
            self._ledger.add(after.size, files=1)

    # -- names ---------------------------------------------------------------------------------------------------------

    def _look(self, path: VirtualPath, *, follow: bool = True) -> FileInfo | None:
        """Return what is at `path`; None if nothing is, or nobody may look."""
        try:
            return self._filesystem.stat(path, follow=follow)
        except REFUSALS:
            return None

    def _key(self, path: VirtualPath, info: FileInfo) -> Hashable:
        return path if info.unique is None else info.unique

    def _check_room(self, path: VirtualPath) -> None:
        """Raise unless a file may be made at `path`; that its directory is missing goes first."""
        if not self._ledger.has_room_for_file():
            if self._filesystem.stat(parent_path(path), follow=True).kind is not FileKind.DIRECTORY:
                raise system_error(errno.ENOTDIR, path)
            raise over_quota(path)

    def _lost(self, path: VirtualPath, info: FileInfo | None) -> None:
        """Count what was at `path` no more, unless it is open or has another name."""
        if info is None or info.kind is not FileKind.FILE or info.links > 1:
            return
        stored = self._open.pop(self._key(path, info), None)
        if stored is None:
            self._ledger.add(-info.size, files=-1)
        else:
            stored.named = False
            self._apart.add(stored)

    def _moved(self, source: VirtualPath, target: VirtualPath) -> None:
        for stored in list(self._open.values()):
            if stored.path == source or stored.path.startswith(f"{source}/"):
                path = VirtualPath(target + stored.path[len(source) :])
                if stored.key == stored.path:
                    del self._open[stored.key]
                    stored.key = path
                    self._open[path] = stored
                stored.path = path

    # -- counting ------------------------------------------------------------------------------------------------------

    def _count_once(self) -> None:
        if not self._counted:
            self._count()

    def _count(self) -> None:
        with ExitStack() as held:
            for stored in [*self._open.values(), *self._apart]:
                held.enter_context(stored.lock)
            size = files = 0
            for path, info in all_files(self._filesystem, self._most_entries):
                size += info.size
                files += 1
                known = self._open.get(self._key(path, info))
                if known is not None:
                    known.size = info.size
            for stored in self._apart:
                size += stored.charge(stored.size)
                files += stored.new or not stored.named
            self._ledger.reset(size, files)
            self._counted = True
