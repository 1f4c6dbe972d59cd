"""A socket under TLS: what an engine has to say goes out, what comes in goes to the engine, and nothing waits.

Every host has this, for control and data connections; none of it decides anything about FTP.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ftpcore import Connection, StreamTruncated, TLSDetails, UnsupportedOperation
from ftpcore_adapters import _sockets
from ftpcore_adapters._pollers import READ, WRITE
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters._tls_engine import TLSEngine

__all__ = ["NotYet", "TLSStream", "made"]

#: Bytes of ciphertext that are read at once.
_RECEIVED: Final = 256 * 1024

#: Answers to messages of TLS itself (new keys) that may wait for a peer that takes none: tens of thousands.
_ANSWERS: Final = 1024 * 1024


class _Buffer(threading.local):
    """What a thread receives into where it is copied at once: memory that is not got anew each time."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_RECEIVED))


_buffer: Final = _Buffer()


class NotYet(BlockingIOError):
    """The socket must be ready first, for READ or WRITE: then the same call is to be made again."""

    def __init__(self, events: int) -> None:
        super().__init__()
        self.events = events


def made(make: Callable[[Connection], TLSEngine], connection: Connection) -> TLSEngine:
    """Return the engine of a connection; whatever keeps user code from making one ends the connection, and is logged.

    Raises:
        ConnectionAbortedError: There is none.
    """
    try:
        return make(connection)
    except UnsupportedOperation as error:
        raise ConnectionAbortedError(str(error)) from error
    except Exception as error:
        logger.exception("no TLS can be made for a %s connection", connection.value)
        raise ConnectionAbortedError("TLS can't be had here") from error


class TLSStream:
    """A connection under TLS.  Failures are ConnectionError; the socket is its owner's to close."""

    def __init__(self, sock: socket.socket, engine: TLSEngine) -> None:
        self._sock = sock
        self._engine = engine
        self.full = False
        """The engine may hold more than `receive` returned, which the socket will not tell."""
        self._taken = 0
        """Bytes that the engine took of what is being sent, and that have not all left."""

    def handshake(self) -> TLSDetails:
        """Make the handshake; NotYet until it is over."""
        while True:
            try:
                details = self._engine.handshake()
            except ConnectionError:
                self._say_why()
                raise
            self._flush()
            if details is not None:
                self.full = True
                return details
            self._fill()

    def send(self, data: bytes | memoryview) -> int:
        """Send some of `data`, and return how much has left; after NotYet, go on with the same data.

        So it is after a count as well: some of what follows may be on its way.
        """
        if not self._taken:
            self._flush()
        count, size = 0, len(data)
        try:
            while True:
                if not self._taken:
                    self._taken = self._engine.write(memoryview(data)[count:] if count else data)
                self._flush()
                count, self._taken = count + self._taken, 0
                if count >= size:
                    return count
        except NotYet:
            if count:
                return count
            raise

    def given_up(self) -> int:
        """`send` will not be called again with the same data: return how much of it is on its way."""
        count, self._taken = self._taken, 0
        return count

    def receive(self, size: int) -> bytes:
        """Receive up to `size` bytes; b"" at the peer's close_notify, StreamTruncated at an end without it.

        The socket is looked at once: what is no data must not keep a loop from its other sessions.
        """
        data = self._read(size)
        if data is None:
            self._fill()
            data = self._read(size)
        if data is None:
            raise NotYet(READ)
        return data

    def finish(self) -> None:
        """Send close_notify behind all that was sent; NotYet until it has left.  Nothing, after an error."""
        self._engine.close()
        self._flush()

    def peer_finished(self) -> bytes:
        """Wait for the peer's close_notify, and return what came behind it, in clear.

        What comes before it is lost: it is too late to be answered.
        """
        if not self._skip():
            self._fill()
            if not self._skip():
                raise NotYet(READ)
        return self._engine.take_unused()

    def say_last(self) -> None:
        """Try once to send close_notify."""
        with suppress(BlockingIOError, ConnectionError):  # the peer takes nothing more
            self.finish()

    def _read(self, size: int) -> bytes | None:
        """Return what was received already; None: nothing."""
        engine = self._engine
        try:
            data = engine.read(size)
        except BlockingIOError:
            self.full = False
            self._answer()
            return None
        except StreamTruncated:
            raise
        except ConnectionError:
            self._say_why()
            raise
        self.full = bool(data) and (len(data) == size or engine.closed_by_peer or engine.failed)
        return data

    def _skip(self) -> bool:
        """Skip what was received already; tell whether it ends in close_notify."""
        while (data := self._read(_RECEIVED)) is not None:
            if not data:
                return True
        return False

    def _answer(self) -> None:
        """Send what TLS itself has to say to what came."""
        try:
            self._flush()
        except NotYet:
            if len(self._engine.output) > _ANSWERS:
                raise ConnectionAbortedError("the peer asks, and takes no answers") from None

    def _flush(self) -> None:
        while output := self._engine.output:
            try:
                self._engine.sent(_sockets.send(self._sock, output))
            except BlockingIOError:
                raise NotYet(WRITE) from None

    def _fill(self) -> None:
        engine = self._engine
        data: bytes | memoryview
        try:
            if engine.copies:
                buffer = _buffer.view
                data = buffer[: _sockets.receive_into(self._sock, buffer)]
            else:
                data = _sockets.receive(self._sock, _RECEIVED)
        except BlockingIOError:
            raise NotYet(READ) from None
        if data:
            engine.feed(data)
        else:
            engine.feed_eof()

    def _say_why(self) -> None:
        """Try once to send the alert."""
        with suppress(BlockingIOError, ConnectionError):  # the peer takes nothing more
            self._flush()
