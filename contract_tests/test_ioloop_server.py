"""The host of `FTPServer` under contract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from ftpcore import Address
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from ftpcore_contracts import ContractHandler, ServerContract


class TestIOLoop(ServerContract):
    stoppable = True

    @pytest.fixture
    def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
        with IOLoop.factory() as loop:
            thread = threading.Thread(target=loop.loop)

            def serve(handler_class: type[ContractHandler]) -> Address:
                server = FTPServer(("127.0.0.1", 0), type("Handler", (handler_class, FTPHandler), {}), ioloop=loop)
                thread.start()
                return Address(*server.address)

            yield serve
            if thread.is_alive():
                loop.close()  # in that thread
                thread.join()
