"""FTPServer on real sockets: listening, accounting, limits, and the ways to an end."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, PATIENCE, USER, Client, Recorder, make_handler, received, wait_for


def ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not ipv6(), reason="this machine has no IPv6 loopback address")


# -- listening ---------------------------------------------------------------------------------------------------------


def test_port_0_becomes_the_real_port(serve: Serve) -> None:
    serving = serve()
    assert serving.server.address == serving.address
    assert serving.address[0] == "127.0.0.1"
    assert serving.address[1] > 0
    assert serving.client().code() == 220


def test_a_socket_that_is_given_is_listened_on(serve: Serve) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    serving = serve(address=sock)
    assert serving.server.socket is sock
    assert serving.address == sock.getsockname()
    assert not sock.getblocking()
    assert serving.client().code() == 220


def test_an_address_may_be_a_list(serve: Serve) -> None:
    assert serve(address=["127.0.0.1", 0]).client().code() == 220


def test_an_address_in_use_raises_and_leaves_nothing(serve: Serve) -> None:
    serving = serve()
    with IOLoop.factory() as loop, pytest.raises(OSError) as raised:
        FTPServer(serving.address, serving.handler, ioloop=loop)
    assert raised.value.errno == errno.EADDRINUSE


@needs_ipv6
@pytest.mark.parametrize("host", ["", "::", None])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_a_wildcard_serves_both_families(serve: Serve, host: str | None, client: str) -> None:
    (serve.directory / "f").write_bytes(b"data")
    serving = serve(address=(host, 0))
    with Client((client, serving.address[1])) as both:
        both.login()
        data = both.data()
        assert both.command("RETR f") == 150
        with data:
            assert data.recv(10) == b"data"
        assert both.code() == 226
        assert serving.session().remote_ip == client
        assert serving.server.ip_map == [client]


@needs_ipv6
def test_an_ipv6_address_serves_only_its_family(serve: Serve) -> None:
    serving = serve(address=("::1", 0))
    assert serving.client().login().command("PASV") == 522
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", serving.address[1]), PATIENCE)


# -- the ways to an end ------------------------------------------------------------------------------------------------


def test_leaving_the_context_closes_all(serve: Serve) -> None:
    loop = IOLoop.factory()
    with FTPServer(("127.0.0.1", 0), make_handler(serve.directory), ioloop=loop) as server:
        address = server.address
    assert server.socket is None
    assert not loop.socket_map
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, PATIENCE)


def test_after_close_sessions_go_on_and_the_loop_ends_with_the_last(serve: Serve) -> None:
    serving = serve()
    one, two = serving.login(), serving.login()
    serving.loop.call_soon_threadsafe(serving.server.close)
    assert one.command("NOOP") == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(serving.address, PATIENCE)
    assert one.command("QUIT") == 221
    assert one.ended()
    assert two.command("PASV") == 227
    assert two.command("QUIT") == 221
    serving.join()


def test_close_is_idempotent(serve: Serve) -> None:
    server = serve.prepared().server
    for _ in range(2):
        server.close()
    for _ in range(2):
        server.close_all()


def test_close_all_ends_every_session_and_transfer(serve: Serve, calls: list[str]) -> None:
    with open(serve.directory / "f", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    serving = serve(Recorder, calls=calls)
    idle, listening, receiving, sending = (serving.login() for _ in range(4))
    listening.passive()
    data = [receiving.data(), sending.data()]
    assert receiving.command("RETR f") == 150
    assert sending.command("STOR g") == 150
    data[1].sendall(b"some")
    wait_for(lambda: (serve.directory / "g").exists() and (serve.directory / "g").stat().st_size == 4, "the upload")
    serving.loop.call_soon_threadsafe(serving.server.close_all)
    serving.join()
    assert idle.ended()
    assert not serving.server.ip_map
    assert sorted(calls[-6:]) == ["disconnect"] * 4 + ["incomplete received g", "incomplete sent f"]
    assert calls.index("incomplete sent f") < len(calls) - 1
    for sock in data:
        sock.close()
    assert [handler.connected for handler in serving.sessions] == [False] * 4


def test_drain_ends_who_is_idle_and_the_loop_with_the_last_transfer(serve: Serve) -> None:
    content = bytes(16 * 1024 * 1024)
    (serve.directory / "f").write_bytes(content)
    serving = serve()
    idle, listening, suspended, busy = (serving.login() for _ in range(4))
    serving.sessions[2].del_channel()
    listening.passive()
    with busy.data() as data:
        assert busy.command("RETR f") == 150
        serving.server.request_drain(PATIENCE)
        for client in (idle, listening, suspended):
            assert client.code() == 421
            assert client.ended()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(serving.address, PATIENCE)
        assert received(data) == content
    assert busy.codes(2) == [226, 421]
    assert busy.ended()
    serving.join()


def test_drain_cuts_transfers_that_take_too_long(serve: Serve, calls: list[str]) -> None:
    with open(serve.directory / "f", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    serving = serve(Recorder, calls=calls)
    client = serving.login()
    with client.data():
        assert client.command("RETR f") == 150
        serving.server.request_drain(0.05)
        assert client.codes(2) == [426, 421]
    assert client.ended()
    serving.join()
    assert calls[-2:] == ["incomplete sent f", "disconnect"]


def test_drain_waits_for_nobody_who_reads_nothing(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftpcore_adapters._accepting.LAST_WORDS", 0.05)
    serving = serve()
    client = serving.client()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.send(*["HELP"] * 20_000)
    wait_for(lambda: serving.session().session.unsent > 0, "replies that are not read")
    serving.server.request_drain(0.05)
    serving.join()


def test_drain_leaves_another_server_on_the_loop_alone(serve: Serve) -> None:
    serving = serve()
    other = serving.call(lambda: FTPServer(("127.0.0.1", 0), serving.handler, ioloop=serving.loop))
    with Client(other.address) as client:
        client.login()
        mine = serving.login()
        serving.server.request_drain(0)
        assert mine.code() == 421
        assert client.command("NOOP") == 200
    serving.call(other.close)
    serving.join()


def test_close_all_may_be_called_by_a_hook(serve: Serve) -> None:
    class Closing(FTPHandler):
        def on_login(self, username: str) -> None:
            assert self.server is not None
            self.server.close_all()

    serving = serve(Closing)
    client = serving.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}", "NOOP")
    serving.join()
    assert client.ended() or set(client.replies) <= {220, 331, 230}


def test_serve_forever_returns_when_interrupted(serve: Serve) -> None:
    server = serve.prepared().server

    def interrupt() -> None:
        raise KeyboardInterrupt

    server.ioloop.call_later(0, interrupt)
    assert server.serve_forever() is None
    assert server.socket is None
    assert "received interrupt signal" in serve.log.lines(logging.INFO)
    assert f">>> shutting down FTP server, pid={os.getpid()}, 1 open socket(s) <<<" in serve.log.lines(logging.INFO)


def test_without_handle_exit_an_interrupt_goes_on(serve: Serve) -> None:
    server = serve.prepared().server

    def interrupt() -> None:
        raise KeyboardInterrupt

    server.ioloop.call_later(0, interrupt)
    with pytest.raises(KeyboardInterrupt):
        server.serve_forever(handle_exit=False)
    assert server.socket is not None


# -- turns -------------------------------------------------------------------------------------------------------------


def test_one_turn_returns_the_seconds_to_the_next_call(serve: Serve) -> None:
    server = serve.prepared().server
    assert server.serve_forever(timeout=0, blocking=False) is None
    call = server.ioloop.call_later(50, list)
    delay = server.serve_forever(timeout=0, blocking=False)
    assert delay is not None
    assert 0 < delay <= 50
    call.cancel()


def test_turns_in_a_tight_loop_of_a_thread_serve(serve: Serve) -> None:
    (serve.directory / "f").write_bytes(b"x" * 300_000)
    serving = serve.prepared()
    ended = threading.Event()

    def turns() -> None:
        while not ended.is_set():
            serving.server.serve_forever(timeout=0.001, blocking=False)

    thread = threading.Thread(target=turns)
    thread.start()
    try:
        with Client(serving.address) as client:
            client.login()
            data = client.data()
            client.send("RETR f", "PWD")
            assert received(data) == b"x" * 300_000
            assert client.codes(3) == [150, 226, 257]
    finally:
        ended.set()
        thread.join()
    while serving.server.ip_map:
        serving.server.serve_forever(timeout=0.001, blocking=False)


def test_turns_may_be_made_by_several_threads_one_after_the_other(serve: Serve) -> None:
    """Whichever thread makes the turn is the session's own: what is called in a hook is carried out there and then."""

    class Answering(FTPHandler):
        def on_login(self, username: str) -> None:
            self.respond("299 From the hook.")

    serving = serve.prepared(Answering)
    with Client(serving.address) as client:
        for lines, codes in [((), [220]), ((f"USER {USER}",), [331]), ((f"PASS {PASSWORD}", "NOOP"), [230, 299, 200])]:
            client.send(*lines)
            ended = threading.Event()

            def turns(ended: threading.Event = ended) -> None:
                while not ended.is_set():
                    serving.server.serve_forever(timeout=0.001, blocking=False)

            thread = threading.Thread(target=turns)
            thread.start()
            try:
                assert client.codes(len(codes)) == codes
            finally:
                ended.set()
                thread.join()
    while serving.server.ip_map:
        serving.server.serve_forever(timeout=0.001, blocking=False)


def test_several_servers_share_a_loop(serve: Serve, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "only here").touch()
    loop = IOLoop.factory()
    second = FTPServer(("127.0.0.1", 0), make_handler(other, banner="second"), ioloop=loop)
    second_address = second.address
    first = serve.prepared(loop=loop, banner="first")
    first.start()
    with Client(second_address) as client:
        assert client.reply() == "220 second"
        assert first.client().reply() == "220 first"
        client.send(f"USER {USER}", f"PASS {PASSWORD}", "SIZE only here", "TYPE I", "SIZE only here")
        assert client.codes(5)[4] == 213
    wait_for(lambda: not second.ip_map, "the second server's session")
    first.call(second.close)
    assert first.client().reply() == "220 first"


# -- limits ------------------------------------------------------------------------------------------------------------


def test_beyond_max_cons_421_and_the_place_comes_back(serve: Serve) -> None:
    serving = serve(server={"max_cons": 3})  # the listener and two sessions
    one, two = serving.login(), serving.login()
    refused = serving.client()
    assert refused.reply().startswith("421 Too many connections.")
    assert refused.ended()
    wait_for(lambda: len(serving.server.ip_map) == 2, "the end of the refused session")
    assert any("Too many connections" in line for line in serve.log.lines(logging.WARNING))
    one.close()
    wait_for(lambda: len(serving.server.ip_map) == 1, "the place")
    serving.login()
    assert two.command("NOOP") == 200


def test_beyond_max_cons_no_data_connection(serve: Serve) -> None:
    serving = serve(server={"max_cons": 2})
    client = serving.login()
    serving.server.max_cons = 1
    assert client.command("PASV") == 425
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert client.command(f"EPRT |1|127.0.0.1|{listener.getsockname()[1]}|") == 200
        assert client.command("LIST") == 150
        assert client.code() == 425
    serving.server.max_cons = 0
    assert client.command("PASV") == 227


def test_sockets_that_wait_for_nothing_count_too(serve: Serve) -> None:
    """A data connection without a command is on no poller, but it is an open socket."""
    serving = serve(server={"max_cons": 4})
    first, second = serving.login(), serving.login()
    with first.data():
        wait_for(lambda: serving.loop.open_sockets == 4, "the data connection")
        assert serving.client().code() == 421
    second.close()


def test_beyond_max_cons_per_ip_421_and_the_place_comes_back(serve: Serve, calls: list[str]) -> None:
    serving = serve(Recorder, calls=calls, server={"max_cons_per_ip": 2})
    serving.login()
    two = serving.login()
    refused = serving.client()
    assert refused.reply().startswith("421 Too many connections from the same IP address.")
    assert refused.ended()
    assert any("same IP address" in line for line in serve.log.lines(logging.WARNING))
    assert calls.count("connect") == 2, "a refused client is no connection"
    assert two.command("QUIT") == 221
    wait_for(lambda: serving.server.ip_map == ["127.0.0.1"], "the place")
    serving.login()
    serving.settle()
    assert calls.count("disconnect") == 3


def test_ip_map_has_one_entry_for_each_control_connection(serve: Serve) -> None:
    serving = serve()
    clients = [serving.login() for _ in range(3)]
    with clients[0].data():
        assert serving.server.ip_map == ["127.0.0.1"] * 3
    clients[1].reset()
    wait_for(lambda: len(serving.server.ip_map) == 2, "the reset")
    clients[2].close()
    wait_for(lambda: len(serving.server.ip_map) == 1, "the close")


def test_a_client_that_resets_at_once_leaves_nothing(serve: Serve) -> None:
    serving = serve()
    for _ in range(30):
        serving.client().reset()
    serving.login()


def test_a_server_without_descriptors_accepts_later(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource", reason="limits of a process are of POSIX")
    monkeypatch.setattr("ftpcore_adapters._accepting.ACCEPT_PAUSE", 0.05)
    serving = serve()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    waiting = socket.socket()
    # A listening backlog takes the connection; there is no descriptor to accept it with.
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    spare: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                spare.append(os.dup(0))
        waiting.connect(serving.address)
        wait_for(lambda: any("can't accept" in line for line in serve.log.lines(logging.WARNING)), "the warning")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in spare:
            os.close(fd)
    with waiting:
        waiting.settimeout(PATIENCE)
        assert waiting.recv(3) == b"220"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a thread does")
def test_a_signal_that_does_not_interrupt_the_wait_wakes_the_loop(serve: Serve) -> None:
    """One that comes just before the wait, or to another thread, as Ctrl-C may, is not left until the next client."""
    server = serve.prepared().server
    seen: list[str] = []

    def handler(number: int, frame: object) -> None:
        seen.append("signal")
        server.close()

    main = threading.get_native_id()

    def sleeps() -> bool:
        """Is the main thread in a system call that waits?"""
        return Path(f"/proc/self/task/{main}/stat").read_text().rpartition(")")[2].split()[0] == "S"

    def send() -> None:
        wait_for(sleeps)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    def give_up() -> None:
        seen.append("gave up")
        server.close()

    former = signal.signal(signal.SIGUSR1, handler)
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    thread = threading.Thread(target=send)
    try:
        server.ioloop.call_later(0, thread.start)
        later = server.ioloop.call_later(5, give_up)
        server.serve_forever()
        later.cancel()
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, former)
    assert seen == ["signal"]
    restored = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(restored)
    assert restored == descriptor


def test_the_descriptor_for_signals_is_given_back_when_the_loop_is_closed_from_within(serve: Serve) -> None:
    server = serve.prepared().server
    seen: list[int] = []

    def close() -> None:
        server.close_all()
        seen.append(signal.set_wakeup_fd(-1))

    server.ioloop.call_later(0, close)
    server.serve_forever()
    assert seen == [-1]


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_there_can_not_be_is_a_value_error(port: int) -> None:
    with pytest.raises(ValueError, match="expected 0"):
        FTPServer(("127.0.0.1", port), FTPHandler)


def test_an_address_in_one_string_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="expected"):
        FTPServer("127.0.0.1:21", FTPHandler)  # type: ignore[arg-type]  # that is what is tested
