"""`FileInfo` from the methods of a seed-style filesystem: `lstat`, `stat`, `readlink`, and those that ask one
question.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from ftpcore import FilesystemError
from ftpcore.ports import FileInfo, FileKind
from ftpcore_adapters._local_files import NameCache

if TYPE_CHECKING:
    from ftpcore_adapters.filesystems import AbstractedFS

__all__ = ["INFO_METHODS", "SeedInfos", "close_iterator"]

#: Methods of a seed-style filesystem that what is told of a path rests on.
INFO_METHODS: Final = frozenset(
    {
        "stat",
        "lstat",
        "readlink",
        "islink",
        "isfile",
        "isdir",
        "getsize",
        "getmtime",
        "get_user_by_uid",
        "get_group_by_gid",
    }
)

#: A class that overrides these may hold files that no `stat` knows.
_PROBES: Final = frozenset({"isfile", "isdir"})

_KINDS: Final = {
    stat.S_IFREG: FileKind.FILE,
    stat.S_IFDIR: FileKind.DIRECTORY,
    stat.S_IFLNK: FileKind.LINK,
}

_REFUSALS: Final = (OSError, FilesystemError)


class SeedInfos:
    """Tells of the files of one seed-style filesystem.

    What `stat` says is corrected by those of `isfile`, `isdir`, `getsize` and `getmtime` that the class overrides;
    where `stat` finds nothing, an overridden `isfile` or `isdir` decides, as these do for the commands of the seed.

    Args:
        fs: Whose methods are asked.
        overridden: Names of the methods that its class overrides.
    """

    def __init__(self, fs: AbstractedFS, overridden: frozenset[str] = frozenset()) -> None:
        self._fs = fs
        self._probes = bool(overridden & _PROBES)
        self._existence = "lexists" in overridden
        self._size = "getsize" in overridden
        self._modified = "getmtime" in overridden
        self._users = NameCache(lambda uid: str(fs.get_user_by_uid(uid)))
        self._groups = NameCache(lambda gid: str(fs.get_group_by_gid(gid)))

    def of(self, name: str, real_path: str, *, follow: bool) -> FileInfo:
        """Tell of `real_path` under `name`; with `follow`, of what a link leads to."""
        fs = self._fs
        try:
            status = fs.stat(real_path) if follow else fs.lstat(real_path)
        except OSError:
            info = self._probed(name, real_path) if self._probes else None
            if info is None:
                raise
            return info
        info = self._info(name, status)
        if info.kind is FileKind.LINK:
            return info._replace(target=self._target(real_path))
        if self._probes or self._size or self._modified:
            return self._corrected(info, real_path)
        return info

    def itself(self, name: str, real_path: str) -> FileInfo:
        """Tell of what a command names, links not followed; an overridden `lexists` says whether it is there."""
        if not self._existence:
            return self.of(name, real_path, follow=False)
        if not self._fs.lexists(real_path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), real_path)
        try:
            return self.of(name, real_path, follow=False)
        except _REFUSALS:
            return FileInfo(name, FileKind.OTHER, 0, 0.0)  # it is there, and that is all there is to say

    def entry(self, name: str, real_path: str, *, follow: bool) -> FileInfo | None:
        """Tell of the entry of a directory; None if nobody may look at it, or it is a link that leads nowhere."""
        try:
            if follow and self._fs.islink(real_path) and not self._fs.validpath(real_path):
                return None
            return self.of(name, real_path, follow=follow)
        except _REFUSALS:
            return None

    def _info(self, name: str, status: os.stat_result) -> FileInfo:
        # The status may be anything that has these attributes, and may lack those that only POSIX has.
        mode = status.st_mode
        inode, device = getattr(status, "st_ino", 0), getattr(status, "st_dev", 0)
        uid, gid = getattr(status, "st_uid", None), getattr(status, "st_gid", None)
        return FileInfo(
            name,
            _KINDS.get(stat.S_IFMT(mode), FileKind.OTHER),
            status.st_size,
            status.st_mtime,
            mode,
            getattr(status, "st_nlink", 1),
            "owner" if uid is None else self._users[uid],
            "group" if gid is None else self._groups[gid],
            uid,
            gid,
            f"{device:x}g{inode:x}" if inode else None,
        )

    def _target(self, real_path: str) -> str | None:
        try:
            return self._fs.readlink(real_path)
        except _REFUSALS:
            return None  # listed without, as the seed does

    def _corrected(self, info: FileInfo, real_path: str) -> FileInfo:
        kind = info.kind
        if self._probes:
            kind = self._kind(real_path) or FileKind.OTHER
        if kind is not info.kind:
            # Without its type, a listing takes the type of the kind.
            info = info._replace(kind=kind, mode=None if info.mode is None else stat.S_IMODE(info.mode))
        if self._size and kind is FileKind.FILE:
            info = info._replace(size=self._fs.getsize(real_path))
        if self._modified:
            info = info._replace(modified=self._fs.getmtime(real_path))
        return info

    def _probed(self, name: str, real_path: str) -> FileInfo | None:
        kind = self._kind(real_path)
        if kind is None:
            return None
        size = self._number(self._fs.getsize, real_path) if kind is FileKind.FILE else 0
        return FileInfo(name, kind, int(size), self._number(self._fs.getmtime, real_path))

    def _kind(self, real_path: str) -> FileKind | None:
        if self._fs.isdir(real_path):
            return FileKind.DIRECTORY
        return FileKind.FILE if self._fs.isfile(real_path) else None

    def _number(self, ask: Callable[[str], float], real_path: str) -> float:
        try:
            return ask(real_path)
        except _REFUSALS:
            return 0.0  # not every filesystem knows


def close_iterator(iterator: Iterator[object]) -> None:
    """Close a generator that is given up; anything else needs no closing."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
