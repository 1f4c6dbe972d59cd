"""Calls that other threads want made in the thread of an I/O loop."""

import contextlib
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable

from ftpcore_adapters._pollers import READ
from ftpcore_adapters.log import logger

__all__ = ["Inbox"]


class Inbox:
    """A queue of calls with a socket that becomes readable when one is added.

    The socket is made on first use, most loops never need it; `watch` registers it with the poller.
    """

    def __init__(self, watch: Callable[[int, int], None]) -> None:
        #: Whenever it holds a call, the socket is readable.
        self.calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        #: The descriptor that is watched, -1 as long as there is none.
        self.fd = -1
        self._watch = watch
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._woken = False
        self._closed = False
        #: Where signals were told before they were told here; None: they are not told here.
        self._former_ear: int | None = None
        # Reentrant, as a signal handler may add a call anywhere.
        self._lock = threading.RLock()

    def add(self, target: Callable[..., object], args: tuple[object, ...]) -> None:
        """Queue a call and wake the loop; from any thread.

        Raises:
            RuntimeError: the inbox is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the loop is closed; nothing can be called in it any more")
            self.open()
            self.calls.append((target, args))
            self._wake()

    def open(self) -> None:
        """Make the socket, if there is none; from any thread."""
        with self._lock:
            if self._ends is not None:
                return
            ends = ours, theirs = socket.socketpair()
            if self._ends is not None:  # a signal handler was faster
                ours.close()
                theirs.close()
                return
            self._ends = ends
            ours.setblocking(False)
            theirs.setblocking(False)
            self._watch(ours.fileno(), READ)
            self.fd = ours.fileno()

    def hear_signals(self) -> None:
        """Let a signal wake the loop, so that its handler runs now.

        The system call that waits is not interrupted by one that comes just before it, or to another thread.
        Without effect in any thread but the main one, whose business the handlers are.
        """
        if threading.current_thread() is threading.main_thread():
            self.open()
            assert self._ends is not None
            with contextlib.suppress(ValueError):  # a subinterpreter has no signals
                self._former_ear = signal.set_wakeup_fd(self._ends[1].fileno(), warn_on_full_buffer=False)

    def ignore_signals(self) -> None:
        """Give back what `hear_signals` took.  Idempotent."""
        former, self._former_ear = self._former_ear, None
        if former is not None:
            signal.set_wakeup_fd(-1)
            with contextlib.suppress(OSError, ValueError):  # it was closed meanwhile
                signal.set_wakeup_fd(former)

    def run(self) -> None:
        """Make the calls, in the order they came; the exception of one is logged."""
        calls = self.calls
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):  # taken by a turn within this turn
                self._ends[0].recv(64)
        # Before the calls are looked at: one that comes later wakes the loop again.
        self._woken = False
        try:
            # Not those that the calls add: descriptors have their turn first.
            for _ in range(len(calls)):
                if not calls:
                    break  # closed by a call
                target, args = calls.popleft()
                try:
                    target(*args)
                except Exception:  # noqa: BLE001  logged
                    logger.exception("a call from another thread failed")
        finally:
            with self._lock:
                if calls:
                    self._wake()

    def close(self) -> None:
        """Drop the calls that wait.  Idempotent."""
        self.ignore_signals()
        with self._lock:
            self._closed = True
            self.calls.clear()
            self.fd = -1
            for end in self._ends or ():
                end.close()
            self._ends = None

    def _wake(self) -> None:
        if not self._woken and self._ends is not None:
            self._woken = True
            self._ends[1].send(b"\0")
