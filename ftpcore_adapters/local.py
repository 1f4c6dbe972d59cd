"""The host's own disk below a root directory.

What leads out of the root does not exist for the client: ".." in a link, a link to elsewhere and a link that passes
through elsewhere all raise FileNotFoundError, and nothing outside is looked at, so that neither a reply nor the time it
takes tells what is there.  RFC 2577 6.

Known limit: a path is resolved first and used then.  Somebody who renames directories or makes links below the root at
the very moment, on the host itself or through a second session, can lead the second step astray.  A later release
resolves in the kernel.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Callable
from enum import Enum
from typing import Final

from ftpcore import VirtualPath, base_name, join_path
from ftpcore.ports import Capability, FileInfo, OpenMode
from ftpcore_adapters._local_files import (
    LocalFile,
    LocalScan,
    NameCache,
    file_info,
    group_name,
    make_file,
    open_file,
    user_name,
)

__all__ = ["FollowSymlinks", "LocalFileSystem"]

#: Links followed on the way to one object, as Linux does.
LINK_LIMIT: Final = 40
#: Names tried by `open_unique`, as the seed API promises.
UNIQUE_TRIES: Final = 50
#: Characters that can't be part of one component of a path: on Windows also those that would make it two, or another
#: drive, or another stream of the file.
_FOREIGN: Final = re.compile(r"[\\:\0]" if os.sep == "\\" else r"\0")


class FollowSymlinks(Enum):
    """Which symbolic links of the disk lead somewhere.  All of them are listed, renamed and removed as such."""

    INSIDE = "inside"
    """Those that stay below the root; the target of an absolute one is a path of the host."""
    NEVER = "never"
    """None."""


class LocalFileSystem:
    """Files of the host below the directory `root`, with the rights of the process.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     files = LocalFileSystem(root)
    ...     files.make_dir(VirtualPath("/pub"))
    ...     [entry.name for entry in files.scan_dir(VirtualPath("/"), follow=True)]
    ['pub']

    New files get mode 0666 and directories 0777 less the umask; those of `open_unique` get 0600.  A file closed with
    `complete=False` stays as far as it was written.  FIFOs, sockets and devices are listed but not opened.  Names
    on the disk are in Python's filesystem encoding, which is UTF-8 unless the locale says otherwise.

    Args:
        root: Looked up once, now; it need not exist yet.
        follow_symlinks: See `FollowSymlinks`.
        unique_part: Makes what `open_unique` appends to a prefix.
    """

    blocking = True
    capabilities = (
        Capability.RESUME
        | Capability.APPEND
        | Capability.RENAME
        | Capability.REPLACE
        | Capability.MODE
        | Capability.TIMES
        | Capability.LINKS
        | Capability.UNIQUE_ID
        | Capability.CONFINED
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        follow_symlinks: FollowSymlinks = FollowSymlinks.INSIDE,
        unique_part: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._follow_symlinks = follow_symlinks
        self._unique_part = unique_part
        self._root = os.path.realpath(root)
        # Absolute links may name the root as the operator did, through a link above it.
        self._root_names = [_components(name) for name in (self._root, os.path.abspath(root))]
        self._users = NameCache(user_name)
        self._groups = NameCache(group_name)

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        real_path = self._resolve(path, follow_last=follow)
        status = os.lstat(real_path)
        target = os.readlink(real_path) if stat.S_ISLNK(status.st_mode) else None
        return file_info(base_name(path), status, self._users, self._groups, target)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> LocalScan:
        def resolve_entry(name: str) -> str:
            return self._resolve(join_path(path, name), follow_last=True)

        real_path = self._resolve(path, follow_last=True)
        return LocalScan(real_path, self._users, self._groups, resolve_entry if follow else None)

    def enter_dir(self, path: VirtualPath, /) -> None:
        # The kernel looks up "." only in a directory that this very thread may search; os.access asks for the real
        # user instead, who is another one under impersonation.
        status = os.lstat(os.path.join(self._resolve(path, follow_last=True), "."))
        if not stat.S_ISDIR(status.st_mode):  # Windows drops the "."
            raise _error(errno.ENOTDIR, path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> LocalFile:
        return open_file(self._resolve(path, follow_last=True), mode)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, LocalFile]:
        for _ in range(UNIQUE_TRIES):
            name = f"{prefix}{self._unique_part()}"
            if "/" in name:
                raise _error(errno.EINVAL, name)
            try:
                return name, make_file(self._resolve(join_path(directory, name), follow_last=False), 0o600)
            except FileExistsError:
                pass
        raise _error(errno.EEXIST, directory)

    def make_dir(self, path: VirtualPath, /) -> None:
        os.mkdir(self._resolve(path, follow_last=False))

    def remove_dir(self, path: VirtualPath, /) -> None:
        os.rmdir(self._resolve_entry(path))

    def remove_file(self, path: VirtualPath, /) -> None:
        os.unlink(self._resolve_entry(path))

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        os.replace(self._resolve_entry(source), self._resolve_entry(target))

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        real_path = self._resolve(path, follow_last=True)
        # It is no link any more; where the system can promise to follow none, it does.
        os.chmod(real_path, stat.S_IMODE(mode), follow_symlinks=os.chmod not in os.supports_follow_symlinks)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        real_path = self._resolve(path, follow_last=True)
        try:
            os.utime(real_path, (seconds, seconds), follow_symlinks=os.utime not in os.supports_follow_symlinks)
        except (OverflowError, ValueError):
            raise _error(errno.EINVAL, path) from None

    def _resolve_entry(self, path: VirtualPath) -> str:
        """Return the real path of what may be renamed and removed: anything but the root; links are not followed."""
        if path == "/":
            raise _error(errno.EACCES, path)
        return self._resolve(path, follow_last=False)

    def _resolve(self, path: VirtualPath, *, follow_last: bool) -> str:
        """Return the real path of `path`, whose last component may be missing, and is the only one that may be a link.

        With `follow_last` it is none either.  Raises FileNotFoundError for what leads out of the root.
        """
        base = self._root if self._root != os.sep else ""
        steps: list[str] = []
        pending = _checked_components(path)[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name == "..":  # only the target of a link holds one
                if steps:
                    steps.pop()
                elif base:
                    raise _error(errno.ENOENT, path)
                continue
            steps.append(name)
            if not pending and not follow_last:
                break
            try:
                target = os.readlink(os.sep.join((base, *steps)))
            except OSError as failure:
                if failure.errno == errno.EINVAL or (failure.errno == errno.ENOENT and not pending):
                    continue  # no link, or something yet to be made
                raise
            links += 1
            if links > LINK_LIMIT:
                raise _error(errno.ELOOP, path)
            if self._follow_symlinks is FollowSymlinks.NEVER:
                raise _error(errno.ENOENT, path)
            components = _checked_components(target)
            if target.startswith("/"):
                components = self._below_root(components, path)
                steps.clear()
            else:
                steps.pop()
            pending += components[::-1]
        return os.sep.join((base, *steps)) if steps else self._root

    def _below_root(self, components: list[str], path: VirtualPath) -> list[str]:
        """Return what is left of an absolute host path below the root."""
        for root in self._root_names:
            if components[: len(root)] == root:
                return components[len(root) :]
        raise _error(errno.ENOENT, path)


def _checked_components(text: str) -> list[str]:
    if _FOREIGN.search(text):
        raise _error(errno.EINVAL, text)
    try:
        os.fsencode(text)
    except UnicodeEncodeError:  # the host's names are in an encoding that lacks a character
        raise _error(errno.EILSEQ, text) from None
    return _components(text)


def _components(text: str) -> list[str]:
    return [component for component in text.split("/") if component not in ("", ".")]


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
