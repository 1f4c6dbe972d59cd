"""What a `Quota` counts: how much there is in all, and how much of it is in each file that is open."""

from __future__ import annotations

import errno
from collections.abc import Hashable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

from ftpcore import ROOT, FilesystemError, VirtualPath, join_path
from ftpcore.ports import FileInfo, FileKind, FileSystem
from ftpcore_adapters._wrapped import system_error

__all__ = ["REFUSALS", "Ledger", "OpenObject", "Usage", "all_files", "over_quota"]

#: How a filesystem says that there is nothing, or nothing for this user.
REFUSALS: Final = (OSError, FilesystemError)

#: Windows has no such number.
_OVER: Final = getattr(errno, "EDQUOT", errno.ENOSPC)


class Usage(NamedTuple):
    """What is stored."""

    size: int
    """Bytes, those included that will go with a file that was removed while it is open."""
    files: int


class Ledger:
    """The sums, and the limits to them.  Any thread may use it; its lock is held for a few steps only."""

    def __init__(self, max_bytes: int | None, max_files: int | None) -> None:
        for name, limit in (("max_bytes", max_bytes), ("max_files", max_files)):
            if limit is not None and limit < 0:
                raise ValueError(f"{name} is a number from 0 on, or None for no limit, and not {limit}")
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._lock = Lock()
        self._size = 0
        self._files = 0

    @property
    def usage(self) -> Usage:
        with self._lock:
            return Usage(self._size, self._files)

    def reset(self, size: int, files: int) -> None:
        with self._lock:
            self._size, self._files = size, files

    def take_bytes(self, wanted: int, least: int) -> int:
        """Count up to `wanted` bytes as stored, as many as there is room for; none if that is less than `least`."""
        with self._lock:
            granted = wanted if self._max_bytes is None else max(0, min(wanted, self._max_bytes - self._size))
            if granted < least:
                return 0
            self._size += granted
            return granted

    def has_room(self, size: int) -> bool:
        """Tell whether `size` more bytes would be too many; fewer never are."""
        with self._lock:
            return size <= 0 or self._max_bytes is None or self._size + size <= self._max_bytes

    def has_room_for_file(self) -> bool:
        with self._lock:
            return self._max_files is None or self._files < self._max_files

    def add(self, size: int, files: int = 0) -> None:
        """Count what is stored, whether there is room or not; less than 0: what is no longer."""
        with self._lock:
            self._size += size
            self._files += files


@dataclass(slots=True, eq=False)
class OpenObject:
    """A file that somebody has open, under whatever names and in however many openings."""

    key: Hashable
    path: VirtualPath
    """One of its names, as of now."""
    size: int
    """Bytes in it, those on their way included."""
    base: int = 0
    """Bytes of `size` that are counted elsewhere: the content that an upload will replace."""
    new: bool = False
    """It counts as a file although nobody sees it yet."""
    openings: int = 0
    """Of one that has, or had, a path."""
    named: bool = True
    lock: Lock = field(default_factory=Lock)
    """Held by whoever changes `size`, until the bytes are where they belong."""

    def charge(self, size: int) -> int:
        """Return how much of it counts if it is `size` bytes long."""
        return max(0, size - self.base)


def over_quota(path: str) -> OSError:
    return system_error(_OVER, path)


def all_files(filesystem: FileSystem, most_entries: int) -> Iterator[tuple[VirtualPath, FileInfo]]:
    """Iterate over all plain files; one that has several names comes once, where UNIQUE_ID tells.

    Raises:
        OSError: There are more than `most_entries` entries.
    """
    pending, looked_at = [ROOT], 0
    several: set[str] = set()
    while pending:
        directory = pending.pop()
        try:
            entries = filesystem.scan_dir(directory, follow=False)
        except REFUSALS:
            if directory == ROOT:
                raise
            continue  # it vanished, or nobody may list it, who then hardly stores anything in it
        with ExitStack() as at_end:
            at_end.callback(getattr(entries, "close", _nothing))
            for info in entries:
                looked_at += 1
                if looked_at > most_entries:
                    raise OSError(_OVER, f"More than {most_entries} entries: too many to count")
                path = join_path(directory, info.name)
                if info.kind is FileKind.DIRECTORY:
                    pending.append(path)
                elif info.kind is FileKind.FILE and info.unique not in several:
                    if info.links > 1 and info.unique is not None:
                        several.add(info.unique)
                    yield path, info


def _nothing() -> None:
    """An iterator without `close` needs no closing."""
