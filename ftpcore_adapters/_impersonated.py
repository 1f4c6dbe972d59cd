"""A filesystem whose calls go through a wrapper, which makes them as another user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final, ParamSpec, TypeVar

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, FileInfo, FileSystem, OpenMode
from ftpcore_adapters._seed_filesystem import Wrap
from ftpcore_adapters._seed_info import close_iterator
from ftpcore_adapters._wrapped import WrappedFileSystem

__all__ = ["Impersonated"]

P = ParamSpec("P")
T = TypeVar("T")

#: Entries looked at in one call of the wrapper.
_BATCH: Final = 64


class Impersonated(WrappedFileSystem):
    """Makes every call on a filesystem through `wrap`.  Open files, once they are open, are used without it."""

    def __init__(self, filesystem: FileSystem, wrap: Wrap) -> None:
        super().__init__(filesystem, filesystem.capabilities)
        self.blocking = True  # becoming another user is no matter for a loop
        self._wrap = wrap

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return self._call(super().stat, path, follow=follow)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return self._batches(self._call(super().scan_dir, path, follow=follow))

    def enter_dir(self, path: VirtualPath, /) -> None:
        self._call(super().enter_dir, path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return self._call(super().open_file, path, mode)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        return self._call(super().open_unique, directory, prefix)

    def make_dir(self, path: VirtualPath, /) -> None:
        self._call(super().make_dir, path)

    def remove_dir(self, path: VirtualPath, /) -> None:
        self._call(super().remove_dir, path)

    def remove_file(self, path: VirtualPath, /) -> None:
        self._call(super().remove_file, path)

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._call(super().rename, source, target)

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._call(super().set_mode, path, mode)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        self._call(super().set_modified, path, seconds)

    def list_lines(self, path: VirtualPath, /) -> Iterator[bytes]:
        return self._batches(self._call(super().list_lines, path))

    def fact_lines(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> Iterator[bytes]:
        return self._batches(self._call(super().fact_lines, path, facts=facts, rights=rights))

    def fact_line(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> bytes:
        return self._call(super().fact_line, path, facts=facts, rights=rights)

    def _call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._wrap(partial(function, *args, **kwargs))

    def _batches(self, iterator: Iterator[T]) -> Iterator[T]:
        try:
            while batch := self._wrap(lambda: list(islice(iterator, _BATCH))):
                yield from batch
        finally:
            close_iterator(iterator)
