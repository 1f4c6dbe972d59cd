"""A filesystem around another one: what all wrappers pass on, and how they refuse what is not offered."""

from __future__ import annotations

import errno
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

from ftpcore import UnsupportedOperation, VirtualPath
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileSystem, ListingFormatter, OpenMode

__all__ = ["NEEDS", "WrappedFileSystem", "require", "system_error"]

#: What each way to open a file needs.
NEEDS: Final[Mapping[OpenMode, Capability]] = {
    OpenMode.READ: Capability.NONE,
    OpenMode.WRITE: Capability.WRITE | Capability.RESUME,
    OpenMode.UPDATE: Capability.WRITE | Capability.RESUME,
    OpenMode.REPLACE: Capability.WRITE,
    OpenMode.APPEND: Capability.WRITE | Capability.APPEND,
}


class WrappedFileSystem:
    """Passes everything on to `filesystem`, lines of listings that it makes itself included.

    Args:
        filesystem: A synchronous one.
        capabilities: What is left of the capabilities of `filesystem`.
    """

    def __init__(self, filesystem: FileSystem, capabilities: Capability) -> None:
        if inspect.iscoroutinefunction(filesystem.stat):
            raise TypeError(
                f"{type(self).__name__} wraps a synchronous filesystem, and {filesystem!r} is asynchronous; "
                "wrap the synchronous one that it is made from, or have it refuse by itself"
            )
        self._filesystem = filesystem
        self.capabilities = capabilities
        self.blocking = filesystem.blocking

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return self._filesystem.stat(path, follow=follow)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return self._filesystem.scan_dir(path, follow=follow)

    def enter_dir(self, path: VirtualPath, /) -> None:
        self._filesystem.enter_dir(path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return self._filesystem.open_file(path, mode)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        return self._filesystem.open_unique(directory, prefix)

    def make_dir(self, path: VirtualPath, /) -> None:
        self._filesystem.make_dir(path)

    def remove_dir(self, path: VirtualPath, /) -> None:
        self._filesystem.remove_dir(path)

    def remove_file(self, path: VirtualPath, /) -> None:
        self._filesystem.remove_file(path)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._filesystem.rename(source, target)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._filesystem.set_mode(path, mode)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self._filesystem.set_modified(path, seconds)

    # -- what only some filesystems have -------------------------------------------------------------------------------

    @property
    def real_path(self) -> Callable[[VirtualPath], str] | None:
        """Returns the real path of a virtual one, for authorizers that give rights to real paths; None: there is none.

        The bridges to the seed API ask for it.
        """
        found: Callable[[VirtualPath], str] | None = getattr(self._filesystem, "real_path", None)
        return found

    @property
    def formats_list(self) -> bool:
        return getattr(self._filesystem, "formats_list", False)

    @property
    def formats_facts(self) -> bool:
        return getattr(self._filesystem, "formats_facts", False)

    def list_lines(self, path: VirtualPath, /) -> Iterator[bytes]:
        return self._formatter.list_lines(path)

    def fact_lines(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> Iterator[bytes]:
        return self._formatter.fact_lines(path, facts=facts, rights=rights)

    def fact_line(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> bytes:
        return self._formatter.fact_line(path, facts=facts, rights=rights)

    @property
    def _formatter(self) -> ListingFormatter:
        return cast("ListingFormatter", self._filesystem)  # nobody asks for lines unless it says that it makes them


def require(offered: Capability, needed: Capability) -> None:
    """Raise UnsupportedOperation unless `needed` is offered, with EROFS if nothing can be changed at all."""
    missing = needed & ~offered
    if not missing:
        return
    if Capability.WRITE not in offered:
        raise UnsupportedOperation(errno.EROFS, os.strerror(errno.EROFS))
    raise UnsupportedOperation(f"this filesystem does not offer {missing.name}")


def system_error(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)
