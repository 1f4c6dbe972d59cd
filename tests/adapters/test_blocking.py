"""A call that blocks delays its own session only, where sessions have threads, processes or worker threads."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Account, FileInfo
from ftpcore.testing import SingleUser
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.serving import PATIENCE, Client
from tests.parity.hosts import Host, on_backend, processes, threads

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


class Gate:
    """What a call waits at until it is let through, whatever process it is in."""

    def __init__(self) -> None:
        self._arrivals, self._arrive = os.pipe()
        self._passes, self._admit = os.pipe()

    def wait(self) -> None:
        """Tell that the call is here; return when it is let through."""
        os.write(self._arrive, b"x")
        os.read(self._passes, 1)

    def await_call(self) -> None:
        """Return when the call waits."""
        ready, _, _ = select.select([self._arrivals], [], [], PATIENCE)
        assert ready, "nobody came to the gate"
        os.read(self._arrivals, 1)

    def admit(self) -> None:
        os.write(self._admit, b"x")

    def close(self) -> None:
        for descriptor in (self._arrive, self._admit, self._arrivals, self._passes):
            os.close(descriptor)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


class WaitingFiles(MemoryFileSystem):
    """Waits at a gate when it is asked for "/held"."""

    blocking = True

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        if path == "/held":
            self._gate.wait()
        return super().stat(path, follow=follow)


class WaitingAuthorizer(SingleUser):
    """Waits at a gate before it looks at a password."""

    blocking = True

    def __init__(self, gate: Gate) -> None:
        super().__init__(MemoryFileSystem())
        self._gate = gate

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        self._gate.wait()
        return super().authenticate(username, password, peer)


def waiting_filesystem(gate: Gate) -> type[FTPHandler]:
    return type("Handler", (FTPHandler,), {"authorizer": SingleUser(WaitingFiles(gate))})


def waiting_authorizer(gate: Gate) -> type[FTPHandler]:
    return type("Handler", (FTPHandler,), {"authorizer": WaitingAuthorizer(gate)})


def waiting_hook(gate: Gate) -> type[FTPHandler]:
    class Handler(FTPHandler):
        authorizer = SingleUser(MemoryFileSystem())

        def on_login(self, username: str) -> None:
            gate.wait()

    return Handler


@pytest.mark.parametrize("make_handler", [waiting_hook, waiting_authorizer, waiting_filesystem])
@pytest.mark.parametrize(
    "host",
    [
        pytest.param(threads, id="threads"),
        pytest.param(processes, id="processes"),
        pytest.param(on_backend("asyncio"), id="asyncio"),
        pytest.param(on_backend("trio"), id="trio"),
    ],
)
def test_others_are_answered_before_a_call_returns(
    host: Host, make_handler: Callable[[Gate], type[FTPHandler]], gate: Gate
) -> None:
    with host(make_handler(gate)) as address, Client(address) as held, Client(address) as other:
        assert (held.code(), other.code()) == (220, 220)
        held.send("USER ann", "PASS pw", "MDTM /held", "PWD")
        try:
            gate.await_call()
            assert other.command("NOOP") == 200
            with Client(address) as newcomer:
                assert newcomer.code() == 220
                assert newcomer.command("NOOP") == 200
        finally:
            gate.admit()
        assert held.codes(4) == [331, 230, 550, 257]
