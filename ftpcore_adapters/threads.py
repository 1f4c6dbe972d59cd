"""A thread for each session: whatever a hook, an authorizer or a filesystem waits for delays no other session."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ftpcore_adapters._seed_authorizer import impersonates_process
from ftpcore_adapters._spawning import SpawningServer, shut_down_sessions
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["ThreadedFTPServer"]


class ThreadedFTPServer(SpawningServer):
    """Runs each session in a thread with a loop of its own.

    Handlers, authorizers and filesystems that sessions share are used by several threads.

    Raises:
        TypeError: The authorizer impersonates users, and does not say that this is a matter of one thread.
    """

    model = "multi-thread"

    def start_worker(self, sock: socket.socket, ip: str) -> SessionThread:
        return SessionThread(self, sock, ip)

    def _prepare(self, handler: type[FTPHandler]) -> None:
        authorizer = handler.authorizer
        if impersonates_process(authorizer):
            raise TypeError(
                f"{type(authorizer).__name__}.impersonate_user may change whom the whole process acts for, and then "
                "sessions in threads would act for each other's users; use MultiprocessFTPServer or FTPServer, or have "
                "the class say impersonates_thread = True if it changes the calling thread alone"
            )
        super()._prepare(handler)


class SessionThread:
    """A thread that runs one session; it has begun when it is made."""

    def __init__(self, server: SpawningServer, sock: socket.socket, ip: str) -> None:
        self.ip = ip
        self._server = server
        self._sock = sock
        self._loop: IOLoop | None = None
        self._handler: FTPHandler | None = None
        self._orders: list[partial[None]] = []
        self._lock = threading.RLock()  # as that of the server
        self._held = False
        # Not to be waited for at the end of the program: user code may hold it.
        self._thread = threading.Thread(target=self._run, name=f"ftp session of {ip}", daemon=True)
        try:
            server.ioloop.hold()
            self._held = True
            server.worker_begins(self)
            self._thread.start()
        except (OSError, RuntimeError):
            self._release()
            server.worker_ended(self)
            raise

    def drain(self, seconds: float) -> None:
        self._order(partial(self._shut_down, seconds))

    def leave_to_child(self) -> None:
        """Nothing: threads are not forked."""

    def end(self) -> None:
        self._order(partial(self._close))

    def join(self, timeout: float | None) -> bool:
        """As said; a thread does not wait for itself."""
        if threading.current_thread() is self._thread or self._thread.ident is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """A thread can't be ended by force; it is a daemon, and ends with the program."""
        self._release()

    def _release(self) -> None:
        """The loop of the server need not wait for this any more; called in its thread, or when it has ended."""
        if self._held:
            self._held = False
            self._server.ioloop.release()

    def _retire(self) -> None:
        self._thread.join()  # it is about to end
        self._release()

    def _order(self, order: partial[None]) -> None:
        """Have the session's thread do something, now or when its session has begun."""
        with self._lock:
            if self._loop is None:
                self._orders.append(order)
                return
        with suppress(RuntimeError):  # it ends at this moment
            self._loop.call_soon_threadsafe(order)

    def _run(self) -> None:
        loop: IOLoop | None = None
        try:
            loop = IOLoop.factory()
            self._handler = self._server.handler(self._sock, self._server, ioloop=loop)
            if self._handler.socket is not None:
                self._handler.begin()
            with self._lock:
                self._loop = loop
            for order in self._orders:
                order()
            loop.loop()
        except Exception:  # noqa: BLE001  logged; the server goes on
            logger.exception("the session of %s failed", self.ip)
        finally:
            if loop is not None:
                loop.close()
            self._sock.close()
            self._server.worker_ended(self)
            with suppress(RuntimeError):  # that loop is closed, and waits for nobody
                self._server.ioloop.call_soon_threadsafe(self._retire)

    def _shut_down(self, seconds: float) -> None:
        if self._loop is not None:
            shut_down_sessions(self._loop, seconds)

    def _close(self) -> None:
        if self._handler is not None:
            self._handler.close()
