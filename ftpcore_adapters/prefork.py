"""Forked workers that share one listener: as many sessions at work at once as there are processors."""

from __future__ import annotations

import logging
import math
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from ftpcore_adapters._accepting import LAST_WORDS
from ftpcore_adapters._interrupts import HeldInterrupts, ignore_interrupts
from ftpcore_adapters._lifeline import End, Lifeline, Message
from ftpcore_adapters.log import logger

__all__ = ["Forked", "cpu_count", "fork_processes", "run_worker"]

#: Workers that ended badly and were replaced, all together, until the server gives up.
MAX_RESTARTS: Final = 100

#: Seconds that a process may take to end when it is killed: one that waits for a disk ends when that answers, if ever.
KILL_PATIENCE: Final = 5.0

#: Seconds between two looks at workers that are about to end.
_LOOK: Final = 0.02

#: Seconds between two looks at workers that are not.  The end of the lifeline tells sooner, unless what a hook has
#: forked holds a copy of it; and a signal that comes just before the system call that waits is not late by more.
_ROUND: Final = 1.0


def cpu_count() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def fork_processes(number: int | None, max_restarts: int = MAX_RESTARTS) -> int:
    """Fork `number` processes, and return in each of them its id, from 0 on; 0, less and None: one per processor.

    The caller's process stays here and waits.  A worker that ends badly is replaced; when all have ended well, the
    process exits.

    Raises:
        RuntimeError: More than `max_restarts` workers ended badly.
        SystemExit: All workers have ended.
    """
    workers = Forked(number, max_restarts)
    identity = workers.fork()
    if identity is None:
        identity = workers.wait()
    if identity is None:
        raise SystemExit(0)
    workers.admit_interrupts()
    assert workers.superior is not None
    workers.superior.sock.detach()  # it stays open until the process ends: that is what it tells
    return identity


class Forked:
    """Forked workers, seen from the process that forked them.

    An interrupt that comes while it forks is taken afterwards.
    """

    def __init__(self, number: int | None, max_restarts: int | None = None) -> None:
        if sys.platform == "win32":
            raise OSError("processes can't be forked here; use threads")
        self.number = cpu_count() if number is None or number <= 0 else number
        self.superior: End | None = None
        """In a worker: where the process that forked it is to be reached."""
        self._max_restarts = MAX_RESTARTS if max_restarts is None else max_restarts
        self._restarts_left = self._max_restarts
        self._workers: dict[int, tuple[int, Lifeline]] = {}
        self._ending = False
        self._told: Message | None = None
        """What all workers were told last: one that is being forked meanwhile is told, too."""
        self._deadline = math.inf
        """When workers are waited for no longer."""
        self._interrupts: HeldInterrupts | None = None

    def fork(self) -> int | None:
        """Fork; return the id in a worker, None in the process that forks.

        A worker begins without interrupts: see `admit_interrupts`.
        """
        for identity in range(self.number):
            if self._ending:
                break
            if self._fork(identity):
                return identity
        return None

    def wait(self, heed: Callable[..., None] | None = None) -> int | None:
        """Wait until all workers have ended, replacing those that ended badly; return the id in a new worker.

        It also returns when they should have ended and have not: for `join` to be called.

        Args:
            heed: Called with what workers ask of the server: see `Message`.

        Raises:
            RuntimeError: Too many ended badly; the others were ended.
        """
        while self._workers and time.monotonic() < self._deadline:
            self._look(heed)
            for identity, pid, code in self._reap():
                self._heed(self._workers[pid][1], heed)
                self._forget(pid)
                if code and not self._ending and self._replace(identity, pid, code):
                    return identity
        return None

    def admit_interrupts(self) -> None:
        """In a worker that is ready for them: take interrupts again."""
        if self._interrupts is not None:
            self._interrupts.admit()

    def tell(self, order: str, *arguments: float) -> None:
        """Have the workers do what a `Message` says; after any of them none is replaced."""
        if order == "close_all":
            self.end()
            return
        self._ending = True
        self._told = Message(order, arguments)
        if order == "drain":
            self._deadline = time.monotonic() + sum(arguments) + LAST_WORDS
        for _, lifeline in list(self._workers.values()):
            lifeline.send(order, *arguments)

    def end(self) -> None:
        """Have the workers end now."""
        self._ending = True
        self._deadline = -math.inf
        for _, lifeline in list(self._workers.values()):
            lifeline.finish()

    def join(self, timeout: float | None) -> None:
        """Wait for the workers, at most so many seconds; those that have not ended by then are killed.

        So they are if an interrupt cuts the waiting short.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        try:
            self._reap_until(deadline)
        finally:
            self._kill_all()

    def _reap_until(self, deadline: float) -> None:
        """Wait until all workers have ended, or until then."""
        while self._workers and time.monotonic() < deadline:
            for _, pid, _ in self._reap():
                self._forget(pid)
            if self._workers:
                time.sleep(_LOOK)

    def _kill_all(self) -> None:
        for pid in list(self._workers):
            logger.warning("worker %d (pid %d) did not end in time, and is killed", self._workers[pid][0], pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._reap_until(time.monotonic() + KILL_PATIENCE)
        for pid, (identity, _) in self._workers.items():
            logger.error("worker %d (pid %d) does not end though it is killed, and is left", identity, pid)
        self._forget_all()

    def _look(self, heed: Callable[..., None] | None) -> None:
        """Wait until a worker asks for something, or seems to have ended."""
        lifelines = [lifeline for _, lifeline in self._workers.values()]
        seconds = _LOOK if any(lifeline.silent for lifeline in lifelines) else _ROUND
        with selectors.DefaultSelector() as selector:
            for lifeline in lifelines:
                if not lifeline.silent:
                    selector.register(lifeline.sock, selectors.EVENT_READ, lifeline)
            ready = selector.select(max(0.0, min(seconds, self._deadline - time.monotonic())))
        for key, _ in ready:
            self._heed(key.data, heed)

    def _heed(self, lifeline: Lifeline, heed: Callable[..., None] | None) -> None:
        for message in lifeline.receive():
            if heed is not None:
                heed(message.order, *message.arguments)

    def _reap(self) -> list[tuple[int, int, int]]:
        """Return the id, the pid and the exit code of each worker that has ended since."""
        ended = []
        for pid, (identity, _) in list(self._workers.items()):
            try:
                done, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has waited for it, or the system does
                done, status = pid, 0
            if done:
                ended.append((identity, pid, os.waitstatus_to_exitcode(status)))
        return ended

    def _replace(self, identity: int, pid: int, code: int) -> bool:
        """Fork another worker in the place of one; tell whether this is it."""
        how = f"signal {-code}" if code < 0 else f"status {code}"
        if not self._restarts_left:
            self.end()
            self.join(5)
            raise RuntimeError(f"more than {self._max_restarts} workers ended badly; the last one with {how}")
        self._restarts_left -= 1
        logger.warning("worker %d (pid %d) ended with %s; it is replaced", identity, pid, how)
        return self._fork(identity)

    def _fork(self, identity: int) -> bool:
        """Fork one worker, unless all are to end; tell whether this is it."""
        self._interrupts = HeldInterrupts()
        try:
            if not self._ending:  # it may be so by an interrupt that was taken just now
                self._fork_held(identity)
        finally:
            if self.superior is None:
                self.admit_interrupts()
        return self.superior is not None

    def _fork_held(self, identity: int) -> None:
        lifeline = Lifeline()
        try:
            pid = os.fork()
        except BaseException:
            lifeline.close()
            raise
        if pid:
            lifeline.forked()
            self._workers[pid] = identity, lifeline
            if self._told is not None:  # by another thread, just now
                lifeline.send(self._told.order, *self._told.arguments)
        else:
            self.superior = lifeline.taken()
            self._forget_all()

    def _forget(self, pid: int) -> None:
        self._workers.pop(pid)[1].close()

    def _forget_all(self) -> None:
        for _, lifeline in self._workers.values():
            lifeline.close()
        self._workers.clear()


def run_worker(serve: Callable[[], object], workers: Forked) -> NoReturn:
    """In a forked process: run `serve` to its end, and exit without returning, whatever it raises.

    What the caller of the server would do behind it is the parent's business.
    """
    status = 1
    try:
        ignore_interrupts()
        workers.admit_interrupts()
        serve()
        status = 0
    except Exception:  # noqa: BLE001  logged; the parent replaces this worker
        logger.exception("worker failed")
    finally:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
