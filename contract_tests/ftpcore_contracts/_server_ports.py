"""The ports of sessions under contract: a small filesystem and an authorizer that tell what is done with them.

Each session has its own view of both, made by `ContractAuthorizer.view`.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterator

from ftpcore import (
    Account,
    AuthenticationFailed,
    Capability,
    FileInfo,
    FileKind,
    OpenMode,
    UnsupportedOperation,
    VirtualPath,
    base_name,
    parent_path,
)
from ftpcore_contracts._server_record import Closed, Opened, Reporter
from ftpcore_contracts._server_script import PASSWORD, USER, Calls, Script

__all__ = ["ContractAuthorizer", "RecordingFile", "RecordingKernelFile"]


class ContractAuthorizer:
    """The authorizer of a server under contract: one user, all rights, and the files of the script."""

    def __init__(self, script: Script, reporter: Reporter) -> None:
        self.blocking = script.blocking
        self.script = script
        self.reporter = reporter
        self.lock = threading.Lock()
        self.contents = dict(script.stock)

    def view(self, peer: int, calls: Calls) -> SessionAuthorizer:
        """Return what one session sees, and what keeps account of its calls."""
        return SessionAuthorizer(SessionFileSystem(self, peer, calls), calls)

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        raise TypeError("ask the view that a session has; is the session of `handler_class.session_class`?")

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter in account.rights

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return account.rights


class SessionAuthorizer:
    """What one session sees of a `ContractAuthorizer`."""

    def __init__(self, filesystem: SessionFileSystem, calls: Calls) -> None:
        self.blocking = filesystem.blocking
        self._filesystem = filesystem
        self._calls = calls

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        with self._calls.call("authenticate"):
            if (username, password) != (USER, PASSWORD):
                raise AuthenticationFailed
            return Account(name=username, filesystem=self._filesystem, rights="elradfmwMT")

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter in account.rights

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return account.rights


class SessionFileSystem:
    """What one session sees of the files: all are in the root."""

    capabilities = Capability.WRITE | Capability.RESUME | Capability.APPEND | Capability.CONFINED

    def __init__(self, home: ContractAuthorizer, peer: int, calls: Calls) -> None:
        self.blocking = home.blocking
        self._home = home
        self._peer = peer
        self._calls = calls

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        with self._calls.call("stat"):
            if path == "/":
                return FileInfo("/", FileKind.DIRECTORY)
            return FileInfo(base_name(path), FileKind.FILE, len(self._content(path)))

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        with self._calls.call("scan_dir"):
            self._check_dir(path)
            with self._home.lock:
                contents = sorted(self._home.contents.items())
            return iter([FileInfo(name[1:], FileKind.FILE, len(data)) for name, data in contents])

    def enter_dir(self, path: VirtualPath, /) -> None:
        with self._calls.call("enter_dir"):
            self._check_dir(path)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> RecordingFile:
        with self._calls.call("open_file"):
            if path == "/":
                raise IsADirectoryError(errno.EISDIR, path)
            self._check_dir(parent_path(path))
            with self._home.lock:
                content = self._home.contents.get(path)
            if content is None and mode in (OpenMode.READ, OpenMode.UPDATE):
                raise FileNotFoundError(errno.ENOENT, path)
            return self._opened(path, content, mode)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, RecordingFile]:
        with self._calls.call("open_unique"):
            self._check_dir(directory)
            name = f"{prefix}{self._home.reporter.number()}"
            return name, self._opened(VirtualPath(f"/{name}"), None, OpenMode.REPLACE)

    def remove_file(self, path: VirtualPath, /) -> None:
        with self._calls.call("remove_file"):
            self._content(path)
            with self._home.lock:
                del self._home.contents[path]

    def make_dir(self, path: VirtualPath, /) -> None:
        raise PermissionError(errno.EACCES, path)

    remove_dir = make_dir

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        raise UnsupportedOperation

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        raise UnsupportedOperation

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        raise UnsupportedOperation

    def _content(self, path: VirtualPath) -> bytes:
        with self._home.lock:
            content = self._home.contents.get(path)
        if content is None:
            raise FileNotFoundError(errno.ENOENT, path)
        return content

    def _check_dir(self, path: VirtualPath) -> None:
        if path != "/":
            self._content(path)
            raise NotADirectoryError(errno.ENOTDIR, path)

    def _opened(self, path: VirtualPath, content: bytes | None, mode: OpenMode) -> RecordingFile:
        reporter, peer, number = self._home.reporter, self._peer, self._home.reporter.number()

        def closed(complete: bool, end: bytes) -> None:
            if mode is OpenMode.READ:
                end = b""
            else:
                with self._home.lock:
                    self._home.contents[path] = end
            reporter.tell(Closed(peer, number, complete, end))

        reporter.tell(Opened(peer, number, path))
        make = RecordingKernelFile if self._home.script.kernel else RecordingFile
        return make(path, content, mode, self._calls, closed)


class RecordingFile:
    """An open file in memory.

    Attributes:
        returned: What `read_at` returned last.
        end: How long the file is, as far as calls of its methods made it.
    """

    def __init__(
        self,
        path: VirtualPath,
        content: bytes | None,
        mode: OpenMode,
        calls: Calls,
        closed: Callable[[bool, bytes], None],
    ) -> None:
        self.name: str = path
        self.created = content is None
        self.returned: bytes | None = None
        self._content = bytearray(b"" if mode is OpenMode.REPLACE else content or b"")
        self._appends = mode is OpenMode.APPEND
        self._calls = calls
        self._tell_closed = closed
        self._open = True
        self.size = self.end = len(self._content)

    def read_at(self, offset: int, size: int, /) -> bytes:
        with self._calls.call("read_at"):
            self._check_open()
            self.returned = self._read(offset, size)
            return self.returned

    def write_at(self, offset: int, data: bytes, /) -> None:
        with self._calls.call("write_at"):
            self._check_open()
            if self._appends:
                offset = self.end
            self._write(offset, data)
            self.end = max(self.end, offset + len(data))

    def truncate(self, size: int, /) -> None:
        with self._calls.call("truncate"):
            self._check_open()
            self._cut(size)
            self.end = size

    def close(self, *, complete: bool) -> None:
        if self._open:
            self._content[:] = self._read(0, 1 << 30)
        self._tell_closed(complete, bytes(self._content))
        was_open, self._open = self._open, False
        self._free()
        with self._calls.call("close"):
            if not was_open:
                raise OSError(errno.EBADF, "this file was closed before")

    def _check_open(self) -> None:
        if not self._open:
            raise OSError(errno.EBADF, "this file is closed")

    def _read(self, offset: int, size: int) -> bytes:
        return bytes(self._content[offset : offset + size])

    def _write(self, offset: int, data: bytes) -> None:
        self._content[offset : offset + len(data)] = data

    def _cut(self, size: int) -> None:
        del self._content[size:]

    def _free(self) -> None:
        """Give back what the system lent."""


class RecordingKernelFile(RecordingFile):
    """One that has a descriptor, of a file on disk."""

    def __init__(
        self,
        path: VirtualPath,
        content: bytes | None,
        mode: OpenMode,
        calls: Calls,
        closed: Callable[[bool, bytes], None],
    ) -> None:
        super().__init__(path, content, mode, calls, closed)
        self._disk = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed by close
        self._disk.write(self._content)

    def fileno(self) -> int:
        return self._disk.fileno()

    def real_end(self) -> int:
        """Return how long the file is, whoever wrote to it."""
        return os.fstat(self.fileno()).st_size

    def _read(self, offset: int, size: int) -> bytes:
        return os.pread(self.fileno(), min(size, max(0, self.real_end() - offset)), offset)

    def _write(self, offset: int, data: bytes) -> None:
        os.pwrite(self.fileno(), data, offset)

    def _cut(self, size: int) -> None:
        os.ftruncate(self.fileno(), size)

    def _free(self) -> None:
        self._disk.close()
