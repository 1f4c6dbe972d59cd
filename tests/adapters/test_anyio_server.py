"""`ftpcore_adapters.anyio.serve` on asyncio and trio: listening, accounting, and the ways to an end."""

from __future__ import annotations

import asyncio
import errno
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from ftpcore_adapters.anyio import Server, serve
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer
from tests.adapters.anyio_serving import BACKENDS, AnyioServe
from tests.adapters.resources import leftovers
from tests.adapters.serving import (
    PASSWORD,
    PATIENCE,
    USER,
    Client,
    LogLines,
    Recorder,
    make_handler,
    received,
    wait_for,
)


def refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


# -- listening ---------------------------------------------------------------------------------------------------------


def test_port_0_becomes_the_real_port(anyio_serve: AnyioServe) -> None:
    serving = anyio_serve()
    assert serving.address[0] == "127.0.0.1"
    assert serving.client().code() == 220


def test_a_socket_that_is_given_is_listened_on(anyio_serve: AnyioServe) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    serving = anyio_serve(server={"address": sock})
    assert serving.server.socket is sock
    assert serving.address == sock.getsockname()
    assert serving.client().code() == 220


def test_an_address_in_use_raises_and_leaves_nothing(anyio_serve: AnyioServe) -> None:
    serving = anyio_serve()
    with pytest.raises(OSError) as raised:
        anyio_serve(server={"address": serving.address})
    assert raised.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("address", "error"), [("127.0.0.1", TypeError), (("127.0.0.1", 65536), ValueError)], ids=["a string", "a port"]
)
def test_what_is_no_address_is_told(anyio_serve: AnyioServe, address: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"127\.0\.0\.1|65536"):
        anyio_serve(server={"address": address})


def test_an_ftp_command_that_is_a_coroutine_function_is_refused(anyio_serve: AnyioServe) -> None:
    class Handler(FTPHandler):
        async def ftp_NOOP(self, line: str) -> None:  # type: ignore[override]  # the mistake
            pass

    with pytest.raises(TypeError, match=r"ftp_NOOP.*session_class"):
        anyio_serve(Handler)


# -- accounting --------------------------------------------------------------------------------------------------------


def test_sockets_are_counted(anyio_serve: AnyioServe) -> None:
    serving = anyio_serve(server={"max_cons": 4})
    one, two = serving.login(), serving.login()
    with one.data():  # the fourth
        third = serving.client()
        assert third.code() == 421
        assert third.ended()
        serving.server.max_cons = 3
        assert two.command("EPSV") == 425
        serving.server.max_cons = 4
    assert serving.call(lambda: serving.server.ip_map) == ["127.0.0.1"] * 2
    assert one.command("ABOR") in (225, 226)
    assert serving.login().command("NOOP") == 200
    serving.settle()


def test_connections_from_one_address_are_counted(anyio_serve: AnyioServe, calls: list[str]) -> None:
    serving = anyio_serve(Recorder, calls=calls, server={"max_cons_per_ip": 1})
    one = serving.login()
    with serving.client() as two:
        assert two.code() == 421
        assert two.ended()
    assert calls == ["connect", "login ann True True"]
    assert one.command("QUIT") == 221
    assert one.ended()
    wait_for(lambda: not serving.server.ip_map, "the end of the first session")
    serving.login()
    serving.settle()


def test_a_handler_knows_its_server(anyio_serve: AnyioServe) -> None:
    serving = anyio_serve()
    serving.login()
    assert serving.session().server is serving.server
    assert serving.session().ioloop is serving.server.ioloop


def test_what_a_session_writes_to_the_log_is_as_ever(anyio_serve: AnyioServe) -> None:
    with anyio_serve.context() as serving:
        assert serving.login().command("QUIT") == 221
        serving.settle()
    told = anyio_serve.log.lines()
    sessions = [line.partition("] ")[2] for line in told if line.startswith("127.")]
    assert sessions == ["FTP session opened (connect)", "USER 'ann' logged in.", "FTP session closed (disconnect)."]
    assert f"concurrency model: {anyio_serve.backend}" in told
    assert [line for line in told if "starting FTP server" in line or "shutting down FTP server" in line]


# -- the ways to an end ------------------------------------------------------------------------------------------------


def test_leaving_the_context_ends_every_session_and_transfer(anyio_serve: AnyioServe, calls: list[str]) -> None:
    directory = anyio_serve.directory
    with open(directory / "f", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    with anyio_serve.context(Recorder, calls=calls) as serving:
        idle, listening, receiving, sending = (serving.login() for _ in range(4))
        port = listening.passive()
        data = [receiving.data(), sending.data()]
        assert receiving.command("RETR f") == 150
        assert sending.command("STOR g") == 150
        data[1].sendall(b"some")
        wait_for(lambda: (directory / "g").exists() and (directory / "g").stat().st_size == 4, "the upload")
        serving.portal.call(serving.server.aclose)
        assert idle.ended()
        assert serving.server.ip_map == []
        assert serving.server.ioloop.open_sockets == 0
        serving.portal.call(serving.server.aclose)
    assert sorted(calls[-6:]) == ["disconnect"] * 4 + ["incomplete received g", "incomplete sent f"]
    assert refused(serving.address)
    assert refused(port)
    assert not any(handler.connected for handler in serving.sessions)
    for sock in data:
        sock.close()


def test_after_close_sessions_go_on_and_the_server_ends_with_the_last(anyio_serve: AnyioServe) -> None:
    with anyio_serve.context() as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        one, two = serving.login(), serving.login()
        serving.server.close()  # any thread may
        wait_for(lambda: serving.server.socket is None, "the listener's end")
        assert refused(serving.address)
        assert one.command("NOOP") == 200
        assert one.command("QUIT") == 221
        assert two.command("EPSV") == 229
        assert not waiting.done()
        assert two.command("QUIT") == 221
        waiting.result(PATIENCE)


def test_close_all_may_be_called_by_a_hook(anyio_serve: AnyioServe) -> None:
    class Closing(FTPHandler):
        def on_login(self, username: str) -> None:
            assert self.server is not None
            self.server.close_all()

    with anyio_serve.context(Closing) as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        other, client = serving.client(), serving.client()
        assert other.code() == client.code() == 220
        client.send("USER ann", "PASS correct-horse")
        waiting.result(PATIENCE)
        assert other.ended()


def test_an_error_within_the_context_comes_out_as_it_is(anyio_serve: AnyioServe) -> None:
    async def main() -> None:
        async with serve(make_handler(anyio_serve.directory), ("127.0.0.1", 0)) as server:
            addresses.append(server.address)
            raise KeyError("the user's")

    addresses: list[tuple[str, int]] = []
    with pytest.raises(KeyError, match="the user's"):
        anyio.run(main, backend=anyio_serve.backend)
    assert refused(addresses[0])


def test_a_hook_that_ends_the_program_ends_the_server(anyio_serve: AnyioServe, calls: list[str]) -> None:
    class Ending(Recorder):
        def on_login(self, username: str) -> None:
            raise SystemExit(3)

    anyio_serve.errors_expected = True
    with anyio_serve.context(Ending, calls=calls) as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        client, other = serving.client(), serving.client()
        assert other.code() == 220
        client.send("USER ann", "PASS correct-horse")
        waiting.result(PATIENCE)
        assert client.codes(4) == [220, 331, 230, 0]
        assert other.ended()
    assert sorted(calls) == ["connect"] * 2 + ["disconnect"] * 2


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=BACKENDS)
def test_a_server_runs_within_what_the_runtime_itself_runs(
    directory: Path, calls: list[str], run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    class Waiting(Recorder):
        async def on_login(self, username: str) -> None:  # type: ignore[override]  # the recorder's is plain
            await anyio.lowlevel.checkpoint()
            self.calls.append("awaited")

    def client(address: tuple[str, int]) -> None:
        with Client(address) as client:
            client.login()
            assert client.store("STOR f", b"data") == 226
            assert client.command("QUIT") == 221
            assert client.ended()

    async def main() -> None:
        async with serve(make_handler(directory, Waiting, calls=calls), ("127.0.0.1", 0)) as server:
            await anyio.to_thread.run_sync(client, server.address)
            server.close()
            await server.serve_forever()

    with leftovers(), LogLines() as log:
        run(main() if run is asyncio.run else main)  # type: ignore[arg-type]  # trio takes the function
    assert log.errors == []
    assert calls == ["connect", "awaited", "received f", "logout ann", "disconnect"]


# -- draining ----------------------------------------------------------------------------------------------------------


def test_drain_ends_who_is_idle_and_lets_transfers_end(anyio_serve: AnyioServe) -> None:
    content = bytes(16 * 1024 * 1024)
    (anyio_serve.directory / "f").write_bytes(content)
    with anyio_serve.context() as serving:
        idle, busy = serving.login(), serving.login()
        with busy.data() as data:
            assert busy.command("RETR f") == 150
            draining = serving.portal.start_task_soon(serving.server.drain, PATIENCE)
            assert idle.code() == 421
            assert idle.ended()
            assert refused(serving.address)
            assert not draining.done()
            assert received(data) == content
        assert busy.codes(2) == [226, 421]
        assert busy.ended()
        draining.result(PATIENCE)


def test_drain_cuts_transfers_that_take_too_long(anyio_serve: AnyioServe, calls: list[str]) -> None:
    with open(anyio_serve.directory / "f", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    with anyio_serve.context(Recorder, calls=calls) as serving:
        client = serving.login()
        with client.data():
            assert client.command("RETR f") == 150
            serving.portal.call(serving.server.drain, 0.05)
            assert client.codes(2) == [426, 421]
        assert client.ended()
    assert calls[-2:] == ["incomplete sent f", "disconnect"]


def test_a_drain_does_not_wait_for_clients_that_read_nothing(
    anyio_serve: AnyioServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftpcore_adapters._accepting.LAST_WORDS", 0.05)
    with anyio_serve.context() as serving:
        client = serving.client()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(*["HELP"] * 20_000)
        wait_for(lambda: serving.session().session.unsent > 0, "replies that are not read")
        serving.portal.call(serving.server.drain, 0.05)


class Draining(FTPHandler):
    """The server drains itself when somebody logs in, as a plain hook asks it to."""

    def on_login(self, username: str) -> None:
        assert self.server is not None
        self.server.request_drain(PATIENCE)


class DrainingAwaited(FTPHandler):
    async def on_login(self, username: str) -> None:
        assert self.server is not None
        self.server.request_drain(PATIENCE)


@pytest.mark.parametrize("base", [FTPHandler, Draining, DrainingAwaited])
def test_a_drain_can_be_requested_by_hooks_and_other_threads(anyio_serve: AnyioServe, base: type[FTPHandler]) -> None:
    with anyio_serve.context(base) as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        idle, client = serving.client(), serving.client()
        assert idle.code() == 220
        client.send(f"USER {USER}", f"PASS {PASSWORD}")
        assert client.codes(3) == [220, 331, 230]
        if base is FTPHandler:
            serving.server.request_drain(PATIENCE)
        assert idle.code() == client.code() == 421
        waiting.result(PATIENCE)
        assert refused(serving.address)


def test_handlers_find_what_other_servers_have() -> None:
    public = {name for name in dir(FTPServer) if not name.startswith("_")}
    of_processes = {"join_timeout", "leave_to_child", "obey", "superior"}  # there are none that it forks
    assert public - set(dir(Server)) <= of_processes


# -- without anyio -----------------------------------------------------------------------------------------------------


def in_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code where anyio can't be imported."""
    hidden = "import sys; sys.modules['anyio'] = sys.modules['trio'] = None\n"
    return subprocess.run([sys.executable, "-c", hidden + code], capture_output=True, text=True, check=False)


def test_without_anyio_only_this_module_is_missing() -> None:
    modules = "servers, handlers, __main__, testing, threads, memory"
    done = in_python(f"from ftpcore_adapters import {modules}\nprint('asyncio' in sys.modules)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
    done = in_python("import ftpcore_adapters.anyio")
    assert done.returncode == 1
    assert 'pip install "ftpcore[anyio]"' in done.stderr.splitlines()[-1]
