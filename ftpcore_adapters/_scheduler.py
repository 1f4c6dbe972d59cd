"""Calls at a later time: a heap of them, for the thread of one I/O loop.

A turn of the scheduler runs the calls that are due, in due order.  What a call adds to the heap waits for
the next turn, so that no chain of calls keeps a loop from its sockets.  Times are seconds on a monotonic
clock.

Calls may be added, cancelled and reset in any thread, for hooks of a handler may run in worker threads.
"""

import heapq
import threading
from collections.abc import Callable, Mapping
from time import monotonic

from ftpcore_adapters.log import logger

__all__ = ["RepeatedCall", "ScheduledCall", "Scheduler"]


class Scheduler:
    """The scheduled calls of a loop."""

    __slots__ = ("_cancelled", "_closed", "_disordered", "_lock", "_serial", "_tasks", "clock")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        #: A heap; cancelled calls stay in it until they come up or are more than half of it.
        self._tasks: list[ScheduledCall] = []
        self._cancelled = 0
        self._disordered = False
        self._serial = 0
        self._closed = False
        #: For the heap.  Reentrant: what drops the last reference to something may cancel a call.
        self._lock = threading.RLock()

    def register(self, call: "ScheduledCall") -> None:
        """Add a call, which must not be in the heap already.  A closed scheduler cancels it at once."""
        with self._lock:
            if not self._closed:
                self._serial += 1
                call._serial = self._serial
                call._queued = True
                heapq.heappush(self._tasks, call)
                return
        call.cancel()

    def delay(self) -> float | None:
        """Return the seconds until the next call is due, 0 if one is now, or None if there is none."""
        with self._lock:
            call = self._next()
        return None if call is None else max(0.0, call.due - self.clock())

    def poll(self) -> float | None:
        """Run the calls that are due, each at most once, and return what `delay` then says.

        An exception of a call that has no errback, or of its errback, is logged.
        """
        tasks = self._tasks
        try:
            first = tasks[0]
        except IndexError:
            return None
        now = self.clock()
        if not self._disordered and first.due > now and not first.cancelled:
            return first.due - now  # most turns of a loop end here
        newest = self._serial
        ran = False
        while True:
            with self._lock:
                call = self._next()
                if call is None or call.due > now or call._serial > newest:
                    break
                heapq.heappop(tasks)
                call._queued = False
            ran = True
            try:
                call._make()
            except Exception:  # noqa: BLE001  logged
                logger.exception("a scheduled call failed")
        if call is None:
            return None
        return max(0.0, call.due - (self.clock() if ran else now))

    def reheapify(self) -> None:
        """Drop cancelled calls and put the others in order, also after `due` of some was set."""
        with self._lock:
            self._tasks[:] = [call for call in self._tasks if not call.cancelled]
            heapq.heapify(self._tasks)
            self._cancelled = 0
            self._disordered = False

    def close(self) -> None:
        """Cancel all calls, and those that come from now on.  An exception of one `cancel` is logged."""
        with self._lock:
            self._closed = True
            tasks = self._tasks[:]
            self._tasks.clear()
        for call in tasks:
            call._queued = False
            try:
                call.cancel()
            except Exception:  # noqa: BLE001  logged
                logger.exception("a scheduled call could not be cancelled")
        self._cancelled = 0

    def _next(self) -> "ScheduledCall | None":
        """Return the first call that is not cancelled, which is then at the top of the heap; with the lock held."""
        if self._disordered:
            self.reheapify()
        tasks = self._tasks
        while tasks:
            if not tasks[0].cancelled:
                return tasks[0]
            heapq.heappop(tasks)._queued = False
            self._cancelled -= 1
        return None

    def _note_cancelled(self) -> None:
        with self._lock:
            self._cancelled += 1
            # Each purge of n calls follows n/2 cancellations or more: O(1) for one.
            if self._cancelled * 2 > len(self._tasks):
                self.reheapify()

    def _move(self, call: "ScheduledCall", due: float) -> None:
        with self._lock:
            call.due = due
            # The heap is put in order once per turn at most, however many calls are reset in it.
            self._disordered = self._disordered or call._queued


class ScheduledCall:
    """A call that runs once; `IOLoop.call_later` makes them.  Calls compare by the time they are due.

    >>> scheduler = Scheduler()
    >>> soon, late = (ScheduledCall(scheduler, seconds, print, ("hello",)) for seconds in (0, 60))
    >>> scheduler.register(late)
    >>> scheduler.register(soon)
    >>> soon < late
    True
    >>> 59 < scheduler.poll() <= 60
    hello
    True
    >>> late.cancel()
    >>> late.cancelled, scheduler.poll()
    (True, None)
    """

    __slots__ = (
        "_args",
        "_delay",
        "_errback",
        "_kwargs",
        "_queued",
        "_scheduler",
        "_serial",
        "_target",
        "cancelled",
        "due",
    )

    def __init__(
        self,
        scheduler: Scheduler,
        seconds: float,
        target: Callable[..., object],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
        errback: Callable[[], object] | None = None,
    ) -> None:
        if not seconds >= 0:  # a NaN neither
            raise AssertionError(f"the delay must be 0 seconds or more, not {seconds}")
        if not callable(target):
            raise AssertionError(f"the target must be callable, not {target!r}")
        self.cancelled = False
        #: When the call is due, on the clock of the scheduler.  After a change `reheapify` must be called.
        self.due = scheduler.clock() + seconds
        self._delay = seconds
        self._target = target
        self._args = args
        self._kwargs = kwargs
        self._errback = errback
        self._scheduler = scheduler
        self._serial = 0
        self._queued = False

    def __lt__(self, other: "ScheduledCall") -> bool:
        # The heap alone would not keep the order of calls due at the same tick of a coarse clock.
        return self.due < other.due or (self.due == other.due and self._serial < other._serial)

    def __le__(self, other: "ScheduledCall") -> bool:
        return self.due <= other.due

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled else f"in {self.due - self._scheduler.clock():.3f} s"
        return f"<{type(self).__name__} {self._target!r} {state}>"

    def call(self) -> None:
        """Call the target now; the call is then over.

        If it raises, the errback is called without arguments, or, if there is none, the exception goes on.

        Raises:
            AssertionError: the call is cancelled, or over.
        """
        self._require_live()
        self._make()

    def _make(self) -> None:
        """Call the target; one that another thread has just cancelled does nothing."""
        try:
            if self._kwargs:
                self._target(*self._args, **self._kwargs)
            else:
                self._target(*self._args)
        except Exception:
            errback = self._errback
            self.cancel()
            if errback is None:
                raise
            errback()
        finally:
            self._finish()

    def reset(self) -> None:
        """Start the countdown anew.

        Raises:
            AssertionError: the call is cancelled, or over.
        """
        self._require_live()
        self._scheduler._move(self, self._scheduler.clock() + self._delay)

    def cancel(self) -> None:
        """Make sure that the call does not happen (again).  Idempotent."""
        if self.cancelled:
            return
        self.cancelled = True
        # The heap may keep this object for a while; it must not keep alive what the call was about.
        self._target, self._args, self._kwargs, self._errback = _nothing, (), None, None
        if self._queued:
            self._scheduler._note_cancelled()

    def _finish(self) -> None:
        self.cancel()

    def _require_live(self) -> None:
        if self.cancelled:
            raise AssertionError("the call is cancelled or over; schedule a new one")


class RepeatedCall(ScheduledCall):
    """A call that runs every so many seconds until it is cancelled or its target raises.

    The period starts anew when the target returns: a target that takes long is not called in a burst.
    """

    __slots__ = ()

    def _finish(self) -> None:
        if self.cancelled:
            return
        due = self._scheduler.clock() + self._delay
        if self._queued:
            self._scheduler._move(self, due)
        else:
            self.due = due
            self._scheduler.register(self)


def _nothing(*_args: object) -> None:
    """The target of a cancelled call."""
