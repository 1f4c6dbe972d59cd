"""How each runtime serves a handler class."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeAlias

from anyio.from_thread import start_blocking_portal

from ftpcore import Address
from ftpcore_adapters import anyio
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from ftpcore_adapters.testing import serve_in_thread
from tests.adapters.serving import wait_for

__all__ = ["HOSTS", "Host", "forked_workers", "loop", "on_backend", "processes", "threads"]

Host: TypeAlias = Callable[[type[FTPHandler]], AbstractContextManager[Address]]


def loop(handler: type[FTPHandler]) -> AbstractContextManager[Address]:
    return serve_in_thread(handler)


def threads(handler: type[FTPHandler]) -> AbstractContextManager[Address]:
    return serve_in_thread(handler, server_class=ThreadedFTPServer)


def processes(handler: type[FTPHandler]) -> AbstractContextManager[Address]:
    return _in_a_process(handler, MultiprocessFTPServer, worker_processes=1)


def forked_workers(handler: type[FTPHandler]) -> AbstractContextManager[Address]:
    return _in_a_process(handler, FTPServer, worker_processes=2)


def on_backend(backend: str) -> Host:
    """Serve by `ftpcore_adapters.anyio`."""

    @contextmanager
    def serving(handler: type[FTPHandler]) -> Iterator[Address]:
        with (
            start_blocking_portal(backend) as portal,
            portal.wrap_async_context_manager(anyio.serve(handler, ("127.0.0.1", 0))) as server,
        ):
            yield Address(*server.address)

    return serving


HOSTS: Final[Mapping[str, Host]] = {
    "IOLoop": loop,
    "threads": threads,
    "processes": processes,
    "forked workers": forked_workers,
    "asyncio": on_backend("asyncio"),
    "trio": on_backend("trio"),
}


@contextmanager
def _in_a_process(handler: type[FTPHandler], kind: type[FTPServer], worker_processes: int) -> Iterator[Address]:
    """Serve in a process of its own, forked before there are clients: workers inherit none of their sockets."""
    listener = socket.create_server(("127.0.0.1", 0))
    pid = os.fork()
    if not pid:
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            kind(listener, handler, ioloop=IOLoop.factory()).serve_forever(worker_processes=worker_processes)
            status = 0
        finally:
            os._exit(status)
    address = Address(*listener.getsockname())
    listener.close()
    try:
        yield address
    finally:
        os.kill(pid, signal.SIGINT)
        endings: list[int] = []

        def ended() -> bool:
            done, code = os.waitpid(pid, os.WNOHANG)
            if done:
                endings.append(os.waitstatus_to_exitcode(code))
            return bool(done)

        try:
            wait_for(ended, "the end of the server's process")
        except AssertionError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
    assert endings == [0]
