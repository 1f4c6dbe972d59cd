"""The loop that asyncio or trio drives: what `IOLoop` offers its hosts, and the tasks of their sessions."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple

from anyio import (
    TASK_STATUS_IGNORED,
    CancelScope,
    CapacityLimiter,
    Event,
    create_task_group,
    move_on_after,
)
from anyio.abc import TaskGroup, TaskStatus

from ftpcore.ports import AnyFile
from ftpcore_adapters._anyio_runtime import Runtime, name_library, running_runtime
from ftpcore_adapters._anyio_threads import Threads
from ftpcore_adapters._left_files import close_now
from ftpcore_adapters._pollers import READ, WRITE, Pollable
from ftpcore_adapters._scheduler import RepeatedCall, ScheduledCall, Scheduler
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters._anyio_host import AnyioHost

__all__ = ["LOOP_ENTRIES", "AnyioLoop"]

#: Seconds that files which were left open may take to close when everything else is over.
CLOSING: Final = 2.0

#: Threads that do so; those of the sessions may all be stuck by then.
CLOSERS: Final = 4

Ts = TypeVarTuple("Ts")
Call = TypeVar("Call", bound=ScheduledCall)


class AnyioLoop:
    """A `Loop` within a task of asyncio or trio; the tasks of its sessions live in that one.

    Args:
        workers: Threads that calls which may block run in, at most.
    """

    READ: Final = READ
    WRITE: Final = WRITE

    def __init__(self, workers: int) -> None:
        self.socket_map: dict[int, Pollable] = {}
        self.unwatched = 0
        self.thread = threading.get_ident()
        self.sched = Scheduler()
        self.workers = CapacityLimiter(workers)
        self.threads = Threads(self)
        self.hosts: set[AnyioHost] = set()
        """Those whose sessions have not ended."""
        self.left: list[AnyFile] = []
        """Files to be closed as incomplete."""
        self.ended = Event()
        self._interest: dict[int, int] = {}
        self._emptied = Event()
        self._sooner = Event()
        self._wakes_at = math.inf
        self._stopped = False
        # Whatever is called or started runs in a copy: not in the context of some thread that asked for it, where
        # anyio does not even find its event loop.  The copy names that loop: `asyncio.run` does not, and in a callback
        # there is no task to tell it by.
        self._context: Context
        self._tasks: TaskGroup
        self._runtime: Runtime

    # -- its life ------------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Run until `stop`, whatever is cancelled around it; all tasks and sockets of the loop end with it."""
        with CancelScope(shield=True):
            try:
                async with create_task_group() as self._tasks:
                    self._context = copy_context()
                    self._runtime = running_runtime(self._tasks)
                    self._context.run(name_library, self._runtime.name)
                    task_status.started()
                    if not self._stopped:
                        await self._run_timers()
            finally:
                self._stopped = True
                _close_each([*self.hosts, *self.socket_map.values()])
                self.sched.close()
                self.threads.end_awaiting()
                await self.close_left()
                self.threads.close()
                self.ended.set()

    def stop(self) -> None:
        """Give up what is left of the sessions, and end every task."""
        self._stopped = True
        if self.hosts:
            logger.warning("%d session(s) had not ended in time and were given up", len(self.hosts))
        _close_each(self.hosts)
        if hasattr(self, "_tasks"):
            self._tasks.cancel_scope.cancel()

    @property
    def name(self) -> str:
        """What drives it."""
        return self._runtime.name

    async def until_empty(self) -> None:
        """Return when no session is left."""
        while self.hosts:
            if self._emptied.is_set():
                self._emptied = Event()
            await self._emptied.wait()

    def discard(self, host: AnyioHost) -> None:
        """A session has ended."""
        self.hosts.discard(host)
        if not self.hosts:
            self._emptied.set()

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def start(self, function: Callable[[*Ts], Coroutine[Any, Any, None]], *arguments: *Ts) -> None:
        """Run a task within the loop's."""
        start_soon: Callable[..., object] = self._tasks.start_soon
        self._context.copy().run(start_soon, function, *arguments)

    def leave(self, files: tuple[AnyFile, ...]) -> None:
        """Have files closed as incomplete."""
        if files:
            self.left.extend(files)
            if not self._stopped:  # else they are closed in the end
                self.start(self.close_left)

    async def close_left(self) -> None:
        files, self.left = self.left, []
        if not files:
            return
        limiter = CapacityLimiter(CLOSERS)
        with move_on_after(CLOSING, shield=True):
            async with create_task_group() as closing:
                for file in files:
                    closing.start_soon(self._close, file, limiter)

    async def _close(self, file: AnyFile, limiter: CapacityLimiter) -> None:
        try:
            if iscoroutinefunction(file.close):
                with suppress(OSError):  # it is incomplete anyway
                    await file.close(complete=False)
            else:
                await self.threads.run(partial(close_now, file), limiter)
        except Exception:  # noqa: BLE001  logged
            logger.exception("closing a file that was given up failed")

    # -- descriptors ---------------------------------------------------------------------------------------------------

    @property
    def open_sockets(self) -> int:
        return len(self.socket_map) + self.unwatched

    def register(self, fd: int, instance: Pollable, events: int) -> None:
        """As that of IOLoop; but `handle_close` is not called, since what is watched for nothing is not watched."""
        if self._stopped:
            raise ValueError("the loop has ended")
        self.unregister(fd)
        self.socket_map[fd] = instance
        self._interest[fd] = 0
        self.modify(fd, events)

    def modify(self, fd: int, events: int) -> None:
        changed = self._interest[fd] ^ events
        self._interest[fd] = events
        for event in (READ, WRITE):
            if changed & event:
                if events & event:
                    self._context.copy().run(self._runtime.watch, fd, event, self.socket_map[fd])
                else:
                    self._runtime.unwatch(fd, event)

    def unregister(self, fd: int) -> None:
        if fd in self._interest:
            self.modify(fd, 0)
            del self._interest[fd], self.socket_map[fd]

    # -- time, and other threads ---------------------------------------------------------------------------------------

    def call_later(
        self,
        seconds: float,
        target: Callable[..., object],
        *args: object,
        _errback: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> ScheduledCall:
        """As that of IOLoop, but from any thread."""
        return self._scheduled(ScheduledCall(self.sched, seconds, target, args, kwargs, _errback))

    def call_every(
        self,
        seconds: float,
        target: Callable[..., object],
        *args: object,
        _errback: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> RepeatedCall:
        """As that of IOLoop, but from any thread."""
        return self._scheduled(RepeatedCall(self.sched, seconds, target, args, kwargs, _errback))

    def call_soon_threadsafe(self, target: Callable[..., object], *args: object) -> None:
        if self._stopped:
            raise RuntimeError("the loop has ended; nothing can be called in it any more")
        self._runtime.call_soon(self._call, target, args)

    def call_soon(self, function: Callable[..., object], *arguments: object) -> object:
        """Call a function that raises nothing in the thread of the loop, even while that ends; for any thread.

        Raises:
            RuntimeError: asyncio or trio has ended.
        """
        return self._runtime.call_soon(function, *arguments)

    def _call(self, target: Callable[..., object], args: tuple[object, ...]) -> None:
        try:
            self._context.copy().run(target, *args)
        except Exception:  # noqa: BLE001  logged, as by IOLoop
            logger.exception("a call from another thread failed")

    def _scheduled(self, call: Call) -> Call:
        self.sched.register(call)
        if call.due < self._wakes_at and not self._stopped:
            if threading.get_ident() == self.thread:
                self._sooner.set()
            else:
                self.call_soon_threadsafe(self._sooner.set)
        return call

    async def _run_timers(self) -> None:
        while True:
            # Before the calls are looked at: one that comes later than that wakes this up again.
            self._sooner, self._wakes_at = Event(), math.inf
            delay = self.sched.poll()
            if delay is None:
                await self._sooner.wait()
            else:
                self._wakes_at = self.sched.clock() + delay
                with move_on_after(delay):
                    await self._sooner.wait()


#: See `shield_from_interrupts`.
LOOP_ENTRIES: Final = (AnyioLoop.run, AnyioLoop.close_left, AnyioLoop._close, AnyioLoop.stop)


def _close_each(instances: Iterable[Pollable]) -> None:
    for instance in list(instances):
        try:
            instance.close()
        except Exception:  # noqa: BLE001  logged, and the others are closed as well
            logger.exception("closing %r failed", instance)
