"""Servers that give each session a worker of its own, a thread or a process, and keep account of the workers."""

from __future__ import annotations

import math
import socket
import threading
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ftpcore_adapters._accepting import LAST_WORDS
from ftpcore_adapters._ioloop_server import FTPServer
from ftpcore_adapters._sockets import address_of
from ftpcore_adapters.ioloop import IOLoop, timer
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["SpawningServer", "Worker"]


class Worker(Protocol):
    """A thread or a process that runs one session."""

    ip: str
    """The client's address, under which it is counted."""

    def drain(self, seconds: float) -> None:
        """End the session in good order."""
        ...

    def end(self) -> None:
        """End the session now."""
        ...

    def join(self, timeout: float) -> bool:
        """Wait until the worker has ended, at most so many seconds; tell whether it has."""
        ...

    def kill(self) -> None:
        """End the worker by force, if that can be."""
        ...


class SpawningServer(FTPServer):
    """Accepts in its own loop, and has each session run by a worker.

    `max_cons` counts workers.  `handle_accepted` returns None: the handler is made in the worker.
    """

    model: ClassVar[str]
    join_timeout: float | None = 5
    """Seconds that each worker may take to end in `close_all`; None: as long as it takes."""
    poll_timeout: float = 1.0
    refresh_interval: float = 5
    """Neither is needed here: workers say themselves when they have ended."""

    def __init__(
        self,
        address_or_socket: tuple[str | None, int] | list[Any] | socket.socket,
        handler: type[FTPHandler],
        ioloop: IOLoop | None = None,
        backlog: int = 100,
    ) -> None:
        self._workers: set[Worker] = set()
        self._lock = threading.Lock()
        self._drained_at = math.inf
        super().__init__(address_or_socket, handler, ioloop, backlog)

    def serve_forever(
        self,
        timeout: float | None = 1.0,
        blocking: bool = True,
        handle_exit: bool = True,
        worker_processes: int | None = 1,
    ) -> float | None:
        """As that of `FTPServer`; when it blocks, it returns when the last worker has ended.

        Raises:
            ValueError: `worker_processes` is not 1: sessions have workers of their own.
        """
        if worker_processes != 1:
            raise ValueError(f"worker_processes={worker_processes}: leave it out, each session has a worker of its own")
        delay = super().serve_forever(timeout, blocking, handle_exit)
        if blocking:
            try:
                self._wait()
            except (KeyboardInterrupt, SystemExit):
                self.close_all()
                if not handle_exit:
                    raise
        return delay

    def drain(self, seconds: float) -> None:
        self.close()
        workers = self.workers
        logger.info("draining: %d session(s) may go on for %g seconds", len(workers), seconds)
        self._drained_at = timer() + seconds + LAST_WORDS
        for worker in workers:
            worker.drain(seconds)
        self.ioloop.call_later(seconds + LAST_WORDS, self._drop_all)

    def close_all(self) -> None:
        """Stop listening, end every session now, and wait until the workers have ended, each for `join_timeout`."""
        self.close()
        self._drop_all()
        patience = threading.TIMEOUT_MAX if self.join_timeout is None else self.join_timeout
        stuck = [worker for worker in self.workers if not worker.join(patience)]
        for worker in stuck:
            worker.kill()
        if stuck:
            logger.warning("%d worker(s) did not end within %g seconds", len(stuck), patience)
        self.ioloop.close()

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those that run."""
        with self._lock:
            return tuple(self._workers)

    def is_full(self) -> bool:
        """Never: a data connection belongs to a worker that is counted already."""
        return False

    def forget(self, handler: FTPHandler) -> None:
        if handler.ioloop is self.ioloop:  # it was refused here; others are forgotten when their worker has ended
            self._uncount(handler.remote_ip)

    def handle_accepted(self, sock: socket.socket, addr: object) -> FTPHandler | None:
        """Begin a session in a worker of its own, or refuse it here."""
        try:
            ip = _ip(sock)
            if ip is None:
                sock.close()
                return None
            with self._lock:
                self.ip_map.append(ip)
                same, workers = self.ip_map.count(ip), len(self._workers)
            if self.max_cons and workers >= self.max_cons:
                self.handler(sock, self, ioloop=self.ioloop).handle_max_cons()
            elif self.max_cons_per_ip and same > self.max_cons_per_ip:
                self.handler(sock, self, ioloop=self.ioloop).handle_max_cons_per_ip()
            else:
                self._spawn(sock, ip)
        except Exception:  # noqa: BLE001  logged; the server goes on
            logger.exception("can't begin a session with %s", addr)
            sock.close()
        return None

    @abstractmethod
    def start_worker(self, sock: socket.socket, ip: str) -> Worker:
        """Start a worker that runs the session of a client, and calls `worker_ended` at its end."""

    def worker_ended(self, worker: Worker) -> None:
        """A worker ends: its place is free.  For any thread."""
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
                self.ip_map.remove(worker.ip)

    def leave_to_child(self) -> None:
        """In a forked process: let go of all that is the server's."""
        super().leave_to_child()
        self._lock = threading.Lock()  # it is held by whoever forked
        for worker in self._workers:
            worker.end()  # in the server it goes on: what is closed here is a copy

    def _spawn(self, sock: socket.socket, ip: str) -> None:
        try:
            with self._lock:  # a worker may end before it is counted
                self._workers.add(self.start_worker(sock, ip))
        except (OSError, RuntimeError) as error:  # no more threads, or processes
            logger.warning("can't start a worker: %s", error)
            self.handler(sock, self, ioloop=self.ioloop).handle_max_cons()

    def _drop_all(self) -> None:
        super()._drop_all()
        for worker in self.workers:
            worker.end()

    def _wait(self) -> None:
        """Wait for the workers, until the time to drain is over if they are drained."""
        for worker in self.workers:
            while timer() < self._drained_at and not worker.join(min(1.0, max(0.0, self._drained_at - timer()))):
                pass
        if self.workers:
            self.close_all()

    def _uncount(self, ip: str) -> None:
        with self._lock, suppress(ValueError):
            self.ip_map.remove(ip)

    def _log_start(self, model: str) -> None:
        super()._log_start(self.model)


def _ip(sock: socket.socket) -> str | None:
    """Return the address of the peer as `ip_map` has it; None if the peer is gone."""
    try:
        return address_of(sock.getpeername()).host.removeprefix("::ffff:")
    except OSError:
        return None
