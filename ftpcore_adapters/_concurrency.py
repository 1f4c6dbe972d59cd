"""How the command line serves: one way for each model of --concurrency, all with the same signals.

SIGTERM drains the server; a second one, or SIGINT at any time, ends it at once.
"""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final, NamedTuple

from ftpcore_adapters import servers
from ftpcore_adapters._accepting import Acceptor, listening_on
from ftpcore_adapters._sockets import address_of
from ftpcore_adapters.log import logger
from ftpcore_adapters.servers import FTPServer

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["MODELS", "Limits", "Serving", "make_serving"]

#: The names of the classes in `servers`, and for those of forked workers their number; "" runs within anyio.
MODELS: Final[Mapping[str, tuple[str, int]]] = {
    "async": ("FTPServer", 1),
    "multi-thread": ("ThreadedFTPServer", 1),
    "multi-proc": ("MultiprocessFTPServer", 1),
    "pre-fork": ("FTPServer", 0),
    "asyncio": ("", 1),
    "trio": ("", 1),
}

_EXTRAS: Final = {"asyncio": "anyio", "trio": "trio"}

_BACKLOG: Final = 100


class Limits(NamedTuple):
    """Options of the server."""

    max_cons: int
    max_cons_per_ip: int
    drain: float
    """Seconds that transfers may go on after SIGTERM."""


class Serving(NamedTuple):
    """A server that listens, and what runs it."""

    address: tuple[str, int]
    handler: type[FTPHandler]
    run: Callable[[], Acceptor]
    """Serve until the server ends; return it, closed."""


def make_serving(model: str, address: tuple[str, int], handler: type[FTPHandler], limits: Limits) -> Serving:
    """Listen, as `model` says.

    Raises:
        OSError: The address can't be had.
        ValueError: This model does not run here.
    """
    name, processes = MODELS[model]
    if not name:
        return _on_anyio(model, address, handler, limits)
    kind: type[FTPServer] | None = getattr(servers, name, None)
    if kind is None:
        raise ValueError(f"--concurrency {model}: processes can't be forked here; use multi-thread")
    server = kind(address, handler)
    server.max_cons, server.max_cons_per_ip = limits.max_cons, limits.max_cons_per_ip

    def run() -> FTPServer:
        try:
            with _signals(lambda: server.request_drain(limits.drain)):
                if processes == 1:
                    server.serve_forever()
                else:
                    server.serve_forever(worker_processes=processes)
        except KeyboardInterrupt:  # one that came before the server could take it
            server.close_all()
        return server

    return Serving(server.address, handler, run)


def _on_anyio(model: str, address: tuple[str, int], handler: type[FTPHandler], limits: Limits) -> Serving:
    try:
        importlib.import_module(model)
        import anyio

        from ftpcore_adapters import anyio as host
    except ModuleNotFoundError as error:
        raise ValueError(f'--concurrency {model} needs {error.name}: pip install "ftpcore[{_EXTRAS[model]}]"') from None
    listener = listening_on(address, _BACKLOG)

    async def serve() -> Acceptor:
        serving = host.serve(handler, listener, max_cons=limits.max_cons, max_cons_per_ip=limits.max_cons_per_ip)
        async with serving as server, anyio.create_task_group() as tasks:

            async def listen() -> None:
                draining = False
                with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                    async for number in signals:
                        if number == signal.SIGINT or draining:
                            logger.info("received interrupt signal")
                            server.close_all()
                        else:
                            draining = True
                            tasks.start_soon(server.drain, limits.drain)

            tasks.start_soon(listen)
            await server.serve_forever()
            tasks.cancel_scope.cancel()
        return server

    def run() -> Acceptor:
        return anyio.run(serve, backend=model)

    return Serving(address_of(listener.getsockname()), handler, run)


@contextmanager
def _signals(drain: Callable[[], None]) -> Iterator[None]:
    """Have SIGTERM drain the server, and a second one end it; only the main thread can say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    draining = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal draining
        if draining:
            raise KeyboardInterrupt
        draining = True
        drain()

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
