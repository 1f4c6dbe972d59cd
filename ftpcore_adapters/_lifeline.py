"""What joins a server and a process that it forked: orders go along it, requests come back, its end ends the process.

Both are the same lines, the name of a method of the server and numbers: see `Message`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from ftpcore_adapters.log import logger

__all__ = ["End", "Lifeline", "Message", "hold"]

#: More than a line has; what is longer is read in parts.
_BLOCK: Final = 4096


class Message(NamedTuple):
    """What the server is to do, or a worker process its part of."""

    order: str
    """"close", "drain" or "close_all"."""
    arguments: tuple[float, ...] = ()


class End:
    """One end, and what came along."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.silent = False
        """Nothing comes any more: the other process has ended, or will soon."""
        self._begun = b""

    def send(self, order: str, *arguments: float) -> None:
        """Send a message; if nobody hears it any more, that is no error."""
        with suppress(OSError):
            self.sock.sendall(" ".join([order, *map(str, arguments)]).encode() + b"\n")

    def receive(self) -> list[Message]:
        """Return the messages that have come; the server's end does not wait for one."""
        try:
            data = self.sock.recv(_BLOCK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self.silent = not data
        *lines, self._begun = (self._begun + data).split(b"\n")
        words = [line.decode().split() for line in lines]
        return [Message(order, tuple(map(float, arguments))) for order, *arguments in words]

    def close(self) -> None:
        """Close this copy of the end.  Idempotent."""
        self.silent = True
        self.sock.close()


class Lifeline(End):
    """The server's end.  Made before the fork; a copy that another process keeps lets this one outlive the server."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(True)  # whatever timeout the program has for its sockets
        super().__init__(ours)
        self._other = End(theirs)

    def forked(self) -> None:
        """In the server, after the fork: the other end is the process's."""
        self._other.close()

    def taken(self) -> End:
        """In the process: close the server's end, and return the other."""
        super().close()
        return self._other

    def finish(self) -> None:
        """Have the process end now; requests that are on their way come all the same."""
        with suppress(OSError):  # it has ended
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        super().close()
        self._other.close()


def hold(end: End, *, obey: Callable[..., None], close: Callable[[], None]) -> None:
    """In the process: have a thread call `obey` with each order, and `close` when the server has ended or says so."""
    threading.Thread(target=_take, args=(end, obey, close), name="lifeline", daemon=True).start()


def _take(end: End, obey: Callable[..., None], close: Callable[[], None]) -> None:
    while not end.silent:
        for message in end.receive():
            _ask(obey, message.order, *message.arguments)
    _ask(close)


def _ask(action: Callable[..., None], *arguments: object) -> None:
    try:
        action(*arguments)
    except RuntimeError:
        logger.debug("the loop has ended already")
