"""Open files of a `Quota`: what is written is counted before it is written."""

from __future__ import annotations

import errno
from collections.abc import Callable

from ftpcore import UnsupportedOperation
from ftpcore.ports import BinaryFile
from ftpcore_adapters._quota_ledger import Ledger, OpenObject, over_quota
from ftpcore_adapters._wrapped import system_error

__all__ = ["KernelReader", "Reader", "Writer"]

Close = Callable[[bool], None]
"""Closes the file of the wrapped filesystem, `complete` or not, and counts what that means."""


class Reader:
    """A file opened to be read, which is there until it is closed."""

    def __init__(self, file: BinaryFile, close: Close) -> None:
        self.name = file.name
        self.size = file.size
        self.created = file.created
        self._file = file
        self._close: Close | None = close

    def read_at(self, offset: int, size: int, /) -> bytes:
        return self._file.read_at(offset, size)

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._file.write_at(offset, data)

    def truncate(self, size: int, /) -> None:
        self._file.truncate(size)

    def close(self, *, complete: bool) -> None:
        close, self._close = self._close, None
        if close is None:
            raise system_error(errno.EBADF, self.name)
        try:
            close(complete)
        finally:
            self.name = self._file.name  # some files learn it late


class KernelReader(Reader):
    """One that the kernel may read."""

    def fileno(self) -> int:
        descriptor: int = self._file.fileno()  # type: ignore[attr-defined]  # it was asked whether it has one
        return descriptor


class Writer(Reader):
    """A file opened to be written.

    It has no `fileno`: the kernel would store what nobody has counted.

    Args:
        file: That of the wrapped filesystem.
        stored: What is known of the file, shared by all who have it open.
        ledger: Where its bytes are counted.
        actual: Returns how many bytes are in the file, or None if that can't be known.
        close: See `Close`.
        appending: It was opened to append.
    """

    def __init__(
        self,
        file: BinaryFile,
        stored: OpenObject,
        ledger: Ledger,
        actual: Callable[[], int | None],
        close: Close,
        *,
        appending: bool,
    ) -> None:
        super().__init__(file, close)
        self._stored = stored
        self._ledger = ledger
        self._actual = actual
        self._appending = appending

    def write_at(self, offset: int, data: bytes, /) -> None:
        """Write `data`, or what there is room for, and raise OSError(EDQUOT) if that is not all of it."""
        stored = self._opened()
        with stored.lock:
            before = stored.size
            start = before if self._appending else offset
            end = max(before, start + len(data)) if data else before
            wanted = stored.charge(end) - stored.charge(before)
            missing = 0
            if wanted > 0:
                missing = wanted - self._ledger.take_bytes(wanted, wanted - len(data) + 1)
                if missing >= len(data):
                    raise over_quota(self.name)
            stored.size = end - missing
            try:
                self._file.write_at(offset, data[: len(data) - missing] if missing else data)
            except BaseException as error:
                self._settle(before, error)
                raise
        if missing:
            raise over_quota(self.name)

    def truncate(self, size: int, /) -> None:
        """Cut the file, or extend it if there is room for all of it."""
        stored = self._opened()
        with stored.lock:
            before = stored.size
            wanted = stored.charge(size) - stored.charge(before)
            if wanted > 0:
                if not self._ledger.take_bytes(wanted, wanted):
                    raise over_quota(self.name)
                stored.size = size
            try:
                self._file.truncate(size)
            except BaseException as error:
                self._settle(before, error)
                raise
            if wanted <= 0:
                stored.size = size
                self._ledger.add(wanted)

    def _opened(self) -> OpenObject:
        if self._close is None:
            raise system_error(errno.EBADF, self.name)
        return self._stored

    def _settle(self, before: int, error: BaseException) -> None:
        """Count what is there after a failure; where nobody can tell, what there may be."""
        stored = self._stored
        actual = before if isinstance(error, UnsupportedOperation) else self._actual()
        if actual is not None:
            self._ledger.add(stored.charge(actual) - stored.charge(stored.size))
            stored.size = actual
