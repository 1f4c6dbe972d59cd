"""What the tests of filesystems put in, and how they look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeAlias

from ftpcore import VirtualPath, join_path
from ftpcore.ports import BinaryFile, FileInfo, FileKind, FileSystem, OpenMode
from ftpcore_contracts._rules import broken

__all__ = [
    "ABSENT",
    "BELOW_FILE",
    "DIR",
    "EMPTY",
    "FILE",
    "INNER",
    "LINK",
    "OTHER",
    "ROOT",
    "STOCK",
    "Link",
    "fill",
    "get",
    "listing",
    "opened",
    "put",
    "tree",
]

ROOT: Final = VirtualPath("/")
FILE: Final = VirtualPath("/file")
OTHER: Final = VirtualPath("/other")
DIR: Final = VirtualPath("/dir")
INNER: Final = VirtualPath("/dir/inner")
EMPTY: Final = VirtualPath("/empty")
ABSENT: Final = VirtualPath("/absent")
LINK: Final = VirtualPath("/link")
BELOW_FILE: Final = VirtualPath("/file/x")

#: What the fixture `link` is: called with a path and a target, it puts a symbolic link into what `stocked` is.
Link: TypeAlias = Callable[[VirtualPath, str], None]

#: Contents by path; a directory ends in "/" and is b"".
STOCK: Final[Mapping[str, bytes]] = {
    "/dir/": b"",
    "/dir/inner": b"inner",
    "/empty/": b"",
    "/file": b"0123456789",
    "/other": b"other",
}

#: Bytes that `get` reads at once, and how often it does: what has no end by then has none at all.
_BLOCK: Final = 1 << 20
_BLOCKS: Final = 64


@contextmanager
def opened(files: FileSystem, path: VirtualPath, mode: OpenMode) -> Iterator[BinaryFile]:
    """Open, and close: complete, or incomplete if the block raises."""
    file = files.open_file(path, mode)
    try:
        yield file
    except BaseException:
        file.close(complete=False)
        raise
    file.close(complete=True)


def put(files: FileSystem, path: VirtualPath, data: bytes) -> None:
    """Make or replace a file."""
    with opened(files, path, OpenMode.REPLACE) as file:
        if data:
            file.write_at(0, data)


def get(files: FileSystem, path: VirtualPath) -> bytes:
    """Return the content of a file, which is read to its end."""
    data = bytearray()
    with opened(files, path, OpenMode.READ) as file:
        blocks = 0
        while block := file.read_at(len(data), _BLOCK):
            data += block
            blocks += 1
            if blocks == _BLOCKS:
                what = f"reading {path} to its end, in blocks of {_BLOCK}"
                broken(what, expected="b'' at the end", came=f"{len(data)} bytes in {blocks} blocks, and no end")
    return bytes(data)


def fill(files: FileSystem, contents: Mapping[str, bytes]) -> None:
    """Make files and directories as in `STOCK`; parents come first."""
    for path in sorted(contents):
        if path.endswith("/"):
            files.make_dir(VirtualPath(path.rstrip("/")))
        else:
            put(files, VirtualPath(path), contents[path])


def listing(files: FileSystem, path: VirtualPath = ROOT, *, follow: bool = False) -> dict[str, FileInfo]:
    """Return the entries of a directory by name."""
    return {info.name: info for info in files.scan_dir(path, follow=follow)}


def tree(files: FileSystem, path: VirtualPath = ROOT) -> dict[str, bytes]:
    """Return all contents below `path`, as in `STOCK`; a link is its name: b""."""
    found: dict[str, bytes] = {}
    for info in files.scan_dir(path, follow=False):
        below = join_path(path, info.name)
        if info.kind is FileKind.DIRECTORY:
            found |= {f"{below}/": b""} | tree(files, below)
        else:
            found[below] = get(files, below) if info.kind is FileKind.FILE else b""
    return dict(sorted(found.items()))
