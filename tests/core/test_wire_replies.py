"""Replies to bytes and back.  Checklist section 2, T-13, T-14."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpcore.wire import REPLY_LIMIT, ProtocolViolation, Reply, ReplyReader


def read(pieces: Iterable[bytes]) -> list[Reply | type[ProtocolViolation]]:
    """Feed `pieces`, asking for all replies after each; a violation is shown once, at the end."""
    reader = ReplyReader()
    replies: list[Reply | type[ProtocolViolation]] = []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (reply := reader.next_reply()) is not None:
                replies.append(reply)
        except ProtocolViolation:
            if ProtocolViolation not in replies:
                replies.append(ProtocolViolation)
    return replies


def by_byte(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


@pytest.mark.parametrize(
    ("reply", "encoded"),
    [
        pytest.param(Reply.of(200, "Okay."), b"200 Okay.\r\n", id="R-01 one line"),
        pytest.param(Reply.of(200, ""), b"200 \r\n", id="R-01 no text"),
        pytest.param(Reply.of(211, "a", "b"), b"211-a\r\n211 b\r\n", id="R-02 two lines"),
        pytest.param(Reply.of(211, "a", "211 b", "c"), b"211-a\r\n 211 b\r\n211 c\r\n", id="R-02 indented code"),
        pytest.param(Reply.of(211, "a", " b", "", "c"), b"211-a\r\n  b\r\n \r\n211 c\r\n", id="R-02 one space more"),
        pytest.param(Reply.of(257, '"/\xe9"'), b'257 "/\xc3\xa9"\r\n', id="T-17 UTF-8"),
        pytest.param(Reply.of(257, '"/\udce9"'), b'257 "/\xe9"\r\n', id="T-17 not UTF-8"),
        pytest.param(Reply.of(257, '"/\udcff"'), b'257 "/\xff\xff"\r\n', id="T-13 0xFF is doubled"),
        pytest.param(Reply.of(257, '"/a\r\0b"'), b'257 "/a\r\0b"\r\n', id="T-14 CR NUL is kept"),
        pytest.param(Reply.of(550, "a\r\n200 b"), b"550 a  200 b\r\n", id="R-08 CR LF"),
        pytest.param(Reply.of(550, "a\nb\0c\rd"), b"550 a b c d\r\n", id="R-08 LF, NUL, CR"),
        pytest.param(Reply.of(550, "\0\r\r\0\0\r"), b"550   \r\0  \r\n", id="R-08 around CR NUL"),
        pytest.param(Reply.of(211, "a\n", "b\nc", "\nd"), b"211-a \r\n b c\r\n211  d\r\n", id="R-08 in every line"),
        pytest.param(Reply.of(550, "\ud800\udcff\ud800x"), b"550 ???x\r\n", id="a run that can't be expressed"),
        pytest.param(
            Reply.of(211, "\udce9", "\ud800a\udce9", "\udce9a\ud800"),
            b"211-\xe9\r\n ?a\xe9\r\n211 \xe9a?\r\n",
            id="the rest is kept",
        ),
    ],
)
def test_encoding(reply: Reply, encoded: bytes) -> None:
    assert reply.encode() == encoded


@pytest.mark.parametrize(
    ("encoding", "errors", "encoded"),
    [
        ("utf-8", "strict", b"200 \xe2\x82\xac\xc3\xa9?\r\n"),
        ("latin-1", "surrogateescape", b"200 ?\xe9\xe9\r\n"),
        ("ascii", "replace", b"200 ???\r\n"),
        ("ascii", "strict", b"200 ???\r\n"),
        ("windows-1252", "ignore", b"200 \x80\xe9\r\n"),
    ],
)
def test_what_an_encoding_can_not_express_is_replaced(encoding: str, errors: str, encoded: bytes) -> None:
    assert Reply.of(200, "\u20ac\xe9\udce9").encode(encoding, errors) == encoded


def test_a_letter_that_is_0xff_in_the_encoding_is_doubled() -> None:
    assert Reply.of(200, "\u044f").encode("windows-1251") == b"200 \xff\xff\r\n"


@pytest.mark.parametrize("code", [99, 600, 0, -200])
def test_a_code_has_a_meaningful_first_digit(code: int) -> None:
    with pytest.raises(ValueError, match=str(code)):
        Reply.of(code, "text")


def test_a_reply_has_a_line() -> None:
    with pytest.raises(ValueError, match="200"):
        Reply.of(200)


@pytest.mark.parametrize(("code", "preliminary"), [(100, True), (199, True), (200, False), (599, False)])
def test_marks_are_preliminary(code: int, preliminary: bool) -> None:
    assert Reply.of(code, "text").preliminary is preliminary


def test_replies_are_equal_by_value() -> None:
    assert Reply.of(200, "a", "b") == Reply(200, ("a", "b"), ())


@pytest.mark.parametrize(
    ("sent", "replies"),
    [
        pytest.param(b"220 Ready.\r\n200 Okay.\r\n", [Reply.of(220, "Ready."), Reply.of(200, "Okay.")], id="R-01"),
        pytest.param(b"220\r\n", [Reply.of(220, "")], id="a code alone"),
        pytest.param(b"220 Ready.\n", [Reply.of(220, "Ready.")], id="bare LF"),
        pytest.param(b"220-a\r\n220 b\r\n", [Reply.of(220, "a", "b")], id="R-02 two lines"),
        pytest.param(
            b"220-a\r\n221 b\r\n220-c\r\n220\r\n  220 d\r\n220 e\r\n",
            [Reply.of(220, "a", "221 b", "220-c", "220", " 220 d", "e")],
            id="R-02 inner lines that look like others",
        ),
        pytest.param(b"220-a\r\n220 \r\n", [Reply.of(220, "a", "")], id="R-02 no text at the end"),
        pytest.param(b"257 \xff\xff\r\n", [Reply.of(257, "\udcff")], id="T-13 0xFF undoubled"),
        pytest.param(b"257 a\r\0b\rc\r\n", [Reply.of(257, "a\r\0b\rc")], id="T-14 CR NUL stays"),
        pytest.param(b"\xff\xfc\x01200 a\r\n", [Reply.of(200, "a")], id="T-08 a refusal in front"),
        pytest.param(b"220-a\r\n220", [], id="unfinished"),
        pytest.param(b"hello\r\n200 a\r\n", [ProtocolViolation], id="no code"),
        pytest.param(b"220 a\r\n20 a\r\n", [Reply.of(220, "a"), ProtocolViolation], id="two digits"),
        pytest.param(b"600 a\r\n", [ProtocolViolation], id="no such first digit"),
        pytest.param(b"200a\r\n", [ProtocolViolation], id="no space"),
        pytest.param(b"\r\n", [ProtocolViolation], id="empty line"),
        pytest.param(b"200 a\xff\xfa" + b"x" * 1000, [ProtocolViolation], id="endless subnegotiation"),
    ],
)
def test_reading(sent: bytes, replies: list[Reply | type[ProtocolViolation]]) -> None:
    assert read([sent]) == replies
    assert read(by_byte(sent)) == replies


@pytest.mark.parametrize("step", [REPLY_LIMIT, 100_000])
def test_the_size_of_a_reply_is_bounded(step: int) -> None:
    line = b"200 " + b"x" * (REPLY_LIMIT - 6) + b"\r\n"
    lines = b"200-a\r\n" + b" b\r\n" * ((REPLY_LIMIT - 13) // 4)
    longest = lines + b"200 ".ljust(REPLY_LIMIT - len(lines) - 2, b"x") + b"\r\n"
    for good in (line, longest):
        assert len(good) == REPLY_LIMIT
        assert len(read([good[at : at + step] for at in range(0, len(good), step)])) == 1
        assert ProtocolViolation not in read([good, good])
        bad = good.replace(b"\r\n", b"x\r\n", 1)
        assert read([bad[at : at + step] for at in range(0, len(bad), step)]) == [ProtocolViolation]


def test_a_violation_is_final() -> None:
    reader = ReplyReader()
    reader.feed(b"hello\r\n")
    for _ in range(2):
        with pytest.raises(ProtocolViolation):
            reader.next_reply()
        reader.feed(b"200 a\r\n")


def test_requests_for_options_are_refused() -> None:
    reader = ReplyReader()
    reader.feed(b"\xff\xfd\x01200 a\r\n")
    assert (reader.take_answers(), reader.take_answers()) == (b"\xff\xfc\x01", b"")


def test_another_encoding() -> None:
    reader = ReplyReader()
    reader.feed(b"200 \xe9\r\n200 \xe9\r\n200 a\r\n")
    assert reader.next_reply("latin-1") == Reply.of(200, "\xe9")
    with pytest.raises(UnicodeDecodeError):
        reader.next_reply(errors="strict")
    assert reader.next_reply() == Reply.of(200, "a")


def test_many_lines_cost_no_more_each_than_few() -> None:
    sent = b"200-a\r\n" + b" b\r\n" * 200_000 + b"200 c\r\n"
    start = process_time()
    (reply,) = read([sent])
    # Were it quadratic, it would take minutes.
    assert process_time() - start < 20
    assert isinstance(reply, Reply)
    assert len(reply.lines) == 200_002


def _line(data: bytes) -> str:
    return data.translate(None, b"\r\n\0").decode("utf-8", "surrogateescape")


CODES = st.integers(100, 599)
LINES = (
    st.lists(st.binary(max_size=12).map(_line) | st.just("\r\0"), max_size=3)
    .map("".join)
    .filter(lambda line: line == line.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"))
)
REPLIES = st.builds(Reply, CODES, st.lists(LINES | CODES.map(str) | CODES.map("{} x".format), min_size=1).map(tuple))


@given(replies=st.lists(REPLIES, max_size=4), cuts=st.lists(st.integers(0, 200)))
def test_what_was_encoded_is_read_back(replies: list[Reply], cuts: list[int]) -> None:
    sent = b"".join(reply.encode() for reply in replies)
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(places)]
    assert read(pieces) == replies


@given(reply=st.builds(Reply, CODES, st.lists(st.text(), min_size=1).map(tuple)))
def test_no_text_forges_a_reply(reply: Reply) -> None:
    """R-08, for any text at all, lone surrogates included."""
    (read_back,) = read([reply.encode()])
    assert isinstance(read_back, Reply)
    assert (read_back.code, len(read_back.lines)) == (reply.code, len(reply.lines))


@given(sent=st.lists(st.binary(max_size=5) | st.sampled_from([b"200", b"200-", b"200 ", b" ", b"\r\n"])).map(b"".join))
def test_no_bytes_raise_anything_but_a_violation(sent: bytes) -> None:
    assert read([sent]) == read(by_byte(sent))
