"""The socket of a control connection: replies that wait to be sent, and TLS where it was begun.

Every host has this; nothing waits, and nothing decides anything about FTP.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ftpcore import Connection, StreamTruncated, TLSDetails
from ftpcore_adapters import _sockets
from ftpcore_adapters._pollers import READ, WRITE
from ftpcore_adapters._tls_stream import NotYet, TLSStream, made

if TYPE_CHECKING:
    from ftpcore_adapters._tls_engine import TLSEngine

__all__ = ["ControlSocket"]

#: Bytes read from a control connection at once: a pipelining client's whole script, usually.
CONTROL_READ: Final = 16 * 1024


class ControlSocket:
    """A control connection.  Failures are ConnectionError, "not yet" is BlockingIOError."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.replies: list[bytes] = []
        self.open = True
        self.switching = False
        """TLS begins or ends: what is neither clear nor inside TLS can't be sent."""
        self._waits_for = 0
        """The events by which that goes on."""
        self._tls: TLSStream | None = None

    @property
    def full(self) -> bool:
        """Is there more to receive, although the socket is not readable?"""
        return self._tls is not None and self._tls.full

    def receive(self) -> bytes:
        """Receive what is inside; b"" at the peer's end."""
        if self._tls is None:
            return _sockets.receive(self.sock, CONTROL_READ)
        try:
            return self._tls.receive(CONTROL_READ)
        except StreamTruncated:
            return b""  # many clients just hang up; nothing depends on what did not come

    def flush(self) -> int:
        """Send replies; return how many bytes of them left.  While TLS begins or ends, they wait."""
        replies = self.replies
        data = replies[0] if len(replies) == 1 else b"".join(replies)
        try:
            if not self.open or self.switching:
                return 0
            if self._tls is None:
                count = _sockets.send(self.sock, data)
            else:
                count = self._tls.send(data)
        except BlockingIOError:
            count = 0
        self.replies = [data[count:]] if count < len(data) else []
        return count

    def start_tls(self, make: Callable[[Connection], TLSEngine]) -> TLSDetails:
        """Make a handshake behind all replies, and return what it came to; BlockingIOError: call again.

        Raises:
            ConnectionError: It failed; nothing can be said any more.
        """
        if not self.switching:
            self._check_sent()
            self._tls = TLSStream(self.sock, made(make, Connection.CONTROL))
            self.switching = True
        assert self._tls is not None
        try:
            details = self._tls.handshake()
        except NotYet as wait:
            self._waits_for = wait.events
            raise
        self.switching = False
        return details

    def stop_tls(self) -> bytes:
        """End TLS behind all replies, and return what came behind its end, in clear; else as `start_tls`."""
        if not self.switching:
            self._check_sent()
            self.switching = True
        assert self._tls is not None
        try:
            self._tls.finish()
            rest = self._tls.peer_finished()
        except NotYet as wait:
            self._waits_for = wait.events
            raise
        self._tls = None
        self.switching = False
        return rest

    def _check_sent(self) -> None:
        """Raise BlockingIOError until all replies have left, ConnectionAbortedError once it is closed."""
        if not self.open:
            raise ConnectionAbortedError("the control connection is closed")
        if self.replies:
            raise BlockingIOError

    def events(self, *, wanted: bool) -> int:
        """Return what is to be watched for; `wanted`: the session takes data."""
        if self.switching:
            return self._waits_for
        return (READ if wanted else 0) | (WRITE if self.replies else 0)

    def close(self) -> None:
        """Close it, under TLS with a close_notify if the peer takes one."""
        self.open = False
        self.replies.clear()
        if self._tls is not None and not self.switching:
            self._tls.say_last()
        self.sock.close()
