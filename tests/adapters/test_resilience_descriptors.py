"""Servers without descriptors: each command gets its reply, sessions go on, and so does the server afterwards."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from ftpcore_adapters.ioloop import Epoll, IOLoop, Poll, Select
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.servers import FTPServer
from tests.adapters.conftest import Serve
from tests.adapters.serving import PATIENCE, Client, Serving, received, wait_for

resource = pytest.importorskip("resource", reason="limits of a process are of POSIX")
pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")


@contextlib.contextmanager
def no_descriptors(spare: int = 0) -> Iterator[None]:
    """Take all descriptors of this process but so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + spare + 1, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(spare):
            os.close(taken.pop())
        yield
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def count_turns(serving: Serving) -> list[float | None]:
    """Have the timeout of each turn of the loop noted from now on."""
    noted: list[float | None] = []
    wait = serving.loop._wait

    def counted(timeout: float | None) -> list[tuple[int, int]]:
        noted.append(timeout)
        return wait(timeout)

    def begin() -> None:
        serving.loop._wait = counted

    serving.call(begin)
    return noted


@pytest.fixture
def client(serve: Serve) -> Client:
    """Return a session with a directory and files; the log is warm, so that it needs no descriptors."""
    (serve.directory / "f").write_bytes(b"data")
    (serve.directory / "d").mkdir()
    client = serve().login()
    assert client.command("PWD") == 257
    return client


@pytest.mark.parametrize("command", ["PASV", "EPSV"])
def test_no_descriptor_for_a_listener_is_answered_425(client: Client, command: str) -> None:
    with no_descriptors():
        assert client.command(command) == 425
        assert client.command("NOOP") == 200
        assert client.command("LIST") in (425, 451)
    with client.data() as data:
        client.send("RETR f")
        assert data.recv(10) == b"data"
    assert client.codes(2) == [150, 226]


def test_no_descriptor_for_any_port_of_a_range_is_answered_425(serve: Serve) -> None:
    """Nor is each of them tried: that would be a lot of work for one line."""
    client = serve(passive_ports=range(40_000, 60_000)).login()
    with no_descriptors():
        assert client.command("PASV") == 425
    assert client.command("PASV") == 227


def test_no_descriptor_for_the_accepted_connection_is_answered_425(serve: Serve) -> None:
    files = MemoryFileSystem()
    client = serve(abstracted_fs=staticmethod(lambda home, handler: files)).login()
    address = client.passive()
    with socket.socket() as data, no_descriptors():
        data.connect(address)
        code = client.command("LIST")
        assert (code if code != 150 else client.code()) == 425
        assert client.command("NOOP") == 200
    with client.data():
        assert client.command("LIST") == 150
        assert client.code() == 226


def test_no_descriptor_for_an_active_connection_is_answered_425(serve: Serve) -> None:
    files = MemoryFileSystem()
    client = serve(abstracted_fs=staticmethod(lambda home, handler: files)).login()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert client.command(f"EPRT |1|127.0.0.1|{port}|") == 200
        with no_descriptors():
            assert client.command("LIST") == 150
            assert client.code() == 425
            assert client.command("NOOP") == 200
        assert client.command(f"EPRT |1|127.0.0.1|{port}|") == 200
        client.send("LIST")
        assert received(listener.accept()[0]) == b""
    assert client.codes(2) == [150, 226]


@pytest.mark.parametrize("spare", range(5))
@pytest.mark.parametrize("command", ["RETR f", "STOR new", "LIST"])
def test_each_transfer_has_one_end_whatever_is_missing(client: Client, command: str, spare: int) -> None:
    client.send("PASV", "NOOP")
    assert client.codes(2) == [227, 200]
    address = client.passive()
    with socket.socket() as data, no_descriptors(spare):
        data.connect(address)
        with contextlib.suppress(OSError):  # it may have been refused already
            data.shutdown(socket.SHUT_WR)
        code = client.command(command)
        if code == 150:
            code = client.code()
        assert code in (226, 425, 450, 451)
        assert client.command("NOOP") == 200


@pytest.mark.parametrize("command", ["RETR f", "STOR new", "APPE f", "STOU", "LIST", "NLST", "MLSD"])
def test_no_descriptor_for_a_file_is_answered_450_or_451(serve: Serve, client: Client, command: str) -> None:
    with client.data() as data:
        wait_for(lambda: serve.started[0].loop.unwatched == 1, "the accepted connection")
        with no_descriptors():
            code = client.command(command)
            if code == 150:
                code = client.code()
            assert code in (450, 451)
            assert client.command("NOOP") == 200
        with contextlib.suppress(OSError):
            data.shutdown(socket.SHUT_WR)
        # The data connection serves the next command, unless the failed one had begun to use it.
        code = client.command("RETR f")
        assert code in (150, 425)
        if code == 150:
            assert client.code() == 226


@pytest.mark.parametrize(
    "command",
    [
        "CWD d",
        "MKD new",
        "RMD d",
        "DELE f",
        "SIZE f",
        "MDTM f",
        "MLST f",
        "STAT f",
        "STAT d",
        "RNFR f",
        "SITE CHMOD 600 f",
    ],
)
def test_no_descriptor_for_anything_else_costs_the_command_at_most(client: Client, command: str) -> None:
    """What needs none is done; what can't be done may be tried again."""
    with no_descriptors():
        code = client.command(command)
        assert code in (200, 211, 212, 213, 250, 257, 350, 450, 451)
        assert client.command("NOOP") == 200
    if code >= 400:
        assert 200 <= client.command(command) < 400


def test_no_descriptor_at_login_is_no_wrong_password(serve: Serve) -> None:
    client = serve().client()
    assert client.code() == 220
    with no_descriptors():
        client.send("USER ann", "PASS correct-horse")
        assert client.code() == 331
        code = client.code()
        assert code in (230, 451)
        assert client.command("NOOP") == 200
    if code == 451:
        assert client.command("PASS correct-horse") == 230


@pytest.mark.parametrize("kernel", [True, False], ids=["in the kernel", "in memory"])
def test_an_upload_that_began_needs_no_further_descriptors(serve: Serve, kernel: bool) -> None:
    """A pipe would be two; without them bytes go by way of memory."""
    content = os.urandom(3_000_000)
    client = serve(use_sendfile=kernel).login()
    with client.data() as data:
        assert client.command("STOR new") == 150
        data.sendall(content[:1])
        wait_for(lambda: (serve.directory / "new").exists() and (serve.directory / "new").stat().st_size, "a byte")
        with no_descriptors():
            data.sendall(content[1:])
            data.shutdown(socket.SHUT_WR)
            assert client.code() == 226
    assert (serve.directory / "new").read_bytes() == content


def test_a_listener_without_descriptors_waits_instead_of_spinning(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftpcore_adapters._accepting.ACCEPT_PAUSE", 0.05)
    serving = serve()
    client = serving.login()
    noted = count_turns(serving)
    attempts = 4
    with socket.socket() as waiting:
        with no_descriptors():
            waiting.connect(serving.address)
            wait_for(lambda: len(warnings(serve)) >= attempts, "the attempts")
            turns, tried = len(noted), len(warnings(serve))
            assert client.command("NOOP") == 200
        assert turns <= 3 * tried + 2, noted
        assert not any(timeout is None for timeout in noted[1 : turns - 1]), "it would sleep for ever"
        waiting.settimeout(PATIENCE)
        assert waiting.recv(3) == b"220"
    serving.login()


def warnings(serve: Serve) -> list[str]:
    return [line for line in serve.log.lines(logging.WARNING) if "can't accept" in line]


@pytest.mark.parametrize("loop", [Epoll, Poll, Select] if sys.platform == "linux" else [IOLoop])
def test_a_listener_that_somebody_shut_down_does_not_spin(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, loop: type[IOLoop]
) -> None:
    """Whoever gave it may do that: then it is ready for ever, and each accept fails.  Not every poller tells."""
    monkeypatch.setattr("ftpcore_adapters._accepting.ACCEPT_PAUSE", 0.05)
    serve.errors_expected = True
    given = socket.create_server(("127.0.0.1", 0))
    serving = serve(address=given, loop=loop.factory())
    client = serving.login()
    noted = count_turns(serving)
    given.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: serving.server.socket is None or len(warnings(serve)) >= 4, "the listener's end, or attempts")
    assert len(noted) <= 3 * len(warnings(serve)) + 5
    assert len(serve.log.errors) <= 1
    assert client.command("NOOP") == 200
    serving.call(serving.server.close)


@pytest.mark.parametrize("number", [errno.ENETDOWN, errno.EPROTO, errno.EHOSTUNREACH, errno.EPERM, errno.ENOMEM])
def test_an_error_of_a_connection_is_none_of_the_listener(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """accept() reports what befell the new connection on its way, and what a firewall thinks of it.  accept(2)."""
    monkeypatch.setattr("ftpcore_adapters._accepting.ACCEPT_PAUSE", 0.01)

    class Failing:
        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock
            self.errors = 2

        def accept(self) -> tuple[socket.socket, object]:
            if self.errors:
                self.errors -= 1
                raise OSError(number, os.strerror(number))
            return self._sock.accept()

        def __getattr__(self, name: str) -> object:
            return getattr(self._sock, name)

    class Server(FTPServer):
        def handle_read(self) -> None:
            assert self.socket is not None
            if isinstance(self.socket, socket.socket):
                self.socket = Failing(self.socket)  # type: ignore[assignment]  # stands in for it
            super().handle_read()

    assert serve(server_class=Server).login().command("NOOP") == 200
