"""Handshakes that stall, fail, come in drops or too late: each costs its own session at most, and nobody any time."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Final

import pytest

from tests.adapters.conftest import TLSServe
from tests.adapters.serving import PATIENCE, Serving, wait_for
from tests.adapters.tls_clients import SecureClient, Wire

#: A deadline that tests wait for.
SHORT: Final = 0.2

STALLED: Final = 50


def greeted(tls_serve: TLSServe, serving: Serving) -> SecureClient:
    """Return a client whose handshake may begin."""
    client = tls_serve.client(serving)
    assert client.code() == 220
    assert client.command("AUTH TLS") == 234
    return client


def nothing(client: SecureClient) -> None:
    """Send nothing at all."""


def half_a_hello(client: SecureClient) -> None:
    hello = Wire(client.sock, client.context).hello()
    client.sock.sendall(hello[: len(hello) // 2])


def no_finished(client: SecureClient) -> None:
    """Send a ClientHello, and nothing behind it."""
    client.sock.sendall(Wire(client.sock, client.context).hello())


@pytest.mark.parametrize("start", [nothing, half_a_hello, no_finished])
def test_stalled_handshakes_cost_no_time(tls_serve: TLSServe, start: Callable[[SecureClient], None]) -> None:
    serving = tls_serve(server={"max_cons": 0})
    for _ in range(STALLED):
        start(greeted(tls_serve, serving))
    serving.call(lambda: None)
    before = time.process_time()
    serving.call(lambda: None)
    other = tls_serve.login(serving)
    other.command("NOOP")
    before = time.process_time()
    with contextlib.suppress(TimeoutError):
        other.sock.settimeout(1.0)
        other.sock.recv(1)
    assert time.process_time() - before < 0.05
    other.sock.settimeout(PATIENCE)
    assert other.command("NOOP") == 200


def alerts_only(data: bytes) -> bool:
    """Are these records of TLS, none of which is application data, or text?"""
    return not data or data[0] in (20, 21, 22)


def everything(sock: socket.socket) -> bytes:
    blocks = []
    with contextlib.suppress(ConnectionResetError):
        while block := sock.recv(65536):
            blocks.append(block)
    return b"".join(blocks)


@pytest.mark.parametrize("start", [nothing, half_a_hello, no_finished])
def test_stalled_handshakes_end_without_a_reply(tls_serve: TLSServe, start: Callable[[SecureClient], None]) -> None:
    serving = tls_serve(handshake_timeout=SHORT)
    clients = [greeted(tls_serve, serving) for _ in range(5)]
    for client in clients:
        start(client)
    for client in clients:
        assert alerts_only(everything(client.sock))
    wait_for(lambda: not serving.server.ip_map, "the ends")


def test_stalled_implicit_handshakes_end_without_a_word(tls_serve: TLSServe) -> None:
    serving = tls_serve(handshake_timeout=SHORT, implicit_tls=True)
    with socket.create_connection(serving.address, PATIENCE) as sock:
        assert everything(sock) == b""


@pytest.mark.parametrize("implicit", [False, True])
def test_garbage_ends_the_session_without_a_reply(tls_serve: TLSServe, implicit: bool) -> None:
    serving = tls_serve(implicit_tls=implicit)
    for garbage in (b"NOOP\r\n" * 100, b"\x16\x03\x01\x00\x05hello", os.urandom(4096), b"\x16\x03\x01\xff\xff" * 10):
        if implicit:
            sock = socket.create_connection(serving.address, PATIENCE)
        else:
            sock = greeted(tls_serve, serving).sock
        with sock:
            sock.sendall(garbage)
            assert alerts_only(everything(sock))


def test_a_handshake_may_come_byte_by_byte(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = greeted(tls_serve, serving)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    class Drip(Wire):
        def flush(self) -> None:
            for byte in self._out.read():
                self.sock.sendall(bytes([byte]))
                serving.call(lambda: None)  # the server has read it

    client.wire = Drip(client.sock, client.context)
    client.wire.handshake()
    assert client.command("PWD") == 530


def test_a_data_handshake_may_fail_and_the_session_goes_on(tls_serve: TLSServe) -> None:
    serving = tls_serve(handshake_timeout=SHORT)
    client = tls_serve.login(serving)
    for garbage in (b"no TLS at all" * 20, b"", b"\x16\x03\x01\x00\x05hello"):
        data, _ = client.begin("STOR up", handshake=False)
        with data:
            data.sendall(garbage)
            assert client.code() == 522
            assert alerts_only(everything(data))
    data, _ = client.begin("STOR up", handshake=False)
    data.close()
    assert client.code() == 522
    assert client.store("STOR up", b"well") == 226
    assert (tls_serve.serve.directory / "up").read_bytes() == b"well"


@pytest.mark.parametrize("start", [nothing, half_a_hello, no_finished])
def test_nothing_is_said_in_clear_when_a_handshake_is_cut_short(
    tls_serve: TLSServe, start: Callable[[SecureClient], None]
) -> None:
    """By the end of the server."""
    serving = tls_serve()
    client = greeted(tls_serve, serving)
    start(client)
    serving.call(lambda: serving.server.drain(SHORT))
    assert alerts_only(everything(client.sock))
    serving.join()


def test_what_is_pushed_in_a_handshake_is_said_behind_it(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = greeted(tls_serve, serving)
    handler = serving.session()
    serving.call(lambda: handler.push("200 behind\r\n"))
    half = Wire(client.sock, client.context)
    client.sock.sendall(half.hello())
    serving.call(lambda: handler.push("200 behind\r\n"))
    half.handshake()
    client.wire = half
    assert client.codes(2) == [200, 200]
    assert client.command("PWD") == 530


def test_a_context_that_cant_be_made_ends_the_session(tls_serve: TLSServe) -> None:
    def no_context() -> object:
        raise RuntimeError("no key today")

    tls_serve.serve.errors_expected = True
    serving = tls_serve(ssl_context=staticmethod(no_context))
    client = greeted(tls_serve, serving)
    client.sock.sendall(Wire(client.sock, client.context).hello())
    assert alerts_only(everything(client.sock))
    (record,) = (record for record in tls_serve.serve.log.records if record.levelno == logging.ERROR)
    assert record.exc_info is not None
    assert "no key today" in str(record.exc_info[1])


def test_a_client_that_will_not_end_tls_ends_in_time(tls_serve: TLSServe) -> None:
    """And others are served meanwhile, however much it sends."""
    serving = tls_serve(tls_ccc=True, handshake_timeout=3 * SHORT)
    client = tls_serve.login(serving)
    assert client.command("CCC") == 200
    assert client.wire is not None
    records = client.wire.encrypted(b"NOOP\r\n" * 10_000)
    other = tls_serve.login(serving)
    client.sock.settimeout(PATIENCE)
    with contextlib.suppress(ConnectionError):
        while True:
            client.sock.sendall(records)
            assert other.command("NOOP") == 200
            records = client.wire.encrypted(b"NOOP\r\n" * 10_000)
    assert other.command("NOOP") == 200
