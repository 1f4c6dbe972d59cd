"""Seed-style filesystems as the tests see them, and what the tests put in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final, Protocol, TypeAlias

from ftpcore import FilesystemError
from ftpcore_contracts._rules import Kinds, expect, raises

__all__ = [
    "ABSENT",
    "DIR",
    "FILE",
    "INNER",
    "REFUSALS",
    "STOCK",
    "MakeLink",
    "SeedStyleFileSystem",
    "content",
    "fill",
    "names",
    "real",
    "refused",
    "stored",
    "tree",
]


class SeedStyleFileSystem(Protocol):
    """The methods of `AbstractedFS` that a server calls.  Paths are real paths, except where they are said to be FTP
    paths."""

    root: str
    cwd: str
    cmd_channel: Any
    """The handler, whose `use_gmt_times`, `encoding` and `unicode_errors` shape listings."""

    def ftpnorm(self, ftppath: str, /) -> str: ...
    def ftp2fs(self, ftppath: str, /) -> str: ...
    def fs2ftp(self, fspath: str, /) -> str: ...
    def validpath(self, path: str, /) -> bool: ...
    def realpath(self, path: str, /) -> str: ...
    def open(self, filename: str, mode: str, /) -> IO[bytes]: ...
    def mkstemp(self, suffix: str = "", prefix: str = "", dir: str | None = None, mode: str = "wb") -> IO[bytes]: ...
    def chdir(self, path: str, /) -> None: ...
    def mkdir(self, path: str, /) -> None: ...
    def rmdir(self, path: str, /) -> None: ...
    def remove(self, path: str, /) -> None: ...
    def rename(self, src: str, dst: str, /) -> None: ...
    def chmod(self, path: str, mode: int, /) -> None: ...
    def utime(self, path: str, timeval: float, /) -> None: ...
    def stat(self, path: str, /) -> os.stat_result: ...
    def lstat(self, path: str, /) -> os.stat_result: ...
    def isfile(self, path: str, /) -> bool: ...
    def islink(self, path: str, /) -> bool: ...
    def isdir(self, path: str, /) -> bool: ...
    def lexists(self, path: str, /) -> bool: ...
    def getsize(self, path: str, /) -> int: ...
    def getmtime(self, path: str, /) -> float: ...
    def get_user_by_uid(self, uid: int, /) -> str | int: ...
    def get_group_by_gid(self, gid: int, /) -> str | int: ...
    def listdir(self, path: str, /) -> Iterable[str]: ...
    def listdirinfo(self, path: str, /) -> Iterable[str]: ...
    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]: ...
    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]: ...


#: Makes a symbolic link, given its real path and what it holds; skips the test where there are none.
MakeLink: TypeAlias = Callable[[str, str], None]

#: What any method may raise: both become a reply.
REFUSALS: Final = (OSError, FilesystemError)

FILE: Final = "file"
DIR: Final = "dir"
INNER: Final = "dir/inner"
ABSENT: Final = "absent"

#: Contents by FTP path, relative to where the filesystem starts; a directory ends in "/" and is b"".
STOCK: Final[Mapping[str, bytes]] = {
    ".hidden": b"hidden",
    "dir/": b"",
    "dir/inner": b"inner",
    "empty/": b"",
    "file": b"0123456789",
}


def real(fs: SeedStyleFileSystem, path: str = "") -> str:
    """Return the real path of an FTP path, relative to the current directory."""
    return fs.ftp2fs(path)


def stored(fs: SeedStyleFileSystem, path: str, data: bytes) -> str:
    """Make or replace a file, as STOR does; return its real path."""
    real_path = real(fs, path)
    with fs.open(real_path, "wb") as file:
        file.write(data)
    return real_path


def content(fs: SeedStyleFileSystem, path: str) -> bytes:
    """Return what is in a file, as RETR reads it."""
    with fs.open(real(fs, path), "rb") as file:
        return b"".join(iter(lambda: file.read(65536), b""))


def names(fs: SeedStyleFileSystem, path: str = "") -> list[str]:
    """Return what a directory lists, sorted."""
    return sorted(fs.listdir(real(fs, path)))


def fill(fs: SeedStyleFileSystem, contents: Mapping[str, bytes]) -> None:
    """Make files and directories as in `STOCK`; parents come first."""
    for path in sorted(contents):
        if path.endswith("/"):
            fs.mkdir(real(fs, path))
        else:
            stored(fs, path, contents[path])


def tree(fs: SeedStyleFileSystem, path: str = "") -> dict[str, bytes]:
    """Return all contents below an FTP path, as in `STOCK`; a link is its name: b""."""
    found: dict[str, bytes] = {}
    for name in names(fs, path):
        below = f"{path}/{name}" if path else name
        if fs.islink(real(fs, below)):
            found[below] = b""
        elif fs.isdir(real(fs, below)):
            found |= {f"{below}/": b""} | tree(fs, below)
        else:
            found[below] = content(fs, below)
    return dict(sorted(found.items()))


@contextmanager
def refused(fs: SeedStyleFileSystem, what: str, kinds: Kinds = REFUSALS) -> Iterator[None]:
    """Fail unless the block raises one of `kinds`, and leaves everything as it was."""
    __tracebackhide__ = True
    before = tree(fs)
    allowed = kinds if isinstance(kinds, tuple) else (kinds,)
    with raises((*allowed, FilesystemError), what):
        yield
    expect(tree(fs), before, f"what is there after {what}, which must change nothing")
