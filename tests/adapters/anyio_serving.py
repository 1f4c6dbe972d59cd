"""A server on asyncio or trio in a thread of its own, for tests whose clients block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from ftpcore_adapters.anyio import Server, serve
from ftpcore_adapters.handlers import FTPHandler
from tests.adapters.serving import LogLines, Watched, make_handler, wait_for

__all__ = ["BACKENDS", "AnyioServe", "AnyioServing"]

BACKENDS: Final = ("asyncio", "trio")

T = TypeVar("T")


class AnyioServing(Watched):
    """A server that runs."""

    def __init__(self, portal: BlockingPortal, server: Server) -> None:
        super().__init__(server)
        self.portal = portal
        self.server = server

    @classmethod
    @contextlib.contextmanager
    def running(
        cls, backend: str, handler: type[FTPHandler], address: Any = ("127.0.0.1", 0), **options: Any
    ) -> Iterator[AnyioServing]:
        """Serve while the context lasts; the options are those of `serve`."""
        with start_blocking_portal(backend) as portal, ExitStack() as stack:
            context = serve(handler, address, **options)
            serving = cls(portal, stack.enter_context(portal.wrap_async_context_manager(context)))
            stack.callback(serving.close_clients)
            yield serving

    def call(self, function: Callable[[], T]) -> T:
        """Call `function` in the thread of the server, and return what it returns."""
        return self.portal.call(function)

    def settle(self) -> None:
        """Wait until all sessions are over, and check that none has left anything on the loop."""
        self.close_clients()
        loop = self.server.ioloop
        wait_for(lambda: not self.server.ip_map, "the sessions' ends")
        wait_for(lambda: not loop.hosts, f"the ends of {loop.hosts}")
        wait_for(lambda: loop.open_sockets <= (self.server.socket is not None), f"the end of {loop.socket_map}")
        wait_for(lambda: loop.sched.delay() is None, "the end of the timers")


class AnyioServe:
    """Starts servers: `serve(Recorder, calls=calls, server={"max_cons": 3})`.

    Attributes:
        backend: Of anyio.
        directory: The home of the one user.
        log: What the package writes, from INFO on.
        errors_expected: Lines of ERROR are no failure of the test.
    """

    def __init__(self, backend: str, directory: Path, log: LogLines, stack: ExitStack) -> None:
        self.backend = backend
        self.directory = directory
        self.log = log
        self.errors_expected = False
        self._stack = stack

    def context(
        self, base: type[FTPHandler] = FTPHandler, *, server: dict[str, Any] | None = None, **options: object
    ) -> AbstractContextManager[AnyioServing]:
        """Return a server that runs while the context lasts; `options` are those of the handler."""
        handler = make_handler(self.directory, base, **options)
        return AnyioServing.running(self.backend, handler, **(server or {}))

    def __call__(self, base: type[FTPHandler] = FTPHandler, **options: Any) -> AnyioServing:
        """Start a server that runs to the end of the test, when nothing may be left of its sessions."""
        serving = self._stack.enter_context(self.context(base, **options))
        self._stack.callback(serving.settle)
        return serving
