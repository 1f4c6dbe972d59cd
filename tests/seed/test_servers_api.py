"""The three servers as user code knows them: attributes, the point where a connection is taken, limits, one loop."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from tests.adapters.resources import leftovers
from tests.adapters.serving import PATIENCE, Client, LogLines, make_handler, wait_for

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

KINDS = [FTPServer, ThreadedFTPServer, MultiprocessFTPServer]
WORKERS = [ThreadedFTPServer, MultiprocessFTPServer]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with leftovers(), ExitStack() as stack:
        yield stack


def running(stack: ExitStack, server: FTPServer) -> FTPServer:
    """Serve in a thread until the test is over."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"handle_exit": False}, daemon=True)

    def stop() -> None:
        if thread.is_alive():
            with contextlib.suppress(RuntimeError):
                server.ioloop.call_soon_threadsafe(server.close_all)
            thread.join(PATIENCE)
        server.close_all()
        assert not thread.is_alive()

    stack.callback(stop)
    thread.start()
    return server


def client_of(stack: ExitStack, server: FTPServer) -> Client:
    return stack.enter_context(Client(server.address))


@pytest.mark.parametrize("kind", KINDS)
def test_attributes(kind: type[FTPServer], tmp_path: Path, stack: ExitStack) -> None:
    handler, loop = make_handler(tmp_path), IOLoop.factory()
    with kind(("127.0.0.1", 0), handler, ioloop=loop, backlog=7) as server:
        assert (server.max_cons, server.max_cons_per_ip) == (512, 0)
        assert (server.handler, server.ioloop, server.backlog, server.ip_map) == (handler, loop, 7, [])
        assert server.socket is not None
        assert server.address == server.socket.getsockname()[:2]
        assert server.address[1] != 0
    assert server.socket is None
    assert kind(("127.0.0.1", 0), handler).ioloop is IOLoop.instance()
    IOLoop.instance().close()


def test_attributes_of_servers_with_workers() -> None:
    for kind in WORKERS:
        assert (kind.poll_timeout, kind.join_timeout, kind.refresh_interval) == (1.0, 5, 5)


class Wrapped:
    """A socket in a wrapper, as some programs pass on what they inherited."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrap", [lambda sock: sock, Wrapped], ids=["a socket", "what listens"])
def test_a_bound_socket_is_taken(kind: type[FTPServer], wrap: Any, tmp_path: Path, stack: ExitStack) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = running(stack, kind(wrap(sock), make_handler(tmp_path), ioloop=IOLoop.factory()))
    assert sock.gettimeout() == 0
    assert client_of(stack, server).code() == 220


@pytest.mark.parametrize("kind", KINDS)
def test_the_handler_may_be_replaced(kind: type[FTPServer], tmp_path: Path, stack: ExitStack) -> None:
    server = running(stack, kind(("127.0.0.1", 0), make_handler(tmp_path, banner="first"), ioloop=IOLoop.factory()))
    first = client_of(stack, server)
    assert first.reply() == "220 first"
    server.handler = make_handler(tmp_path, banner="second")
    assert client_of(stack, server).reply() == "220 second"
    assert first.command("NOOP") == 200


@pytest.mark.parametrize("kind", KINDS)
def test_handle_accepted_is_where_connections_are_taken(
    kind: type[FTPServer], tmp_path: Path, stack: ExitStack
) -> None:
    seen: list[tuple[object, object]] = []

    class Choosy(kind):  # type: ignore[misc,valid-type]  # the class is a parameter
        open_for_business = True

        def handle_accepted(self, sock: socket.socket, addr: Any) -> FTPHandler | None:
            if not self.open_for_business:
                sock.close()
                return None
            handler = super().handle_accepted(sock, addr)
            seen.append((addr[0], handler if handler is None else type(handler)))
            return handler  # type: ignore[no-any-return]  # of the base

    handler = make_handler(tmp_path)
    server = running(stack, Choosy(("127.0.0.1", 0), handler, ioloop=IOLoop.factory()))
    assert client_of(stack, server).code() == 220
    wait_for(lambda: seen, "the connection")
    assert seen == [("127.0.0.1", handler if kind is FTPServer else None)]  # workers make theirs themselves
    Choosy.open_for_business = False
    assert client_of(stack, server).ended()


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_can_not_be_made_costs_its_connection_only(
    kind: type[FTPServer], tmp_path: Path, stack: ExitStack
) -> None:
    class Odd(FTPHandler):
        def __init__(self, conn: socket.socket, server: Any, ioloop: Any = None) -> None:
            if os.path.exists(tmp_path / "broken"):
                raise LookupError("a fault of the user's code")
            super().__init__(conn, server, ioloop)

    log = stack.enter_context(LogLines())
    server = running(stack, kind(("127.0.0.1", 0), make_handler(tmp_path, Odd), ioloop=IOLoop.factory()))
    (tmp_path / "broken").touch()
    assert client_of(stack, server).ended()
    wait_for(lambda: not server.ip_map, "the end of it")
    (tmp_path / "broken").unlink()
    assert client_of(stack, server).code() == 220
    assert log.errors or kind is MultiprocessFTPServer  # whose child has a log of its own


@pytest.mark.parametrize("kind", KINDS)
def test_limits_are_read_when_somebody_comes(kind: type[FTPServer], tmp_path: Path, stack: ExitStack) -> None:
    server = running(stack, kind(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop.factory()))
    first = client_of(stack, server)
    assert first.code() == 220
    assert server.ip_map == ["127.0.0.1"]
    server.max_cons_per_ip = 1
    second = client_of(stack, server)
    assert second.reply().startswith("421 Too many connections from the same IP address.")
    assert second.ended()
    server.max_cons_per_ip, server.max_cons = 0, 1
    third = client_of(stack, server)
    assert third.reply().startswith("421 Too many connections. Service temporarily unavailable.")
    server.max_cons = 0
    assert client_of(stack, server).code() == 220
    assert first.command("NOOP") == 200


def test_several_servers_on_one_loop_are_served_by_one_call(tmp_path: Path, stack: ExitStack) -> None:
    loop = IOLoop.factory()
    servers = [
        FTPServer(("127.0.0.1", 0), make_handler(tmp_path, banner=f"server {number}"), ioloop=loop)
        for number in range(3)
    ]
    running(stack, servers[0])
    clients = [client_of(stack, server) for server in servers]
    assert [client.reply() for client in clients] == ["220 server 0", "220 server 1", "220 server 2"]
    assert [server.ip_map for server in servers] == [["127.0.0.1"]] * 3
    loop.call_soon_threadsafe(servers[1].close)
    wait_for(lambda: servers[1].socket is None, "the end of the listener")
    assert clients[1].command("NOOP") == 200  # its sessions go on, and so do the others
    assert client_of(stack, servers[2]).code() == 220


def test_an_interrupt_ends_the_server_and_is_logged(tmp_path: Path, stack: ExitStack) -> None:
    server = FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop.factory())
    port = server.address[1]

    def interrupt() -> None:
        raise KeyboardInterrupt

    server.ioloop.call_later(0, interrupt)
    with LogLines() as log:
        assert server.serve_forever() is None
    lines = log.lines()
    assert lines[0] == f">>> starting FTP server on 127.0.0.1:{port}, pid={os.getpid()} <<<"
    assert lines[1:4] == ["concurrency model: async", "masquerade (NAT) address: None", "passive ports: None"]
    assert lines[-2:] == [
        "received interrupt signal",
        f">>> shutting down FTP server, pid={os.getpid()}, 1 open socket(s) <<<",
    ]
    assert server.socket is None


@pytest.mark.parametrize(
    ("kind", "model"), [(ThreadedFTPServer, "multi-thread"), (MultiprocessFTPServer, "multi-process")]
)
def test_servers_name_their_model(kind: type[FTPServer], model: str, tmp_path: Path, stack: ExitStack) -> None:
    server = kind(("127.0.0.1", 0), make_handler(tmp_path, passive_ports=range(60000, 60010)), ioloop=IOLoop.factory())

    def interrupt() -> None:
        raise KeyboardInterrupt

    server.ioloop.call_later(0, interrupt)
    with LogLines() as log:
        server.serve_forever()
    assert f"concurrency model: {model}" in log.lines()
    assert "passive ports: 60000->60009" in log.lines()


@pytest.mark.parametrize("kind", KINDS)
def test_single_turns_in_a_tight_loop(kind: type[FTPServer], tmp_path: Path, stack: ExitStack) -> None:
    server = stack.enter_context(kind(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop.factory()))
    over = threading.Event()

    def turn() -> None:
        while not over.is_set():
            server.serve_forever(timeout=0.001, blocking=False)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        client = client_of(stack, server).login()
        assert client.command("QUIT") == 221
        assert client.ended()
    finally:
        over.set()
        thread.join(PATIENCE)
    assert server.ioloop.call_later(60, print) is not None
    assert 59 < (server.serve_forever(timeout=0, blocking=False) or 0) <= 60
