"""What asyncio and trio offer to a loop: descriptors that are watched, and calls from other threads.

On asyncio a descriptor is watched by `add_reader` and `add_writer`, which stay until they are removed and cost nothing
meanwhile.  Where a loop has neither, on trio and with the proactor of Windows, a task waits for it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from types import FunctionType, ModuleType
from typing import Final, Protocol

from anyio import CancelScope, wait_readable, wait_writable
from anyio.abc import TaskGroup

from ftpcore_adapters._pollers import READ, Pollable
from ftpcore_adapters.log import logger

try:
    import sniffio
except ModuleNotFoundError:  # then anyio does without it as well
    sniffio = None  # type: ignore[assignment]  # as said

__all__ = ["RUNTIME_ENTRIES", "Runtime", "name_library", "running_runtime", "shield_from_interrupts"]


class Runtime(Protocol):
    name: str

    def call_soon(self, function: Callable[..., object], *args: object) -> object:
        """Call a function that raises nothing in the thread of the loop; for any thread."""
        ...

    def watch(self, fd: int, event: int, instance: Pollable) -> None:
        """Have `handle_read` or `handle_write` called whenever the descriptor is ready for READ or for WRITE."""
        ...

    def unwatch(self, fd: int, event: int) -> None: ...


def running_runtime(tasks: TaskGroup) -> Runtime:
    """Return the runtime that this runs on; what it needs tasks for runs in `tasks`."""
    trio = _running_trio()
    if trio is not None:
        return _WaitingTasks("trio", trio.lowlevel.current_trio_token().run_sync_soon, tasks)
    loop = asyncio.get_running_loop()
    if type(loop).add_reader is asyncio.AbstractEventLoop.add_reader:
        return _WaitingTasks("asyncio", loop.call_soon_threadsafe, tasks)
    return _Readers(loop)


def shield_from_interrupts(functions: Iterable[object]) -> None:
    """Have no KeyboardInterrupt raised in these functions, nor in what they call.

    trio raises it in whatever task runs when ^C comes; now the main task gets it when it waits next, as on asyncio.
    """
    trio = _running_trio()
    if trio is not None:
        for function in functions:
            assert isinstance(function, FunctionType)
            trio.lowlevel.enable_ki_protection(function)  # which marks its code, wherever that is run


def name_library(name: str | None) -> None:
    """Note in the current context what drives it, for anyio looks there where it has no task to tell it by."""
    if sniffio is not None:
        sniffio.current_async_library_cvar.set(name)


def _running_trio() -> ModuleType | None:
    """Return trio if it runs this."""
    trio = sys.modules.get("trio")
    try:
        if trio is not None:
            trio.lowlevel.current_task()
    except RuntimeError:
        return None
    return trio


class _Readers:
    """Callbacks that stay registered."""

    name = "asyncio"

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def call_soon(self, function: Callable[..., object], *args: object) -> object:
        return self._loop.call_soon_threadsafe(function, *args)

    def watch(self, fd: int, event: int, instance: Pollable) -> None:
        if event == READ:
            self._loop.add_reader(fd, _readable, instance)
        else:
            self._loop.add_writer(fd, _writable, instance)

    def unwatch(self, fd: int, event: int) -> None:
        (self._loop.remove_reader if event == READ else self._loop.remove_writer)(fd)


class _WaitingTasks:
    """A task for each descriptor and event."""

    def __init__(self, name: str, call_soon: Callable[..., object], tasks: TaskGroup) -> None:
        self.name = name
        self._call_soon = call_soon
        self._tasks = tasks
        self._waits: dict[tuple[int, int], _Wait] = {}

    def call_soon(self, function: Callable[..., object], *args: object) -> object:
        return self._call_soon(function, *args)

    def watch(self, fd: int, event: int, instance: Pollable) -> None:
        wait = self._waits[fd, event] = _Wait()
        if event == READ:
            self._tasks.start_soon(wait.run, wait_readable, fd, _readable, instance)
        else:
            self._tasks.start_soon(wait.run, wait_writable, fd, _writable, instance)

    def unwatch(self, fd: int, event: int) -> None:
        self._waits.pop((fd, event)).cancel()


class _Wait:
    __slots__ = ("scope", "wanted")

    def __init__(self) -> None:
        self.scope = CancelScope()
        self.wanted = True

    def cancel(self) -> None:
        self.wanted = False
        self.scope.cancel()

    async def run(
        self, wait: Callable[[int], Awaitable[None]], fd: int, call: Callable[[Pollable], None], instance: Pollable
    ) -> None:
        with self.scope:
            while self.wanted:
                try:
                    await wait(fd)
                except Exception:  # noqa: BLE001  somebody closed the descriptor, and nothing will come of it any more
                    logger.exception("descriptor %d of %r can't be waited for", fd, instance)
                    instance.close()
                    return
                if self.wanted:  # it may have been cancelled when it was ready already
                    call(instance)


#: See `shield_from_interrupts`.
RUNTIME_ENTRIES: Final = (_Wait.run,)


def _readable(instance: Pollable) -> None:
    try:
        instance.handle_read()
    except Exception:  # noqa: BLE001  it is the instance's to judge
        _failed(instance)


def _writable(instance: Pollable) -> None:
    try:
        instance.handle_write()
    except Exception:  # noqa: BLE001  as above
        _failed(instance)


def _failed(instance: Pollable) -> None:
    try:
        instance.handle_error()
    except Exception:  # noqa: BLE001  logged
        logger.exception("handle_error() of %r failed; it is closed", instance)
        instance.close()
