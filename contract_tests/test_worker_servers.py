"""The servers with threads, processes and forked workers under contract."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import ClassVar

import pytest

from ftpcore import Address
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from ftpcore_adapters.testing import serve_in_thread
from ftpcore_contracts import ContractHandler, ServerContract


class TestThreads(ServerContract):
    concurrent = True
    stoppable = True

    @pytest.fixture
    def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
        with ExitStack() as stack:

            def serve(handler_class: type[ContractHandler]) -> Address:
                handler = type("Handler", (handler_class, FTPHandler), {})
                return stack.enter_context(serve_in_thread(handler, server_class=ThreadedFTPServer))

            yield serve


@pytest.mark.derived
class TestProcesses(ServerContract):
    """In a process of its own: those that it forks have no copy of the client's sockets."""

    concurrent = True
    stoppable = True
    server_class: ClassVar[type[FTPServer]] = MultiprocessFTPServer
    workers: ClassVar[int] = 1

    @pytest.fixture
    def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
        servers: list[int] = []

        def serve(handler_class: type[ContractHandler]) -> Address:
            handler = type("Handler", (handler_class, FTPHandler), {})
            server = self.server_class(("127.0.0.1", 0), handler, ioloop=IOLoop.factory())
            pid = os.fork()
            if not pid:
                try:
                    server.serve_forever(worker_processes=self.workers)
                finally:
                    os._exit(0)
            servers.append(pid)
            address = Address(*server.address)
            server.leave_to_child()  # the listener is the other process's
            return address

        yield serve
        for pid in servers:
            os.kill(pid, signal.SIGINT)
            os.waitpid(pid, 0)


class TestForked(TestProcesses):
    concurrent = False
    server_class = FTPServer
    workers = 2
