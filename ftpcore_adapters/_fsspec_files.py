"""Open files of an `FsspecFileSystem`: what all have in common, and those on the file objects of fsspec."""

from __future__ import annotations

import errno
import os
import warnings
from typing import Final

from ftpcore import UnsupportedOperation
from ftpcore.ports import OpenMode
from ftpcore_adapters._fsspec_backend import BackendFile
from ftpcore_adapters._fsspec_errors import os_error
from ftpcore_adapters._fsspec_store import Calls

__all__ = ["LAST_OFFSET", "OpenFile", "ReadingFile", "WritingFile"]

#: Largest file offset of any system; what is behind it overflows in Python or in the kernel.
LAST_OFFSET: Final = 2**63 - 1

#: Bytes that are read at once to get behind them.
_STEP: Final = 1024 * 1024


class OpenFile:
    """A `BinaryFile` that refuses everything, and everything once it is closed.

    Args:
        calls: The way into the backend.
        name: What hooks and logs are told.
        path: What errors name.
        size: Bytes at opening.
        created: This opening made the file.
    """

    _closed = False

    def __init__(self, calls: Calls, name: str, path: str, *, size: int, created: bool) -> None:
        self.name = name
        self.size = size
        self.created = created
        self._calls = calls
        self._path = path

    def read_at(self, offset: int, size: int, /) -> bytes:
        raise os_error(errno.EBADF, self._path)

    def write_at(self, offset: int, data: bytes, /) -> None:
        raise os_error(errno.EBADF, self._path)

    def truncate(self, size: int, /) -> None:
        self._check_open()
        raise UnsupportedOperation("this backend of fsspec can't truncate a file that is open so")

    def close(self, *, complete: bool) -> None:
        self._check_open()
        self._closed = True
        with self._calls.about(self._path):
            try:
                self._end(complete)
            except Exception:
                if complete:
                    raise
                # The transfer failed before, and that is what gets reported.

    def _end(self, complete: bool) -> None:
        """Commit or abort, and give everything back."""
        raise NotImplementedError

    def _check_open(self) -> None:
        if self._closed:
            raise os_error(errno.EBADF, self._path)

    def __del__(self) -> None:
        if not self._closed and hasattr(self, "_path"):  # it has been made
            warnings.warn(f"unclosed file {self.name!r}", ResourceWarning, source=self, stacklevel=2)


class ReadingFile(OpenFile):
    """A file object that is read; it buffers as the backend does.

    Args:
        seeks: It finds its way forward.  Members of a ZIP archive do not, since Python 3.12: they begin where whoever
            else reads the archive has left off.
    """

    def __init__(self, calls: Calls, name: str, path: str, file: BackendFile, size: int, *, seeks: bool) -> None:
        super().__init__(calls, name, path, size=size, created=False)
        self._file = file
        self._seeks = seeks

    def read_at(self, offset: int, size: int, /) -> bytes:
        self._check_open()
        if not self._seeks:
            self._read_up_to(min(offset, self.size))
        with self._calls.about(self._path):
            # The system refuses to seek very far, and the file may have grown.
            if offset > self.size and offset >= self._file.seek(0, os.SEEK_END):
                return b""
            # In memory all openings share one object and its position.
            if self._file.tell() != offset:
                self._file.seek(offset)
            blocks = []
            while size and (block := self._file.read(size)):
                blocks.append(block)
                size -= len(block)
            return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _read_up_to(self, offset: int) -> None:
        """Move forward by reading, in steps: others want to be served."""
        ahead = True
        while ahead:
            with self._calls.about(self._path):
                ahead = bool(self._file.read(max(0, min(offset - self._file.tell(), _STEP))))

    def _end(self, complete: bool) -> None:
        self._file.close()


class WritingFile(OpenFile):
    """A file object that is written, each block as it comes.  What was written stays, however it is closed.

    Args:
        resumable: It may be written at any offset, and truncated.
    """

    def __init__(
        self,
        calls: Calls,
        name: str,
        path: str,
        file: BackendFile,
        mode: OpenMode,
        *,
        size: int,
        created: bool,
        resumable: bool,
    ) -> None:
        super().__init__(calls, name, path, size=size, created=created)
        self._file = file
        self._appending = mode is OpenMode.APPEND
        self._resumable = resumable
        self._next = 0

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._check_open()
        if offset > LAST_OFFSET - len(data):
            raise os_error(errno.EFBIG, self._path)
        if offset != self._next and not self._resumable and not self._appending:
            raise UnsupportedOperation("without RESUME a file is written from its start to its end")
        with self._calls.about(self._path):
            if self._appending:
                if self._file.seekable():
                    self._file.seek(0, os.SEEK_END)
            elif self._file.tell() != offset:
                self._file.seek(offset)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) or len(rest) :]
            # A client may look at the file, or resume it, long before it is closed.
            self._file.flush()
            self._next = offset + len(data)

    def truncate(self, size: int, /) -> None:
        self._check_open()
        if not self._resumable:
            super().truncate(size)
        if size > LAST_OFFSET:
            raise os_error(errno.EFBIG, self._path)
        with self._calls.about(self._path):
            self._file.truncate(size)
            if self._file.seek(0, os.SEEK_END) < size:  # BytesIO only cuts
                self._file.seek(size - 1)
                self._file.write(b"\0")
            self._file.flush()

    def _end(self, complete: bool) -> None:
        self._file.close()
