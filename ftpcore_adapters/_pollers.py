"""The system calls that wait for file descriptors, under one interface, and the interface of those they are for.

All of them are level-triggered and report `(fd, mask)` pairs, at most one for a descriptor, with the bits of
poll(2), which those of epoll(7) equal.  Above them `_polling` decides what a mask means.  Python's own
`selectors` module would do as well, for 0.8 microseconds more per event (measured): it looks up a key and makes
a tuple for each.
"""

import io
import math
import select
import sys
from collections.abc import Callable
from typing import ClassVar, Final, Protocol

__all__ = ["INVALID", "READ", "WRITE", "Pollable", "Poller", "SelectPoller", "best_poller"]

# Only the select() of Windows lacks them.
READ: Final[int] = getattr(select, "POLLIN", 0x01)
WRITE: Final[int] = getattr(select, "POLLOUT", 0x04)
#: The descriptor was closed, but is still watched.
INVALID: Final[int] = getattr(select, "POLLNVAL", 0x20)
HANGUP: Final[int] = getattr(select, "POLLHUP", 0x10)


class Pollable(Protocol):
    """What a loop calls on an instance registered with it; channels in the style of asyncore fit.

    A loop is level-triggered: it calls again, turn after turn, until the condition is gone or the interest
    in it is withdrawn.

    A hang-up or a pending error of the socket arrives as a plain `handle_read` or `handle_write`, whichever
    is registered: `recv` or `send` then tells.  As long as there is something to read and the instance is
    registered for reading, it gets `handle_read` only, so that the last data of a peer that is gone come first.
    """

    def handle_read(self) -> object:
        """The socket is readable: data, an end of file, a connection to accept, or an error."""

    def handle_write(self) -> object:
        """The socket is writable: room for data, a connection attempt that ended, or an error."""

    def handle_close(self) -> object:
        """The peer hung up, while the instance is registered with neither READ nor WRITE.

        Called once; after that the loop does not watch the descriptor until a `modify` with READ or WRITE,
        which lets the instance fetch what the peer sent before.  Not every poller notices: epoll and
        poll do.  Also called, after the instance was unregistered, when its descriptor turned out to be
        closed already.
        """

    def handle_error(self) -> object:
        """A method above raised the exception that `sys.exc_info()` tells; the loop goes on."""

    def close(self) -> object:
        """Release everything, as the loop closes or `handle_error` raised, too."""


class Poller(Protocol):
    """What `IOLoop` needs.  `modify` and `unregister` are called for registered descriptors only."""

    #: Whether a wait that is under way sees a descriptor that another thread registers.
    live: ClassVar[bool]

    @property
    def wait(self) -> Callable[[float | None], list[tuple[int, int]]]:
        """Wait for so many seconds, never less, or forever, until something is ready; return what is."""

    def register(self, fd: int, events: int) -> None: ...

    def modify(self, fd: int, events: int) -> None: ...

    def unregister(self, fd: int) -> None:
        """Stop watching.  Raises KeyError or OSError if the descriptor is not watched (any more)."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class SelectPoller:
    """select(2): for any platform, O(highest descriptor) per wait, descriptors below 1024 on most.

    A hang-up of a descriptor that is registered without events goes unnoticed.
    """

    live: ClassVar[bool] = False

    def __init__(self) -> None:
        self._readers: set[int] = set()
        self._writers: set[int] = set()

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        # Windows reports a failed connection attempt in the third set only.
        failing = self._writers if sys.platform == "win32" else ()
        try:
            readable, writable, failed = select.select(self._readers, self._writers, failing, timeout)
        except OSError:
            # One closed descriptor spoils the call for all of them.
            closed = [(fd, INVALID) for fd in self._readers | self._writers if _is_closed(fd)]
            if not closed:
                raise
            return closed
        ready = dict.fromkeys(readable, READ)
        for fd in (*writable, *failed):
            ready[fd] = ready.get(fd, 0) | WRITE
        return list(ready.items())

    def register(self, fd: int, events: int) -> None:
        select.select([fd], (), (), 0)  # refuses one that is too high: better here than in every wait
        self.modify(fd, events)

    def modify(self, fd: int, events: int) -> None:
        self.unregister(fd)
        if events & READ:
            self._readers.add(fd)
        if events & WRITE:
            self._writers.add(fd)

    def unregister(self, fd: int) -> None:
        self._readers.discard(fd)
        self._writers.discard(fd)

    def fileno(self) -> int:
        raise io.UnsupportedOperation("select() has no file descriptor")

    def close(self) -> None:
        self._readers.clear()
        self._writers.clear()


if sys.platform != "win32":
    __all__ += ["PollPoller"]

    class PollPoller:
        """poll(2): O(descriptors) per wait."""

        live: ClassVar[bool] = False

        def __init__(self) -> None:
            self._poll = select.poll()
            self.register = self._poll.register
            self.modify = self._poll.modify
            self.unregister = self._poll.unregister

        def wait(self, timeout: float | None) -> list[tuple[int, int]]:
            return self._poll.poll(None if timeout is None else math.ceil(timeout * 1000))

        def fileno(self) -> int:
            raise io.UnsupportedOperation("poll() has no file descriptor")

        def close(self) -> None:
            """Do nothing: there is no descriptor to close."""


if sys.platform == "linux":
    __all__ += ["EpollPoller"]

    class EpollPoller:
        """epoll(7).  The methods are those of `select.epoll` itself, which rounds the timeout up to milliseconds."""

        live: ClassVar[bool] = True

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self.wait = self._epoll.poll
            self.register = self._epoll.register
            self.modify = self._epoll.modify
            self.unregister = self._epoll.unregister
            self.fileno = self._epoll.fileno
            self.close = self._epoll.close


if sys.platform != "linux" and sys.platform != "win32":
    __all__ += ["KqueuePoller"]

    class KqueuePoller:
        """kqueue(2).  A hang-up of a descriptor that is registered without events goes unnoticed."""

        live: ClassVar[bool] = True

        def __init__(self) -> None:
            self._kqueue = select.kqueue()
            self._events: dict[int, int] = {}
            self.fileno = self._kqueue.fileno
            self.close = self._kqueue.close

        def wait(self, timeout: float | None) -> list[tuple[int, int]]:
            # Each direction is an event of its own; there may be two for a descriptor.
            found = self._kqueue.control(None, 2 * len(self._events) or 1, timeout)
            if len(found) == 1:
                return [(found[0].ident, _mask(found[0]))]
            ready: dict[int, int] = {}
            for event in found:
                ready[event.ident] = ready.get(event.ident, 0) | _mask(event)
            return list(ready.items())

        def register(self, fd: int, events: int) -> None:
            self._events[fd] = 0
            try:
                self.modify(fd, events)
            except OSError:
                del self._events[fd]
                raise

        def modify(self, fd: int, events: int) -> None:
            former = self._events[fd]
            changes = []
            for bit, kind in (READ, select.KQ_FILTER_READ), (WRITE, select.KQ_FILTER_WRITE):
                if (former ^ events) & bit:
                    changes.append(select.kevent(fd, kind, select.KQ_EV_ADD if events & bit else select.KQ_EV_DELETE))
            if changes:
                self._kqueue.control(changes, 0, 0)
            self._events[fd] = events

        def unregister(self, fd: int) -> None:
            try:
                self.modify(fd, 0)
            finally:
                del self._events[fd]

    def _mask(event: select.kevent) -> int:
        mask = READ if event.filter == select.KQ_FILTER_READ else WRITE
        return mask | HANGUP if event.flags & select.KQ_EV_EOF and mask == WRITE else mask


def best_poller() -> type[Poller]:
    """Return the cheapest poller of the platform.

    >>> import socket
    >>> ours, theirs = socket.socketpair()
    >>> poller = best_poller()()
    >>> poller.register(ours.fileno(), READ | WRITE)
    >>> poller.wait(None) == [(ours.fileno(), WRITE)]
    True
    >>> for resource in poller, ours, theirs:
    ...     resource.close()
    """
    if sys.platform == "win32":
        return SelectPoller
    elif sys.platform == "linux":
        return EpollPoller if hasattr(select, "epoll") else PollPoller
    else:
        return KqueuePoller if hasattr(select, "kqueue") else PollPoller


def _is_closed(fd: int) -> bool:
    try:
        select.select([fd], (), (), 0)  # not os.fstat: on Windows sockets are no file descriptors
    except OSError:
        return True
    return False
