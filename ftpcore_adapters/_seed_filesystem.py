"""The bridge from filesystems of the seed API, which speak of real paths, to the port, which speaks of virtual ones.

What a class overrides is asked through its methods; for the rest `LocalFileSystem` does the same faster and more
carefully.  Which is which is decided once for each class.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from ftpcore import UnsupportedOperation, VirtualPath, base_name, join_path
from ftpcore.ports import BinaryFile, FileInfo, FileKind, OpenMode
from ftpcore_adapters._local_files import open_file
from ftpcore_adapters._seed_file import LateFile, SeedFile, seed_file
from ftpcore_adapters._seed_info import SeedInfos, close_iterator
from ftpcore_adapters._seed_style import style_of
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.local import LocalFileSystem

__all__ = ["SeedFileSystem", "Wrap", "filesystem_port"]

T = TypeVar("T")

_SEED_MODES: Final = {
    OpenMode.READ: "rb",
    OpenMode.WRITE: "wb",
    OpenMode.UPDATE: "r+b",
    OpenMode.REPLACE: "wb",
    OpenMode.APPEND: "ab",
}

#: Entries looked at in one call of the wrapper.
_BATCH: Final = 64

#: A directory with more names is listed in its own order.
_SORT_LIMIT: Final = 2000


class Wrap(Protocol):
    """Calls a function in its own way, as another user say, and returns what it returns."""

    def __call__(self, call: Callable[[], T], /) -> T: ...


def filesystem_port(fs: AbstractedFS, wrap: Wrap | None = None) -> SeedFileSystem:
    """Return `fs` as a port, on the fastest way that its class allows.

    Args:
        fs: A filesystem of the seed API; its `root` may change at any time.
        wrap: What every call that touches files goes through; None: nothing.
    """
    return SeedFileSystem(fs, wrap=wrap, local_verbs=style_of(type(fs)).local_verbs)


class SeedFileSystem:
    """A filesystem of the seed API as a port.

    Errors of its methods come out as they are, except NotImplementedError: UnsupportedOperation.  What `validpath`
    refuses does not exist: FileNotFoundError, whatever is there.

    Args:
        fs: Whose methods are called.
        wrap: See `filesystem_port`.  Open files, once they are open, are used without it.
        local_verbs: Methods of the port that `LocalFileSystem` carries out below `fs.root`.
    """

    blocking = True

    def __init__(
        self, fs: AbstractedFS, *, wrap: Wrap | None = None, local_verbs: frozenset[str] = frozenset()
    ) -> None:
        self._fs = fs
        self._wrap = wrap
        self._style = style_of(type(fs))
        self._local_verbs = local_verbs
        self._local_root: str | None = None
        self._infos = SeedInfos(fs, self._style.overridden)
        self.capabilities = self._style.capabilities

    def real_path(self, path: VirtualPath, /) -> str:
        """Return the real path of `path`, which may be one that `validpath` refuses."""
        return self._fs.ftp2fs(path)

    def check_path(self, path: VirtualPath, /, *, follow: bool) -> None:
        """Raise FileNotFoundError for what `validpath` refuses; without `follow`, not for a link that leads out."""
        self._call(lambda: self._checked(path, follow=follow))

    # -- the port ------------------------------------------------------------------------------------------------------

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        local = self._local("stat")
        if local is not None:
            return self._call(lambda: local.stat(path, follow=follow))
        return self._call(lambda: self._info(path, follow=follow))

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        local = self._local("scan_dir")
        scan: Iterator[FileInfo]
        if local is not None:
            scan = self._call(lambda: local.scan_dir(path, follow=follow))
        else:
            scan = self._call(lambda: self._scan(self._checked(path), follow))
        return self._in_batches(scan)

    def enter_dir(self, path: VirtualPath, /) -> None:
        local = self._local("enter_dir")
        if local is None:
            self._call(lambda: self._fs.chdir(self._checked(path)))
        else:
            self._call(lambda: local.enter_dir(path))
            self._fs.cwd = path

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        local = self._local("open_file")
        if local is not None:
            file = self._call(lambda: local.open_file(path, mode))
            file.name = self._fs.ftp2fs(
                path
            )  # as the client's path leads there, links unresolved: hooks and logs show it
            return file
        return self._call(lambda: self._opened(path, mode))

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        local = self._local("open_unique")
        if local is not None:
            name, unique_file = self._call(lambda: local.open_unique(directory, prefix))
            unique_file.name = self._fs.ftp2fs(join_path(directory, name))
            return name, unique_file
        if "/" in prefix or "\0" in prefix:
            raise _error(errno.EINVAL, prefix)
        return self._call(lambda: self._made(self._checked(directory), prefix))

    def make_dir(self, path: VirtualPath, /) -> None:
        local = self._local("make_dir")
        self._call(lambda: local.make_dir(path) if local else self._fs.mkdir(self._checked(path, follow=False)))

    def remove_dir(self, path: VirtualPath, /) -> None:
        local = self._local("remove_dir")
        self._call(lambda: local.remove_dir(path) if local else self._fs.rmdir(self._entry(path)))

    def remove_file(self, path: VirtualPath, /) -> None:
        local = self._local("remove_file")
        self._call(lambda: local.remove_file(path) if local else self._fs.remove(self._entry(path)))

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        local = self._local("rename")
        self._call(
            lambda: local.rename(source, target) if local else self._fs.rename(self._entry(source), self._entry(target))
        )

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        local = self._local("set_mode")
        self._call(lambda: local.set_mode(path, mode) if local else self._fs.chmod(self._checked(path), mode))

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        local = self._local("set_modified")
        try:
            self._call(
                lambda: local.set_modified(path, seconds) if local else self._fs.utime(self._checked(path), seconds)
            )
        except (OverflowError, ValueError):
            raise _error(errno.EINVAL, path) from None

    # -- lines of listings, for classes that format them themselves ----------------------------------------------------

    @property
    def formats_list(self) -> bool:
        """The class overrides `format_list`: LIST and STAT show `list_lines`."""
        return "format_list" in self._style.overridden

    @property
    def formats_facts(self) -> bool:
        """The class overrides `format_mlsx`: MLSD shows `fact_lines`, MLST `fact_line`."""
        return "format_mlsx" in self._style.overridden

    def list_lines(self, path: VirtualPath, /) -> Iterator[bytes]:
        """Iterate over the lines of LIST, each with its CR LF, for a directory, or the one of anything else."""
        return self._in_batches(self._call(lambda: self._list_lines(self._checked(path))))

    def fact_lines(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> Iterator[bytes]:
        """Iterate over the lines of MLSD; NotADirectoryError for what is none."""

        def lines() -> Iterator[bytes]:
            real_path = self._checked(path)
            return iter(self._fs.format_mlsx(real_path, self._names(real_path), rights, list(facts)))

        return self._in_batches(self._call(lines))

    def fact_line(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> bytes:
        """Return the line of MLST; its name is the last component of the real path."""

        def line() -> bytes:
            directory, name = os.path.split(self._checked(path))
            return b"".join(self._fs.format_mlsx(directory, [name], rights, list(facts), ignore_err=False))

        return self._call(line)

    def _list_lines(self, real_path: str) -> Iterator[bytes]:
        if not self._fs.isdir(real_path):
            directory, name = os.path.split(real_path)
            return iter(list(self._fs.format_list(directory, [name], ignore_err=False)))
        names = iter(self._fs.listdir(real_path))
        first = list(islice(names, _SORT_LIMIT + 1))
        if len(first) <= _SORT_LIMIT:
            first.sort()
        return iter(self._fs.format_list(real_path, _chained(first, names)))

    # -- private -------------------------------------------------------------------------------------------------------

    def _local(self, verb: str) -> LocalFileSystem | None:
        """Return what carries out `verb` below the present root; None: the methods of the class."""
        if verb not in self._local_verbs:
            return None
        root = os.sep if self._style.whole_disk else self._fs.root
        if root != self._local_root:
            self._local_files, self._local_root = LocalFileSystem(root), root
        return self._local_files

    def _call(self, function: Callable[[], T]) -> T:
        try:
            return function() if self._wrap is None else self._wrap(function)
        except NotImplementedError as error:
            raise UnsupportedOperation(str(error) or "the filesystem does not implement this") from error
        except UnicodeEncodeError as error:  # the host's names are in an encoding that lacks a character
            raise _error(errno.EILSEQ, str(error.object)) from error

    def _checked(self, path: VirtualPath, *, follow: bool = True) -> str:
        """Return the real path of `path`, which `validpath` allows.

        Without `follow`, a link that leads out is as good as anything else, unless the class has its own opinion.
        """
        if "\0" in path:
            raise _error(errno.EINVAL, path)
        fs, real_path = self._fs, self._fs.ftp2fs(path)
        if fs.validpath(real_path):
            return real_path
        if not follow and "validpath" not in self._style.overridden:
            if fs.validpath(os.path.dirname(real_path)) and fs.islink(real_path):
                return real_path
        raise _error(errno.ENOENT, path)

    def _entry(self, path: VirtualPath) -> str:
        """Return the real path of what may be renamed and removed: anything but the root; links are not followed."""
        if path == "/":
            raise _error(errno.EACCES, path)
        return self._checked(path, follow=False)

    def _info(self, path: VirtualPath, *, follow: bool) -> FileInfo:
        name, real_path = base_name(path), self._checked(path, follow=follow)
        return self._infos.of(name, real_path, follow=True) if follow else self._infos.itself(name, real_path)

    def _opened(self, path: VirtualPath, mode: OpenMode) -> BinaryFile:
        real_path = self._checked(path)
        if "open" not in self._style.overridden:
            file = open_file(self._fs.realpath(real_path), mode)
            file.name = real_path
            return file
        if mode is OpenMode.READ or mode is OpenMode.UPDATE:
            return self._open(real_path, _SEED_MODES[mode])
        try:
            info = self._infos.of(base_name(path), real_path, follow=True)
        except FileNotFoundError:
            return self._open(real_path, _SEED_MODES[mode], created=True)
        if info.kind is FileKind.DIRECTORY:
            raise _error(errno.EISDIR, path)
        if info.kind is FileKind.OTHER and "stat" not in self._style.overridden:
            raise PermissionError(errno.EACCES, "Not a plain file", path)
        if mode is OpenMode.WRITE:
            return LateFile(
                lambda seed_mode: self._call(partial(self._open, real_path, seed_mode)), real_path, info.size
            )
        return self._open(real_path, _SEED_MODES[mode])

    def _open(self, real_path: str, mode: str, *, created: bool = False) -> SeedFile:
        return seed_file(self._fs.open(real_path, mode), real_path, mode, created=created)

    def _made(self, directory: str, prefix: str) -> tuple[str, BinaryFile]:
        made: Any = self._fs.mkstemp(prefix=prefix, dir=directory)
        name = os.path.basename(made.name)
        return name, seed_file(made, os.path.join(directory, name), "wb", created=True)

    def _scan(self, real_path: str, follow: bool) -> Iterator[FileInfo]:
        return self._entries(real_path, self._names(real_path), follow)

    def _names(self, real_path: str) -> Iterator[str]:
        """Iterate over the names in a directory, whose errors are raised now."""
        if not self._fs.isdir(real_path):
            self._fs.stat(real_path)  # it says what is missing
            raise _error(errno.ENOTDIR, real_path)
        names = iter(self._fs.listdir(real_path))
        return _chained(list(islice(names, 1)), names)

    def _entries(self, real_path: str, names: Iterator[str], follow: bool) -> Iterator[FileInfo]:
        try:
            for name in names:
                if name in (".", ".."):
                    continue
                info = self._infos.entry(name, os.path.join(real_path, name), follow=follow)
                if info is not None:
                    yield info
        finally:
            close_iterator(names)

    def _in_batches(self, iterator: Iterator[T]) -> Iterator[T]:
        """Have `iterator` stepped through the wrapper, some steps at a time."""
        return iterator if self._wrap is None else self._batches(iterator)

    def _batches(self, iterator: Iterator[T]) -> Iterator[T]:
        try:
            while batch := self._call(lambda: list(islice(iterator, _BATCH))):
                yield from batch
        finally:
            close_iterator(iterator)


def _chained(first: Iterable[T], rest: Iterator[T]) -> Iterator[T]:
    try:
        yield from first
        yield from rest
    finally:
        close_iterator(rest)


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
