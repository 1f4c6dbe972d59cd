"""A forked process for each session: it shares nothing with the others, not even a crash."""

from __future__ import annotations

import multiprocessing
import socket
from contextlib import suppress
from multiprocessing.util import Finalize

from ftpcore_adapters._interrupts import HeldInterrupts, ignore_interrupts
from ftpcore_adapters._lifeline import Lifeline, hold
from ftpcore_adapters._pollers import READ
from ftpcore_adapters._spawning import SpawningServer, shut_down_sessions
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.log import logger
from ftpcore_adapters.prefork import KILL_PATIENCE

__all__ = ["MultiprocessFTPServer"]


class MultiprocessFTPServer(SpawningServer):
    """Forks a process for each session (POSIX).

    What a session changes in memory, a memory filesystem or a table of users, is seen by nobody else.
    """

    model = "multi-process"

    def start_worker(self, sock: socket.socket, ip: str) -> SessionProcess:
        return SessionProcess(self, sock, ip)


class SessionProcess:
    """A process that runs one session; it has begun when it is made.  The loop of the server watches for its end."""

    def __init__(self, server: SpawningServer, sock: socket.socket, ip: str) -> None:
        self.ip = ip
        self._server = server
        self._over = False
        self._interrupts = HeldInterrupts()
        try:
            self._start(sock)
        finally:
            self._interrupts.admit()

    def drain(self, seconds: float) -> None:
        self._lifeline.send("drain", seconds)

    def end(self) -> None:
        self._lifeline.finish()

    def leave_to_child(self) -> None:
        if self._process is not multiprocessing.current_process():
            self._lifeline.close()

    def join(self, timeout: float | None) -> bool:
        if self._over or not self._begun():
            return True
        self._process.join(timeout)
        if self._process.exitcode is None:
            return False
        self._ended()
        return True

    def kill(self) -> None:
        if not self._over and self._begun():
            self._process.kill()
            self._process.join(KILL_PATIENCE)
            self._ended()

    # -- what the loop of the server calls -----------------------------------------------------------------------------

    def handle_read(self) -> None:
        """The process has ended."""
        self._process.join()
        requests = self._lifeline.receive()
        self._ended()
        for message in requests:
            self._server.obey(message.order, *message.arguments)

    handle_write = handle_close = handle_read

    def handle_error(self) -> None:
        logger.exception("the end of a worker process failed")

    def close(self) -> None:
        """The loop of the server is closed."""
        self.end()

    # -- private -------------------------------------------------------------------------------------------------------

    def _start(self, sock: socket.socket) -> None:
        self._lifeline = Lifeline()
        # Before `multiprocessing` waits for it, at the end of a program that did not close the server.
        Finalize(self, self._lifeline.close, exitpriority=0)
        # fork, whatever the default is: a handler class need not be importable.
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=self._run, args=(sock,), name=f"ftp session of {self.ip}", daemon=True)
        try:
            self._server.worker_begins(self)
            self._process.start()
            self._lifeline.forked()
            self._watch()
        except BaseException:
            self.kill()
            self._lifeline.close()
            self._server.worker_ended(self)
            raise
        sock.close()

    def _begun(self) -> bool:
        return self._process.ident is not None

    def _watch(self) -> None:
        self._server.ioloop.register(self._process.sentinel, self, READ)
        self._server.ioloop.register(self._lifeline.sock.fileno(), _Requests(self._lifeline, self._server), READ)

    def _ended(self) -> None:
        if self._over:
            return
        self._over = True
        code = self._process.exitcode
        if code is None:
            logger.error("the process of the session of %s does not end though it is killed, and is left", self.ip)
        elif code:
            logger.warning("the process of the session of %s ended with status %d", self.ip, code)
        self._server.ioloop.unregister(self._process.sentinel)
        self._server.ioloop.unregister(self._lifeline.sock.fileno())
        self._lifeline.close()
        if code is not None:
            self._process.close()
        self._server.worker_ended(self)

    def _run(self, sock: socket.socket) -> None:
        """Run the session, in the process."""
        ignore_interrupts()
        self._interrupts.admit()
        superior = self._server.superior = self._lifeline.taken()
        self._server.leave_to_child()
        loop = IOLoop.factory()
        handler = self._server.handler(sock, self._server, ioloop=loop)
        try:
            if handler.socket is None:
                return
            hold(
                superior,
                obey=lambda order, seconds: loop.call_soon_threadsafe(shut_down_sessions, loop, seconds),
                close=lambda: loop.call_soon_threadsafe(handler.close),
            )
            handler.begin()
            loop.loop()
        finally:
            with suppress(OSError):
                loop.close()


class _Requests:
    """Hears what a process asks of the server, in the server's loop."""

    def __init__(self, lifeline: Lifeline, server: SpawningServer) -> None:
        self._lifeline = lifeline
        self._server = server

    def handle_read(self) -> None:
        messages = self._lifeline.receive()
        if self._lifeline.silent:
            self._server.ioloop.unregister(self._lifeline.sock.fileno())
        for message in messages:
            self._server.obey(message.order, *message.arguments)

    handle_write = handle_close = handle_read

    def handle_error(self) -> None:
        logger.exception("a request of a worker process failed")

    def close(self) -> None:
        """The loop of the server is closed: the process is told by what stands for it."""
