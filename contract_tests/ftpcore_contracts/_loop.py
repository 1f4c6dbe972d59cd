"""What the rules of asynchronous ports do on an event loop: calls at once, cancelled calls, and a look at the loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
from anyio.lowlevel import checkpoint

if sys.platform == "linux":
    import resource

__all__ = ["all_at_once", "cancelled_after", "in_a_task", "stood_still"]

T = TypeVar("T")


async def all_at_once(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Make all calls, each in a task of its own; return what they return in their order, or raise what one raised."""
    results: dict[int, T] = {}
    errors: list[Exception] = []

    async def run(number: int, call: Callable[[], Awaitable[T]]) -> None:
        try:
            results[number] = await call()
        except Exception as error:  # noqa: BLE001  raised below, outside of the group that would wrap it
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        for number, call in enumerate(calls):
            tasks.start_soon(run, number, call)
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(calls))]


async def in_a_task(call: Callable[[], Awaitable[T]]) -> T:
    """Make the call in a task of its own, which has a deadline that is over when the call is."""

    async def run() -> T:
        with anyio.fail_after(60):
            return await call()

    return (await all_at_once([run]))[0]


async def cancelled_after(rounds: int, call: Callable[[], Awaitable[object]]) -> bool:
    """Cancel the call when the loop has gone round that often; tell whether it had ended by then."""
    ended = False
    errors: list[Exception] = []

    async def run() -> None:
        nonlocal ended
        try:
            await call()
        except Exception as error:  # noqa: BLE001  as above
            errors.append(error)
        ended = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        for _ in range(rounds):
            if ended:
                break
            await checkpoint()
        tasks.cancel_scope.cancel()
    if errors:
        raise errors[0]
    return ended


async def stood_still(call: Callable[[], Awaitable[object]]) -> float:
    """Return the longest time, in seconds, for which the loop stood still during the call, because its thread waited.

    What the thread computes does not count, nor what the system gives to others while it could go on.
    """
    watch = _Watch()

    async def turn() -> None:
        while True:
            watch.look()
            await checkpoint()

    async def run() -> None:
        await checkpoint()
        watch.begin()
        await call()
        watch.look()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        # There is always something to do, so that the loop itself waits for nothing.
        tasks.start_soon(turn)
        await run()
    return watch.longest


class _Watch:
    """Tells for how long this thread waited of its own will between two looks."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.longest = 0.0
        self._last = _measured()

    def look(self) -> None:
        now, busy, waits = _measured()
        before, busy_before, waits_before = self._last
        if waits is None or waits != waits_before:
            self.longest = max(self.longest, now - before - (busy - busy_before))
        self._last = (now, busy, waits)


def _measured() -> tuple[float, float, int | None]:
    """Return the time, that for which this thread was busy, and how often it has waited, where the system counts it."""
    waits = None
    if sys.platform == "linux":
        waits = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    return time.perf_counter(), time.thread_time(), waits
