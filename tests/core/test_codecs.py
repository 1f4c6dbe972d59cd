"""TYPE A: line ends, wherever the blocks are cut."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpcore._codecs import AsciiCodec


def encode(blocks: list[bytes]) -> bytes:
    codec = AsciiCodec()
    return b"".join(codec.encode(block) for block in blocks)


def decode(blocks: list[bytes]) -> bytes:
    codec = AsciiCodec()
    return b"".join([*(codec.decode(block) for block in blocks), codec.finish_decode()])


@pytest.mark.parametrize(
    ("blocks", "sent"),
    [
        pytest.param([b"a\nb\n"], b"a\r\nb\r\n", id="LF becomes CR LF"),
        pytest.param([b"a\r\nb"], b"a\r\nb", id="CR LF stays"),
        pytest.param([b"a\rb\r"], b"a\rb\r", id="a lone CR stays"),
        pytest.param([b"\n\n"], b"\r\n\r\n", id="empty lines"),
        pytest.param([b"a\r\r\nb"], b"a\r\r\nb", id="CR CR LF stays"),
        pytest.param([b"a\r", b"\nb"], b"a\r\nb", id="CR LF cut in two"),
        pytest.param([b"a\r", b"", b"\n\nb"], b"a\r\n\r\nb", id="an empty block between"),
        pytest.param([b"a\r", b"b", b"\n"], b"a\rb\r\n", id="the CR was another's"),
        pytest.param([b"\n", b"\r", b"\n", b"\n"], b"\r\n\r\n\r\n", id="byte by byte"),
        pytest.param([], b"", id="empty file"),
    ],
)
def test_encoding(blocks: list[bytes], sent: bytes) -> None:
    assert encode(blocks) == sent


@pytest.mark.parametrize(
    ("blocks", "stored"),
    [
        pytest.param([b"a\r\nb\r\n"], b"a\nb\n", id="CR LF becomes LF"),
        pytest.param([b"a\nb"], b"a\nb", id="LF stays"),
        pytest.param([b"a\rb\r"], b"a\rb\r", id="a lone CR stays, at the end too"),
        pytest.param([b"a\r\r\nb"], b"a\r\nb", id="one CR is taken off"),
        pytest.param([b"a\r", b"\nb"], b"a\nb", id="CR LF cut in two"),
        pytest.param([b"a\r", b"", b"\nb"], b"a\nb", id="an empty block between"),
        pytest.param([b"a\r", b"\r", b"\nb"], b"a\r\nb", id="CR CR LF cut"),
        pytest.param([b"a\r", b"b"], b"a\rb", id="the CR was a lone one"),
        pytest.param([], b"", id="empty file"),
    ],
)
def test_decoding(blocks: list[bytes], stored: bytes) -> None:
    assert decode(blocks) == stored


def test_a_held_cr_is_given_out_once() -> None:
    codec = AsciiCodec()
    assert codec.decode(b"a\r") == b"a"
    assert (codec.finish_decode(), codec.finish_decode()) == (b"\r", b"")


DATA = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0\xff"]) | st.binary(max_size=3)).map(b"".join)


@given(data=DATA, cuts=st.lists(st.integers(0, 60)))
def test_chunking_is_invisible(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    blocks = [data[start:end] for start, end in pairwise(places)]
    assert encode(blocks) == re.sub(rb"(?<!\r)\n", b"\r\n", data)
    assert decode(blocks) == re.sub(rb"\r\n", b"\n", data)


@given(data=DATA.map(lambda data: data.replace(b"\r\n", b"\n")).filter(lambda data: b"\r\n" not in data))
def test_a_local_file_comes_back(data: bytes) -> None:
    assert decode([encode([data])]) == data
