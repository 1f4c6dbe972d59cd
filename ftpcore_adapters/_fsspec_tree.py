"""Backends that have directories, as `FsspecFileSystem` uses them: by the methods that all backends of fsspec have."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from fsspec import AbstractFileSystem

from ftpcore import FilesystemError, VirtualPath, base_name, join_path
from ftpcore.ports import Capability, FileInfo, FileKind, OpenMode
from ftpcore_adapters._fsspec_backend import Backend, BackendFile, protocols
from ftpcore_adapters._fsspec_errors import os_error
from ftpcore_adapters._fsspec_files import ReadingFile, WritingFile
from ftpcore_adapters._fsspec_store import Calls, plain_file

__all__ = ["TreeStore", "open_tree"]

#: Entries of a directory that is listed.  fsspec has no listing by pages: all of it is held, about 1 KB for each entry,
#: until the client has taken it, so that a few clients that take their time could fill the memory.
LISTING_LIMIT: Final = 100_000

#: Times to open a file that somebody else makes and removes at the same moment.
_OPEN_TRIES: Final = 8

#: Where backends keep the time of modification; the time of making is the best that some have.
_TIMES: Final = ("mtime", "LastModified", "last_modified", "modified", "updated", "date_time", "created")

_MODES: Final[Mapping[OpenMode, str]] = {
    OpenMode.WRITE: "r+b",
    OpenMode.UPDATE: "r+b",
    OpenMode.REPLACE: "wb",
    OpenMode.APPEND: "ab",
}

_KINDS: Final[Mapping[object, FileKind]] = {"file": FileKind.FILE, "directory": FileKind.DIRECTORY}


def open_tree(fs: Backend, root: str, calls: Calls, capabilities: Capability, block_size: int) -> TreeStore:
    """Return the store of the directory `root` of `fs`."""
    if "file" in protocols(fs) and not root:
        raise ValueError('expected the root as a path of the disk, got "": "/" would be all of it')
    if "zip" in protocols(fs) and getattr(fs, "mode", "r") != "r":
        raise ValueError("expected a ZIP archive that is open to read, got one to write: it has no directories")
    if Capability.RENAME in capabilities and type(fs).mv is AbstractFileSystem.mv:
        raise ValueError(f"expected no RENAME, for {type(fs).__name__}.mv copies and removes: leave it out")
    resumable = Capability.RESUME in capabilities
    return TreeStore(fs, fs._strip_protocol(root), calls, resumable=resumable, block_size=block_size)


class TreeStore:
    """A `Store` on any backend.

    Args:
        root: Path of the root in the backend, as its `_strip_protocol` returned it.
        resumable: Files may be opened without being truncated.
        block_size: Bytes that backends may buffer for a file.
    """

    offers = (
        Capability.WRITE
        | Capability.RESUME
        | Capability.APPEND
        | Capability.RENAME
        | Capability.CONFINED
        | Capability.RAW_NAMES
        | Capability.EXACT_NAMES
    )

    def __init__(self, backend: Backend, root: str, calls: Calls, *, resumable: bool, block_size: int) -> None:
        self._backend = backend
        self._seeks = "zip" not in protocols(backend)
        self._root = root.rstrip("/")
        # Without a root, some backends begin their paths with "/", and some do not.
        self._leading = "" if self._root or backend.root_marker == "/" else "/"
        self._calls = calls
        self._resumable = resumable
        self._block_size = block_size
        self._is_disk = "file" in protocols(backend)

    def look(self, path: VirtualPath, /) -> FileInfo | None:
        key = self._key(path)
        if not key.strip("/"):  # an archive that holds nothing knows no root either
            return FileInfo("/", FileKind.DIRECTORY)
        self._forget(key)
        try:
            return _info(base_name(path), self._backend.info(key))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def scan(self, path: VirtualPath, /) -> Iterator[FileInfo]:
        info = self.look(path)
        if info is None:
            raise os_error(errno.ENOENT, path)
        if info.kind is not FileKind.DIRECTORY:
            raise os_error(errno.ENOTDIR, path)
        found = self._entries(path)
        if len(found) > LISTING_LIMIT:
            raise FilesystemError(f"More than {LISTING_LIMIT} entries: too many to list")
        return self._scan(path, found)

    def check_new(self, path: VirtualPath, /) -> None:
        """Let the backend refuse what it refuses."""

    def open_to_read(self, path: VirtualPath, /) -> ReadingFile:
        info = plain_file(self.look(path), path)
        key = self._key(path)
        file = self._open(key, "rb")
        return ReadingFile(self._calls, self._shown(key), path, file, info.size, seeks=self._seeks)

    def open_to_write(self, path: VirtualPath, mode: OpenMode, info: FileInfo | None, /) -> WritingFile:
        key = self._key(path)
        created = info is None
        for _ in range(_OPEN_TRIES):
            try:
                # On a disk somebody may make it at this very moment, and one of us does.
                if created and (self._is_disk or mode is OpenMode.WRITE):
                    self._open(key, "xb").close()
                file = self._open(key, _MODES[mode])
            except FileExistsError:
                created = False
            except FileNotFoundError:
                if mode is OpenMode.UPDATE:
                    raise
                created = True
            else:
                size = 0 if info is None or mode is OpenMode.REPLACE else info.size
                return self._writing(path, key, file, mode, size=size, created=created)
        raise os_error(errno.EBUSY, path)

    def make_unique(self, path: VirtualPath, /) -> WritingFile:
        key = self._key(path)
        # Elsewhere nobody else makes it, for the lock is held.
        file = self._open(key, "xb" if self._is_disk else "wb")
        return self._writing(path, key, file, OpenMode.REPLACE, size=0, created=True)

    def make_dir(self, path: VirtualPath, /) -> None:
        self._backend.mkdir(self._key(path), create_parents=False)

    def remove_dir(self, path: VirtualPath, /) -> None:
        # Some backends remove a directory with all that is in it.
        if self._entries(path):
            raise os_error(errno.ENOTEMPTY, path)
        self._backend.rmdir(self._key(path))

    def remove_file(self, path: VirtualPath, /) -> None:
        self._backend.rm_file(self._key(path))  # not rm(), which takes its argument for a pattern

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._backend.mv(self._key(source), self._key(target))

    def _key(self, path: VirtualPath) -> str:
        key = self._root + path if path != "/" else self._root or "/"
        key = key[len(self._leading) :]
        # A backend may take a name for something else, as "zip::x" for the "x" of an archive.
        if path != "/" and self._backend._strip_protocol(key) != key:
            raise os_error(errno.EINVAL, path)
        return key

    def _forget(self, key: str) -> None:
        """Have the backend look at `key` anew: at all, or, for those that take that for "the root alone", at `key`."""
        self._backend.invalidate_cache()
        self._backend.invalidate_cache(key)

    def _shown(self, key: str) -> str:
        return self._backend.unstrip_protocol(key)

    def _open(self, key: str, mode: str) -> BackendFile:
        return self._backend.open(key, mode=mode, block_size=self._block_size)

    def _writing(
        self, path: VirtualPath, key: str, file: BackendFile, mode: OpenMode, *, size: int, created: bool
    ) -> WritingFile:
        return WritingFile(
            self._calls, self._shown(key), path, file, mode, size=size, created=created, resumable=self._resumable
        )

    def _entries(self, path: VirtualPath) -> list[tuple[str, Mapping[str, object]]]:
        """Return the names of a directory, and what is known of them."""
        key = self._key(path)
        self._forget(key)
        found = []
        for entry in self._backend.ls(key, detail=True):
            whole = str(entry["name"]).rstrip("/")
            name = whole.rpartition("/")[2]
            # What an archive calls "/x", "../x" or "a//x" has no path here; a backend may list the directory itself.
            if name not in ("", ".", "..") and whole == self._key(join_path(path, name)):
                found.append((name, entry))
        return found

    def _scan(self, path: VirtualPath, found: list[tuple[str, Mapping[str, object]]]) -> Iterator[FileInfo]:
        found.reverse()
        while found:
            name, entry = found.pop()
            if entry.get("islink") or entry.get("type") == "link":  # as what it leads to
                with self._calls.about(path):
                    info = self.look(join_path(path, name))
            else:
                info = _info(name, entry)
            if info is not None:
                yield info


def _info(name: str, entry: Mapping[str, object]) -> FileInfo:
    size = entry.get("size")
    kind = _KINDS.get(entry.get("type"), FileKind.OTHER)
    return FileInfo(name, kind, size if isinstance(size, int) else 0, _modified(entry))


def _modified(entry: Mapping[str, object]) -> float:
    for key in _TIMES:
        match entry.get(key):
            case int() | float() as seconds:
                return float(seconds)
            case datetime() as moment:
                return _seconds(moment)
            case (int(year), int(month), int(day), int(hour), int(minute), int(second)):
                with suppress(ValueError):  # an archive says anything
                    return _seconds(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
            case str() as text:
                with suppress(ValueError):
                    return _seconds(datetime.fromisoformat(text))
            case _:
                continue
    return 0.0


def _seconds(moment: datetime) -> float:
    """Return seconds since 1970; without a time zone it is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
