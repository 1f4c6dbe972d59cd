"""The hosts of `ftpcore_adapters.anyio` under contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from anyio.from_thread import start_blocking_portal

from ftpcore import Address
from ftpcore_adapters import anyio
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_contracts import ContractHandler, ServerContract


class TestAsyncio(ServerContract):
    backend = "asyncio"
    concurrent = True
    concurrent_lanes = True
    stoppable = True

    @pytest.fixture
    def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
        with start_blocking_portal(self.backend) as portal, ExitStack() as stack:

            def serve(handler_class: type[ContractHandler]) -> Address:
                serving = anyio.serve(type("Handler", (handler_class, FTPHandler), {}), ("127.0.0.1", 0))
                return Address(*stack.enter_context(portal.wrap_async_context_manager(serving)).address)

            yield serve


class TestTrio(TestAsyncio):
    backend = "trio"
