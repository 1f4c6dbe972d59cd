"""A host of blocking sockets under contract: a thread accepts, and each session has one of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from blocking_host import BlockingHost

from ftpcore import Address
from ftpcore_contracts import ContractHandler, ServerContract


@pytest.mark.derived
class TestBlocking(ServerContract):
    concurrent = True

    @pytest.fixture
    def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
        servers: list[BlockingServer] = []

        def serve(handler_class: type[ContractHandler]) -> Address:
            servers.append(BlockingServer(handler_class))
            return servers[-1].address

        yield serve
        for server in servers:
            server.stop()


class BlockingServer:
    """Serves `handler_class` until it is stopped."""

    def __init__(self, handler_class: type[ContractHandler]) -> None:
        self._handler_class = handler_class
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._sessions: list[tuple[BlockingHost, threading.Thread]] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        self.address = Address(*self._listener.getsockname())

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        for host, thread in self._sessions:
            host.stop()
            thread.join()

    def _accept(self) -> None:
        with self._listener:
            while (control := self._next()) is not None:
                with _closed_if_lost(control):
                    host = BlockingHost(self._handler_class, control)
                    thread = threading.Thread(target=host.run)
                    thread.start()
                    self._sessions.append((host, thread))

    def _next(self) -> socket.socket | None:
        try:
            return self._listener.accept()[0]
        except OSError:
            return None  # stopped


@contextmanager
def _closed_if_lost(control: socket.socket) -> Iterator[None]:
    try:
        yield
    except OSError:  # the client is gone already
        control.close()
