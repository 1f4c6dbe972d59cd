"""The socket of a channel, and its place on the loop: connecting, accepting, reading, writing, closing."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from socket import AF_INET, SO_ERROR, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET
from socket import socket as Socket
from typing import TYPE_CHECKING, Any, Final

from ftpcore_adapters._pollers import READ, WRITE
from ftpcore_adapters._scheduler import ScheduledCall
from ftpcore_adapters.log import debug, logger

if TYPE_CHECKING:
    from ftpcore_adapters.ioloop import IOLoop

__all__ = ["SocketChannel"]

#: The peer is gone, or the socket was closed.
_DISCONNECTED: Final = frozenset(
    {
        errno.ECONNRESET,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.EBADF,
        errno.ETIMEDOUT,
    }
)
_CONNECTING: Final = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK})


class _NothingYet(BlockingIOError):
    """The kernel was mistaken: there is nothing to read."""


class SocketChannel:
    """A socket on a loop, in whatever state, and the methods that hear of it.

    All of it belongs to the thread of the loop, but `add_channel` and `modify_ioloop_events`: another thread may let a
    channel go on that waits.
    """

    socket: Socket | None = None
    """Of a channel that was closed: the closed socket."""
    connected: bool = False
    connecting: bool = False
    """A connection was asked for, and has not come up yet."""
    accepting: bool = False
    addr: Any = None
    """The peer's address, or the one that was bound."""

    _fileno: int | None = None
    _closed: bool = False
    _events: int = READ
    _purge_calls_at: int = 8

    def __init__(self, sock: Socket | None = None, ioloop: IOLoop | None = None) -> None:
        if ioloop is None:
            from ftpcore_adapters.ioloop import IOLoop  # which imports this module

            ioloop = IOLoop.instance()
        self.ioloop = ioloop
        self._calls: list[ScheduledCall] = []
        if sock is not None:
            try:
                self.addr = sock.getpeername()
                self.connected = True
            except OSError as error:
                # Not connected; EINVAL on some systems, when the peer is gone already.
                if error.errno not in (errno.ENOTCONN, errno.EINVAL):
                    raise
            self.set_socket(sock)

    def __repr__(self) -> str:
        states = [state for state in ("accepting", "connecting", "connected") if getattr(self, state)]
        return f"<{type(self).__name__} {' '.join(states) or 'closed'} {self.addr!r}>"

    # -- its socket ----------------------------------------------------------------------------------------------------

    def create_socket(self, family: int = AF_INET, type: int = SOCK_STREAM) -> None:
        """Make a socket, to be connected or bound, and register it."""
        self.set_socket(Socket(family, type))

    def set_socket(self, sock: Socket, map: object = None) -> None:
        """Take a socket over, make it non-blocking, and register it."""
        sock.setblocking(False)
        self.socket = sock
        self._fileno = sock.fileno()
        self._closed = False
        self.add_channel(map)

    def set_reuse_addr(self) -> None:
        """Allow to bind an address that connections which are over still occupy."""
        if os.name == "posix":  # elsewhere it would let two programs bind the same port
            with suppress(OSError):
                self._open_socket().setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)

    def bind(self, addr: Any) -> None:
        """Bind the socket.  Raises OSError."""
        self._open_socket().bind(addr)
        self.addr = addr

    def listen(self, num: int) -> None:
        """Listen for connections, of which `num` may wait; `handle_accepted` gets them."""
        self.accepting = True
        self._open_socket().listen(num)
        self.modify_ioloop_events(READ)

    def accept(self) -> tuple[Socket, Any] | None:
        """Return the next connection and its peer; None if there is none after all."""
        try:
            return self._open_socket().accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None

    def connect(self, addr: Any) -> None:
        """Begin to connect the socket: `handle_connect` is called when it is, `handle_close` when that failed.

        Raises:
            OSError: It failed at once; the channel is still open.
        """
        sock = self._open_socket()
        self.connected, self.connecting = False, True
        self.modify_ioloop_events(WRITE)
        code = sock.connect_ex(addr)
        if code in (0, errno.EISCONN):
            self.addr = addr
            self._establish()
        elif code in _CONNECTING:
            self.addr = addr
        else:
            self.connecting = False
            self.modify_ioloop_events(0)  # else a socket without a connection is ready all the time
            raise OSError(code, os.strerror(code))

    def close(self) -> None:
        """Close the socket at once, and cancel what `call_later` has scheduled.  Idempotent."""
        if self._closed:
            return
        self._closed = True
        self.connected = self.connecting = self.accepting = False
        self.del_channel()
        self._fileno = None
        calls, self._calls = self._calls, []
        for call in calls:
            call.cancel()
        if self.socket is not None:
            self.socket.close()

    # -- its loop ------------------------------------------------------------------------------------------------------

    def add_channel(self, map: object = None, events: int | None = None) -> None:
        """Register with the loop, for `events` or for what the channel needs in its state."""
        if self._fileno is None:
            raise RuntimeError(f"{self!r} has no socket to register; call create_socket() or set_socket() first")
        if events is None:
            events = self._first_events()
        self.ioloop.register(self._fileno, self, events)
        self._events = events
        self._wake()

    def del_channel(self, map: object = None) -> None:
        """Unregister; the socket stays open, and nothing is heard of it until `add_channel`.  Idempotent."""
        if self._is_registered():
            assert self._fileno is not None
            self.ioloop.unregister(self._fileno)

    def modify_ioloop_events(self, events: int) -> None:
        """Change what the loop watches for: `ioloop.READ`, `ioloop.WRITE`, both or 0; register again if need be.

        Without READ, reading pauses until it is set again; WRITE comes and goes with what was pushed.
        A channel that is closed does nothing.
        """
        if self._closed:
            debug("call: modify_ioloop_events(); the channel is closed", self)
        elif not self._is_registered():
            self.add_channel(events=events)
        elif events != self._events:
            assert self._fileno is not None
            self.ioloop.modify(self._fileno, events)
            self._events = events
            self._wake()

    def call_later(
        self,
        seconds: float,
        target: Callable[..., object],
        *args: object,
        _errback: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> ScheduledCall:
        """Like `IOLoop.call_later`, but cancelled when the channel is closed, and with `handle_error` for errback."""
        call = self.ioloop.call_later(seconds, target, *args, _errback=_errback or self.handle_error, **kwargs)
        if len(self._calls) >= self._purge_calls_at:
            self._calls = [each for each in self._calls if not each.cancelled]
            self._purge_calls_at = 2 * len(self._calls) + 8
        self._calls.append(call)
        return call

    def readable(self) -> bool:
        """Is there interest in reading?  Not asked by the loop: see `modify_ioloop_events`."""
        return bool(self._events & READ)

    def writable(self) -> bool:
        """Is there interest in writing?  Not asked by the loop."""
        return bool(self._events & WRITE)

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """Send what there is room for and return how much; 0 also if the peer is gone, after `handle_close`."""
        try:
            return self._open_socket().send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno not in _DISCONNECTED:
                raise
            debug(f"call: send(), error: {error}", self)
            self.handle_close()
            return 0

    def recv(self, buffer_size: int) -> bytes:
        """Return what has come; b"" if the peer has closed or is gone, after `handle_close`.

        Raises:
            BlockingIOError: Nothing has come.
        """
        try:
            data = self._open_socket().recv(buffer_size)
        except BlockingIOError as error:
            raise _NothingYet(*error.args) from None
        except OSError as error:
            if error.errno not in _DISCONNECTED:
                raise
            debug(f"call: recv(), error: {error}", self)
            data = b""
        if not data:
            self.handle_close()
        return data

    # -- for subclasses ------------------------------------------------------------------------------------------------

    def handle_connect(self) -> None:
        """The connection that was asked for is up."""

    def handle_accept(self) -> None:
        """A connection waits to be accepted."""
        try:
            pair = self.accept()
        except ConnectionAbortedError:  # of an accept() that a subclass has
            return
        if pair is not None:
            self.handle_accepted(*pair)

    def handle_accepted(self, sock: Socket, addr: Any) -> None:
        """Take over a connection that was accepted: by default close it."""
        debug("unhandled accepted event", self)
        sock.close()

    def handle_read(self) -> None:
        """Data have come, or the end."""

    def handle_write(self) -> None:
        """There is room for data."""

    def handle_close(self) -> None:
        """The peer has closed, or is gone, or could not be reached: by default close."""
        self.close()

    def handle_error(self) -> None:
        """A method raised the exception that `sys.exc_info()` tells: by default log it, and close."""
        logger.exception("%r failed, and is closed", self)
        self.handle_close()

    def handle_expt(self) -> None:
        """The peer hung up while the channel waited for nothing; data may be left to read.  Not all pollers tell."""

    # -- what the loop calls -------------------------------------------------------------------------------------------

    def handle_read_event(self) -> None:
        """The socket is readable."""
        if self.accepting:
            self.handle_accept()
        elif not self.connecting or self._concludes_connect():
            # A handle_read of a subclass that calls recv need not know that the kernel may be mistaken.
            with suppress(_NothingYet):
                self.handle_read()

    def handle_write_event(self) -> None:
        """The socket is writable."""
        if not self.accepting and (not self.connecting or self._concludes_connect()):
            self.handle_write()

    def handle_expt_event(self) -> None:
        """The peer hung up, or the socket is closed."""
        try:
            failed = self._open_socket().getsockopt(SOL_SOCKET, SO_ERROR)
        except OSError:
            failed = errno.EBADF
        if failed:
            self.handle_close()
        else:
            self.handle_expt()

    # -- private -------------------------------------------------------------------------------------------------------

    def _first_events(self) -> int:
        return READ

    def _open_socket(self) -> Socket:
        if self.socket is None:
            raise RuntimeError(f"{self!r} has no socket; call create_socket() or set_socket() first")
        return self.socket

    def _is_registered(self) -> bool:
        # Not by number alone: somebody else's socket may have it now, if ours was closed behind our back.
        return self._fileno is not None and self.ioloop.socket_map.get(self._fileno) is self

    def _wake(self) -> None:
        if threading.get_ident() != self.ioloop.thread:
            self.ioloop.call_soon_threadsafe(_nothing)  # poll() and select() look at what was there when they began

    def _establish(self) -> None:
        self.connected, self.connecting = True, False
        self.modify_ioloop_events(READ | WRITE)
        self.handle_connect()

    def _concludes_connect(self) -> bool:
        """Tell whether the connection that was asked for is up, after `handle_connect`; else `handle_close` knows."""
        failed = self._open_socket().getsockopt(SOL_SOCKET, SO_ERROR)
        if failed:
            debug(f"call: connect(), error: {os.strerror(failed)}", self)
            self.handle_close()
        else:
            self._establish()
        return self.connected


def _nothing() -> None:
    """What wakes a loop."""
