"""The contract of hosts, put together from its areas."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import ClassVar

import pytest

from ftpcore import Address
from ftpcore_contracts._rules import broken
from ftpcore_contracts._server_client import Served, Start
from ftpcore_contracts._server_control import Control
from ftpcore_contracts._server_data import DataConnections
from ftpcore_contracts._server_endings import Endings
from ftpcore_contracts._server_faults import Faults
from ftpcore_contracts._server_handler import ContractHandler
from ftpcore_contracts._server_ports import ContractAuthorizer
from ftpcore_contracts._server_record import Record
from ftpcore_contracts._server_script import Gate, Script
from ftpcore_contracts._server_session import CheckedSession
from ftpcore_contracts._server_sessions import Sessions
from ftpcore_contracts._server_time import Time
from ftpcore_contracts._server_transfers import Transfers

__all__ = ["ServerContract"]


class ServerContract(Control, Transfers, DataConnections, Endings, Faults, Time, Sessions):
    """What every host of sessions keeps.  Subclass it as `TestX`, and override `serve`.

        class TestMyHost(ServerContract):
            @pytest.fixture
            def serve(self) -> Iterator[Callable[[type[ContractHandler]], Address]]:
                with MyServerThread() as server:
                    yield server.start          # start(handler_class) -> (host, port); served until the test ends

    `ContractHandler` says what a host does with `handler_class`.  A server of `ftpcore_adapters` is given

        type("Handler", (handler_class, FTPHandler), {})

    `docs/hosts.md` has the rules, and a whole host of blocking sockets that keeps them.
    """

    concurrent: ClassVar[bool] = False
    """A port call or a hook that waits delays its own session only."""
    concurrent_lanes: ClassVar[bool] = False
    """A transfer that waits for its file delays no command of its session, either."""
    stoppable: ClassVar[bool] = False
    """A hook may end the server, wherever it runs: `handler.server` has `request_drain(seconds)` and `close_all()`."""
    vanishing: ClassVar[int] = 1
    """A client vanishes after each so many bytes of a script; more where a session costs a process."""
    patience: ClassVar[float] = 10.0
    """Seconds after which something that takes milliseconds has failed."""

    @pytest.fixture
    def serve(self) -> Callable[[type[ContractHandler]], Address]:
        """Return what serves a handler class, on the loopback, until the test ends, and returns the address."""
        raise NotImplementedError(
            f"{type(self).__name__} must override the fixture `serve`: it yields a function that serves a handler "
            "class and returns the address, and stops the server afterwards"
        )

    def suspend(self, handler: ContractHandler) -> None:
        """Have the host suspend the session of `handler`; called in another thread than the session's."""
        _call(handler, "del_channel")

    def resume(self, handler: ContractHandler) -> None:
        """Have the host resume it."""
        _call(handler, "add_channel")

    @pytest.fixture(autouse=True)
    def record(self) -> Iterator[Record]:
        """What the sessions tell; made before the server and looked at when that has stopped."""
        before = _descriptors()
        record = Record(self.patience)
        try:
            yield record
            record.check_afterwards()
        finally:
            record.close()
        left = {number: what for number, what in _descriptors().items() if before.get(number) != what}
        if left:
            broken("a server that has stopped leaves no descriptor open", expected="none", came=left)

    @pytest.fixture
    def gate(self, record: Record) -> Gate:
        """A gate for a `Script`, closed at first; it outlives the server."""
        gate = Gate(2 * record.patience)  # what waits for it gives up later than the client
        record.closers.append(gate.close)
        return gate

    @pytest.fixture
    def start(self, serve: Callable[[type[ContractHandler]], Address], record: Record) -> Start:
        """Return what starts a server: by a script, and options of the handler."""

        def start(script: Script | None = None, /, **options: object) -> Served:
            script = script or Script()
            authorizer = ContractAuthorizer(script, record.reporter)
            members = {"authorizer": authorizer, "session_class": CheckedSession, "made": [], **options}
            handler_class = type("Handler", (ContractHandler,), members)
            served = Served(serve(handler_class), handler_class, script, record)
            record.closers.append(served.close)
            return served

        return start


def _call(handler: ContractHandler, name: str) -> None:
    method = getattr(handler, name, None)
    if method is None:
        pytest.skip("not offered: suspension from another thread")
    method()


def _descriptors() -> dict[int, str]:
    """Return what each open descriptor of this process is; none where the system does not tell."""
    found = {}
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):  # the one that lists them
                found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found
