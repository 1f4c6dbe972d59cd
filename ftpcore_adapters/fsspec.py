"""Whatever fsspec can open, S3 among it, as the root of an FTP server.  `pip install ftpcore[fsspec]`."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Self

try:
    from fsspec import AbstractFileSystem
    from fsspec.asyn import reset_lock
    from fsspec.core import url_to_fs
except ImportError as error:
    if error.name != "fsspec":
        raise
    raise ImportError(
        "ftpcore_adapters.fsspec needs the library fsspec, which is not installed: pip install ftpcore[fsspec]",
        name="fsspec",
    ) from error

from ftpcore import ROOT, UnsupportedOperation, VirtualPath, join_path, parent_path
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileKind, OpenMode
from ftpcore_adapters._fsspec_backend import Backend, is_s3, known_capabilities, lock_of, protocols
from ftpcore_adapters._fsspec_errors import os_error
from ftpcore_adapters._fsspec_store import Calls, Store, plain_file
from ftpcore_adapters._fsspec_tree import open_tree

__all__ = ["FsspecFileSystem"]

#: Bytes of a part of an upload to S3, which takes 5 MiB to 5 GiB, and 10,000 of them: 78 GiB.
_BLOCK_SIZE: Final = 8 << 20

#: What is no name of an entry.
_STEPS: Final = frozenset({"", ".", ".."})

#: Names tried by `open_unique`.
_UNIQUE_TRIES: Final = 50

_NEEDS: Final[Mapping[OpenMode, Capability]] = {
    OpenMode.READ: Capability.NONE,
    OpenMode.WRITE: Capability.RESUME,
    OpenMode.UPDATE: Capability.RESUME,
    OpenMode.REPLACE: Capability.WRITE,
    OpenMode.APPEND: Capability.APPEND,
}


class FsspecFileSystem:
    """A filesystem of fsspec, from a directory of it down; any thread may use it.

    >>> import fsspec
    >>> files = FsspecFileSystem(fsspec.filesystem("memory"), "/doctest-of-ftpcore")
    >>> files.enter_dir(VirtualPath("/"))
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: '/'

    What is known of a backend is declared: local files, memory, S3 by s3fs, and ZIP archives.  Any other can be read;
    name what else it can do, and run the contract of filesystems to see whether it holds.  `docs/fsspec.md` tells what
    each can do, and what commands cost.

    Args:
        fs: It may be shared with others.  What it remembers of listings is not used.
        root: The directory that clients see as "/", as a path or URL of `fs`; for S3 a bucket, or "bucket/prefix".
        capabilities: What is offered; None: what is known of `fs`.
        block_size: Bytes that an open file may hold: a part of an upload to S3, and what is read ahead.
    """

    blocking = True
    capabilities: Capability

    def __init__(
        self,
        fs: Backend,
        root: str = "",
        *,
        capabilities: Capability | None = None,
        block_size: int = _BLOCK_SIZE,
    ) -> None:
        if not isinstance(fs, AbstractFileSystem):
            raise TypeError(
                f"expected an fsspec.AbstractFileSystem, got {type(fs).__name__}; for a URL there is from_url"
            )
        self.capabilities = known_capabilities(fs) if capabilities is None else capabilities
        self._options = (root, block_size)
        self._attach(fs)

    @classmethod
    def from_url(cls, url: str, *, capabilities: Capability | None = None, **options: object) -> Self:
        """Return the filesystem of a URL such as "s3://bucket/prefix", or "zip://::/srv/archive.zip".

        Args:
            options: For the backend, as `fsspec.core.url_to_fs` takes them.
        """
        fs, root = url_to_fs(url, **options)
        return cls(fs, root, capabilities=capabilities)

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        with self._about(path) as store:
            info = store.look(path)
            if info is None:
                raise os_error(errno.ENOENT, path)
            return info

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        with self._about(path) as store:
            return store.scan(path)

    def enter_dir(self, path: VirtualPath, /) -> None:
        with self._about(path) as store:
            _check_dir(store, path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        if mode is OpenMode.READ:
            with self._about(path) as store:
                return store.open_to_read(path)
        self._require(_NEEDS[mode])
        with self._about(path) as store:
            info = store.look(path)
            if info is not None or mode is OpenMode.UPDATE:
                plain_file(info, path)
            else:
                _check_place(store, path)
            return store.open_to_write(path, mode, info)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        self._require()
        if "/" in prefix:
            raise os_error(errno.EINVAL, prefix)
        for _ in range(_UNIQUE_TRIES):
            name = f"{prefix}{secrets.token_hex(4)}"
            path = join_path(directory, name)
            with self._about(path) as store:
                _check_dir(store, directory)
                store.check_new(path)
                if store.look(path) is None:
                    try:
                        return name, store.make_unique(path)
                    except FileExistsError:
                        pass
        raise os_error(errno.EEXIST, directory)

    def make_dir(self, path: VirtualPath, /) -> None:
        self._require()
        with self._about(path) as store:
            _check_absent(store, path)
            store.make_dir(path)

    def remove_dir(self, path: VirtualPath, /) -> None:
        self._require()
        with self._about(path) as store:
            if path == ROOT:
                raise os_error(errno.EACCES, path)
            _check_dir(store, path)
            store.remove_dir(path)

    def remove_file(self, path: VirtualPath, /) -> None:
        self._require()
        with self._about(path) as store:
            info = store.look(path)
            if info is None:
                raise os_error(errno.ENOENT, path)
            if info.kind is FileKind.DIRECTORY:
                raise os_error(errno.EISDIR, path)
            store.remove_file(path)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._require(Capability.RENAME)
        with self._about(source):
            pass
        with self._about(target) as store:
            if ROOT in (source, target):
                raise os_error(errno.EACCES, ROOT)
            info = store.look(source)
            if info is None:
                raise os_error(errno.ENOENT, source)
            if info.kind is FileKind.DIRECTORY and target.startswith(f"{source}/"):
                raise os_error(errno.EINVAL, target)
            if source != target:
                _check_absent(store, target)
                store.rename(source, target)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._require(Capability.MODE)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self._require(Capability.TIMES)

    def _require(self, capability: Capability = Capability.WRITE) -> None:
        if Capability.WRITE not in self.capabilities:
            raise UnsupportedOperation(errno.EROFS, os.strerror(errno.EROFS))
        if capability not in self.capabilities:
            raise UnsupportedOperation(f"this filesystem does not offer {capability}")

    @contextmanager
    def _about(self, path: VirtualPath) -> Iterator[Store]:
        """Enter the backend with a call about `path`, which has to be one that can be there."""
        if os.getpid() != self._pid:
            self._attach(_reopened(self._fs))
        if "\0" in path:
            raise os_error(errno.EINVAL, path)
        try:
            path.encode("utf-8", "surrogateescape" if Capability.RAW_NAMES in self.capabilities else "strict")
        except UnicodeEncodeError:
            raise os_error(errno.EILSEQ, path) from None
        # The core makes no such paths.  A backend may take them out of the root.
        if path != ROOT and (path[:1] != "/" or not _STEPS.isdisjoint(path[1:].split("/"))):
            raise os_error(errno.ENOENT, path)
        with self._calls.about(path):
            yield self._store

    def _attach(self, fs: Backend) -> None:
        root, block_size = self._options
        self._pid = os.getpid()
        self._fs = fs
        self._calls = Calls(lock_of(fs))
        self._store = _store(fs, root, self._calls, self.capabilities, block_size)


def _check_dir(store: Store, path: VirtualPath) -> None:
    """Raise unless `path` is a directory; NotADirectoryError if it, or what is above it, is a file."""
    info = store.look(path)
    if info is None:
        above = path
        while info is None and above != ROOT:
            above = parent_path(above)
            info = store.look(above)
        raise os_error(errno.ENOTDIR if info is not None and info.kind is FileKind.FILE else errno.ENOENT, path)
    if info.kind is not FileKind.DIRECTORY:
        raise os_error(errno.ENOTDIR, path)


def _check_place(store: Store, path: VirtualPath) -> None:
    """Raise unless something new may be made at `path`, where nothing is."""
    store.check_new(path)
    if parent_path(path) != ROOT:
        _check_dir(store, parent_path(path))


def _check_absent(store: Store, path: VirtualPath) -> None:
    """Raise unless something new may be made at `path`."""
    if store.look(path) is not None:
        raise os_error(errno.EEXIST, path)
    _check_place(store, path)


def _reopened(fs: Backend) -> Backend:
    """Return `fs` for a process that was forked: connections and open archives belong to the parent."""
    if not {"file", "memory"}.isdisjoint(protocols(fs)):
        return fs
    reset_lock()  # the thread of the event loop stayed behind; not every version of fsspec sees to that by itself
    make: Callable[..., Backend] = type(fs)
    return make(*fs.storage_args, **fs.storage_options)


def _store(fs: Backend, root: str, calls: Calls, capabilities: Capability, block_size: int) -> Store:
    store: Store
    if is_s3(fs):
        # Here, for it imports s3fs, which only those who use it have.
        from ftpcore_adapters._fsspec_s3 import open_bucket

        store = open_bucket(fs, root, calls, block_size)
    else:
        store = open_tree(fs, root, calls, capabilities, block_size)
    extra = capabilities & ~store.offers
    if is_s3(fs) and Capability.WRITE in capabilities and Capability.ATOMIC not in capabilities:
        raise ValueError("expected ATOMIC with WRITE, for S3: what is stored is seen when it is complete, not before")
    if extra:
        raise ValueError(f"expected capabilities among {store.offers!r}, got {extra!r} besides: leave it out")
    return store
