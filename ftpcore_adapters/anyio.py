"""Serve a handler class on asyncio or trio, within a task of yours.

    async with serve(Handler, ("127.0.0.1", 2121)) as server:
        await server.serve_forever()

Nothing outlives the context: when it is left, or cancelled, sessions are cut, what they run is given a few seconds to
end in good order, and then all is closed.  Hooks and ports may be `async def`; plain ones that may block run in worker
threads, so that one session never delays another.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from inspect import unwrap
from typing import TYPE_CHECKING, Any, Final

try:
    from anyio import CancelScope, Event, create_task_group, get_cancelled_exc_class, move_on_after
except ModuleNotFoundError as error:
    if error.name != "anyio":
        raise
    raise ModuleNotFoundError(
        'ftpcore_adapters.anyio needs anyio, which is not installed: pip install "ftpcore[anyio]", '
        'or "ftpcore[trio]" for trio as well',
        name="anyio",
    ) from None

from ftpcore_adapters._accepting import LAST_WORDS, Acceptor, listening_on, places_of
from ftpcore_adapters._anyio_host import HOST_ENTRIES, AnyioHost
from ftpcore_adapters._anyio_loop import LOOP_ENTRIES, AnyioLoop
from ftpcore_adapters._anyio_runtime import RUNTIME_ENTRIES, shield_from_interrupts
from ftpcore_adapters._anyio_threads import THREADS_ENTRIES
from ftpcore_adapters._asynchrony import refuse_asynchronous_commands
from ftpcore_adapters._scheduler import ScheduledCall
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["GRACE", "WORKERS", "Server", "serve"]

#: Seconds that sessions which were cut may take to end, files and hooks included, before they are abandoned.
GRACE: Final = 5.0

#: Threads that calls which may block run in, at most.  Each is a session that waits for a disk or for user code at this
#: moment; further ones wait for their turn.
WORKERS: Final = 40


@asynccontextmanager
async def serve(
    handler: type[FTPHandler],
    address: tuple[str | None, int] | list[Any] | socket.socket,
    *,
    backlog: int = 100,
    max_cons: int = Acceptor.max_cons,
    max_cons_per_ip: int = Acceptor.max_cons_per_ip,
    workers: int = WORKERS,
    grace: float = GRACE,
) -> AsyncIterator[Server]:
    """Listen, and let clients in for as long as the context lasts.

    Args:
        address: (host, port), or a socket, which is made to listen and belongs to the server.
        max_cons: Sockets beyond which nobody is let in, the listener and data connections included; 0: no limit.
        max_cons_per_ip: Control connections from one address; 0: no limit.
        workers: See `WORKERS`.
        grace: See `GRACE`.

    Raises:
        OSError: The address can't be had.
        ValueError: There can be no such port.
        TypeError: The handler has an `async def ftp_XXX`, or the address is none.
    """
    shield_from_interrupts(_ENTRIES)
    refuse_asynchronous_commands(handler)
    listener = address if isinstance(address, socket.socket) else None
    loop = AnyioLoop(workers)
    failure: BaseException | None = None
    try:
        async with create_task_group() as group:
            try:
                await group.start(loop.run)
                listener = await _listening_on(address, backlog, loop)
                server = Server(listener, handler, loop, backlog)
                server.max_cons, server.max_cons_per_ip, server.grace = max_cons, max_cons_per_ip, grace
                server._log_start(loop.name)
                try:
                    yield server
                finally:
                    await server.aclose()
            except get_cancelled_exc_class():
                raise
            except BaseException as error:  # noqa: BLE001  raised below: a task group would make a group of it
                failure = error
            finally:
                loop.stop()
    except BaseExceptionGroup as group_of_errors:
        # One that came at the very end, or out of a hook: no `except KeyboardInterrupt` would take it in a group.
        if group_of_errors.split(KeyboardInterrupt)[1] is not None:
            raise
        failure = KeyboardInterrupt()
    finally:
        if listener is not None:
            listener.close()
    if failure is not None:
        raise failure


class Server(Acceptor):
    """A server that runs; `serve` makes it.  A handler finds on it what `FTPServer` has.

    What differs: `serve_forever` and `drain` are awaited, by whoever serves and not by hooks, for they wait for these;
    `grace` is in the place of `join_timeout`; no process can be forked that would `leave_to_child`.
    """

    ioloop: AnyioLoop
    grace: float = GRACE

    def __init__(self, listener: socket.socket, handler: type[FTPHandler], loop: AnyioLoop, backlog: int) -> None:
        super().__init__(listener, handler, loop, backlog)
        self._closed = Event()
        self._was_cut = False
        self._end: ScheduledCall | None = None
        """When sessions that are stuck are given up, once the server was told to end."""

    async def serve_forever(self) -> None:
        """Return when the server was closed and the last session has ended."""
        await self._closed.wait()
        await self.ioloop.until_empty()

    async def drain(self, seconds: float) -> None:
        """Stop listening, and end the sessions in good order; return when the last one has ended.

        Who is idle gets 421.  A command or transfer that runs may go on for so many seconds; then it is ended, a
        transfer with 426, and 421 follows.  In a hook, or from another thread or a signal handler: `request_drain`.
        """
        self._begin_drain(seconds)
        with move_on_after(seconds + LAST_WORDS):
            await self.ioloop.until_empty()
        await self.aclose()

    def request_drain(self, seconds: float) -> None:
        """Have the server drain itself, so that `serve_forever` returns; for hooks, any thread, and signal handlers.

        Raises:
            RuntimeError: The server has ended.
        """
        self.ioloop.call_soon_threadsafe(self._begin_drain, seconds)

    async def aclose(self) -> None:
        """Stop listening, cut the sessions, and return when all is over: within `grace`, and a little.  Idempotent.

        Not to be called by a hook, which it would wait for: those have `close_all`.
        """
        with CancelScope(shield=True):
            if not self.ioloop.ended.is_set():
                logger.info(
                    ">>> shutting down FTP server, pid=%d, %d open socket(s) <<<",
                    os.getpid(),
                    self.ioloop.open_sockets,
                )
            self._cut()
            with move_on_after(self.grace):
                await self.ioloop.until_empty()
            self.ioloop.stop()
        await self.ioloop.ended.wait()

    def close(self) -> None:
        """Stop listening; sessions go on.  Idempotent, for any thread."""
        if threading.get_ident() == self.ioloop.thread:
            super().close()
            self._closed.set()
        else:
            self._call_soon(self.close)

    def close_all(self) -> None:
        """Stop listening, and cut the sessions; what has not ended within `grace` is given up.

        Returns at once.  Idempotent, for hooks and for any thread.
        """
        if threading.get_ident() == self.ioloop.thread:
            self._cut()
        else:
            self._call_soon(self._cut)

    def make_host(self, handler: FTPHandler, sock: socket.socket) -> AnyioHost:
        return AnyioHost(handler, sock, self.ioloop)

    def _begin_drain(self, seconds: float) -> None:
        super()._begin_drain(seconds)
        if not self._was_cut:
            self._give_up_in(seconds + LAST_WORDS + self.grace)

    def _cut(self) -> None:
        self.close()
        if not self._was_cut:
            self._was_cut = True
            self._give_up_in(self.grace)
            self._drop_all()

    def _give_up_in(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = self.ioloop.call_later(seconds, self.ioloop.stop) if self.ioloop.hosts else None

    def _call_soon(self, function: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the server with it
            self.ioloop.call_soon_threadsafe(function)


async def _listening_on(
    address: tuple[str | None, int] | list[Any] | socket.socket, backlog: int, loop: AnyioLoop
) -> socket.socket:
    """As `listening_on`, but names are looked up in a thread; nothing is open if this is cancelled meanwhile."""
    if not isinstance(address, (tuple, list)):
        return listening_on(address, backlog)
    host, port = address
    return listening_on(address, backlog, await loop.threads.run(partial(places_of, host, port), loop.workers))


#: Where tasks of the loop begin, and what works on sessions when other tasks call it: ^C is not to cut that short.
_ENTRIES: Final = (
    unwrap(serve),
    *(Server.aclose, Server.close, Server.close_all, Server.drain, Server.request_drain),
    *(HOST_ENTRIES + LOOP_ENTRIES + RUNTIME_ENTRIES + THREADS_ENTRIES),
)
