"""Control connections under TLS: pipelining, back-pressure, their ends, the log, and how servers start."""

from __future__ import annotations

import contextlib
import logging
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest

from ftpcore_adapters.anyio import serve as anyio_serve
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler, TLS_FTPHandler
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from tests.adapters.certificates import Certificates
from tests.adapters.conftest import Serve, TLSServe
from tests.adapters.serving import PASSWORD, USER, LogLines, make_handler, wait_for
from tests.adapters.tls_clients import Wire


@pytest.mark.parametrize("engine", ["openssl", "stdlib"])
def test_all_commands_of_one_record_are_answered(tls_serve: TLSServe, engine: str) -> None:
    client = tls_serve.login(tls_serve(tls_engine_name=engine))
    for count in (2, 1_000, 2_700):  # the last fill a record
        client.send(*["NOOP"] * count)
        assert client.codes(count) == [200] * count


def test_what_tls_holds_is_answered_when_the_session_reads_again(tls_serve: TLSServe) -> None:
    """The socket will not tell that there is more."""
    serving = tls_serve()
    client = tls_serve.login(serving)
    handler = serving.session()
    serving.call(handler.del_channel)
    client.send(*["NOOP"] * 10)
    serving.call(lambda: None)
    serving.call(handler.add_channel)
    assert client.codes(10) == [200] * 10
    client.send(*["PWD", "NOOP"] * 3_000)  # five records, in one segment or two
    assert client.codes(6_000) == [257, 200] * 3_000


def test_a_client_that_reads_no_replies_is_read_no_further(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = tls_serve.login(serving)
    assert client.wire is not None
    sent = 0
    client.sock.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while sent < 64 * 1024 * 1024:
            records = client.wire.encrypted(b"HELP\r\n" * 2_500)
            while records:
                records = records[client.sock.send(records) :]
            sent += 15_000
    assert sent < 32 * 1024 * 1024
    session = serving.session().session
    control = serving.session()._host._control  # type: ignore[union-attr]  # what memory holds is nowhere else to see
    engine: Any = control._tls._engine
    assert serving.call(lambda: session.unsent) < 1 << 20
    assert serving.call(lambda: len(engine.output) + len(engine._records.take_rest())) < 1 << 20
    client.reset()


def test_a_million_bytes_of_noop_are_all_answered(tls_serve: TLSServe) -> None:
    client = tls_serve.login(tls_serve())
    assert client.wire is not None
    count = 1_000_000 // 6
    client.sock.setblocking(False)
    records = b"".join(client.wire.encrypted(b"NOOP\r\n" * 2_000) for _ in range(count // 2_000))
    answered = b""
    wire = client.wire
    while answered.count(b"\n") < count // 2_000 * 2_000:
        with contextlib.suppress(BlockingIOError):
            records = records[client.sock.send(records) :]
        with contextlib.suppress(BlockingIOError):
            answered += wire.receive()
    assert set(answered.splitlines()) == {answered.splitlines()[0]}


def test_what_came_before_the_clients_close_notify_is_answered(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = tls_serve.login(serving)
    assert client.wire is not None
    client.sock.sendall(client.wire.encrypted(b"PWD\r\nNOOP\r\n" * 10) + client.wire.farewell())
    client.sock.shutdown(socket.SHUT_WR)
    assert client.codes(20) == [257, 200] * 10
    assert client.ended_well()


def test_a_control_connection_may_end_without_close_notify(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = tls_serve.login(serving)
    client.send("MKD made")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.code() == 257
    assert client.ended()
    wait_for(lambda: not serving.server.ip_map, "the end")


def test_a_broken_record_ends_the_session_behind_the_commands_before_it(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = tls_serve.login(serving)
    assert client.wire is not None
    record = client.wire.encrypted(b"MKD no\r\n")
    client.sock.sendall(record[:-1] + bytes([record[-1] ^ 1]))
    assert client.ended()
    client = tls_serve.login(serving)
    assert client.wire is not None
    whole = client.wire.encrypted(b"MKD yes\r\n")
    record = client.wire.encrypted(b"MKD no\r\n")
    client.sock.sendall(whole + record[:-1] + bytes([record[-1] ^ 1]))
    wait_for(lambda: not serving.server.ip_map, "the end")
    assert (tls_serve.serve.directory / "yes").exists()
    assert not (tls_serve.serve.directory / "no").exists()


# -- the log -----------------------------------------------------------------------------------------------------------


def test_handshakes_are_told_in_the_log(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = tls_serve.client(serving)
    assert client.code() == 220
    assert client.command("AUTH TLS") == 234
    client.sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert client.ended()
    client = tls_serve.login(serving)
    data, _ = client.begin("STOR up", handshake=False)
    with data:
        data.sendall(b"plain" * 20)
        assert client.code() == 522
    wait_for(lambda: len(serving.server.ip_map) == 1, "the end")
    infos = tls_serve.serve.log.lines(logging.INFO)
    assert sum("TLS handshake failed:" in line for line in infos) == 1
    assert sum("TLS handshake failed on the data connection:" in line for line in infos) == 1
    assert not any("TLSv1" in line for line in infos)


def test_established_tls_is_told_at_debug_and_no_secret_ever(tls_serve: TLSServe) -> None:
    with LogLines(logging.DEBUG) as log:
        client = tls_serve.login(tls_serve())
        assert client.store("STOR up", b"secret content") == 226
        client.send("QUIT")
        assert client.code() == 221
    lines = log.lines(logging.DEBUG)
    assert sum("TLSv1.3 on the control connection, TLS_" in line for line in lines) == 1
    assert sum("TLSv1.3 on the data connection, TLS_" in line for line in lines) == 1
    assert not any(PASSWORD in line or "secret content" in line or "PRIVATE" in line for line in log.lines())


# -- the start ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FTPServer, ThreadedFTPServer, MultiprocessFTPServer])
@pytest.mark.parametrize(("certfile", "error"), [(None, ValueError), ("/nowhere/cert.pem", FileNotFoundError)])
def test_a_server_without_certificate_does_not_start(
    tmp_path: Path, kind: type[FTPServer], certfile: str | None, error: type[Exception]
) -> None:
    handler = make_handler(tmp_path, TLS_FTPHandler, certfile=certfile)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with pytest.raises(error):
        kind(("127.0.0.1", port), handler)
    socket.create_server(("127.0.0.1", port)).close()  # nobody listens there


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(("certfile", "error"), [(None, ValueError), ("/nowhere/cert.pem", FileNotFoundError)])
def test_serving_without_certificate_does_not_start(
    tmp_path: Path, backend: str, certfile: str | None, error: type[Exception]
) -> None:
    handler = make_handler(tmp_path, TLS_FTPHandler, certfile=certfile)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    async def run() -> None:
        async with anyio_serve(handler, ("127.0.0.1", port)):
            raise AssertionError("it serves")

    with pytest.raises(error):
        anyio.run(run, backend=backend)
    socket.create_server(("127.0.0.1", port)).close()


def test_a_given_socket_is_closed_when_the_server_does_not_start(tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with pytest.raises(ValueError, match="certfile"):
        FTPServer(listener, make_handler(tmp_path, TLS_FTPHandler))
    assert listener.fileno() == -1


# -- certificates ------------------------------------------------------------------------------------------------------


def test_a_new_certificate_is_shown_to_new_sessions_and_old_ones_go_on(
    tls_serve: TLSServe, tls_certificates: Certificates, tmp_path: Path
) -> None:
    pem = tmp_path / "server.pem"
    pem.write_bytes(b"".join(path.read_bytes() for path in tls_certificates.server.pair))
    serving = tls_serve(certfile=str(pem), keyfile=None)
    old = tls_serve.login(serving)
    first = shown(old.wire)
    pem.write_bytes(b"".join(path.read_bytes() for path in tls_certificates.issue("other").pair))
    serving.call(serving.handler.reload_certificates)  # type: ignore[attr-defined]  # of TLS_FTPHandler
    assert old.store("STOR up", b"goes on") == 226
    tls_serve.context.check_hostname = False
    new = tls_serve.login(serving)
    assert shown(new.wire) != first
    assert new.command("NOOP") == old.command("NOOP") == 200


def shown(wire: Wire | None) -> bytes:
    assert wire is not None
    certificate = wire.tls.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


@pytest.mark.parametrize(
    ("demand", "refused"),
    [(False, [USER]), ({"eve"}, [USER, "eve"]), (True, [USER, "eve", "bob"])],
    ids=["none besides", "another", "all"],
)
def test_an_authorizer_may_name_those_who_must_use_tls(serve: Serve, demand: object, refused: list[str]) -> None:
    class Demanding(DummyAuthorizer):
        tls_users = (USER,)

    serving = serve(FTPHandler, tls_control_required=demand)
    serving.server.handler.authorizer = Demanding()
    client = serving.client()
    assert client.code() == 220
    for name in USER, "eve", "bob":
        assert client.command(f"USER {name}") == (530 if name in refused else 331)
