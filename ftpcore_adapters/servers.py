"""Servers: what listens, counts connections, and makes a handler for each."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Self

from ftpcore_adapters._accepting import Acceptor, listening_on
from ftpcore_adapters._asynchrony import refuse_asynchronous
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["FTPServer"]


class FTPServer(Acceptor):
    """Serves a handler class on one IOLoop.

    >>> from ftpcore_adapters.handlers import FTPHandler
    >>> with FTPServer(("127.0.0.1", 0), FTPHandler) as server:
    ...     host, port = server.address
    """

    ioloop: IOLoop

    def __init__(
        self,
        address_or_socket: tuple[str | None, int] | list[Any] | socket.socket,
        handler: type[FTPHandler],
        ioloop: IOLoop | None = None,
        backlog: int = 100,
    ) -> None:
        """Listen.  A socket that is given is made non-blocking and belongs to the server.

        Raises:
            OSError: The address can't be had.
            ValueError: There can be no such port.
            TypeError: A hook of the handler or one of its ports is asynchronous: nothing here could await it.
        """
        refuse_asynchronous(handler)
        super().__init__(listening_on(address_or_socket, backlog), handler, ioloop or IOLoop.instance(), backlog)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close_all()

    def serve_forever(
        self, timeout: float | None = None, blocking: bool = True, handle_exit: bool = True
    ) -> float | None:
        """Run the loop until nothing is left in it.

        Args:
            timeout: Seconds that one turn waits at most; None: until something happens.
            blocking: False: one turn only.  Returns the seconds to the next scheduled call, or None.
            handle_exit: KeyboardInterrupt and SystemExit end it cleanly, with `close_all` when blocking.
        """
        try:
            if handle_exit and blocking:
                self._log_start("async")
            return self.ioloop.loop(timeout, blocking)
        except (KeyboardInterrupt, SystemExit):
            if not handle_exit:
                raise
            logger.info("received interrupt signal")
        if blocking:
            count = len(self.ioloop.socket_map)
            logger.info(">>> shutting down FTP server, pid=%d, %d open socket(s) <<<", os.getpid(), count)
            self.close_all()
        return None

    def drain(self, seconds: float) -> None:
        """Stop listening and end the sessions in good order: the loop ends with the last one.  Returns at once.

        Who is idle gets 421.  A command or transfer that runs may go on for so many seconds; then it is ended, a
        transfer with 426, and 421 follows.  From another thread or a signal handler:
        `server.ioloop.call_soon_threadsafe(server.drain, seconds)`.
        """
        self._begin_drain(seconds)

    def close_all(self) -> None:
        """Close the whole loop: every session, data connection and timer of every server on it."""
        self.close()
        self.ioloop.close()
