"""Servers that give each session a worker of its own, a thread or a process, and keep account of the workers."""

from __future__ import annotations

import socket
import threading
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Protocol

from ftpcore_adapters._accepting import LAST_WORDS
from ftpcore_adapters._ioloop_server import FTPServer
from ftpcore_adapters._loop_host import LoopHost
from ftpcore_adapters._sockets import address_of
from ftpcore_adapters.ioloop import IOLoop, timer
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["SpawningServer", "Worker", "shut_down_sessions"]


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

    def leave_to_child(self) -> None:
        """In a process forked for another session: close the copies of what the server has of this one."""
        ...

    def join(self, timeout: float | None) -> bool:
        """Wait until the worker has ended, at most so many seconds; tell whether it has.

        One that is not started yet is not waited for: it ends by itself, as it has been told.
        """
        ...

    def kill(self) -> None:
        """End the worker by force; if that can't be, have the server's loop wait for it no longer."""
        ...


class SpawningServer(FTPServer):
    """Accepts in its own loop, and has each session run by a worker.

    `max_cons` counts workers.  `handle_accepted` returns None: the handler is made in the worker.
    """

    model: ClassVar[str]
    poll_timeout: float = 1.0
    refresh_interval: float = 5
    """Neither is needed here: workers say themselves when they have ended."""

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
        if blocking and self.workers:  # somebody closed the loop, and nothing else
            self._end_workers()
        return delay

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
                same, workers = self.ip_map.count(ip), len(self._workers)
            if self.max_cons and workers >= self.max_cons:
                self._refusing(sock, ip).handle_max_cons()
            elif self.max_cons_per_ip and same >= self.max_cons_per_ip:
                self._refusing(sock, ip).handle_max_cons_per_ip()
            else:
                self._spawn(sock, ip)
        except Exception:  # noqa: BLE001  logged; the server goes on
            logger.exception("can't begin a session with %s", addr)
            sock.close()
        return None

    @abstractmethod
    def start_worker(self, sock: socket.socket, ip: str) -> Worker:
        """Start a worker that runs the session of a client; see `worker_begins` and `worker_ended`."""

    def worker_begins(self, worker: Worker) -> None:
        """A worker is about to be started; it is counted, and told of the server's end, from now on.

        Raises:
            ConnectionAbortedError: A signal handler has closed the server, just now.
        """
        if self.socket is None:
            raise ConnectionAbortedError("the server is closed")
        with self._lock:
            self._workers.add(worker)
            self.ip_map.append(worker.ip)

    def worker_ended(self, worker: Worker) -> None:
        """A worker ends, or could not be started: its place is free.  For any thread.  Idempotent."""
        with self._lock, suppress(KeyError):
            self._workers.remove(worker)
            self.ip_map.remove(worker.ip)

    def leave_to_child(self) -> None:
        """In a forked process: let go of all that is the server's."""
        super().leave_to_child()
        self._lock = threading.RLock()  # another thread may have held it
        for worker in self._workers:
            worker.leave_to_child()

    def _spawn(self, sock: socket.socket, ip: str) -> None:
        try:
            self.start_worker(sock, ip)
        except (OSError, RuntimeError) as error:  # no more threads, or processes
            if self.socket is None:  # a signal handler has closed the server meanwhile
                sock.close()
                return
            logger.warning("can't start a worker: %s", error)
            self._refusing(sock, ip).handle_max_cons()

    def _refusing(self, sock: socket.socket, ip: str) -> FTPHandler:
        """Return a handler that is to refuse a client, here; it is counted until it has."""
        with self._lock:
            self.ip_map.append(ip)
        try:
            return self.handler(sock, self, ioloop=self.ioloop)
        except BaseException:
            self._uncount(ip)
            raise

    def _prepare(self, handler: type[FTPHandler]) -> None:
        super()._prepare(handler)
        self._workers: set[Worker] = set()
        self._lock = threading.RLock()  # not to be waited for by a signal handler that ends the server

    def _begin_drain(self, seconds: float) -> None:
        self.close()
        workers = self.workers
        logger.info("draining: %d session(s) may go on for %g seconds", len(workers), seconds)
        if self._drain_end is not None:
            self._drain_end.cancel()
        if workers:
            self._drain_end = self.ioloop.call_later(seconds + LAST_WORDS, self._end_drain)
        for worker in workers:
            worker.drain(seconds)

    def _close_all(self) -> None:
        """Stop listening, end every session now, and wait until the workers have ended, for `join_timeout` at most.

        An interrupt meanwhile cuts the waiting short.
        """
        self.close()
        self._end_workers()
        self.ioloop.close()

    def _drop_all(self) -> None:
        super()._drop_all()
        for worker in self.workers:
            worker.end()

    def _end_drain(self) -> None:
        """The time to drain is over; the loop goes on, others may use it."""
        self._drop_all()
        if self.join_timeout is not None:
            self._drain_end = self.ioloop.call_later(self.join_timeout, self._give_up)

    def _end_workers(self) -> None:
        self._drop_all()
        deadline = None if self.join_timeout is None else timer() + self.join_timeout
        try:
            for worker in self.workers:
                worker.join(None if deadline is None else max(0.0, deadline - timer()))
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Wait no longer for those that have not ended."""
        stuck = [worker for worker in self.workers if not worker.join(0)]
        for worker in stuck:
            worker.kill()
            self.worker_ended(worker)
        if stuck:
            logger.warning("%d worker(s) did not end in time, and are given up", len(stuck))

    def _uncount(self, ip: str) -> None:
        with self._lock, suppress(ValueError):
            self.ip_map.remove(ip)

    def _still_open(self) -> str:
        return f" ({len(self.workers)} active workers)"

    def _log_start(self, model: str) -> None:
        super()._log_start(self.model)


def shut_down_sessions(loop: IOLoop, seconds: float) -> None:
    """End the session on a worker's loop in good order."""
    for instance in list(loop.socket_map.values()):
        if isinstance(instance, LoopHost):
            instance.shut_down(seconds)


def _ip(sock: socket.socket) -> str | None:
    """Return the address of the peer as `ip_map` has it; None if the peer is gone."""
    try:
        return address_of(sock.getpeername()).host.removeprefix("::ffff:")
    except OSError:
        return None
