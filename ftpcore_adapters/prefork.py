"""Forked workers that share one listener: as many sessions at work at once as there are processors."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from ftpcore_adapters._lifeline import Lifeline, hold
from ftpcore_adapters.log import logger

__all__ = ["Forked", "cpu_count", "fork_processes", "run_worker"]

#: Workers that ended badly and were replaced, all together, until the server gives up.
MAX_RESTARTS: Final = 100

#: What interrupts the process that forks; Windows, where nothing forks, has no SIGHUP.
_INTERRUPTS: Final = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

#: Seconds between two looks at workers that are to end.
_LOOK: Final = 0.02


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
    return identity


class Forked:
    """Forked workers, seen from the process that forked them.

    An interrupt that comes while it forks is taken afterwards: Python loses one that comes in the midst of a fork.
    """

    def __init__(self, number: int | None, max_restarts: int | None = None) -> None:
        if sys.platform == "win32":
            raise OSError("processes can't be forked here; use threads")
        self.number = cpu_count() if number is None or number <= 0 else number
        self.lifeline_end = -1
        """In a worker: the end of its lifeline."""
        self._max_restarts = MAX_RESTARTS if max_restarts is None else max_restarts
        self._restarts_left = self._max_restarts
        self._workers: dict[int, tuple[int, Lifeline]] = {}
        self._ending = False
        self._mask: set[int | signal.Signals] = set()

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

    def wait(self) -> int | None:
        """Wait until all workers have ended, replacing those that ended badly; return the id in a new worker.

        Raises:
            RuntimeError: Too many ended badly; the others were ended.
        """
        while self._workers:
            try:
                pid, status = os.wait()
            except ChildProcessError:  # somebody else has waited for them
                self._forget_all()
                break
            if pid not in self._workers:
                continue
            identity, lifeline = self._workers.pop(pid)
            lifeline.close()
            code = os.waitstatus_to_exitcode(status)
            if code == 0 or self._ending:
                continue
            how = f"signal {-code}" if code < 0 else f"status {code}"
            if not self._restarts_left:
                self.end()
                self.join(5)
                raise RuntimeError(f"more than {self._max_restarts} workers ended badly; the last one with {how}")
            self._restarts_left -= 1
            logger.warning("worker %d (pid %d) ended with %s; it is replaced", identity, pid, how)
            if self._fork(identity):
                return identity
        return None

    def admit_interrupts(self) -> None:
        """In a worker that is ready for them: take interrupts again."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def drain(self, seconds: float) -> None:
        """Have the workers end in good order."""
        self._ending = True
        for _, lifeline in list(self._workers.values()):
            lifeline.drain(seconds)

    def end(self) -> None:
        """Have the workers end now."""
        self._ending = True
        for _, lifeline in list(self._workers.values()):
            lifeline.close()

    def join(self, timeout: float | None) -> None:
        """Wait for the workers, at most so many seconds; those that have not ended by then are killed.

        So they are if an interrupt cuts the waiting short.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        try:
            while self._workers and time.monotonic() < deadline:
                self._reap()
                if self._workers:
                    time.sleep(_LOOK)
        finally:
            self._kill_all()

    def _kill_all(self) -> None:
        for pid in list(self._workers):
            logger.warning("worker %d (pid %d) did not end in time, and is killed", self._workers[pid][0], pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._forget_all()

    def _reap(self) -> None:
        for pid in list(self._workers):
            try:
                done, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                done = pid
            if done:
                self._workers.pop(pid)[1].close()

    def _fork(self, identity: int) -> bool:
        """Fork one worker; tell whether this is it."""
        lifeline = Lifeline()
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        try:
            pid = os.fork()
        except BaseException:
            self.admit_interrupts()
            raise
        if pid:
            lifeline.forked()
            self._workers[pid] = identity, lifeline
            self.admit_interrupts()
            return False
        self.lifeline_end, lifeline.other_end = lifeline.other_end, -1
        lifeline.close()
        self._forget_all()
        return True

    def _forget_all(self) -> None:
        for _, lifeline in self._workers.values():
            lifeline.close()
        self._workers.clear()


def run_worker(
    serve: Callable[[], object], workers: Forked, *, drain: Callable[[float], None], close: Callable[[], None]
) -> NoReturn:
    """In a forked process: run `serve` to its end, with orders from the lifeline, and exit without returning.

    What the caller of the server would do behind it is the parent's business.
    """
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal tells it to everybody; the parent decides
        workers.admit_interrupts()
        hold(workers.lifeline_end, drain=drain, close=close)
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
