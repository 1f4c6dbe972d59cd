"""Filesystems of the seed API: classes that speak of real paths, one instance per login.

Subclass `AbstractedFS`, override what shall be different, and name the class as `abstracted_fs` of a handler.  Every
method may raise OSError or `FilesystemError`, whose text the client is told.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import IO, Any, Final

from ftpcore import ROOT, FilesystemError, facts_line, list_line, resolve, sendable
from ftpcore.ports import FileInfo
from ftpcore_adapters._clock import LocalZone
from ftpcore_adapters._seed_info import SeedInfos

try:
    import grp
    import pwd
except ImportError:  # Windows
    _HAS_NAMES = False
else:
    _HAS_NAMES = True

__all__ = ["AbstractedFS", "FilesystemError"]

if os.name == "posix":
    __all__ += ["UnixFilesystem"]

#: Names tried by `mkstemp`, as the seed API promises.
UNIQUE_TRIES: Final = 50

#: One for all listings: offsets are cached for each zone object.
_ZONE: Final = LocalZone()

_TYPES_OF_DOTS: Final = {".": "type=cdir;", "..": "type=pdir;"}


class AbstractedFS:
    """The host's files below `root`, which the client sees as "/".

    >>> fs = AbstractedFS("/srv/ftp", None)
    >>> fs.ftp2fs("/pub/../etc"), fs.ftp2fs("../../etc"), fs.cwd
    ('/srv/ftp/etc', '/srv/ftp/etc', '/')

    Links that lead out of the root are refused by `validpath`; nothing here calls it, whoever uses the methods does.

    Args:
        root: Real path of the user's root.
        cmd_channel: The handler; its `use_gmt_times`, `encoding` and `unicode_errors` shape listings.  None: the
            defaults of these.
    """

    def __init__(self, root: str, cmd_channel: object) -> None:
        self._root = os.fspath(root)
        self._cwd = "/"
        self.cmd_channel: Any = cmd_channel  # Any: users reach for attributes of their own handler

    @property
    def root(self) -> str:
        """Real path of the user's root."""
        return self._root

    @root.setter
    def root(self, path: str) -> None:
        self._root = path

    @property
    def cwd(self) -> str:
        """Virtual path of the current directory."""
        return self._cwd

    @cwd.setter
    def cwd(self, path: str) -> None:
        self._cwd = path

    # -- paths ---------------------------------------------------------------------------------------------------------

    def ftpnorm(self, ftppath: str) -> str:
        """Return the absolute virtual path of what a client typed; ".." never leads above "/"."""
        if os.sep == "\\":
            ftppath = ftppath.replace("\\", "/")
        if ftppath.startswith("/"):
            return resolve(ROOT, ftppath)
        return resolve(resolve(ROOT, self.cwd), ftppath)

    def ftp2fs(self, ftppath: str) -> str:
        """Return the real path of what a client typed."""
        return os.path.normpath(os.path.join(self.root, self.ftpnorm(ftppath)[1:]))

    def fs2ftp(self, fspath: str) -> str:
        """Return the virtual path of a real one, taken as below the root if it is relative; "/" for one outside."""
        path, root = os.path.normpath(os.path.join(self.root, fspath)), os.path.normpath(self.root)
        if not self.validpath(path):
            return "/"
        if not _is_inside(path, root):  # it names the root in other words, through a link
            path, root = self.realpath(path), self.realpath(root)
        return "/" + path[len(root) :].replace(os.sep, "/").lstrip("/")

    def validpath(self, path: str) -> bool:
        """Tell whether a real path, its links resolved, is the root or below."""
        return _is_inside(self.realpath(path), self.realpath(self.root))

    def realpath(self, path: str) -> str:
        return os.path.realpath(path)

    # -- operations ----------------------------------------------------------------------------------------------------

    def open(self, filename: str, mode: str) -> IO[bytes]:
        """Open a plain file; nothing else is opened, and a FIFO blocks nobody."""
        return open(filename, mode, opener=_open_plain)

    def mkstemp(self, suffix: str = "", prefix: str = "", dir: str | None = None, mode: str = "wb") -> IO[bytes]:
        """Make and open a file that did not exist, the owner's alone; its `name` is the real path."""
        directory = tempfile.gettempdir() if dir is None else dir
        for _ in range(UNIQUE_TRIES):
            path = os.path.join(directory, f"{prefix}{secrets.token_hex(4)}{suffix}")
            try:
                return open(path, mode, opener=_make_private)
            except FileExistsError:
                pass
        raise FileExistsError(errno.EEXIST, "No usable unique file name found", directory)

    def chdir(self, path: str) -> None:
        """Make a directory the current one.  The process's own working directory never changes."""
        # Looking up "." needs the right to search the directory, as os.chdir does.
        if not stat.S_ISDIR(os.stat(os.path.join(path, ".")).st_mode):  # Windows drops the "."
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        self.cwd = self.fs2ftp(path)

    def mkdir(self, path: str) -> None:
        os.mkdir(path)

    def rmdir(self, path: str) -> None:
        os.rmdir(path)

    def remove(self, path: str) -> None:
        os.remove(path)

    def rename(self, src: str, dst: str) -> None:
        os.rename(src, dst)

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(path, mode)

    def utime(self, path: str, timeval: float) -> None:
        """Set the times of access and modification."""
        os.utime(path, (timeval, timeval))

    # -- questions -----------------------------------------------------------------------------------------------------

    def stat(self, path: str) -> os.stat_result:
        return os.stat(path)

    def lstat(self, path: str) -> os.stat_result:
        return os.lstat(path)

    def readlink(self, path: str) -> str:
        return os.readlink(path)

    def isfile(self, path: str) -> bool:
        return os.path.isfile(path)

    def islink(self, path: str) -> bool:
        return os.path.islink(path)

    def isdir(self, path: str) -> bool:
        return os.path.isdir(path)

    def lexists(self, path: str) -> bool:
        return os.path.lexists(path)

    def getsize(self, path: str) -> int:
        return os.path.getsize(path)

    def getmtime(self, path: str) -> float:
        return os.path.getmtime(path)

    def get_user_by_uid(self, uid: int) -> str | int:
        """Return the name of a user; the number of one without a name."""
        if not _HAS_NAMES:
            return "owner"
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return uid

    def get_group_by_gid(self, gid: int) -> str | int:
        """Return the name of a group; the number of one without a name."""
        if not _HAS_NAMES:
            return "group"
        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return gid

    # -- listings ------------------------------------------------------------------------------------------------------

    def listdir(self, path: str) -> Iterable[str]:
        """Return the names in a directory: a list, or a generator of them."""
        return os.listdir(path)

    def listdirinfo(self, path: str) -> Iterable[str]:
        """Return what `listdir` does; nothing here calls it."""
        return self.listdir(path)

    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        """Yield a line of LIST for each of the names `listing` in the directory `basedir`.

        An entry that can't be looked at is left out; with `ignore_err` off, its error is raised.
        """
        now, zone = time.time(), self._zone()
        for info in self._infos(basedir, listing, ignore_err, follow=False):
            yield self._encoded(list_line(info, now, zone))

    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        """Yield a line of MLSD for each of the names `listing` in the directory `basedir`; links are followed.

        Args:
            perms: Permission letters of the user.
            facts: Names of the facts wanted, in lower case.
            ignore_err: As for `format_list`.
        """
        zone = self._zone()
        for info in self._infos(basedir, listing, ignore_err, follow=True):
            line = facts_line(info, facts, perms, zone)
            if info.name in _TYPES_OF_DOTS:
                line = line.replace("type=dir;", _TYPES_OF_DOTS[info.name], 1)
            yield self._encoded(line)

    def _infos(self, basedir: str, listing: Iterable[str], ignore_err: bool, *, follow: bool) -> Iterator[FileInfo]:
        infos = SeedInfos(self)
        for name in listing:
            if not sendable(name):
                continue
            path = os.path.join(basedir, name)
            try:
                info = infos.of(name, path, follow=follow)
            except (OSError, FilesystemError):
                if ignore_err:
                    continue
                raise
            yield info

    def _zone(self) -> tzinfo | None:
        return None if getattr(self.cmd_channel, "use_gmt_times", True) else _ZONE

    def _encoded(self, line: str) -> bytes:
        encoding = getattr(self.cmd_channel, "encoding", "utf-8")
        try:
            return line.encode(encoding, getattr(self.cmd_channel, "unicode_errors", "surrogateescape"))
        except UnicodeEncodeError:
            return line.encode(encoding, "replace")


if os.name == "posix":

    class UnixFilesystem(AbstractedFS):
        """The whole disk as it is: the client begins in `root`, its home, and may walk anywhere.

        >>> fs = UnixFilesystem("/home/ann", None)
        >>> fs.cwd, fs.ftp2fs("../bob"), fs.validpath("/etc")
        ('/home/ann', '/home/bob', True)
        """

        def __init__(self, root: str, cmd_channel: object) -> None:
            super().__init__(root, cmd_channel)
            self.cwd = root

        def ftp2fs(self, ftppath: str) -> str:
            return self.ftpnorm(ftppath)

        def fs2ftp(self, fspath: str) -> str:
            return fspath

        def validpath(self, path: str) -> bool:
            return True


def _is_inside(path: str, directory: str) -> bool:
    """Tell whether `path` is `directory` or below; both are normal."""
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def _open_plain(path: str, flags: int) -> int:
    """Open a plain file for `open`, which refuses a directory by itself."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0), 0o666)
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        os.close(descriptor)
        raise PermissionError(errno.EACCES, "Not a plain file", path)
    return descriptor


def _make_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
