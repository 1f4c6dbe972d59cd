"""The host's own disk below a root directory.

What leads out of the root does not exist for the client: ".." in a link, a link to elsewhere and a link that passes
through elsewhere all raise FileNotFoundError, and nothing outside is looked at, so that neither a reply nor the time it
takes tells what is there.  RFC 2577 6.

This holds against races, too, with somebody who renames directories or makes links below the root at the very moment,
on the host itself or through a second session: see `_confine`, also for what Windows lacks.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Final, TypeVar

from ftpcore import VirtualPath, base_name, join_path, parent_path
from ftpcore.ports import Capability, FileInfo, OpenMode
from ftpcore_adapters._confine import HANDLE, LISTING, KernelTree, PathTree, Tree, WalkedTree, system_error
from ftpcore_adapters._entries import Place, change
from ftpcore_adapters._local_files import (
    DISK,
    LocalFile,
    LocalScan,
    NameCache,
    file_info,
    group_name,
    make_file,
    open_file,
    user_name,
)

__all__ = ["Confinement", "FollowSymlinks", "LocalFileSystem"]

#: Names tried by `open_unique`, as the seed API promises.
UNIQUE_TRIES: Final = 50

T = TypeVar("T")


class FollowSymlinks(Enum):
    """Which symbolic links of the disk lead somewhere.  All of them are listed, renamed and removed as such."""

    INSIDE = "inside"
    """Those that stay below the root; the target of an absolute one is a path of the host."""
    NEVER = "never"
    """None."""


class Confinement(Enum):
    """How a directory below the root is opened."""

    KERNEL = "kernel"
    """In one system call of Linux 5.6 (`openat2`); as WALK where there is a link on the way or no such call."""
    WALK = "walk"
    """Each component relative to the one before, which takes POSIX."""
    PATH = "path"
    """By a path whose links were resolved before.  Safe only while nobody renames directories or makes links."""


_TREES: Final[Mapping[Confinement, type[Tree[int] | Tree[str]]]] = {
    Confinement.KERNEL: KernelTree,
    Confinement.WALK: WalkedTree,
    Confinement.PATH: PathTree,
}
if not {os.open, os.stat, os.readlink, os.mkdir, os.rename} <= os.supports_dir_fd:  # Windows
    _FIRST = Confinement.PATH
else:
    _FIRST = Confinement.KERNEL if sys.platform == "linux" else Confinement.WALK


class LocalFileSystem:
    """Files of the host below the directory `root`, with the rights of the process.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     files = LocalFileSystem(root)
    ...     files.make_dir(VirtualPath("/pub"))
    ...     [entry.name for entry in files.scan_dir(VirtualPath("/"), follow=True)]
    ['pub']

    New files get mode 0666 and directories 0777 less the umask; those of `open_unique` get 0600.  A file closed with
    `complete=False` stays as far as it was written.  FIFOs, sockets and devices are listed, renamed and removed, but
    not opened or changed.  Names on the disk are in Python's filesystem encoding, which is UTF-8 unless the locale says
    otherwise.  No descriptor is held between calls.

    Of links, `FileInfo.target` is what is stored if that is relative and stays below the root, the virtual path if it
    is absolute and does, else None.  `BinaryFile.name` is the path of the root and that of the client, links
    unresolved.

    Args:
        root: Its links are looked up once, now; it need not exist yet.  The directory is looked up by each call: one
            that was put in its place is the root from then on.
        follow_symlinks: See `FollowSymlinks`.
        confinement: See `Confinement`; None: the first of them that the system can do.
        unique_part: Makes what `open_unique` appends to a prefix.
    """

    blocking = True
    capabilities = DISK | Capability.CONFINED

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        follow_symlinks: FollowSymlinks = FollowSymlinks.INSIDE,
        confinement: Confinement | None = None,
        unique_part: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._unique_part = unique_part
        real_root = os.path.realpath(root)
        # Absolute links may name the root as the operator did, through a link above it.
        names = (real_root, os.path.abspath(root))
        tree = _TREES[confinement or _FIRST]
        self._tree = tree(real_root, names, follow_links=follow_symlinks is FollowSymlinks.INSIDE)
        self._users = NameCache(user_name)
        self._groups = NameCache(group_name)

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        target = None
        with self._tree.entry(path) as place:
            status = place.stat()
            if not follow and stat.S_ISLNK(status.st_mode):
                target = self._tree.shown_target(place.read_link(), lambda: self._tree.depth(parent_path(path)))
        if follow and stat.S_ISLNK(status.st_mode):
            status = self._status_followed(path)
        return file_info(base_name(path), status, self._users, self._groups, target)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> LocalScan:
        depth = cache(lambda: self._tree.depth(path))
        return LocalScan(
            self._tree.directory(path, LISTING),
            self._users,
            self._groups,
            follow=(lambda name: self._status_followed(join_path(path, name))) if follow else None,
            shown_target=lambda target: self._tree.shown_target(target, depth),
        )

    def enter_dir(self, path: VirtualPath, /) -> None:
        # The kernel looks up "." only in a directory that this very thread may search; os.access asks for the real
        # user instead, who is another one under impersonation.
        directory = self._tree.directory(path, HANDLE)
        if isinstance(directory, int):
            with Place(directory, ".") as place:
                place.stat()
        elif not stat.S_ISDIR(os.lstat(os.path.join(directory, ".")).st_mode):  # Windows drops the "."
            raise system_error(errno.ENOTDIR, path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> LocalFile:
        real_path = self._tree.real_path(path)
        return self._followed(path, lambda place: open_file(real_path, mode, place))

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, LocalFile]:
        for _ in range(UNIQUE_TRIES):
            name = f"{prefix}{self._unique_part()}"
            if "/" in name:
                raise system_error(errno.EINVAL, name)
            path = join_path(directory, name)
            try:
                with self._tree.entry(path) as place:
                    return name, make_file(self._tree.real_path(path), place, 0o600)
            except FileExistsError:
                pass
        raise system_error(errno.EEXIST, directory)

    def make_dir(self, path: VirtualPath, /) -> None:
        with self._tree.entry(path) as place:
            os.mkdir(place.name, dir_fd=place.directory)

    def remove_dir(self, path: VirtualPath, /) -> None:
        with self._removable(path) as place:
            os.rmdir(place.name, dir_fd=place.directory)

    def remove_file(self, path: VirtualPath, /) -> None:
        with self._removable(path) as place:
            os.unlink(place.name, dir_fd=place.directory)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        with self._removable(source) as old, self._removable(target) as new:
            os.replace(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._change(path, lambda found: os.chmod(found, stat.S_IMODE(mode)))

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        try:
            self._change(path, lambda found: os.utime(found, (seconds, seconds)))
        except (OverflowError, ValueError):
            raise system_error(errno.EINVAL, path) from None

    def _change(self, path: VirtualPath, apply: Callable[[str | int], None]) -> None:
        self._followed(path, lambda place: change(place, apply))

    def _removable(self, path: VirtualPath) -> Place:
        """Return the place of what may be renamed and removed: anything but the root; links are not followed."""
        if path == "/":
            raise system_error(errno.EACCES, path)
        return self._tree.entry(path)

    def _status_followed(self, path: VirtualPath) -> os.stat_result:
        with self._tree.followed(path) as place:
            status = place.stat()
        if stat.S_ISLNK(status.st_mode):  # since a moment ago
            raise system_error(errno.ELOOP, path)
        return status

    def _followed(self, path: VirtualPath, use: Callable[[Place], T]) -> T:
        """Return what `use`, which raises ELOOP for a link, makes of what `path` leads to."""
        with self._tree.entry(path) as place:
            try:
                return use(place)
            except OSError as failure:
                if failure.errno != errno.ELOOP:
                    raise
        with self._tree.followed(path) as place:
            return use(place)
