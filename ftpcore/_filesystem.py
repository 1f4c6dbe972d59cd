"""Filesystems as a session needs them: what one can do, what it says of a file, and the ports themselves.

`ftpcore.ports` says what holds of every port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from enum import Enum, Flag, auto
from typing import NamedTuple, Protocol, TypeAlias

from ftpcore._paths import VirtualPath

__all__ = [
    "AnyFile",
    "AnyFileSystem",
    "AsyncBinaryFile",
    "AsyncFileSystem",
    "BinaryFile",
    "Capability",
    "FileInfo",
    "FileKind",
    "FileSystem",
    "ListingFormatter",
    "OpenMode",
]


class Capability(Flag):
    """What a filesystem can do beyond plain reading and listing, and what holds of it.

    An operation that is not declared raises `UnsupportedOperation` and does nothing; FEAT and the replies follow the
    declaration.  `docs/port-semantics.md` says what each promises, and the contract suites hold it to that.
    """

    NONE = 0
    WRITE = auto()
    """`OpenMode.REPLACE`, `open_unique`, `make_dir`, `remove_dir` and `remove_file`; without it the others below that
    change anything make no sense.  A filesystem without it raises `UnsupportedOperation(errno.EROFS, ...)`: 550."""
    RESUME = auto()
    """`OpenMode.WRITE` and `UPDATE`: open without truncating and write at any offset; `truncate`.

    Without it, what is written must follow what this opening wrote before."""
    APPEND = auto()
    """`OpenMode.APPEND`."""
    RENAME = auto()
    """`rename`, in one step: nobody sees both names, or none."""
    REPLACE = auto()
    """`rename` over an existing file or empty directory replaces it; without it that raises FileExistsError."""
    MODE = auto()
    """`set_mode`, and `FileInfo.mode` is real."""
    TIMES = auto()
    """`set_modified`."""
    LINKS = auto()
    """There are symbolic links: `follow=False` tells of the link itself."""
    UNIQUE_ID = auto()
    """`FileInfo.unique` is set, equal for two names of one object and different for different objects."""
    CONFINED = auto()
    """No path leads out of the root, links included."""
    ATOMIC = auto()
    """What is stored is seen with `close(complete=True)`, not before; `close(complete=False)` leaves what was there.

    Without it the bytes are seen as they are written, and stay as far as they came."""
    RAW_NAMES = auto()
    """A name is up to 255 bytes without "/" and NUL.  Without it, one that is not UTF-8, or has control characters,
    may be refused with EILSEQ or EINVAL, but is never changed."""
    EXACT_NAMES = auto()
    """Names that differ in case or Unicode normalisation are of different files."""


class FileKind(Enum):
    """What an entry is.  Only a FILE can be retrieved."""

    FILE = "file"
    DIRECTORY = "dir"
    LINK = "link"
    OTHER = "other"


class FileInfo(NamedTuple):
    """One entry of a listing, or what `stat` says of a path."""

    name: str
    """Last component of the path; "/" for the root."""
    kind: FileKind
    size: int = 0
    """Bytes."""
    modified: float = 0.0
    """Seconds since 1970-01-01 00:00 UTC."""
    mode: int | None = None
    """File type and permission bits as `st_mode`; None: shown as rw for files, rwx for directories."""
    links: int = 1
    owner: str = "owner"
    group: str = "group"
    uid: int | None = None
    gid: int | None = None
    unique: str | None = None
    """An identifier without blanks and semicolons.  RFC 3659 7.5.2."""
    target: str | None = None
    """What a LINK says it points to, as a client may see it: never a path of the host.  None: it is not told."""


class OpenMode(Enum):
    """How a file is opened.  None of them opens anything but a plain file, and none blocks on a FIFO."""

    READ = "read"
    WRITE = "write"
    """Made if missing, else opened with its content kept.  Needs `Capability.RESUME`."""
    UPDATE = "update"
    """As WRITE, but the file must exist (STOR after REST).  Needs `Capability.RESUME`."""
    REPLACE = "replace"
    """Made if missing, else emptied.  Needs `Capability.WRITE`."""
    APPEND = "append"
    """Made if missing; what is written goes to the end.  Needs `Capability.APPEND`."""


class BinaryFile(Protocol):
    """An open file.  Whoever opened it closes it, once.

    `fileno() -> int`, where it exists, names a descriptor that the kernel may read and write at explicit offsets.
    """

    name: str
    """What `on_file_*` hooks and logs are told: the real path, or whatever names the file to the operator."""
    size: int
    """Bytes in the file when it was opened."""
    created: bool
    """This opening made the file."""

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Return up to `size` bytes from `offset`; fewer only at the end of the file, b"" at or behind it."""
        ...

    def write_at(self, offset: int, data: bytes, /) -> None:
        """Write all of `data` at `offset`; in APPEND mode at the end, and `offset` counts what this opening wrote."""
        ...

    def truncate(self, size: int, /) -> None:
        """Cut or extend the file to `size` bytes."""
        ...

    def close(self, *, complete: bool) -> None:
        """Close; `complete` says that every byte that was promised is in (commit), or not (abort).

        An error from `close(complete=True)` means that the file was not stored.  The file is closed either way.
        """
        ...


class FileSystem(Protocol):
    """A synchronous filesystem, as one user sees it."""

    capabilities: Capability
    blocking: bool

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        """Tell of `path`; with `follow`, of what a link leads to."""
        ...

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        """Iterate over a directory, "." and ".." left out, in any order.

        Errors of the directory itself (NotADirectoryError, FileNotFoundError ...) are raised by the call, not by the
        first step.  Entries that vanish are left out, or shown as they were; with `follow`, links that lead nowhere or
        outside are left out.  The iterator's `close()`, where it has one, is called when it is given up early.
        """
        ...

    def enter_dir(self, path: VirtualPath, /) -> None:
        """Raise unless `path` is a directory that may become the current one."""
        ...

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile: ...

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        """Make a file that did not exist in `directory`; return its name, which starts with `prefix`, and the file."""
        ...

    def make_dir(self, path: VirtualPath, /) -> None: ...

    def remove_dir(self, path: VirtualPath, /) -> None:
        """Remove an empty directory."""
        ...

    def remove_file(self, path: VirtualPath, /) -> None:
        """Remove a file or a link, never a directory."""
        ...

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None: ...

    def set_mode(self, path: VirtualPath, mode: int, /) -> None: ...

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        """Set the modification time, in seconds since 1970-01-01 UTC."""
        ...


class ListingFormatter(Protocol):
    """What a synchronous filesystem may offer besides: it makes the lines of listings itself, each with its CR LF."""

    formats_list: bool
    """LIST and `STAT path` show `list_lines`."""
    formats_facts: bool
    """MLSD shows `fact_lines`, MLST `fact_line`."""

    def list_lines(self, path: VirtualPath, /) -> Iterator[bytes]:
        """Iterate over the lines of a directory, or the one line of anything else."""
        ...

    def fact_lines(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> Iterator[bytes]:
        """Iterate over the lines of a directory; NotADirectoryError for anything else."""
        ...

    def fact_line(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> bytes:
        """Return the line of one path; what is behind its first blank is replaced by the whole path."""
        ...


class AsyncBinaryFile(Protocol):
    """`BinaryFile` with coroutine methods."""

    name: str
    size: int
    created: bool

    async def read_at(self, offset: int, size: int, /) -> bytes: ...
    async def write_at(self, offset: int, data: bytes, /) -> None: ...
    async def truncate(self, size: int, /) -> None: ...
    async def close(self, *, complete: bool) -> None: ...


class AsyncFileSystem(Protocol):
    """`FileSystem` with coroutine methods, for hosts with an event loop.  `scan_dir` is awaited for its iterator."""

    capabilities: Capability

    async def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo: ...
    async def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> AsyncIterator[FileInfo]: ...
    async def enter_dir(self, path: VirtualPath, /) -> None: ...
    async def open_file(self, path: VirtualPath, mode: OpenMode, /) -> AsyncBinaryFile: ...
    async def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, AsyncBinaryFile]: ...
    async def make_dir(self, path: VirtualPath, /) -> None: ...
    async def remove_dir(self, path: VirtualPath, /) -> None: ...
    async def remove_file(self, path: VirtualPath, /) -> None: ...
    async def rename(self, source: VirtualPath, target: VirtualPath, /) -> None: ...
    async def set_mode(self, path: VirtualPath, mode: int, /) -> None: ...
    async def set_modified(self, path: VirtualPath, seconds: float, /) -> None: ...


AnyFile: TypeAlias = BinaryFile | AsyncBinaryFile
AnyFileSystem: TypeAlias = FileSystem | AsyncFileSystem
