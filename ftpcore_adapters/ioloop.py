"""The I/O loop: waits for sockets and for points in time, and calls whoever asked for them.

A loop belongs to one thread at a time; a program may have several loops.  Only `call_soon_threadsafe` may be
called from other threads.  What is registered implements `Pollable`.
"""

import errno
import sys
import threading
import time
from collections.abc import Callable
from typing import ClassVar, Final, Self

from ftpcore_adapters import _pollers
from ftpcore_adapters._channels import Acceptor, AsyncChat, Connector, Producer
from ftpcore_adapters._channels_events import receiver
from ftpcore_adapters._inbox import Inbox
from ftpcore_adapters._pollers import Pollable, Poller, best_poller
from ftpcore_adapters._scheduler import RepeatedCall, ScheduledCall, Scheduler
from ftpcore_adapters.log import config_logging, debug, is_logging_configured, logger

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

#: The system calls refuse timeouts above 2**31 milliseconds; waking up once a day costs nothing.
_LONGEST_WAIT: Final = 86400.0

_READ: Final = _pollers.READ
_WRITE: Final = _pollers.WRITE
_INVALID: Final = _pollers.INVALID
_TROUBLE: Final = ~(_READ | _WRITE)


class IOLoop:
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

    READ: ClassVar[int] = _READ
    WRITE: ClassVar[int] = _WRITE

    _poller_class: ClassVar[type[Poller]] = best_poller()
    _instance: ClassVar["IOLoop | None"] = None
    _instance_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        #: The registered instances by file descriptor.  To be read only.
        self.socket_map: dict[int, Pollable] = {}
        #: Sockets that are open and wait for nothing now, so that they are not registered: limits count them too.
        self.unwatched = 0
        self.sched = Scheduler()
        #: The thread that makes the turns, until then the one that made the loop: `threading.get_ident()`.
        self.thread = threading.get_ident()
        #: What is called for them.
        self._receivers: dict[int, Pollable] = {}
        self._interest: dict[int, int] = {}
        #: Registered since the last wait began: an event found then is about a former owner of the number.
        self._fresh: set[int] = set()
        #: Hung up while registered without events, so not in the poller.
        self._muted: set[int] = set()
        self._closed = False
        self._poller = self._poller_class()
        self._wait = self._poller.wait
        # Its descriptor is not in socket_map: it must not keep a blocking loop from ending.
        self._inbox = Inbox(self._poller.register)
        if not self._poller.live:
            self._inbox.open()

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

    def fileno(self) -> int:
        """Return the descriptor of the poller, readable when a turn of the loop would find something.

        Raises:
            io.UnsupportedOperation: this poller has none; epoll and kqueue have one.
        """
        return self._poller.fileno()

    def register(self, fd: int, instance: Pollable, events: int) -> None:
        """Watch a descriptor for `READ`, `WRITE`, both or (0) neither, and call `instance` about it.

        It takes the place of an instance registered under the same number.  One in the style of asyncore is called by
        `handle_read_event` and `handle_write_event`, and `handle_expt_event` instead of `handle_close`.

        Raises:
            OSError: the descriptor is closed, or of a kind that the poller does not take.
            ValueError: the descriptor is out of the range of the poller, or the loop is closed.
        """
        if self._closed:
            raise ValueError("the loop is closed")
        if fd in self._interest:
            self.unregister(fd)
        self._poller.register(fd, events)
        self.socket_map[fd] = instance
        self._receivers[fd] = receiver(instance)
        self._interest[fd] = events
        self._fresh.add(fd)

    def modify(self, fd: int, events: int) -> None:
        """Change the events that a registered descriptor is watched for.

        Raises:
            KeyError: the descriptor is not registered.
        """
        if self._interest[fd] == events:
            return
        if fd in self._muted:
            if events:
                self._poller.register(fd, events)
                self._muted.remove(fd)
        else:
            self._poller.modify(fd, events)
        self._interest[fd] = events

    def unregister(self, fd: int) -> None:
        """Stop watching a descriptor.  Idempotent; to be called before the descriptor is closed."""
        self.socket_map.pop(fd, None)
        self._receivers.pop(fd, None)
        if self._interest.pop(fd, None) is None:
            return
        if fd in self._muted:
            self._muted.remove(fd)
            return
        try:
            self._poller.unregister(fd)
        except (KeyError, OSError) as error:
            # The descriptor was closed first: epoll and kqueue have forgotten it by themselves.
            if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.EBADF):
                raise
            debug("call: unregister(); the poller did not know the descriptor", self)

    @property
    def open_sockets(self) -> int:
        """Sockets that belong to this loop, watched or not."""
        return len(self.socket_map) + self.unwatched

    def poll(self, timeout: float | None = None) -> None:
        """Wait until a descriptor is ready, at most `timeout` seconds, and call whom it concerns.

        An exception of an instance goes to its `handle_error`.  Scheduled calls are `loop`'s business.
        """
        if timeout is not None and timeout > _LONGEST_WAIT:
            timeout = _LONGEST_WAIT
        fresh = self._fresh
        if fresh:
            fresh.clear()
        instances = self._receivers
        interests = self._interest
        for fd, mask in self._wait(timeout):
            if fd in fresh:
                continue
            instance = instances.get(fd)
            if instance is None:
                if fd == self._inbox.fd:
                    self._inbox.run()
                continue  # or unregistered in this turn
            interest = interests.get(fd, 0)
            wanted = mask & interest
            try:
                if mask & _TROUBLE:
                    if mask & _INVALID or not interest:
                        self._handle_hangup(fd, instance, mask)
                        continue
                    wanted = wanted & _READ or interest
                if wanted & _READ:
                    instance.handle_read()
                    if wanted & _WRITE and self._still_writes(fd, instance):
                        instance.handle_write()
                elif wanted:
                    instance.handle_write()
            except Exception:  # noqa: BLE001  it is the instance's to judge
                self._handle_error(fd, instance)

    def loop(self, timeout: float | None = None, blocking: bool = True) -> float | None:
        """Poll and run scheduled calls, until no descriptor is registered (scheduled calls don't count).

        With `blocking=False` make one turn, wait for a descriptor or the next scheduled call in it, and return
        the seconds until the next scheduled call, None if there is none.  Such turns may be made from
        any thread, one after the other.  A turn without a timeout does not wait if no descriptor is registered.

        Args:
            timeout: the longest wait in a turn, in seconds; 0 never waits, None waits as long as it takes.
        """
        if not is_logging_configured():
            config_logging()
        self.thread = threading.get_ident()
        instances = self.socket_map
        waiting = self._inbox.calls
        run_scheduled = self.sched.poll
        delay = self.sched.delay()
        if not blocking:
            if instances or waiting or timeout is not None:
                self.poll(_sooner(timeout, delay))
            return run_scheduled()
        if not (instances or waiting):
            return None
        poll = self.poll
        self._inbox.hear_signals()
        try:
            while instances or waiting:
                poll(delay if timeout is None else _sooner(timeout, delay))
                delay = run_scheduled()
        finally:
            self._inbox.ignore_signals()
        return None

    def close(self) -> None:
        """Close all registered instances, cancel all calls, and release the poller.  Idempotent.

        An exception of one instance is logged and does not stop the others from being closed.
        """
        with IOLoop._instance_lock:
            if type(self).__dict__.get("_instance") is self:
                type(self)._instance = None
        for fd, instance in list(self.socket_map.items()):
            try:
                instance.close()
            except Exception as error:  # noqa: BLE001  logged
                if not (isinstance(error, OSError) and error.errno == errno.EBADF):
                    logger.exception("closing the instance of descriptor %d failed", fd)
        self._closed = True
        for registry in self.socket_map, self._receivers, self._interest, self._fresh, self._muted:
            registry.clear()
        self.sched.close()
        self._inbox.close()  # first: it registers with the poller when the first call comes, from whatever thread
        self._poller.close()

    def leave_to_child(self) -> None:
        """In a forked process: release the copies of the loop's own descriptors.  What the parent watches stays so."""
        with IOLoop._instance_lock:
            if type(self).__dict__.get("_instance") is self:
                type(self)._instance = None
        self._poller.close()
        self._inbox.close()

    def renew(self) -> None:
        """In a forked process: go on with what is registered, in a poller of its own."""
        self._poller.close()
        self._inbox.close()
        self._poller = self._poller_class()
        self._wait = self._poller.wait
        self._inbox = Inbox(self._poller.register)
        for fd, events in self._interest.items():
            if fd not in self._muted:
                self._poller.register(fd, events)
        if not self._poller.live:
            self._inbox.open()

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

    def _still_writes(self, fd: int, instance: Pollable) -> bool:
        """Tell whether `handle_read` of an event left the interest in its second half."""
        if self._receivers.get(fd) is not instance or fd in self._fresh:
            return False
        return bool(self._interest[fd] & _WRITE)

    def _handle_hangup(self, fd: int, instance: Pollable, mask: int) -> None:
        if mask & _INVALID:
            logger.error("descriptor %d of %r was closed without being unregistered", fd, instance)
            self.unregister(fd)
        else:
            self._poller.unregister(fd)
            self._muted.add(fd)
        instance.handle_close()

    def _handle_error(self, fd: int, instance: Pollable) -> None:
        try:
            instance.handle_error()
        except Exception:  # noqa: BLE001  logged
            logger.exception("handle_error() of %r failed; it is closed", instance)
            if self._receivers.get(fd) is instance:
                self.unregister(fd)
            try:
                instance.close()
            except Exception:  # noqa: BLE001  logged
                logger.exception("closing %r failed", instance)


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
