"""Whatever a peer sends, an engine answers by data, TLSError or BlockingIOError; how records and hellos are read."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftpcore_adapters._tls_hello import ClientHello, HelloReader
from ftpcore_adapters._tls_records import RecordBuffer
from ftpcore_adapters.tls import TLSEngine, TLSError, TLSSettings
from tests.adapters.certificates import Certificates
from tests.adapters.tls_play import ALL_ENGINES, ALL_VERSIONS, StdlibClient, Version, meet, split, take_output
from tests.conftest import scaled

Make = Callable[[], tuple[TLSEngine, StdlibClient]]

_POSITIONS = st.integers(0, 1 << 20)
_FLIPS = st.lists(st.tuples(_POSITIONS, st.integers(1, 255)), max_size=4)
_CUTS = st.lists(st.sampled_from([1, 5, 6, 50, 1000, 20000]), min_size=1, max_size=4)
_GARBAGE = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda kind, minor, body: bytes([kind, 3, minor]) + struct.pack(">H", len(body)) + body,
        st.integers(20, 24),
        st.integers(0, 4),
        st.binary(max_size=300),
    ),
)


@pytest.fixture(scope="module", params=ALL_ENGINES)
def server(request: pytest.FixtureRequest, tls_certificates: Certificates) -> TLSSettings:
    return TLSSettings(
        *tls_certificates.server.pair,
        engine=request.param,
        client_ca=tls_certificates.authority,
        client_certificates="request",
    )


@pytest.fixture(scope="module", params=ALL_VERSIONS)
def make(request: pytest.FixtureRequest, server: TLSSettings, tls_certificates: Certificates) -> Make:
    version: Version = request.param
    certificates = tls_certificates

    def pair() -> tuple[TLSEngine, StdlibClient]:
        client = StdlibClient(certificates.authority, version, protocols=["ftp"], certificate=certificates.client)
        return server.for_session().data(), client

    return pair


def _damaged(data: bytes, flips: list[tuple[int, int]], kept: int | None) -> bytes:
    changed = bytearray(data)
    for position, mask in flips:
        if changed:
            changed[position % len(changed)] ^= mask
    return bytes(changed if kept is None or not changed else changed[: kept % len(changed)])


def _endure(engine: TLSEngine, data: bytes, cuts: list[int]) -> None:
    """Feed `data`; nothing but what the engine documents comes out of any call, and nothing turns for ever."""
    failed = False
    reasons: list[str] = []
    for block in [*split(data, cuts), b""]:
        engine.feed(block)
        if not block:
            engine.feed_eof()
        try:
            if engine.handshake() is not None:
                while engine.read(1000):
                    pass
        except BlockingIOError:
            assert not failed
        except TLSError as error:
            failed = True
            reasons.append(str(error))
        assert isinstance(engine.closed_by_peer, bool)
        take_output(engine)
    engine.close()
    take_output(engine)
    engine.take_unused()
    assert not [reason for reason in reasons if "\n" in reason or len(reason) > 200]


@settings(max_examples=scaled(1000), deadline=None)
@given(garbage=st.lists(_GARBAGE, max_size=4), cuts=_CUTS)
def test_garbage_instead_of_a_hello(make: Make, garbage: list[bytes], cuts: list[int]) -> None:
    _endure(make()[0], b"".join(garbage), cuts)


@settings(max_examples=scaled(1000), deadline=None)
@given(flips=_FLIPS, kept=st.none() | _POSITIONS, cuts=_CUTS, garbage=_GARBAGE)
def test_a_damaged_hello(
    make: Make, flips: list[tuple[int, int]], kept: int | None, cuts: list[int], garbage: bytes
) -> None:
    engine, client = make()
    client.shake()
    _endure(engine, _damaged(client.take(), flips, kept) + garbage, cuts)


@settings(max_examples=scaled(1000), deadline=None)
@given(flips=_FLIPS, kept=st.none() | _POSITIONS, cuts=_CUTS, garbage=_GARBAGE)
def test_a_damaged_second_flight(
    make: Make, flips: list[tuple[int, int]], kept: int | None, cuts: list[int], garbage: bytes
) -> None:
    engine, client = make()
    client.shake()
    engine.feed(client.take())
    assert engine.handshake() is None
    client.feed(take_output(engine))
    client.shake()
    _endure(engine, _damaged(client.take(), flips, kept) + garbage, cuts)


@settings(max_examples=scaled(1000), deadline=None)
@given(flips=_FLIPS, kept=st.none() | _POSITIONS, cuts=_CUTS, garbage=_GARBAGE)
def test_damaged_data(
    make: Make, flips: list[tuple[int, int]], kept: int | None, cuts: list[int], garbage: bytes
) -> None:
    engine, client = make()
    meet(engine, client)
    client.write(b"some data")
    client.write(bytes(3000))
    client.close()
    _endure(engine, _damaged(client.take(), flips, kept) + garbage, cuts)


@settings(max_examples=scaled(1000), deadline=None)
@given(
    bodies=st.lists(st.tuples(st.integers(20, 24), st.binary(max_size=40)), max_size=8),
    tail=st.sampled_from([b"", b"\x16\x03", b"USER ann\r\n"]),
    cuts=_CUTS,
)
def test_records_are_found_in_any_chunking(bodies: list[tuple[int, bytes]], tail: bytes, cuts: list[int]) -> None:
    records = [bytes([kind, 3, 3]) + struct.pack(">H", len(body)) + body for kind, body in bodies]
    buffer = RecordBuffer()
    taken: list[bytes] = []
    for block in split(b"".join(records) + tail, cuts):
        buffer.feed(block)
        while len(taken) < len(records) and (record := buffer.take()) is not None:
            taken.append(bytes(record))
    assert taken == records
    assert buffer.take_rest() == tail
    assert buffer.take() is None


def test_what_is_no_record_is_passed_on_at_once() -> None:
    buffer = RecordBuffer()
    buffer.feed(b"GET ")
    assert buffer.take() is None
    buffer.feed(b"/ HTTP/1.1\r\n")
    assert bytes(buffer.take() or b"") == b"GET / HTTP/1.1\r\n"
    assert buffer.garbage
    buffer.feed(b"H")
    assert bytes(buffer.take() or b"") == b"H"


def _hello(*extensions: tuple[int, bytes]) -> bytes:
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    tail = b"".join(struct.pack(">HH", kind, len(data)) + data for kind, data in extensions)
    body += struct.pack(">H", len(tail)) + tail
    return b"\x01" + len(body).to_bytes(3) + body


def _read(message: bytes, size: int = 16384) -> ClientHello | None:
    reader, hello = HelloReader(), None
    for block in split(message, [size]):
        assert hello is None
        hello = reader.feed(memoryview(b"\x16\x03\x01" + struct.pack(">H", len(block)) + block))
    return hello


_NAME = (0, b"\x00\x0e\x00\x00\x0bexample.org")
_PROTOCOLS = (16, b"\x00\x07\x03ftp\x02h2")


@pytest.mark.parametrize("size", [1, 3, 4, 5, 16384])
def test_a_hello_is_read_however_it_is_cut(size: int) -> None:
    assert _read(_hello((10, b"\x00\x02\x00\x1d"), _NAME, _PROTOCOLS), size) == ClientHello(
        "example.org", (b"ftp", b"h2")
    )


@pytest.mark.parametrize(
    ("message", "hello"),
    [
        pytest.param(_hello(), ClientHello(), id="no extensions"),
        pytest.param(b"\x01\x00\x00\x29" + b"\x03\x03" + bytes(39), ClientHello(), id="no room for extensions"),
        pytest.param(_hello(_NAME)[:-1], None, id="not complete"),
        pytest.param(_hello((0, b"\x00\x0e\x00\x00\x0bexample.o")), ClientHello(), id="name is cut"),
        pytest.param(_hello((0, b"\x00\x05\x00\x00\x02\xffx")), ClientHello(), id="name is not ASCII"),
        pytest.param(_hello((0, b"\x00\x05\x00\x00\x02a\n")), ClientHello(), id="name with a control character"),
        pytest.param(_hello((0, b"\x00\x04\x07\x00\x01x")), ClientHello(), id="name of another kind"),
        pytest.param(_hello((16, b"\x00\x04\x09ftp")), ClientHello(), id="protocol is cut"),
        pytest.param(b"\x02" + _hello()[1:], ClientHello(), id="another message"),
        pytest.param(b"\x01\xff\xff\xff", ClientHello(too_long=True), id="too long"),
    ],
)
def test_a_hello_says_what_can_be_read(message: bytes, hello: ClientHello | None) -> None:
    assert _read(message) == hello


@settings(max_examples=scaled(2000))
@given(flips=_FLIPS, size=st.integers(1, 200))
def test_a_damaged_hello_is_read_or_not(flips: list[tuple[int, int]], size: int) -> None:
    reader = HelloReader()
    hello = None
    for block in split(_damaged(_hello(_NAME, _PROTOCOLS), flips, None), [size]):
        hello = reader.feed(memoryview(b"\x16\x03\x01\x00\x00" + block))
        if hello is not None:
            break
    assert hello is None or isinstance(hello, ClientHello)


def test_a_hello_that_is_too_long_is_refused(server: TLSSettings) -> None:
    engine: Any = server.for_session().control()
    engine.feed(b"\x16\x03\x01\x00\x04\x01\xff\xff\xff")
    with pytest.raises(TLSError, match="too long"):
        engine.handshake()
    assert take_output(engine) == b"\x15\x03\x03\x00\x02\x02\x32"  # fatal: decode_error
