"""The server whose sessions share one IOLoop, alone or in several forked workers."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from ftpcore_adapters._accepting import Acceptor, listening_on
from ftpcore_adapters._asynchrony import refuse_asynchronous
from ftpcore_adapters._lifeline import End, hold
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.log import PREFIX_MPROC, config_logging, is_logging_configured, logger
from ftpcore_adapters.prefork import Forked, run_worker

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["FTPServer"]


class FTPServer(Acceptor):
    """Serves a handler class on one IOLoop.

    >>> from ftpcore_adapters.handlers import FTPHandler
    >>> with FTPServer(("127.0.0.1", 0), FTPHandler) as server:
    ...     host, port = server.address
    """

    join_timeout: float | None = 5
    """Seconds that workers may take to end, all together, when they have been told to; None: as long as it takes.

    Then processes are killed.  Threads can't be; they are daemons, so that the program can end without them.
    """
    ioloop: IOLoop
    _forked: Forked | None = None
    """The workers, in the process that forked them."""
    superior: End | None = None
    """Where the server is to be reached, in a process that it forked."""

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
        self._prepare(handler)
        super().__init__(listening_on(address_or_socket, backlog), handler, ioloop or IOLoop.instance(), backlog)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close_all()

    def serve_forever(
        self,
        timeout: float | None = None,
        blocking: bool = True,
        handle_exit: bool = True,
        worker_processes: int | None = 1,
    ) -> float | None:
        """Run the loop until nothing is left in it.

        Args:
            timeout: Seconds that one turn waits at most; None: until something happens.
            blocking: False: one turn only.  Returns the seconds to the next scheduled call, or None.
            handle_exit: KeyboardInterrupt and SystemExit end it cleanly, with `close_all` when blocking.
            worker_processes: Fork so many workers (POSIX), each with a poller, limits and `ip_map` of its own; 0, less
                or None: one per processor.  This process waits, and replaces those that end badly.

        Raises:
            ValueError: Workers are asked for, and `blocking` is off.
            RuntimeError: More than 100 workers ended badly.
        """
        if worker_processes != 1:
            if not blocking:
                raise ValueError(
                    f"worker_processes={worker_processes} needs blocking=True: a worker makes no single turn"
                )
            self._serve_forked(worker_processes, timeout, handle_exit)
            return None
        try:
            if handle_exit and blocking:
                self._log_start("async")
            return self.ioloop.loop(timeout, blocking)
        except (KeyboardInterrupt, SystemExit):
            if not handle_exit:
                raise
            logger.info("received interrupt signal")
        if blocking:
            logger.info(">>> shutting down FTP server, pid=%d%s <<<", os.getpid(), self._still_open())
            self.close_all()
        return None

    # -- the ways to an end --------------------------------------------------------------------------------------------
    # For any thread, and for hooks in any process; but in the thread of the server's loop they return at once.

    def close(self) -> None:
        """Stop listening; sessions go on.  Idempotent."""
        self._order("close")

    def drain(self, seconds: float) -> None:
        """Stop listening and end the sessions in good order: the loop ends with the last one.  Returns at once.

        Who is idle gets 421.  A command or transfer that runs may go on for so many seconds; then it is ended, a
        transfer with 426, and 421 follows.  From a signal handler: `request_drain`.
        """
        self._order("drain", seconds)

    def request_drain(self, seconds: float) -> None:
        """Have the server drain itself; for signal handlers, too.

        Raises:
            RuntimeError: The loop is closed.
        """
        if self._forked is not None or self.superior is not None:
            self._order("drain", seconds)
        else:
            self.ioloop.call_soon_threadsafe(self.obey, "drain", seconds)

    def close_all(self) -> None:
        """Close the whole loop: every session, data connection and timer of every server on it."""
        self._order("close_all")

    def obey(self, order: str, *arguments: float) -> None:
        """Do what a `Message` says: in the server for one of its processes, in a process its part of it."""
        superior, self.superior = self.superior, None  # what follows from it is done here as well
        try:
            match order:
                case "close":
                    super().close()
                case "drain" if self._forked is None:
                    self._begin_drain(*arguments)
                case "close_all" if self._forked is None:
                    self._close_all()
                case _:
                    super().close()  # workers have copies
            if self._forked is not None:
                self._forked.tell(order, *arguments)
        finally:
            self.superior = superior

    def leave_to_child(self) -> None:
        """In a forked process: let go of all that is the server's; what is closed is a copy."""
        for host in self._hosts():
            host.sock.close()
        self.ioloop.leave_to_child()
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    # -- private -------------------------------------------------------------------------------------------------------

    def _prepare(self, handler: type[FTPHandler]) -> None:
        """Make what there must be before the first client, and refuse a handler that can't be served."""
        refuse_asynchronous(handler)

    def _close_all(self) -> None:
        self.close()
        self.ioloop.close()

    def _order(self, order: str, *arguments: float) -> None:
        """Have the server, wherever it runs, do what a `Message` says."""
        if self.superior is not None:
            self.superior.send(order, *arguments)
        elif self.ioloop.runs_elsewhere():
            with suppress(RuntimeError):  # it is closed
                self.ioloop.call_soon_threadsafe(partial(self.obey, order), *arguments)
        else:
            self.obey(order, *arguments)

    def _still_open(self) -> str:
        """Return what the last line of the log says of what is about to end."""
        return f", {len(self.ioloop.socket_map)} open socket(s)"

    def _serve_forked(self, number: int | None, timeout: float | None, handle_exit: bool) -> None:
        if not is_logging_configured():
            config_logging(prefix=PREFIX_MPROC)
        if handle_exit:
            self._log_start("prefork + async")
        workers = Forked(number)
        identity = None
        try:
            self._forked = workers  # it may be drained from now on
            self.ioloop.make_calls()  # it may have been before
            identity = workers.fork()
            if identity is None:
                identity = workers.wait(self.obey)
        except (KeyboardInterrupt, SystemExit):
            if not handle_exit:
                raise
            logger.info("received interrupt signal")
            logger.info(">>> shutting down FTP server, pid=%d (%d active workers) <<<", os.getpid(), workers.number)
        finally:
            if identity is None:
                workers.end()
                workers.join(self.join_timeout)
                self._forked = None
        if identity is None:
            self.close_all()
            return
        self._forked = None
        self.superior = workers.superior
        run_worker(partial(self._serve_as_worker, timeout), workers)

    def _serve_as_worker(self, timeout: float | None) -> None:
        """Run the loop in a worker, which the server may end."""
        assert self.superior is not None
        self.ioloop.renew()
        call_soon = self.ioloop.call_soon_threadsafe
        hold(self.superior, obey=partial(call_soon, self.obey), close=partial(call_soon, self.obey, "close_all"))
        self.ioloop.loop(timeout)
