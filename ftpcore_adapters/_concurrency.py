"""How the command line serves: one way for each model of --concurrency, all with the same signals.

SIGTERM drains the server; a second one, or SIGINT at any time, ends it at once: what is stuck then gets `AT_ONCE`.
SIGHUP has certificates read again, if there are any in files, and is left alone else.
"""

from __future__ import annotations

import importlib
import os
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

#: Windows has none.
_SIGHUP: Final[int | None] = getattr(signal, "SIGHUP", None)

_EXTRAS: Final = {"asyncio": "anyio", "trio": "trio"}

_BACKLOG: Final = 100

#: Seconds that workers may take to end when the server ends at once; then they are killed, or left if they are threads.
AT_ONCE: Final = 1.0


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
    run: Callable[[Callable[[], None]], Acceptor]
    """Serve until the server ends; return it, closed.  The function is called once, when signals are heeded."""


def make_serving(
    model: str,
    address: tuple[str, int],
    handler: type[FTPHandler],
    limits: Limits,
    reload: Callable[[], object] | None = None,
) -> Serving:
    """Listen, as `model` says; SIGHUP calls `reload`.

    Raises:
        OSError: The address can't be had.
        ValueError: This model does not run here.
    """
    name, processes = MODELS[model]
    if not name:
        return _on_anyio(model, address, handler, limits, reload)
    kind: type[FTPServer] | None = getattr(servers, name, None)
    if kind is None:
        raise ValueError(f"--concurrency {model}: processes can't be forked here; use multi-thread")
    server = kind(address, handler)
    server.max_cons, server.max_cons_per_ip = limits.max_cons, limits.max_cons_per_ip
    server.join_timeout = AT_ONCE
    starter = os.getpid()

    def hang_up() -> None:
        assert reload is not None
        if processes != 1 and os.getpid() == starter:
            reload()  # it waits for its workers, and runs no loop
        elif processes != 1 or os.getpid() == starter:  # a process of one session has what it needs
            server.ioloop.call_soon_threadsafe(reload)

    def run(announce: Callable[[], None]) -> FTPServer:
        try:
            with _signals(lambda: server.request_drain(limits.drain), None if reload is None else hang_up):
                announce()
                if processes == 1:
                    server.serve_forever()
                else:
                    server.serve_forever(worker_processes=processes)
        except KeyboardInterrupt:  # one that came before the server could take it
            server.close_all()
        return server

    # A class that stands in for a server may have nothing but `serve_forever`.
    return Serving(getattr(server, "address", address), handler, run)


def _on_anyio(
    model: str,
    address: tuple[str, int],
    handler: type[FTPHandler],
    limits: Limits,
    reload: Callable[[], object] | None,
) -> Serving:
    try:
        importlib.import_module(model)
        import anyio

        from ftpcore_adapters import anyio as host
    except ModuleNotFoundError as error:
        raise ValueError(f'--concurrency {model} needs {error.name}: pip install "ftpcore[{_EXTRAS[model]}]"') from None
    listener = listening_on(address, _BACKLOG)
    numbers = [signal.SIGTERM, signal.SIGINT]
    if reload is not None and _SIGHUP is not None:
        numbers.append(signal.Signals(_SIGHUP))

    async def serve(announce: Callable[[], None]) -> Acceptor:
        serving = host.serve(
            handler,
            listener,
            max_cons=limits.max_cons,
            max_cons_per_ip=limits.max_cons_per_ip,
            grace=AT_ONCE,
        )
        async with serving as server, anyio.create_task_group() as tasks:

            async def listen() -> None:
                draining = False
                terminal = _Terminal()
                with anyio.open_signal_receiver(*numbers) as signals:
                    announce()
                    async for number in signals:
                        if number == _SIGHUP and reload is not None and not terminal.gone:
                            reload()
                        elif number != signal.SIGTERM or draining:
                            logger.info("received interrupt signal")
                            server.close_all()
                        else:
                            draining = True
                            tasks.start_soon(server.drain, limits.drain)

            tasks.start_soon(listen)
            await server.serve_forever()
            tasks.cancel_scope.cancel()
        return server

    def run(announce: Callable[[], None]) -> Acceptor:
        return anyio.run(serve, announce, backend=model)

    return Serving(address_of(listener.getsockname()), handler, run)


class _Terminal:
    """Where the program was started.  When that is closed, the system says so by SIGHUP, and the program should end."""

    def __init__(self) -> None:
        self._was_there = os.isatty(0)

    @property
    def gone(self) -> bool:
        return self._was_there and not os.isatty(0)


@contextmanager
def _signals(drain: Callable[[], None], hang_up: Callable[[], None] | None) -> Iterator[None]:
    """Have SIGTERM drain the server, and a second one end it; SIGHUP: `hang_up`.  Only the main thread can say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    draining = False
    starter, terminal = os.getpid(), _Terminal()

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal draining
        if draining:
            raise KeyboardInterrupt
        draining = True
        drain()

    def hung_up(number: int, frame: FrameType | None) -> None:
        assert hang_up is not None
        if not terminal.gone:
            hang_up()
        elif os.getpid() == starter:  # which ends the others
            raise KeyboardInterrupt

    former = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    if hang_up is not None and _SIGHUP is not None:
        former[signal.Signals(_SIGHUP)] = signal.signal(_SIGHUP, hung_up)
    try:
        yield
    finally:
        for number, action in former.items():
            signal.signal(number, action)
