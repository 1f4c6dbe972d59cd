"""A server for the small asyncio host."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Self

from ftpcore import Address
from ftpcore_adapters._sockets import address_of, listening_socket
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from tests.adapters.small_asyncio_host import SmallAsyncioHost

__all__ = ["SmallAsyncioServer"]


class SmallAsyncioServer:
    """Serves a handler class on an asyncio loop in a thread of its own."""

    def __init__(self, handler: type[FTPHandler], host: type[SmallAsyncioHost] = SmallAsyncioHost) -> None:
        self._handler = handler
        self._host = host
        self._listener = listening_socket("127.0.0.1", 0, 100)
        self.address: Address = address_of(self._listener.getsockname())
        self.hosts: list[SmallAsyncioHost] = []
        self._calls = IOLoop.factory()  # what handlers schedule is never made
        self._stop: Callable[[], object] = lambda: None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._stop()
        self._thread.join(20)
        self._calls.close()
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)
        loop.add_reader(self._listener, self._accept)
        self._ready.set()
        await stop.wait()
        loop.remove_reader(self._listener)
        self._listener.close()
        await asyncio.gather(*(host.stop() for host in self.hosts if not host.ended.is_set()))

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # the peer has gone
            return
        handler = self._handler(sock, None, self._calls)
        if handler.socket is None:  # likewise
            return
        host = self._host(handler, sock)
        self.hosts.append(host)
        host.enter(lambda: None)
