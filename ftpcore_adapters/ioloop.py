"""The I/O loop: waits for sockets and for points in time, and calls whoever asked for them.

A loop belongs to one thread at a time; a program may have several loops.  Only `call_soon_threadsafe` and `close` may
be called from other threads.  What is registered implements `Pollable`.
"""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, Final, Self

from ftpcore_adapters import _pollers
from ftpcore_adapters._channels import Acceptor, AsyncChat, Connector, Producer
from ftpcore_adapters._pollers import Pollable
from ftpcore_adapters._polling import PollingLoop
from ftpcore_adapters._scheduler import RepeatedCall, ScheduledCall, Scheduler
from ftpcore_adapters.log import config_logging, is_logging_configured

__all__ = [
    "Acceptor",
    "AsyncChat",
    "Connector",
    "IOLoop",
    "Pollable",
    "Producer",
    "RepeatedCall",
    "ScheduledCall",
    "Scheduler",
    "Select",
    "timer",
]

#: The clock of scheduled calls.
timer: Final = time.monotonic


class IOLoop(PollingLoop):
    """An I/O loop with the best poller of the platform; the subclasses name a particular one.

    >>> import socket
    >>> ours, theirs = socket.socketpair()
    >>> class Greeter:
    ...     def handle_read(self) -> None:
    ...         print(ours.recv(100))
    ...         loop.unregister(ours.fileno())
    ...
    ...     def handle_write(self) -> None: ...
    ...     def handle_close(self) -> None: ...
    ...     def handle_error(self) -> None: ...
    ...     def close(self) -> None: ...
    >>> with IOLoop() as loop, ours, theirs:
    ...     loop.register(ours.fileno(), Greeter(), loop.READ)
    ...     call = loop.call_later(0.001, theirs.send, b"hello")
    ...     loop.loop()
    b'hello'
    """

    _instance: ClassVar["IOLoop | None"] = None
    _instance_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        super().__init__()
        self.sched = Scheduler()
        #: The thread that makes the turns, until then the one that made the loop: `threading.get_ident()`.
        self.thread = threading.get_ident()
        self._held = 0
        self._turning = False

    @classmethod
    def instance(cls) -> Self:
        """Return the loop of this class that the whole program shares, made on first use."""
        with IOLoop._instance_lock:
            shared = cls.__dict__.get("_instance")
            if not isinstance(shared, cls):
                shared = cls._instance = cls()
            return shared

    @classmethod
    def factory(cls) -> Self:
        """Return a new loop."""
        return cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def loop(self, timeout: float | None = None, blocking: bool = True) -> float | None:
        """Poll and run scheduled calls, until no descriptor is registered and nobody holds it.

        Scheduled calls do not count.

        With `blocking=False` make one turn, wait for a descriptor or the next scheduled call in it, and return
        the seconds until the next scheduled call, None if there is none.  Such turns may be made from
        any thread, one after the other.  A turn without a timeout does not wait if no descriptor is registered.

        Args:
            timeout: the longest wait in a turn, in seconds; 0 never waits, None waits as long as it takes.
        """
        if not is_logging_configured():
            config_logging()
        self.thread = threading.get_ident()
        outer, self._turning = self._turning, True
        try:
            if not blocking:
                return self._turn(timeout)
            self._turns(timeout)
        finally:
            self._turning = outer
        return None

    def hold(self) -> None:
        """Have a blocking `loop` go on until `release`: what it waits for, a session in a thread say, is no descriptor.

        Raises:
            OSError: there are no descriptors for calls from other threads, by which `release` is called.
        """
        self._inbox.open()
        self._held += 1

    def release(self) -> None:
        """Take a `hold` back; in the thread of the loop."""
        self._held = max(0, self._held - 1)  # `close` takes all of them back

    def runs_elsewhere(self) -> bool:
        """Is another thread in the midst of `loop`?"""
        return self._turning and self.thread != threading.get_ident()

    def close(self) -> None:
        """Close all registered instances, cancel all calls, and release the poller.  Idempotent.

        An exception of one instance is logged and does not stop the others from being closed.  While another thread
        is in `loop` it is done there, soon.
        """
        if self.runs_elsewhere():
            with suppress(RuntimeError):  # it is closed
                self.call_soon_threadsafe(self.close)
            return
        self._unshare()
        self._close_instances()
        self._held = 0
        self.sched.close()
        self._close_poller()

    def leave_to_child(self) -> None:
        """In a forked process: release the copies of the loop's own descriptors.  What the parent watches stays so."""
        self._unshare()
        self._close_poller()

    def call_later(
        self,
        seconds: float,
        target: Callable[..., object],
        *args: object,
        _errback: Callable[[], object] | None = None,
        **kwargs: object,
    ) -> ScheduledCall:
        """Call `target(*args, **kwargs)` in so many seconds, once, in the thread of the loop.

        If it raises, `_errback()` is called, or, without one, the exception is logged.  After `close` the call
        that is returned is cancelled.

        Raises:
            AssertionError: the delay is negative.
        """
        call = ScheduledCall(self.sched, seconds, target, args, kwargs, _errback)
        self.sched.register(call)
        return call

    def call_every(
        self,
        seconds: float,
        target: Callable[..., object],
        *args: object,
        _errback: Callable[[], object] | None = None,
        **kwargs: object,
    ) -> RepeatedCall:
        """Like `call_later`, but go on calling, every so many seconds, until cancelled or `target` raises."""
        call = RepeatedCall(self.sched, seconds, target, args, kwargs, _errback)
        self.sched.register(call)
        return call

    def call_soon_threadsafe(self, target: Callable[..., object], *args: object) -> None:
        """Call `target(*args)` in the thread of the loop, in its next turn; for any thread or signal handler.

        Calls keep their order; an exception of one is logged.  A blocking `loop` makes them before it ends.

        Raises:
            RuntimeError: the loop is closed.  Calls that were waiting when it closed are dropped.
        """
        self._inbox.add(target, args)

    def _turn(self, timeout: float | None) -> float | None:
        if self.socket_map or self._inbox.calls or timeout is not None:
            self.poll(_sooner(timeout, self.sched.delay()))
        return self.sched.poll()

    def _turns(self, timeout: float | None) -> None:
        instances = self.socket_map
        waiting = self._inbox.calls
        poll = self.poll
        run_scheduled = self.sched.poll
        delay = self.sched.delay()
        if not (instances or waiting or self._held):
            return
        self._inbox.hear_signals()
        try:
            while instances or waiting or self._held:
                poll(delay if timeout is None else _sooner(timeout, delay))
                delay = run_scheduled()
        finally:
            self._inbox.ignore_signals()

    def _unshare(self) -> None:
        with IOLoop._instance_lock:
            if type(self).__dict__.get("_instance") is self:
                type(self)._instance = None


class Select(IOLoop):
    """An I/O loop on select(2)."""

    _poller_class = _pollers.SelectPoller


if sys.platform != "win32":
    __all__ += ["Poll"]

    class Poll(IOLoop):
        """An I/O loop on poll(2)."""

        _poller_class = _pollers.PollPoller


if sys.platform == "linux":
    __all__ += ["Epoll"]

    class Epoll(IOLoop):
        """An I/O loop on epoll(7)."""

        _poller_class = _pollers.EpollPoller


if sys.platform != "linux" and sys.platform != "win32":
    __all__ += ["Kqueue"]

    class Kqueue(IOLoop):
        """An I/O loop on kqueue(2)."""

        _poller_class = _pollers.KqueuePoller


def _sooner(timeout: float | None, delay: float | None) -> float | None:
    if timeout is None or (delay is not None and delay < timeout):
        return delay
    return timeout
