"""Channels on every poller of the platform: echo servers, clients and proxies that share a loop, what they hear."""

from __future__ import annotations

import errno
import gc
import logging
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters import ioloop
from ftpcore_adapters.ioloop import Acceptor, AsyncChat, Connector, IOLoop, ScheduledCall
from ftpcore_adapters.servers import FTPServer
from tests.adapters.serving import PATIENCE, Client, make_handler, wait_for

LOOPS: dict[str, type[IOLoop]] = {
    name: getattr(ioloop, name) for name in ("Epoll", "Kqueue", "Poll", "Select") if hasattr(ioloop, name)
}
HOST = "127.0.0.1"
#: More than the socket buffers of a connection hold.
MUCH = 8 * 2**20


@pytest.fixture(params=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Iterator[IOLoop]:
    with LOOPS[request.param]() as loop:
        yield loop


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Chat(AsyncChat):
    """Keeps what it is told."""

    def __init__(self, sock: socket.socket | None = None, ioloop: IOLoop | None = None) -> None:
        super().__init__(sock, ioloop)
        self.told: list[object] = []

    def collect_incoming_data(self, data: bytes) -> None:
        self.told.append(data)

    def found_terminator(self) -> None:
        self.told.append("found")

    def handle_close(self) -> None:
        self.told.append("closed")
        super().handle_close()

    def handle_error(self) -> None:
        self.told.append(sys.exc_info()[0])
        self.close()


class Caller(Connector):
    """Sends a text once it is connected, and keeps what comes back."""

    def __init__(self, loop: IOLoop, text: bytes = b"") -> None:
        super().__init__(ioloop=loop)
        self.text = text
        self.told: list[object] = []
        self.received = bytearray()

    def handle_connect(self) -> None:
        self.told.append("connected")
        self.push(self.text)

    def collect_incoming_data(self, data: bytes) -> None:
        self.received += data
        if len(self.received) == len(self.text):
            self.close()

    def handle_close(self) -> None:
        self.told.append("closed")
        super().handle_close()


class Echo(AsyncChat):
    def collect_incoming_data(self, data: bytes) -> None:
        self.push(data)


class EchoServer(Acceptor):
    """Accepts one connection after the other, and sends back what comes."""

    def __init__(self, loop: IOLoop, once: bool = True) -> None:
        super().__init__(ioloop=loop)
        self.bind_af_unspecified((HOST, 0))
        self.listen(5)
        self.once = once
        self.channels: list[Echo] = []

    @property
    def address(self) -> tuple[str, int]:
        assert self.socket is not None
        host, port = self.socket.getsockname()[:2]
        return host, port

    def handle_accepted(self, sock: socket.socket, addr: object) -> None:
        self.channels.append(Echo(sock, self.ioloop))
        if self.once:
            self.close()


def pair(loop: IOLoop, stack: ExitStack, kind: type[Chat] = Chat) -> tuple[Chat, socket.socket]:
    """Return a channel and its peer, connected by TCP; both are closed in the end."""
    with socket.create_server((HOST, 0)) as listener:
        theirs = stack.enter_context(socket.create_connection(listener.getsockname(), PATIENCE))
        ours, _ = listener.accept()
    channel = kind(ours, loop)
    stack.callback(channel.close)
    return channel, theirs


def run(loop: IOLoop, condition: Callable[[], object]) -> None:
    """Make turns until the condition holds."""
    guard = loop.call_later(PATIENCE, lambda: pytest.fail("waited in vain"))
    while not condition():
        assert not guard.cancelled, "waited in vain"
        loop.loop(timeout=0.05, blocking=False)
    guard.cancel()


def settle(loop: IOLoop) -> None:
    """Make a few turns that don't wait."""
    for _ in range(5):
        loop.loop(timeout=0, blocking=False)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# -- together on one loop ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [5, MUCH], ids=["little", "much"])
def test_an_echo_server_and_its_client_share_a_loop(loop: IOLoop, size: int) -> None:
    server = EchoServer(loop)
    caller = Caller(loop, bytes(range(256)) * (size // 256) + b"e" * (size % 256))
    caller.connect_af_unspecified(server.address)
    loop.loop()
    assert caller.received == caller.text
    assert caller.told == ["connected"]
    assert not server.channels[0].connected
    assert loop.socket_map == {}


def test_channels_run_beside_ftp_servers(loop: IOLoop, tmp_path: Path) -> None:
    """Two FTP servers and an echo server on one loop, which runs in a thread."""
    servers = [FTPServer((HOST, 0), make_handler(tmp_path), ioloop=loop) for _ in range(2)]
    echo = EchoServer(loop, once=False)
    thread = threading.Thread(target=servers[0].serve_forever, kwargs={"handle_exit": False})
    thread.start()
    try:
        for server in servers:
            with Client(server.address) as client:
                client.login()
                with socket.create_connection(echo.address, PATIENCE) as other:
                    other.sendall(b"hello")
                    assert other.recv(5, socket.MSG_WAITALL) == b"hello"
                assert client.command("NOOP") == 200
    finally:
        loop.call_soon_threadsafe(loop.close)
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert all(channel.socket is not None and channel.socket.fileno() == -1 for channel in (echo, *echo.channels))


def test_a_tight_loop_of_single_turns_in_a_thread_serves(loop: IOLoop, tmp_path: Path) -> None:
    server = FTPServer((HOST, 0), make_handler(tmp_path), ioloop=loop)
    echo = EchoServer(loop, once=False)
    over = threading.Event()

    def turns() -> None:
        while not over.is_set():
            server.serve_forever(timeout=0.001, blocking=False)

    thread = threading.Thread(target=turns)
    thread.start()
    try:
        with Client(server.address) as client, socket.create_connection(echo.address, PATIENCE) as other:
            client.login()
            other.sendall(b"hello")
            assert other.recv(5, socket.MSG_WAITALL) == b"hello"
            assert client.command("QUIT") == 221
    finally:
        over.set()
        thread.join(PATIENCE)
        server.close_all()
    assert not thread.is_alive()


def test_a_proxy_holds_back_what_its_client_does_not_read(loop: IOLoop, stack: ExitStack) -> None:
    """Reading pauses by `modify_ioloop_events(0)` and goes on when there is room; nothing is lost."""

    class Half(Chat):
        other: Half

        def collect_incoming_data(self, data: bytes) -> None:
            self.other.push(data)
            if len(self.other.producer_fifo) > 4:
                self.modify_ioloop_events(0)

        def handle_write(self) -> None:
            super().handle_write()
            if not self.producer_fifo:
                self.other.modify_ioloop_events(IOLoop.READ)

        def handle_close(self) -> None:
            super().handle_close()
            self.other.close_when_done()

    source, sender = pair(loop, stack, Half)
    target, reader = pair(loop, stack, Half)
    assert isinstance(source, Half)
    assert isinstance(target, Half)
    source.other, target.other = target, source
    most = 0
    received = bytearray()
    data = bytes(range(256)) * (MUCH // 256)

    def send() -> None:
        with sender:
            sender.sendall(data)

    thread = threading.Thread(target=send)
    thread.start()
    run(loop, lambda: not source.readable())
    settle(loop)
    assert len(target.producer_fifo) <= 6
    reader.setblocking(False)

    def read() -> bool:
        nonlocal most
        most = max(most, len(target.producer_fifo))
        try:
            received.extend(block := reader.recv(2**20))
        except BlockingIOError:
            return False
        return not block

    run(loop, read)
    thread.join(PATIENCE)
    assert received == data
    assert most <= 6


# -- terminators -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("terminator", "sent", "told"),
    [
        pytest.param(b"\r\n", b"ab\r\ncd\r\n\r\nrest", [b"ab", "found", b"cd", "found", "found", b"rest"], id="bytes"),
        pytest.param(b"\r\n", b"a\rb\n\r\n", [b"a\rb\n", "found"], id="parts of the terminator"),
        pytest.param(b"\r\n", b"a\r\r\n", [b"a\r", "found"], id="begun twice"),
        pytest.param(b"abc", b"xxabcyabzabab", [b"xx", "found", b"yabzab"], id="long"),
        pytest.param(3, b"abcdef", [b"abc", "found", b"def"], id="number"),
        pytest.param(None, b"abc\r\n", [b"abc\r\n"], id="None"),
        pytest.param(0, b"abc\r\n", [b"abc\r\n"], id="0"),
    ],
)
def test_data_are_cut_at_terminators_wherever_they_arrive_in_pieces(
    terminator: bytes | int | None, sent: bytes, told: list[object], cut: int, stack: ExitStack
) -> None:
    with IOLoop() as loop:
        channel, peer = pair(loop, stack)
        channel.ac_in_buffer_size = cut
        channel.set_terminator(terminator)
        peer.sendall(sent)
        peer.close()
        loop.loop()
        assert joined(channel.told[:-1]) == told
        assert channel.told[-1] == "closed"


def joined(told: list[object]) -> list[object]:
    """Return the list with neighbouring bytes as one."""
    together: list[object] = []
    for each in told:
        if together and isinstance(each, bytes) and isinstance(last := together[-1], bytes):
            together[-1] = last + each
        else:
            together.append(each)
    return together


def test_the_terminator_may_change_when_it_was_found(stack: ExitStack) -> None:
    class Sized(Chat):
        """A line with a number, then so many bytes."""

        def found_terminator(self) -> None:
            line = self.told[-1]
            self.set_terminator(int(line) if isinstance(line, bytes) and line.isdigit() else b"\n")

    with IOLoop() as loop:
        channel, peer = pair(loop, stack, Sized)
        channel.set_terminator(b"\n")
        peer.sendall(b"3\nabc2\n\n\n")
        run(loop, lambda: len(channel.told) == 4)
        assert channel.told == [b"3", b"abc", b"2", b"\n\n"]


def test_get_terminator_tells_what_is_left_of_a_number(stack: ExitStack) -> None:
    with IOLoop() as loop:
        channel, peer = pair(loop, stack)
        channel.set_terminator(5)
        assert channel.get_terminator() == 5
        peer.sendall(b"abc")
        run(loop, lambda: channel.told)
        assert channel.get_terminator() == 2
        channel.set_terminator(b"\n")
        assert channel.get_terminator() == b"\n"


@pytest.mark.parametrize(("terminator", "error"), [(-1, ValueError), ("\n", TypeError)])
def test_a_terminator_that_can_not_be_is_refused(terminator: Any, error: type[Exception]) -> None:
    with IOLoop() as loop, pytest.raises(error):
        AsyncChat(ioloop=loop).set_terminator(terminator)


def test_a_channel_that_closes_itself_is_told_nothing_more(stack: ExitStack) -> None:
    class Short(Chat):
        def found_terminator(self) -> None:
            super().found_terminator()
            self.close()

    class Shorter(Chat):
        def collect_incoming_data(self, data: bytes) -> None:
            super().collect_incoming_data(data)
            self.close()

    with IOLoop() as loop:
        for kind, told in (Short, [b"a", "found"]), (Shorter, [b"a"]):
            channel, peer = pair(loop, stack, kind)
            channel.set_terminator(b"\n")
            peer.sendall(b"a\nb\nc\n")
            loop.loop()
            assert channel.told == told


def test_what_a_subclass_must_implement_is_named() -> None:
    with IOLoop() as loop:
        for method, arguments in ("collect_incoming_data", (b"",)), ("found_terminator", ()):
            with pytest.raises(NotImplementedError, match=method):
                getattr(AsyncChat(ioloop=loop), method)(*arguments)


# -- sending -----------------------------------------------------------------------------------------------------------


class Countdown:
    """A producer of so many blocks."""

    def __init__(self, count: int) -> None:
        self.count = count

    def more(self) -> bytes:
        self.count -= 1
        return b"%d." % self.count if self.count >= 0 else b""


def test_what_was_pushed_goes_out_in_order_before_the_end(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    channel.ac_out_buffer_size = 2
    channel.push(b"12345")
    channel.push(b"")
    channel.push_with_producer(Countdown(3))
    channel.push(bytearray(b"67"))
    channel.push(memoryview(b"8"))
    channel.close_when_done()
    assert channel.writable()
    loop.loop()
    assert peer.makefile("rb").read() == b"123452.1.0.678"
    assert channel.told == ["closed"]


def test_close_when_done_closes_at_once_if_nothing_is_left(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    channel.close_when_done()
    assert channel.told == ["closed"]
    assert peer.recv(1) == b""


def take_much(loop: IOLoop, peer: socket.socket) -> None:
    """Run until the other end has `MUCH`, and the loop is done with it."""
    peer.setblocking(False)
    received = 0

    def read() -> bool:
        nonlocal received
        with suppress(BlockingIOError):
            received += len(peer.recv(2**20))
        return received == MUCH

    run(loop, read)
    settle(loop)


def test_writing_is_watched_only_while_something_is_to_be_sent(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    channel.push(b"x" * MUCH)
    assert channel.producer_fifo
    take_much(loop, peer)
    assert not channel.producer_fifo
    assert not channel.writable()
    made: list[int] = []
    loop.call_later(0.02, made.append, 1)
    loop.loop(blocking=False)  # waits for the call, as nothing is ready
    assert made == [1]


def test_discard_buffers_drops_both_ways(stack: ExitStack) -> None:
    with IOLoop() as loop:
        channel, peer = pair(loop, stack)
        channel.set_terminator(b"\r\n")
        peer.sendall(b"a\r")
        run(loop, lambda: channel.told)
        channel.push(b"x" * MUCH)
        channel.discard_buffers()
        peer.sendall(b"\nb\r\n")
        run(loop, lambda: "found" in channel.told)
        assert not channel.producer_fifo
        assert channel.told == [b"a", b"\nb", "found"]


def test_text_can_not_be_pushed(stack: ExitStack) -> None:
    text: Any = "text"
    with IOLoop() as loop, pytest.raises(TypeError, match="encode"):
        pair(loop, stack)[0].push(text)


def test_send_returns_0_when_there_is_no_room(loop: IOLoop, stack: ExitStack) -> None:
    channel, _ = pair(loop, stack)
    sent = -1
    while sent:
        sent = channel.send(b"x" * MUCH)
    assert channel.told == []
    assert channel.connected


def test_send_to_a_peer_that_is_gone_closes(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    reset(peer)
    wait_for(lambda: channel.send(b"x") == 0, "the reset")
    assert channel.told == ["closed"]


def test_push_to_a_peer_that_is_gone_closes(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    reset(peer)

    def lost() -> bool:
        channel.push(b"x")
        return not channel.connected

    wait_for(lost, "the reset")
    assert channel.told == ["closed"]


def test_a_producer_may_close_the_channel(loop: IOLoop, stack: ExitStack) -> None:
    class Last:
        def more(self) -> bytes:
            channel.close()
            return b""

    channel, peer = pair(loop, stack)
    channel.push_with_producer(Last())
    assert peer.recv(1) == b""
    assert not channel.producer_fifo


def test_a_channel_that_does_not_read_goes_on_sending(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    channel.modify_ioloop_events(0)
    channel.push(b"x" * MUCH)
    peer.sendall(b"hello")
    take_much(loop, peer)
    assert channel.told == []
    assert not channel.readable()


def test_recv_from_a_peer_that_is_gone_closes(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    reset(peer)
    run(loop, lambda: channel.told)
    assert channel.told == ["closed"]
    assert not channel.connected


@pytest.mark.parametrize("code", ["ECONNRESET", "ENOTCONN", "ESHUTDOWN", "ECONNABORTED", "EPIPE", "EBADF", "ETIMEDOUT"])
@pytest.mark.parametrize("way", ["send", "recv"])
def test_each_way_to_lose_a_peer_is_told_by_handle_close(code: str, way: str, stack: ExitStack) -> None:
    class Failing(socket.socket):
        """A network as no loopback has it."""

        def send(self, *_: object) -> int:
            raise OSError(getattr(errno, code), code)

        def recv(self, *_: object) -> bytes:
            raise OSError(getattr(errno, code), code)

    with IOLoop() as loop:
        channel = Chat(stack.enter_context(Failing()), loop)
        argument: Any = {"send": b"x", "recv": 10}[way]
        assert getattr(channel, way)(argument) == {"send": 0, "recv": b""}[way]
        assert channel.told == ["closed"]


def test_another_error_of_send_is_raised_and_of_push_handled(stack: ExitStack) -> None:
    class Failing(socket.socket):
        def send(self, *_: object) -> int:
            raise OSError(errno.ENOBUFS, "no buffers")

    with IOLoop() as loop:
        channel = Chat(stack.enter_context(Failing()), loop)
        with pytest.raises(OSError, match="no buffers"):
            channel.send(b"x")
        channel.connected = True
        channel.push(b"x")
        assert channel.told == [OSError]


def test_a_reader_of_its_own_need_not_know_that_nothing_came(stack: ExitStack) -> None:
    class Reader(Chat):
        def handle_read(self) -> None:
            self.told.append(self.recv(100))

    with IOLoop() as loop:
        channel, peer = pair(loop, stack, Reader)
        with pytest.raises(BlockingIOError):
            channel.recv(100)
        channel.handle_read_event()  # as after a mistake of the kernel
        assert channel.told == []
        peer.sendall(b"now")
        run(loop, lambda: channel.told)
        assert channel.told == [b"now"]


# -- connecting and accepting ------------------------------------------------------------------------------------------


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def test_a_refused_connection_is_told_by_handle_close(loop: IOLoop) -> None:
    caller = Caller(loop)
    caller.create_socket()
    caller.connect((HOST, closed_port()))
    loop.loop()
    assert caller.told == ["closed"]


@pytest.mark.parametrize("kind", [AsyncChat, Connector])
def test_a_channel_connects_and_says_so(loop: IOLoop, kind: type[AsyncChat]) -> None:
    told: list[bool] = []
    caller = kind(ioloop=loop)
    caller.handle_connect = lambda: told.append(caller.connected)  # type: ignore[method-assign]  # told only here
    assert not caller.connected
    caller.create_socket()
    with socket.create_server((HOST, 0)) as listener:
        caller.connect(listener.getsockname())
        assert caller.addr == listener.getsockname()
        run(loop, lambda: told)
        settle(loop)
        assert told == [True]
        assert caller.readable()
        caller.close()


def test_a_connection_that_is_up_at_once_is_told_as_well(tmp_path: Path, loop: IOLoop) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        caller = Caller(loop, b"hello")
        caller.create_socket(socket.AF_UNIX)
        caller.connect(str(tmp_path / "socket"))
        run(loop, lambda: caller.told)
        ours, _ = listener.accept()
        with ours:
            assert ours.recv(10) == b"hello"
        caller.close()


def test_a_connection_that_fails_at_once_raises_and_keeps_nobody_busy(tmp_path: Path, loop: IOLoop) -> None:
    caller = Caller(loop)
    caller.create_socket(socket.AF_UNIX)
    with pytest.raises(FileNotFoundError):
        caller.connect(str(tmp_path / "none"))
    settle(loop)
    assert caller.told == []
    made: list[int] = []
    loop.call_later(0.02, made.append, 1)
    loop.loop(blocking=False)  # waits for the call, as nothing is ready
    assert made == [1]
    caller.close()


def test_a_channel_may_leave_the_loop_while_it_connects(loop: IOLoop) -> None:
    server, caller = EchoServer(loop), Caller(loop, b"hello")
    caller.connect_af_unspecified(server.address)
    caller.del_channel()
    settle(loop)
    assert caller.told == []
    caller.add_channel()
    loop.loop()
    assert caller.received == b"hello"


def test_a_port_that_old_connections_occupy_can_be_bound(loop: IOLoop) -> None:
    server = EchoServer(loop)
    address = server.address
    with socket.create_connection(address, PATIENCE) as client:
        run(loop, lambda: server.channels)
        server.channels[0].close()  # who closes first keeps the port for a while
        assert client.recv(1) == b""
    assert server.bind_af_unspecified(address) == socket.AF_INET
    server.close()


def test_a_closed_channel_may_connect_again(loop: IOLoop) -> None:
    server = EchoServer(loop, once=False)
    caller = Caller(loop, b"hello")
    for _ in range(2):
        caller.received.clear()
        caller.connect_af_unspecified(server.address)
        run(loop, lambda: not caller.connected and caller.received)
        assert caller.received == b"hello"
    assert caller.told == ["connected"] * 2


@pytest.mark.parametrize(
    ("host", "family"),
    [(HOST, socket.AF_INET), pytest.param("::1", socket.AF_INET6)],
)
def test_both_af_methods_return_the_family(loop: IOLoop, host: str, family: int) -> None:
    server, caller = Acceptor(ioloop=loop), Caller(loop)
    try:
        assert server.bind_af_unspecified((host, 0)) == family
    except OSError:
        pytest.skip("no IPv6 here")
    server.listen(1)
    assert server.socket is not None
    assert caller.connect_af_unspecified(server.socket.getsockname()[:2], (host, 0)) == family
    run(loop, lambda: caller.told)
    assert caller.told[0] == "connected"
    server.close()
    caller.close()


def test_a_mapped_source_address_is_unmapped(loop: IOLoop) -> None:
    server, caller = EchoServer(loop), Caller(loop)
    caller.connect_af_unspecified(server.address, ("::ffff:127.0.0.1", 0))
    run(loop, lambda: caller.told)
    assert caller.socket is not None
    assert caller.socket.getsockname()[0] == HOST


def test_an_empty_host_binds_all_interfaces() -> None:
    with IOLoop() as loop:
        server = Acceptor(ioloop=loop)
        server.bind_af_unspecified(("", 0))
        assert server.socket is not None
        assert server.socket.getsockname()[0] in ("0.0.0.0", "::")


def test_an_address_that_can_not_be_had_leaves_no_socket(loop: IOLoop) -> None:
    server, caller = Acceptor(ioloop=loop), Caller(loop)
    with socket.create_server((HOST, 0)) as taken:
        with pytest.raises(OSError) as refused:
            server.bind_af_unspecified(taken.getsockname())
        with pytest.raises(OSError):
            caller.connect_af_unspecified(taken.getsockname(), ("192.0.2.1", 0))
    with pytest.raises(socket.gaierror):
        caller.connect_af_unspecified(("no.such.host.invalid", 1))
    assert refused.value.errno == errno.EADDRINUSE
    assert server.socket is None
    assert caller.socket is None
    assert loop.socket_map == {}


def test_a_channel_with_a_socket_takes_no_second_one(loop: IOLoop) -> None:
    server = EchoServer(loop)
    with pytest.raises(RuntimeError, match="close"):
        server.bind_af_unspecified((HOST, 0))


def test_what_needs_a_socket_says_so(loop: IOLoop) -> None:
    channel = AsyncChat(ioloop=loop)
    channel.del_channel()
    for use in (lambda: channel.send(b""), channel.add_channel, lambda: channel.listen(1)):
        with pytest.raises(RuntimeError, match="create_socket"):
            use()


def test_an_accepted_connection_that_nobody_takes_is_closed(loop: IOLoop) -> None:
    server = Acceptor(ioloop=loop)
    server.bind_af_unspecified((HOST, 0))
    server.listen(1)
    assert server.socket is not None
    assert server.accept() is None
    with socket.create_connection(server.socket.getsockname(), PATIENCE) as client:
        client.setblocking(False)

        def ended() -> bool:
            try:
                return client.recv(1) == b""
            except BlockingIOError:
                return False

        run(loop, ended)
    server.close()


@pytest.mark.parametrize("outcome", [None, ConnectionAbortedError(errno.ECONNABORTED, "gone")], ids=["None", "aborted"])
def test_an_acceptor_goes_on_when_there_is_no_connection_after_all(loop: IOLoop, outcome: Exception | None) -> None:
    class Fickle(EchoServer):
        outcomes = [outcome]

        def accept(self) -> tuple[socket.socket, object] | None:
            if not self.outcomes:
                return super().accept()
            if failure := self.outcomes.pop():
                raise failure
            return None

    server = Fickle(loop)
    caller = Caller(loop, b"hello")
    caller.connect_af_unspecified(server.address)
    loop.loop()
    assert caller.received == b"hello"


def test_another_failure_of_accept_goes_to_handle_error(loop: IOLoop, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(EchoServer):
        def accept(self) -> tuple[socket.socket, object] | None:
            raise OSError(errno.EMFILE, "too many open files")

    server = Broken(loop)
    with socket.create_connection(server.address, PATIENCE):
        loop.loop()
    assert not server.accepting
    assert "too many open files" in caplog.text


# -- its place on the loop ---------------------------------------------------------------------------------------------


def test_the_loop_knows_channels_by_descriptor(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    assert channel.socket is not None
    assert channel.addr == peer.getsockname()
    assert channel.connected
    assert loop.socket_map == {channel.socket.fileno(): channel}


def test_a_channel_without_a_loop_is_on_the_shared_one() -> None:
    with IOLoop.instance() as shared:
        assert AsyncChat().ioloop is shared


def test_a_removed_channel_hears_nothing_until_it_is_added_again(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    channel.del_channel()
    channel.del_channel()
    peer.sendall(b"hello")
    peer.close()
    settle(loop)
    assert channel.told == []
    channel.add_channel()
    loop.loop()
    assert channel.told == [b"hello", "closed"]


def test_a_channel_may_leave_in_a_callback_and_another_thread_adds_it_again(loop: IOLoop, stack: ExitStack) -> None:
    """The loop, which may be waiting, learns of it."""

    class Leaving(Chat):
        def collect_incoming_data(self, data: bytes) -> None:
            super().collect_incoming_data(data)
            self.del_channel()
            left.set()

    left = threading.Event()
    channel, peer = pair(loop, stack, Leaving)
    pair(loop, stack)  # keeps the loop going
    thread = threading.Thread(target=loop.loop)
    thread.start()
    try:
        peer.sendall(b"1")
        assert left.wait(PATIENCE)
        wait_for(lambda: channel.socket is not None and channel.socket.fileno() not in loop.socket_map)
        left.clear()
        peer.sendall(b"2")
        channel.add_channel()
        assert left.wait(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.close)
        thread.join(PATIENCE)
    assert channel.told == [b"1", b"2"]


def test_a_channel_leaves_alone_who_has_its_number_now(stack: ExitStack) -> None:
    with IOLoop() as loop:
        channel, _ = pair(loop, stack)
        assert channel.socket is not None
        number = channel.socket.fileno()
        ours, _ = map(stack.enter_context, socket.socketpair())
        channel.socket.close()
        os.dup2(ours.fileno(), number)
        heir = Chat(stack.enter_context(socket.socket(fileno=number)), loop)
        channel.del_channel()
        channel.close()
        assert loop.socket_map == {number: heir}


def test_modify_adds_a_channel_that_was_removed(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    channel.del_channel()
    channel.modify_ioloop_events(loop.READ)
    peer.close()
    loop.loop()
    assert channel.told == ["closed"]


def test_modify_does_nothing_to_a_closed_channel(loop: IOLoop, stack: ExitStack) -> None:
    channel, _ = pair(loop, stack)
    channel.close()
    channel.modify_ioloop_events(loop.READ)
    assert loop.socket_map == {}


def test_what_is_pushed_while_removed_goes_out_later(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    channel.del_channel()
    channel.push(b"x" * MUCH)
    assert loop.socket_map == {}
    channel.close_when_done()
    received = bytearray()

    def read() -> None:
        while block := peer.recv(2**20):
            received.extend(block)

    thread = threading.Thread(target=read)
    thread.start()
    channel.add_channel()
    loop.loop()
    thread.join(PATIENCE)
    assert len(received) == MUCH


def test_a_paused_channel_keeps_what_came_before_its_peer_hung_up(loop: IOLoop) -> None:
    ours, theirs = socket.socketpair()  # whose hang-up is told even with data to read
    channel = Chat(ours, loop)
    channel.modify_ioloop_events(0)
    theirs.sendall(b"last words")
    theirs.close()
    settle(loop)
    assert channel.told == []
    channel.modify_ioloop_events(loop.READ)
    loop.loop()
    assert channel.told == [b"last words", "closed"]


@pytest.mark.parametrize("name", [name for name in LOOPS if name in ("Epoll", "Poll")])
def test_a_paused_channel_whose_peer_reset_it_is_closed(name: str, stack: ExitStack) -> None:
    with LOOPS[name]() as loop:
        channel, peer = pair(loop, stack)
        channel.modify_ioloop_events(0)
        reset(peer)
        run(loop, lambda: channel.told)
        assert channel.told == ["closed"]


def test_an_exception_is_logged_and_closes_the_channel(
    loop: IOLoop, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Chat):
        def collect_incoming_data(self, data: bytes) -> None:
            raise ZeroDivisionError

        handle_error = AsyncChat.handle_error

    channel, peer = pair(loop, stack, Failing)
    peer.sendall(b"x")
    loop.loop()
    assert channel.told == ["closed"]
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError


def test_closing_the_loop_closes_its_channels(loop: IOLoop, stack: ExitStack) -> None:
    channel, peer = pair(loop, stack)
    loop.close()
    assert channel.socket is not None
    assert channel.socket.fileno() == -1
    assert peer.recv(1) == b""


def test_calls_of_a_channel_end_with_it(loop: IOLoop, stack: ExitStack) -> None:
    channel, _ = pair(loop, stack)
    made: list[int] = []
    calls = [channel.call_later(0, made.append, number) for number in range(50)]
    later = channel.call_later(1000, made.append, 1000)
    run(loop, lambda: len(made) == 50)
    more = [channel.call_later(1000, print) for _ in range(50)]
    assert made == list(range(50))
    channel.close()
    channel.close()
    assert all(call.cancelled for call in (*calls, later, *more))


def test_calls_that_are_over_do_not_pile_up(stack: ExitStack) -> None:
    def alive() -> int:
        return sum(isinstance(each, ScheduledCall) for each in gc.get_objects())

    with IOLoop() as loop:
        channel, _ = pair(loop, stack)
        before = alive()
        for _ in range(1000):
            channel.call_later(0, print, end="")
            settle(loop)
        assert alive() - before < 20


def test_a_call_that_fails_goes_to_handle_error_or_the_errback(stack: ExitStack) -> None:
    with IOLoop() as loop:
        channel, _ = pair(loop, stack)
        told: list[str] = []
        channel.call_later(0, int, "x", _errback=lambda: told.append("errback"))
        run(loop, lambda: told)
        assert channel.told == []
        channel.call_later(0, int, "x")
        run(loop, lambda: channel.told)
        assert channel.told == [ValueError]


def test_an_object_of_asyncore_style_is_told_by_its_event_methods(loop: IOLoop, stack: ExitStack) -> None:
    """`register` takes whatever has them, as loops of this API family do."""

    class Dispatcher:
        def __init__(self) -> None:
            ours, self.peer = map(stack.enter_context, socket.socketpair())
            self.socket = ours
            self.told: list[str] = []

        def handle_read_event(self) -> None:
            self.told.append("read")
            loop.modify(self.socket.fileno(), loop.WRITE)

        def handle_write_event(self) -> None:
            self.told.append("write")
            raise ZeroDivisionError

        def handle_error(self) -> None:
            self.told.append("error")
            loop.modify(self.socket.fileno(), 0)

        def handle_close(self) -> None:
            self.told.append("close")

        def close(self) -> None:
            loop.unregister(self.socket.fileno())

    dispatcher: Any = Dispatcher()
    loop.register(dispatcher.socket.fileno(), dispatcher, loop.READ)
    assert loop.socket_map == {dispatcher.socket.fileno(): dispatcher}
    dispatcher.peer.send(b"x")
    run(loop, lambda: len(dispatcher.told) == 3)
    dispatcher.peer.close()
    settle(loop)
    assert dispatcher.told[:3] == ["read", "write", "error"]
    assert set(dispatcher.told[3:]) <= {"close"}
    assert dispatcher.told.count("close") <= 1
