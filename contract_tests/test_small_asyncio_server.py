"""A small host on asyncio, with worker threads for port calls, under contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ftpcore import Address
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_contracts import ContractHandler, ServerContract
from tests.adapters.small_asyncio_server import SmallAsyncioServer


@pytest.mark.derived
class TestSmallAsyncio(ServerContract):
    concurrent = True
    concurrent_lanes = True

    @pytest.fixture
    def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
        with ExitStack() as stack:

            def serve(handler_class: type[ContractHandler]) -> Address:
                handler = type("Handler", (handler_class, FTPHandler), {})
                return stack.enter_context(SmallAsyncioServer(handler)).address

            yield serve
