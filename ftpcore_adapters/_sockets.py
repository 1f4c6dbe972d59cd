"""System calls on sockets that hosts share: listening, connecting, and moving bytes between sockets and files.

There is no decision about FTP here.  All sockets are non-blocking.  A failed connection is a ConnectionError,
whatever the system calls it; BlockingIOError means "not yet".
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ftpcore import Address, UnsupportedOperation

with suppress(ImportError):  # Windows, which has no splice either
    import fcntl

__all__ = [
    "CAN_SENDFILE",
    "CAN_SPLICE",
    "Pipe",
    "address_of",
    "connecting_socket",
    "listening_socket",
    "read_urgent_inline",
    "receive",
    "receive_into",
    "receive_into_file",
    "send",
    "send_file",
    "set_no_delay",
]

CAN_SENDFILE: Final = hasattr(os, "sendfile")
CAN_SPLICE: Final = hasattr(os, "splice")

#: Bytes that a splice pipe takes at once, if the system lets it grow; else its default of 64 KiB.
PIPE_SIZE: Final = 1024 * 1024

#: Errors of a socket that Python has no ConnectionError for.
_LOST: Final = frozenset(
    {
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.EHOSTDOWN,
        errno.ENOTCONN,
        errno.ECONNABORTED,
        errno.EADDRNOTAVAIL,
    }
)

#: Errors by which sendfile and splice say that they can't do it with these descriptors.
_UNABLE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSOCK, errno.EPERM, errno.EACCES})


def address_of(name: object) -> Address:
    """Return what `getsockname` or `getpeername` said as an address; the scope of a link-local one is kept."""
    if not isinstance(name, tuple):
        return Address("127.0.0.1", 0)  # a socket that has no address, as those of socketpair()
    host, port = name[0], name[1]
    return Address(host, port)


def listening_socket(host: str, port: int, backlog: int) -> socket.socket:
    """Return a socket that listens on a literal address; the caller closes it."""
    sock = socket.socket(_family(host), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def connecting_socket(address: Address, source: str) -> socket.socket:
    """Return a socket that is being connected to `address`: it becomes writable when that is decided."""
    sock = socket.socket(_family(address.host), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if source:
            sock.bind((source, 0))
        code = sock.connect_ex((address.host, address.port))
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def set_no_delay(sock: socket.socket) -> None:
    """Send replies at once; a socket that has no such option is left alone."""
    with suppress(OSError):  # not TCP: there is no delay to switch off
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def read_urgent_inline(sock: socket.socket) -> None:
    """Take urgent bytes in their place: clients send a part of ABOR as such, Python's ftplib also its LF."""
    with suppress(OSError):  # not TCP: there are no urgent bytes
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)


def send(sock: socket.socket, data: bytes | bytearray | memoryview) -> int:
    """Send some of `data`; BlockingIOError or ConnectionError."""
    try:
        return sock.send(data)
    except BlockingIOError:
        raise
    except OSError as error:
        raise _lost(error) from None


def receive(sock: socket.socket, size: int) -> bytes:
    """Receive up to `size` bytes, b"" at the peer's end; BlockingIOError or ConnectionError."""
    try:
        return sock.recv(size)
    except BlockingIOError:
        raise
    except OSError as error:
        raise _lost(error) from None


def receive_into(sock: socket.socket, buffer: memoryview) -> int:
    """Receive into `buffer`, 0 at the peer's end; BlockingIOError or ConnectionError."""
    try:
        return sock.recv_into(buffer)
    except BlockingIOError:
        raise
    except OSError as error:
        raise _lost(error) from None


def send_file(sock: socket.socket, fd: int, offset: int, size: int) -> int:
    """Send up to `size` bytes of a file within the kernel, 0 at its end.

    BlockingIOError, ConnectionError, UnsupportedOperation (nothing was sent), or the OSError of the file.
    """
    if not CAN_SENDFILE:
        raise UnsupportedOperation("sendfile")
    return _in_kernel(lambda: os.sendfile(sock.fileno(), fd, offset, size))


def receive_into_file(sock: socket.socket, fd: int, offset: int, size: int) -> int:
    """Receive up to `size` bytes into a file at `offset`, by way of memory; 0 at the peer's end."""
    block = memoryview(receive(sock, size))
    count = len(block)
    while block:
        written = os.pwrite(fd, block, offset)
        block = block[written:]
        offset += written
    return count


class Pipe:
    """Moves bytes from a socket into a file within the kernel.  One pipe serves one transfer.

    After any error the pipe may hold bytes, so it is closed and never used again.
    """

    def __init__(self) -> None:
        if not CAN_SPLICE:
            raise UnsupportedOperation("splice")
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._size = fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:  # the user's pipes hold too much already: the default size does
            self._size = fcntl.fcntl(self._in, fcntl.F_GETPIPE_SZ)

    def close(self) -> None:
        """Idempotent."""
        if self._in >= 0:
            os.close(self._in)
            os.close(self._out)
            self._in = self._out = -1

    def receive_file(self, sock: socket.socket, fd: int, offset: int, size: int) -> int:
        """Receive up to `size` bytes into a file at `offset`; all that left the socket is in the file on return.

        0 at the peer's end.  Errors as `send_file`; UnsupportedOperation means that nothing left the socket.
        """
        if self._in < 0:
            raise UnsupportedOperation("the pipe saw an error before")
        flags = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE
        count = _in_kernel(lambda: os.splice(sock.fileno(), self._in, min(size, self._size), flags=flags))
        rest = count
        try:
            while rest:
                rest -= os.splice(self._out, fd, rest, offset_dst=offset + count - rest, flags=os.SPLICE_F_MOVE)
        except OSError as error:
            if rest == count and error.errno in _UNABLE:
                return self._pour(fd, offset, count)
            self.close()
            raise
        return count

    def _pour(self, fd: int, offset: int, count: int) -> int:
        """Write what is in the pipe in the ordinary way, for files that can't be spliced into."""
        written = 0
        try:
            while written < count:
                block = os.read(self._out, count - written)
                while block:
                    done = os.pwrite(fd, block, offset + written)
                    written += done
                    block = block[done:]
        finally:
            self.close()
        return count


def _in_kernel(call: Callable[[], int]) -> int:
    try:
        return call()
    except (BlockingIOError, ConnectionError):
        raise
    except OSError as error:
        if error.errno in _UNABLE:
            raise UnsupportedOperation(error.errno, error.strerror) from None
        if error.errno in _LOST:
            raise _lost(error) from None
        raise


def _lost(error: OSError) -> ConnectionError:
    return error if isinstance(error, ConnectionError) else ConnectionAbortedError(error.errno, error.strerror)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
