"""One engine and one client, back to back: both libraries on either side, TLS 1.2 and 1.3.  Checklist K-15, K-23."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftpcore import Connection, StreamTruncated
from ftpcore_adapters.tls import TLSContext, TLSEngine, TLSError, TLSSettings, TLSTruncated
from tests.adapters.certificates import Certificates
from tests.adapters.tls_play import (
    ALL_CLIENTS,
    ALL_ENGINES,
    ALL_VERSIONS,
    Client,
    ClientRefused,
    OpenSSLClient,
    Version,
    meet,
    read_all,
    split,
    take_output,
)
from tests.conftest import scaled

_SIZES: Final = st.lists(st.sampled_from([1, 2, 4, 5, 6, 100, 1460, 16384, 70000]), min_size=1, max_size=5)


class Play:
    """Makes pairs of engines and clients."""

    def __init__(self, certificates: Certificates, engine: str, make_client: type[Client], version: Version) -> None:
        self.authority = certificates.authority
        self.version: Version = version
        self.make_client = make_client
        self.settings = TLSSettings(*certificates.server.pair, engine=engine)  # type: ignore[arg-type]  # a parameter

    def session(self) -> TLSContext:
        return self.settings.for_session()

    def client(self) -> Client:
        return self.make_client(self.authority, self.version)

    def control(self) -> tuple[TLSEngine, Client]:
        engine, client = self.session().control(), self.client()
        meet(engine, client)
        return engine, client

    def data(self) -> tuple[TLSEngine, Client]:
        engine, client = self.session().data(), self.client()
        meet(engine, client)
        return engine, client


@pytest.fixture(scope="module", params=ALL_VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    return request.param  # type: ignore[no-any-return]  # of ALL_VERSIONS


@pytest.fixture(scope="module", params=ALL_CLIENTS)
def make_client(request: pytest.FixtureRequest) -> type[Client]:
    return request.param  # type: ignore[no-any-return]  # of ALL_CLIENTS


@pytest.fixture(scope="module", params=ALL_ENGINES)
def play(
    request: pytest.FixtureRequest, tls_certificates: Certificates, make_client: type[Client], version: Version
) -> Play:
    return Play(tls_certificates, request.param, make_client, version)


def test_a_handshake_tells_what_it_came_to(play: Play) -> None:
    engine, client = play.session().control(), play.client()
    details = meet(engine, client)
    assert details.version == play.version
    assert "AES" in details.cipher or "CHACHA" in details.cipher
    assert (details.reused, details.server_name, details.protocol, details.certificate) == (
        False,
        "localhost",
        None,
        None,
    )
    assert engine.handshake() == details
    assert client.server() == "localhost"


@settings(max_examples=scaled(100), deadline=None)
@given(
    sizes=_SIZES,
    sending=_SIZES,
    reading=st.sampled_from([1000, 16384, 16385, 262144]),
    length=st.sampled_from([1, 16384, 65536, 65537, 200_000]),
)
def test_chunking_is_invisible(play: Play, sizes: list[int], sending: list[int], reading: int, length: int) -> None:
    engine, client = play.session().data(), play.client()
    cuts = [size if length < 1000 else max(size, 100) for size in sizes]
    meet(engine, client, cuts)
    text = bytes(range(256)) * (length // 256 + 1)

    client.write(text)
    client.close()
    came, closed = b"", False
    for block in split(client.take(), cuts):
        engine.feed(block)
        more, closed = read_all(engine, reading)
        came += more
    assert (came == text, closed) == (True, True)

    left = memoryview(text)
    while left:
        left = left[engine.write(left[: max(sending)]) :]
    engine.close()
    client.feed(take_output(engine, max(sending)))
    came, closed = client.read()
    assert (came == text, closed) == (True, True)


@pytest.mark.parametrize("sizes", [None, [1], [7, 30]], ids=str)
def test_what_comes_behind_close_notify_is_given_back(play: Play, sizes: list[int] | None) -> None:
    engine, client = play.control()
    client.write(b"CCC\r\n")
    client.close()
    for block in split(client.take() + b"USER ann\r\n\x16\x03\x03\x00\x05PASS ", sizes):
        engine.feed(block)
    assert not engine.closed_by_peer
    assert engine.take_unused() == b""
    assert read_all(engine) == (b"CCC\r\n", True)
    assert engine.closed_by_peer
    assert engine.take_unused() == b"USER ann\r\n\x16\x03\x03\x00\x05PASS "
    engine.feed(b"more")
    assert engine.read(5) == b""
    assert engine.take_unused() == b"more"
    assert engine.take_unused() == b""


def test_a_read_joins_records_and_keeps_what_is_too_much(play: Play) -> None:
    engine, client = play.data()
    for text in (b"abc", b"def", b"ghi"):
        client.write(text)
    engine.feed(client.take())
    assert [engine.read(size) for size in (4, 1, 100)] == [b"abcd", b"e", b"fghi"]
    with pytest.raises(BlockingIOError):
        engine.read(1)


def test_an_end_without_close_notify_is_told(play: Play) -> None:
    engine, client = play.data()
    client.write(b"some")
    engine.feed(client.take())
    engine.feed_eof()
    assert engine.read(100) == b"some"
    for _ in range(2):
        with pytest.raises(TLSTruncated) as caught:
            engine.read(100)
        assert isinstance(caught.value, StreamTruncated)
    assert not engine.closed_by_peer


def test_an_end_within_a_record_is_told(play: Play) -> None:
    engine, client = play.data()
    client.write(b"some")
    client.close()
    engine.feed(client.take()[:-1])
    engine.feed_eof()
    assert engine.read(100) == b"some"
    with pytest.raises(TLSTruncated):
        engine.read(100)


def test_an_end_after_close_notify_is_in_order(play: Play) -> None:
    engine, client = play.data()
    client.close()
    engine.feed(client.take())
    engine.feed_eof()
    assert engine.read(100) == b""


@pytest.mark.parametrize("kept", [0, 3, 60])
def test_an_end_during_the_handshake_fails_it(play: Play, kept: int) -> None:
    engine, client = play.session().control(), play.client()
    client.shake()
    engine.feed(client.take()[:kept])
    assert engine.handshake() is None
    engine.feed_eof()
    with pytest.raises(TLSTruncated):
        engine.handshake()


def test_an_end_between_the_flights_fails_the_handshake(play: Play) -> None:
    engine, client = play.session().control(), play.client()
    client.shake()
    engine.feed(client.take())
    assert engine.handshake() is None
    engine.feed_eof()
    with pytest.raises(TLSTruncated):
        engine.handshake()


def test_an_empty_stream_ends_with_close_notify(play: Play) -> None:
    engine, client = play.data()
    engine.close()
    client.feed(take_output(engine))
    assert client.read() == (b"", True)
    client.close()
    engine.feed(client.take())
    assert engine.read(1) == b""


@pytest.mark.parametrize("kind", [Connection.CONTROL, Connection.DATA])
def test_closing_leaves_reading(play: Play, kind: Connection) -> None:
    engine, client = play.control() if kind is Connection.CONTROL else play.data()
    for text in (b"late", b" and", b" more"):
        client.write(text)
    engine.feed(client.take())
    assert engine.read(2) == b"la"
    engine.close()
    client.write(b"r")
    client.close()
    engine.feed(client.take())
    assert read_all(engine) == (b"te and morer", True)
    client.feed(take_output(engine))
    assert client.read() == (b"", True)


def test_closing_behind_the_peers_close_notify(play: Play) -> None:
    engine, client = play.data()
    client.write(b"late")
    client.close()
    engine.feed(client.take())
    engine.close()
    assert read_all(engine) == (b"late", True)
    client.feed(take_output(engine))
    assert client.read() == (b"", True)


@pytest.mark.parametrize("kind", [Connection.CONTROL, Connection.DATA])
def test_what_came_before_a_broken_record_is_read_after_closing_too(play: Play, kind: Connection) -> None:
    engine, client = play.control() if kind is Connection.CONTROL else play.data()
    client.write(b"sound")
    engine.feed(client.take() + b"\x17\x03\x03\x00\x20" + bytes(32))
    assert engine.read(1) == b"s"
    engine.close()
    assert engine.read(100) == b"ound"
    with pytest.raises(TLSError):
        engine.read(1)


def test_a_data_connection_copies_what_it_is_fed(play: Play) -> None:
    text = bytes(range(256)) * 1000
    engine, client = play.session().data(), play.client()
    assert not engine.copies
    meet(engine, client)
    assert engine.copies
    client.write(text)
    client.close()
    buffer, came, closed = bytearray(10_000), b"", False
    for block in split(client.take(), [len(buffer)]):
        buffer[: len(block)] = block
        engine.feed(memoryview(buffer)[: len(block)])
        buffer[:] = bytes(len(buffer))
        more, closed = read_all(engine)
        came += more
    assert (came == text, closed) == (True, True)


def test_close_notify_is_said_once(play: Play) -> None:
    engine, _ = play.control()
    take_output(engine)
    engine.close()
    assert take_output(engine)
    engine.close()
    assert not engine.output
    with pytest.raises(TLSError):
        engine.write(b"x")


def test_there_is_no_close_notify_before_the_handshake(play: Play) -> None:
    engine, client = play.session().control(), play.client()
    client.shake()
    engine.feed(client.take())
    assert engine.handshake() is None
    take_output(engine)
    engine.close()
    assert not engine.output


def test_tickets_of_a_data_connection_wait_for_company(play: Play) -> None:
    engine, client = play.session().data(), play.client()
    meet(engine, client)
    assert not engine.output
    client.write(b"upload")
    engine.feed(client.take())
    assert engine.read(100) == b"upload"
    assert not engine.output
    engine.write(b"x")
    output = take_output(engine)
    assert len(output) > (400 if play.version == "TLSv1.3" else 20)
    client.feed(output)
    assert client.read() == (b"x", False)


def test_tickets_of_a_data_connection_leave_before_close_notify(play: Play) -> None:
    engine, client = play.data()
    engine.close()
    output = take_output(engine)
    assert len(output) > (400 if play.version == "TLSv1.3" else 20)
    client.feed(output)
    assert client.read() == (b"", True)


def test_tickets_of_a_control_connection_leave_at_once(play: Play) -> None:
    engine, client = play.session().control(), play.client()
    client.shake()
    while engine.handshake() is None:
        client.feed(take_output(engine))
        client.shake()
        engine.feed(client.take())
    assert len(take_output(engine)) > 200


def test_64_kib_are_encrypted_at_once_and_leave_in_one_piece(play: Play) -> None:
    engine, client = play.control()
    take_output(engine)
    text = bytes(100_000)
    assert engine.write(text) == 65536
    assert len(engine.output) > 65536
    assert engine.write(memoryview(text)[65536:]) == 100_000 - 65536
    assert engine.write(b"") == 0
    output = bytes(engine.output)
    engine.sent(10)
    assert engine.output == output[10:]
    engine.sent(len(output) - 10)
    assert not engine.output
    client.feed(output)
    assert client.read() == (text, False)


def test_a_changed_record_breaks_the_connection_for_good(play: Play) -> None:
    engine, client = play.control()
    take_output(engine)
    client.write(b"first")
    client.write(b"second")
    wire = bytearray(client.take())
    wire[-1] ^= 1
    engine.feed(bytes(wire))
    assert engine.read(100) == b"first"
    for _ in range(2):
        with pytest.raises(TLSError):
            engine.read(100)
    with pytest.raises(TLSError):
        engine.write(b"x")
    alert = take_output(engine)
    engine.close()
    assert not engine.output
    client.feed(alert)
    with pytest.raises(ClientRefused):
        client.read()


def test_an_alert_during_the_handshake_is_the_reason(play: Play) -> None:
    engine, client = play.session().control(), play.client()
    client.shake()
    engine.feed(client.take())
    engine.handshake()
    engine.feed(b"\x15\x03\x03\x00\x02\x02\x30")
    with pytest.raises(TLSError, match="unknown ca"):
        engine.handshake()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"USER ann\r\n", "wrong version number|packet length|record layer"),
        (b"GET / HTTP/1.1\r\n\r\n", "http request"),
        (b"\x16\x03\x01\xff\xff\x01", "packet length|record|length"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "alert|unexpected message"),
    ],
    ids=["FTP", "HTTP", "too long", "alert first"],
)
@pytest.mark.parametrize("engine", ALL_ENGINES)
def test_what_is_no_hello_fails_the_handshake(
    tls_certificates: Certificates, engine: str, sent: bytes, reason: str
) -> None:
    made = TLSSettings(*tls_certificates.server.pair, engine=engine)  # type: ignore[arg-type]  # a parameter
    server = made.for_session().control()
    server.feed(sent)
    for _ in range(2):
        with pytest.raises(TLSError, match=reason):
            server.handshake()
    server.close()
    with pytest.raises(TLSError):
        server.read(1)


@pytest.mark.parametrize("engine", ALL_ENGINES)
def test_renegotiation_is_refused_and_the_connection_goes_on(tls_certificates: Certificates, engine: str) -> None:
    made = TLSSettings(*tls_certificates.server.pair, engine=engine)  # type: ignore[arg-type]  # a parameter
    server, client = made.for_session().control(), OpenSSLClient(tls_certificates.authority, "TLSv1.2")
    meet(server, client)
    assert client.connection.renegotiate()
    assert not client._shake()
    server.feed(client.take())
    with pytest.raises(BlockingIOError):
        server.read(100)
    client.feed(take_output(server))
    with pytest.raises(ClientRefused, match="no renegotiation"):
        client._shake()


@pytest.mark.parametrize("engine", ALL_ENGINES)
def test_versions_before_1_2_are_refused(tls_certificates: Certificates, engine: str) -> None:
    made = TLSSettings(*tls_certificates.server.pair, engine=engine)  # type: ignore[arg-type]  # a parameter
    server, client = made.for_session().control(), OpenSSLClient(tls_certificates.authority, "TLSv1.2")
    client.shake()
    hello = bytearray(client.take())
    assert hello[9:11] == b"\x03\x03"
    hello[9:11] = b"\x03\x02"
    server.feed(bytes(hello))
    with pytest.raises(TLSError, match="unsupported protocol"):
        server.handshake()
    assert take_output(server)[-2:] == b"\x02\x46"  # fatal: protocol_version


def test_calls_out_of_turn_are_mistakes(play: Play) -> None:
    engine = play.session().control()
    for call in (lambda: engine.read(1), lambda: engine.write(b"x")):
        with pytest.raises(ValueError):
            call()
    assert engine.handshake() is None
    with pytest.raises(ValueError):
        play.control()[0].read(0)
