"""Threads for what blocks, beside asyncio or trio: calls into them, and from there back to the event loop.

They are threads of our own, for those that anyio makes on asyncio keep the interpreter from ending until the last call
has returned: a program whose disk is dead would never end.  These are daemon threads, as trio's are.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, Final, Generic, Protocol, TypeVar

from anyio import CapacityLimiter, Event, get_cancelled_exc_class

from ftpcore_adapters._anyio_runtime import name_library
from ftpcore_adapters._host import SessionOver
from ftpcore_adapters.log import logger

__all__ = ["THREADS_ENTRIES", "Threads"]

#: Seconds after which a thread that nobody needed is let go, when the next call is made.
IDLE: Final = 10.0

T = TypeVar("T")


class _Loop(Protocol):
    """What threads need of theirs."""

    thread: int

    def start(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a task of the loop; RuntimeError: it takes none any more."""
        ...

    def call_soon(self, function: Callable[..., object], *arguments: object) -> object:
        """Call a function that raises nothing in the thread of the loop; RuntimeError: it is closed."""
        ...


class Threads:
    """The worker threads of one loop.  What is not said to be for any thread is for that of the loop."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop
        self._all: set[_Worker] = set()
        self._idle: deque[_Worker] = deque()  # whoever became so first is the first
        self._awaited: list[tuple[Awaitable[object], Future[object]]] = []
        self._over = False
        """No task can be started any more."""

    async def run(self, function: Callable[[], T], limiter: CapacityLimiter) -> T:
        """Call a function in a thread, as one of so many.

        If this is cancelled, the call goes on, and nobody learns what it comes to.
        """
        async with limiter:
            call = _Call(function)
            self._worker().calls.put(call)
            await call.over.wait()
        return call.result()

    def awaited(self, answer: Awaitable[object]) -> object:
        """Return what `answer` comes to, which a task of the loop awaits; for any other thread.

        Raises:
            SessionOver: The loop ends before that.
            RuntimeError: This is the thread of the loop, which would wait for itself.
        """
        if threading.get_ident() == self._loop.thread:
            _close(answer)
            raise RuntimeError(
                f"{answer!r} can't be waited for in the thread of the event loop, which has to await it meanwhile: call"
                " it from a worker thread, where commands and plain hooks run unless the authorizer impersonates users"
                " as a whole process; if it does so in its thread only, let its class say impersonates_thread = True"
            )
        outcome: Future[object] = Future()
        awaited = answer, outcome
        self._awaited.append(awaited)
        try:
            if self._over:  # only now, for whoever sets it looks at the list afterwards
                raise RuntimeError
            self._loop.call_soon(self._await, answer, outcome)
        except RuntimeError:
            _give_up(answer, outcome)
        try:
            return outcome.result()
        finally:
            self._awaited.remove(awaited)

    def end_awaiting(self) -> None:
        """The tasks of the loop have ended, and no more can be started."""
        self._over = True
        for answer, outcome in self._awaited[:]:
            _give_up(answer, outcome)

    def close(self) -> None:
        """Let the threads end, each after the call that it makes; nobody waits for that."""
        for worker in self._all:
            worker.calls.put(None)
        self._all.clear()
        self._idle.clear()

    def _await(self, answer: Awaitable[object], outcome: Future[object]) -> None:
        if self._over:
            return  # it was given up
        try:
            self._loop.start(_settle, answer, outcome)
        except RuntimeError:  # the last task has ended just now: what is called so must not raise, on trio
            _give_up(answer, outcome)

    def _worker(self) -> _Worker:
        now = time.monotonic()
        worker = self._idle.pop() if self._idle else None
        while self._idle and self._idle[0].idle_since < now - IDLE:
            unneeded = self._idle.popleft()
            self._all.remove(unneeded)
            unneeded.calls.put(None)
        if worker is None:
            worker = _Worker(self._loop.call_soon, self._returned)
            worker.start()  # there may be too many
            self._all.add(worker)
        return worker

    def _returned(self, worker: _Worker, call: _Call[object]) -> None:
        worker.idle_since = time.monotonic()
        if worker in self._all:
            self._idle.append(worker)
        call.over.set()


class _Call(Generic[T]):
    """A call in another thread, in a context like that of who asks for it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self.over = Event()
        self._function = function
        self._context: Context = copy_context()
        self._context.run(name_library, None)  # there is none in that thread
        self._value: T
        self._error: BaseException | None = None

    def make(self) -> None:
        try:
            self._value = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001  raised where the call was asked for
            self._error = error

    def result(self) -> T:
        if self._error is not None:
            try:
                raise self._error
            finally:
                del self  # else the traceback would hold what holds the error
        return self._value


class _Worker(threading.Thread):
    def __init__(
        self,
        call_soon: Callable[..., object],
        returned: Callable[[_Worker, _Call[object]], None],
    ) -> None:
        super().__init__(name="ftpcore worker", daemon=True)
        self.calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self.idle_since = 0.0
        self._call_soon = call_soon
        self._returned = returned

    def run(self) -> None:
        while (call := self.calls.get()) is not None:
            call.make()
            try:
                self._call_soon(self._returned, self, call)
            except RuntimeError:
                return  # the event loop is closed: nobody waits any more
            del call  # what it holds need not last until the next one


async def _settle(answer: Awaitable[object], outcome: Future[object]) -> None:
    try:
        value = await answer
    except get_cancelled_exc_class():
        _give_up(answer, outcome)
        raise
    except BaseException as error:  # noqa: BLE001  raised in the thread
        outcome.set_exception(error)
    else:
        outcome.set_result(value)


#: See `shield_from_interrupts`.
THREADS_ENTRIES: Final = (_settle,)


def _give_up(answer: Awaitable[object], outcome: Future[object]) -> None:
    _close(answer)
    with suppress(InvalidStateError):  # the thread and the loop may both find out at this moment
        outcome.set_exception(SessionOver("the server has ended"))


def _close(answer: Awaitable[object]) -> None:
    """Close what is not awaited, for there would be a warning if it is a coroutine."""
    close = getattr(answer, "close", None)
    if close is not None:
        try:
            close()
        except Exception:  # noqa: BLE001  logged: somebody waits to be told of the end, and others after him
            logger.exception("closing %r failed", answer)
