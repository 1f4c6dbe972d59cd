"""What is used of fsspec, as types, for it has none of its own, and what is known of its backends."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from threading import RLock
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from ftpcore.ports import Capability

__all__ = ["Backend", "BackendFile", "is_s3", "known_capabilities", "lock_of", "protocols"]


class BackendFile(Protocol):
    """What `AbstractFileSystem.open` returns."""

    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes | memoryview, /) -> int | None: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...
    def seekable(self) -> bool: ...
    def truncate(self, size: int, /) -> int: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Backend(Protocol):
    """An `fsspec.AbstractFileSystem`."""

    protocol: str | tuple[str, ...]
    root_marker: str
    storage_args: tuple[object, ...]
    storage_options: Mapping[str, object]

    def __hash__(self) -> int: ...
    def _strip_protocol(self, path: str, /) -> str: ...
    def unstrip_protocol(self, name: str, /) -> str: ...
    def info(self, path: str, /) -> Mapping[str, object]: ...
    def ls(self, path: str, /, detail: bool = True) -> list[Mapping[str, object]]: ...
    def open(self, path: str, /, mode: str, *, block_size: int) -> BackendFile: ...
    def mkdir(self, path: str, /, create_parents: bool = True) -> None: ...
    def rmdir(self, path: str, /) -> None: ...
    def rm_file(self, path: str, /) -> None: ...
    def mv(self, path1: str, path2: str, /) -> None: ...
    def invalidate_cache(self, path: str | None = None, /) -> None: ...


_DISK_NAMES: Final = (
    Capability.NONE if sys.platform in ("darwin", "win32", "cygwin") else Capability.RAW_NAMES | Capability.EXACT_NAMES
)

#: What is known of backends, by protocol; those of S3 apart.  Of all others nothing is known: they can be read.
_KNOWN: Final[Mapping[str, Capability]] = {
    # It follows links out of its root; `mv` copies between devices, and moves *into* a directory that exists.
    "file": Capability.WRITE | Capability.RESUME | Capability.APPEND | _DISK_NAMES,
    # Files that are written again in place keep the time of their making, hence neither RESUME nor APPEND.
    "memory": Capability.WRITE | Capability.CONFINED | Capability.RAW_NAMES | Capability.EXACT_NAMES,
    "zip": Capability.CONFINED | Capability.EXACT_NAMES,
}

#: One lock for all who use the same backend that is not safe with threads.
_LOCKS: Final[WeakKeyDictionary[object, AbstractContextManager[object]]] = WeakKeyDictionary()


def protocols(backend: Backend) -> tuple[str, ...]:
    return (backend.protocol,) if isinstance(backend.protocol, str) else tuple(backend.protocol)


def is_s3(backend: Backend) -> bool:
    """Tell whether `backend` is an `s3fs.S3FileSystem`, and not another for the same protocol."""
    return "s3" in protocols(backend) and hasattr(backend, "call_s3")


def known_capabilities(backend: Backend) -> Capability:
    """Return what is known that `backend` can do."""
    if is_s3(backend):
        return Capability.WRITE | Capability.ATOMIC | Capability.CONFINED | Capability.EXACT_NAMES
    return next((_KNOWN[name] for name in protocols(backend) if name in _KNOWN), Capability.NONE)


def lock_of(backend: Backend) -> AbstractContextManager[object]:
    """Return what is held during each call: a lock, or nothing if `backend` takes calls from any thread at once."""
    names = protocols(backend)
    # Asynchronous ones hand each call over to the thread of their event loop, but their caches are not made for that.
    # S3 is asked past the cache.
    cached = getattr(getattr(backend, "dircache", None), "use_listings_cache", True)
    if "file" in names or is_s3(backend) or (getattr(backend, "async_impl", False) and not cached):
        return nullcontext()
    # Backends in memory share one store, whoever made them.
    return _LOCKS.setdefault(type(backend) if "memory" in names else backend, RLock())
