"""The data sockets of a session on a loop: each network effect is tried, and tried again when the loop says so.

Every host has this; none of it waits, and none of it decides anything about FTP.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from ftpcore import (
    AcceptData,
    Address,
    CloseData,
    ConnectData,
    Connection,
    DataPart,
    NetworkEffect,
    OpenListener,
    ReceiveData,
    ReceiveFile,
    SendData,
    SendFile,
    ServerFull,
    StartTLS,
    TLSDetails,
    UnsupportedOperation,
)
from ftpcore_adapters import _sockets
from ftpcore_adapters._loop import Loop
from ftpcore_adapters._pollers import READ, WRITE
from ftpcore_adapters._tls_stream import NotYet, TLSStream, made

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["DataSocketOwner", "DataSockets"]

T = TypeVar("T")

#: Blocks that one session may move before the others have their turn.
BLOCKS_PER_TURN: Final = 8


class DataSocketOwner(Protocol):
    """Whose data sockets they are."""

    handler: FTPHandler

    def retry(self) -> bool:
        """A data socket is ready: try the effect that waits for it; tell whether there was one."""
        ...

    def handle_error(self) -> None:
        """`retry` raised what `sys.exc_info()` tells."""
        ...


class DataSockets:
    """The listener and the connection of one session, of which it has one each at most."""

    def __init__(self, owner: DataSocketOwner, loop: Loop) -> None:
        self._owner = owner
        self._loop = loop
        self._listener: _Watched | None = None
        self._data: _Watched | None = None
        self._pipe: _sockets.Pipe | None = None
        self._blocks = BLOCKS_PER_TURN

    @property
    def connection(self) -> socket.socket | None:
        """The socket of the data connection, if there is one."""
        return None if self._data is None else self._data.sock

    def begin_turn(self) -> None:
        """The loop came round: blocks may be moved again."""
        self._blocks = BLOCKS_PER_TURN

    def attempt(self, effect: NetworkEffect) -> object:
        """Carry out a network effect; BlockingIOError if the loop watches for when to try again."""
        match effect:
            case SendFile(file, offset, size):
                return self._send_file(file, offset, size)
            case SendData(data):
                return self._send(data)
            case ReceiveFile(file, offset, size):
                return self._receive_file(file, offset, size)
            case ReceiveData(size):
                return self._receive(size)
            case OpenListener(host, port):
                return self._listen(host, port)
            case AcceptData():
                return self._accept()
            case ConnectData(address, source):
                self._connect(address, source)
            case StartTLS(connection):
                return self._handshake(connection)
            case CloseData(part, orderly):
                self._end(part, orderly=orderly)
            case _:
                raise UnsupportedOperation(f"unknown effect {effect!r}")
        return None

    def _send_file(self, file: Any, offset: int, size: int) -> int:
        data = self._turn(WRITE)
        if data.tls is not None:
            raise UnsupportedOperation("TLS is not within the kernel")
        try:
            return _sockets.send_file(data.sock, file.fileno(), offset, size)
        except BlockingIOError:
            data.wait(WRITE)
            raise

    def _send(self, block: bytes | memoryview) -> int:
        data = self._turn(WRITE)
        if data.tls is not None:
            return self._tls(data, partial(data.tls.send, block))
        try:
            return _sockets.send(data.sock, block)
        except BlockingIOError:
            data.wait(WRITE)
            raise

    def _receive_file(self, file: Any, offset: int, size: int) -> int:
        data = self._turn(READ)
        if not _sockets.CAN_SPLICE or data.tls is not None:
            raise UnsupportedOperation("splice")
        try:
            if self._pipe is None:
                count = _sockets.receive_into_file(data.sock, file.fileno(), offset, size)
                if count == size:  # there is more than a pipe costs
                    with suppress(OSError):  # no descriptor is left for it: memory does, these bytes are stored
                        self._pipe = _sockets.Pipe()
                return count
            return self._pipe.receive_file(data.sock, file.fileno(), offset, size)
        except BlockingIOError:
            data.wait(READ)
            raise

    def _receive(self, size: int) -> bytes:
        data = self._turn(READ)
        if data.tls is not None:
            return self._tls(data, partial(data.tls.receive, size))
        try:
            return _sockets.receive(data.sock, size)
        except BlockingIOError:
            data.wait(READ)
            raise

    def _turn(self, events: int) -> _Watched:
        """Return the data connection; BlockingIOError if the other sessions have their turn first."""
        if self._data is None:
            raise ConnectionAbortedError("there is no data connection")
        if self._blocks <= 0:
            # What TLS has received already, the socket will not tell; that it can be written to, it tells at once.
            self._data.wait(events | WRITE if self._data.tls is not None and self._data.tls.full else events)
            raise BlockingIOError
        self._blocks -= 1
        return self._data

    def _listen(self, host: str, port: int) -> Address:
        if self._owner.handler.server_is_full():
            raise ServerFull
        self.close(DataPart.LISTENER)
        sock = _sockets.listening_socket(host, port, self._owner.handler.data_backlog())
        self._listener = _Watched(self._owner, self._loop, sock)
        return _sockets.address_of(sock.getsockname())

    def _accept(self) -> Address:
        if self._listener is None:
            raise ConnectionAbortedError("nobody listens")
        if not self._listener.registered:  # nobody can have connected yet: he does not know the port
            self._listener.wait(READ)
            raise BlockingIOError
        try:
            sock, name = self._listener.sock.accept()
        except BlockingIOError:
            self._listener.wait(READ)
            raise
        except ConnectionError:  # the peer was gone before it was accepted
            self._listener.wait(READ)
            raise BlockingIOError from None
        sock.setblocking(False)
        self._data = _Watched(self._owner, self._loop, sock)
        return _sockets.address_of(name)

    def _connect(self, address: Address, source: str) -> None:
        if self._data is None:
            if self._owner.handler.server_is_full():
                raise ServerFull
            self._data = _Watched(self._owner, self._loop, _sockets.connecting_socket(address, source))
            self._data.wait(WRITE)
            raise BlockingIOError
        code = self._data.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise ConnectionRefusedError(code, errno.errorcode.get(code, "connection failed"))

    def _handshake(self, connection: Connection) -> TLSDetails:
        if self._data is None:
            raise ConnectionAbortedError("there is no data connection")
        if self._data.tls is None:
            self._data.tls = TLSStream(self._data.sock, made(self._owner.handler.tls_engine, connection))
        return self._tls(self._data, self._data.tls.handshake)

    def _tls(self, data: _Watched, action: Callable[[], T]) -> T:
        try:
            return action()
        except NotYet as wait:
            data.wait(wait.events)
            raise

    def _end(self, part: DataPart, *, orderly: bool) -> None:
        try:
            if orderly and self._data is not None and self._data.tls is not None:
                self._tls(self._data, self._data.tls.finish)
        except NotYet:
            raise
        except BaseException:
            self.close(part)
            raise
        self.close(part)

    def give_up(self, effect: NetworkEffect) -> int:
        """An effect that waits is not tried again; return how many bytes of it are on their way all the same."""
        if isinstance(effect, CloseData):
            self.close(effect.part)
        elif isinstance(effect, SendData) and self._data is not None and self._data.tls is not None:
            return self._data.tls.given_up()
        return 0

    def close(self, part: DataPart) -> None:
        if DataPart.LISTENER in part and self._listener is not None:
            self._listener.close()
            self._listener = None
        if DataPart.CONNECTION in part:
            if self._data is not None:
                self._data.close()
                self._data = None
            if self._pipe is not None:
                self._pipe.close()
                self._pipe = None


class _Watched:
    """A data socket as the loop sees it: an event has the host try its network effect again."""

    def __init__(self, owner: DataSocketOwner, loop: Loop, sock: socket.socket) -> None:
        self.sock = sock
        self.tls: TLSStream | None = None
        self._owner = owner
        self._loop = loop
        self._events = 0
        self.registered = False
        loop.unwatched += 1

    def wait(self, events: int) -> None:
        """Watch for `events`: READ, WRITE or 0."""
        if self._events == events:
            return
        if not self.registered:
            self._loop.register(self.sock.fileno(), self, events)
            self._loop.unwatched -= 1
            self.registered = True
        else:
            self._loop.modify(self.sock.fileno(), events)
        self._events = events

    def handle_read(self) -> None:
        if not self._owner.retry():
            self.wait(0)

    handle_write = handle_close = handle_read

    def handle_error(self) -> None:
        self._owner.handle_error()

    def close(self) -> None:
        if self.registered:
            self._loop.unregister(self.sock.fileno())
        else:
            self._loop.unwatched -= 1
        self.sock.close()
