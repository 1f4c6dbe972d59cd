"""Clients that mean no good: they cost bounded memory, are ended by a deadline, and the others notice nothing."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from ftpcore import Delegate
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.handlers import DTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.conftest import Serve
from tests.adapters.serving import PATIENCE, Client, Serving, wait_for
from tests.conftest import scaled

#: Bytes that a session may hold for its client: a read, the unread replies, and the commands that wait.
BOUND: Final = 16 * 1024 + 64 * 1024 + 64 * 2048 + 16 * 1024

#: Bytes that the server of a test may grow by, whatever one client sends: generous, for memory is taken in pieces.
GROWTH: Final = 32 * 1024 * 1024


# -- in the core: what is held, and which deadline ends it -------------------------------------------------------------


def held(host: ScriptedHost) -> int:
    session = host.session
    waiting = sum(len(command.verb) + len(command.argument or "") for command in session.waiting or ())
    return session.reader.buffered + session.unsent + waiting


def fed(host: ScriptedHost, block: bytes, times: int) -> int:
    """Feed blocks as far as the session wants them; return the most that it held."""
    most = 0
    for _ in range(times):
        if not host.session.wants_data or host.control_closed:
            break
        host.feed(block)
        host.take()
        most = max(most, held(host))
    return most


BLOCKS: Final = {
    "NOOP": b"NOOP\r\n" * 2000,
    "an endless line": b"x" * 16_000,
    "an endless argument": b"CWD " + b"x" * 16_000,
    "empty lines": b"\r\n" * 8000,
    "bare CRs": b"\r" * 16_000,
    "NULs": b"\0" * 16_000,
    "Telnet requests": b"\xff\xfd\x01" * 5000,
    "Telnet commands": b"\xff\xf6" * 8000,
    "an endless subnegotiation": b"\xff\xfa" + b"x" * 16_000,
    "STAT": b"STAT\r\n" * 2000,
    "HELP": b"HELP\r\n" * 2000,
    "FEAT": b"FEAT\r\n" * 2000,
    "long paths": (b"CWD " + b"d" * 2000 + b"\r\n") * 8,
    "PASV": b"PASV\r\n" * 2000,
}


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "never reads"])
@pytest.mark.parametrize("login", [True, False], ids=["logged in", "stranger"])
@pytest.mark.parametrize("name", BLOCKS)
def test_what_a_session_holds_is_bounded_and_so_is_its_time(name: str, login: bool, reads: bool) -> None:
    host = ScriptedHost(SingleUser(MemoryFileSystem()), subscribe=())
    if login:
        host.login()
    host.reading = reads
    assert fed(host, BLOCKS[name], scaled(100)) <= BOUND
    assert host.advance(30 + 300 + 10).control_closed  # a passive port, the idle time, the last words


@pytest.mark.parametrize("name", BLOCKS)
def test_what_a_session_holds_during_a_transfer_is_bounded(name: str) -> None:
    files = MemoryFileSystem()
    files.write_bytes("/f", b"data")
    host = ScriptedHost(SingleUser(files), subscribe=()).login()
    host.window = 0
    host.feed(b"PASV\r\n").connect().feed(b"RETR f\r\n").take()
    host.reading = False
    assert fed(host, BLOCKS[name], scaled(100)) <= BOUND
    assert host.advance(300 + 30 + 300 + 10).control_closed


def test_a_byte_every_ten_seconds_is_no_command(host_of_a_stranger: ScriptedHost) -> None:
    host = host_of_a_stranger
    for _ in range(12):
        assert not host.control_closed
        host.feed(b"x").advance(10)
    assert host.codes() == [421]
    assert host.control_closed


def test_a_byte_every_ten_seconds_is_no_command_of_a_user_either() -> None:
    host = ScriptedHost(SingleUser(MemoryFileSystem())).login()
    for _ in range(30):
        assert not host.control_closed
        host.feed(b"x").advance(10)
    assert host.codes() == [421]


@pytest.fixture
def host_of_a_stranger() -> ScriptedHost:
    host = ScriptedHost(SingleUser(MemoryFileSystem()), delegate=Delegate())
    host.take()
    return host


def test_a_stranger_asks_for_no_work(host_of_a_stranger: ScriptedHost) -> None:
    """Z-10: no file, listener or listing before a login; a flood of commands is answered 530 each."""
    before = len(host_of_a_stranger.outputs)
    host_of_a_stranger.feed(b"PASV\r\nLIST -R /\r\nRETR f\r\nSTOR f\r\nMLSD\r\nMKD x\r\nSIZE f\r\n")
    assert host_of_a_stranger.codes() == [530] * 7
    assert not [output for output in host_of_a_stranger.outputs[before:] if type(output).__name__ == "Perform"]


# -- on real sockets: the others are served meanwhile ------------------------------------------------------------------


def rss() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def flooding(client: Client, block: bytes, total: int) -> Iterator[threading.Thread]:
    """Send `block` again and again in a thread, until so many bytes are out or the server has had enough."""

    def flood() -> None:
        with contextlib.suppress(OSError):
            for _ in range(total // len(block) + 1):
                client.sock.sendall(block)

    thread = threading.Thread(target=flood, name="flood")
    thread.start()
    try:
        yield thread
    finally:
        with contextlib.suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


def served(client: Client, count: int) -> None:
    for _ in range(count):
        assert client.command("PWD") == 257


@pytest.mark.parametrize("login", [True, False], ids=["logged in", "stranger"])
@pytest.mark.parametrize("name", ["NOOP", "an endless line", "Telnet requests", "HELP", "long paths"])
def test_a_flood_of_one_is_no_drought_of_the_others(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, login: bool
) -> None:
    """It never reads its replies, and is ended by the time for a login, or of the idle."""
    caplog.set_level(logging.ERROR, logger="ftpcore")  # the record of the log would be what grows
    monkeypatch.setattr("ftpcore._ending.CLOSE_TIMEOUT", 0.2)
    serving = serve(timeout=0.2, login_timeout=0.2)
    other = serving.login()
    serving.session().timeout = None
    hostile = serving.client()
    if login:
        hostile.login()
    else:
        assert hostile.code() == 220
    wait_for(lambda: len(serving.sessions) == 2, "the session")
    hostile_session = serving.session()
    hostile.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = rss() if os.path.exists("/proc/self/statm") else 0
    with flooding(hostile, BLOCKS[name], scaled(6_000_000)):
        served(other, scaled(1000))
        if before:
            assert rss() - before < GROWTH
    wait_for(lambda: not hostile_session.connected, "the end of the hostile session")
    served(other, 10)


def silent(client: Client) -> None:
    """Says nothing at all."""


def half_a_line(client: Client) -> None:
    client.sock.sendall(b"USER an")


def never_logs_in(client: Client) -> None:
    client.send("NOOP", "USER ann")


@pytest.mark.parametrize("act", [silent, half_a_line, never_logs_in])
def test_clients_that_do_nothing_are_ended(serve: Serve, act: Callable[[Client], None]) -> None:
    serving = serve(login_timeout=0.1)
    clients = [serving.client() for _ in range(10)]
    for client in clients:
        act(client)
    for client in clients:
        while client.code() not in (0, 421):
            pass
        assert client.replies[-1] == 421
        assert client.ended()


def test_a_client_that_sends_noop_for_ever_is_ended(serve: Serve) -> None:
    client = serve(login_timeout=0.1).client()
    with contextlib.suppress(OSError):  # it sends on when the server has closed already
        while client.command("NOOP") not in (0, 421):
            pass
    while client.replies[-1] != 421:
        assert client.code()
    assert client.ended()


def test_stalled_transfers_are_ended_and_the_others_go_on(serve: Serve) -> None:
    class Data(DTPHandler):
        timeout = 0.2

    with open(serve.directory / "large", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    serving = serve(dtp_handler=Data)
    other, *stalled = (serving.login() for _ in range(7))
    with contextlib.ExitStack() as stack:
        for index, client in enumerate(stalled):
            stack.enter_context(client.data())
            client.send("RETR large" if index % 2 else f"STOR new{index}")
        served(other, scaled(500))
        for client in stalled:
            assert client.codes(2) == [150, 426]
            assert client.command("NOOP") == 200


@pytest.mark.parametrize("command", ["RETR f", "TYPE A"])
def test_a_file_that_shrinks_while_it_is_read_and_sent_ends_in_426(serve: Serve, command: str) -> None:
    path = serve.directory / "f"
    path.write_bytes(b"x" * 12_000_000)
    serving: Serving = serve(use_sendfile=False)
    client = serving.login()
    if command == "TYPE A":
        assert client.command("TYPE A") == 200
    with client.data() as data:
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send("RETR f")
        assert client.code() == 150
        assert data.recv(1) == b"x"
        os.truncate(path, 100)
        while data.recv(1_000_000):
            pass
    assert client.code() == 426
    assert client.command("NOOP") == 200
