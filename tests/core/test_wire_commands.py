"""Commands from bytes: lines, Telnet, limits.  Checklist section 1."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpcore._telnet import SUBNEGOTIATION_LIMIT
from ftpcore.wire import ENDLESS_LIMIT, LINE_LIMIT, Command, CommandReader, Fault, ProtocolViolation

NOOP = Command("NOOP", None)
TOO_LONG = Command("", None, Fault.LINE_TOO_LONG)

Outputs = tuple[list[Command | type[ProtocolViolation]], bytes]


def outputs(reader: CommandReader, pieces: Iterable[bytes]) -> Outputs:
    """Feed `pieces`, asking for all commands after each; a violation is shown once, at the end."""
    commands: list[Command | type[ProtocolViolation]] = []
    answers = b""
    for piece in pieces:
        reader.feed(piece)
        try:
            while (command := reader.next_command()) is not None:
                commands.append(command)
        except ProtocolViolation:
            if ProtocolViolation not in commands:
                commands.append(ProtocolViolation)
        answers += reader.take_answers()
    return commands, answers


def commands_of(sent: bytes) -> Sequence[Command | type[ProtocolViolation]]:
    whole = outputs(CommandReader(), [sent])
    assert outputs(CommandReader(), by_byte(sent)) == whole
    return whole[0]


def by_byte(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize(
    ("sent", "commands"),
    [
        pytest.param(b"NOOP\r\n", [NOOP], id="T-01 one line"),
        pytest.param(b"NO\rOP\r\n", [Command("NO\rOP", None)], id="T-01 a lone CR ends nothing"),
        pytest.param(b"CWD a\r\r\n", [Command("CWD", "a\r")], id="T-01 one CR belongs to the end"),
        pytest.param(
            b"PWD\r\nNOOP\r\nSYST\r\n",
            [Command("PWD", None), NOOP, Command("SYST", None)],
            id="T-02 several in one segment",
        ),
        pytest.param(b"pwd\r\nPwd\r\n", [Command("PWD", None)] * 2, id="T-03 verbs in any case"),
        pytest.param("li\u017ft\r\n".encode(), [Command("li\u017ft", None)], id="T-03 a long s is no S"),
        pytest.param("l\u0131st\r\n".encode(), [Command("l\u0131st", None)], id="T-03 a dotless i is no I"),
        pytest.param(b"NOOP\nCWD x\n", [NOOP, Command("CWD", "x")], id="T-04 bare LF"),
        pytest.param(b"\r\n\nNOOP\r\n", [Command("", None), Command("", None), NOOP], id="T-05 empty lines"),
        pytest.param(b" NOOP\r\n", [Command("", "NOOP")], id="leading blank"),
        pytest.param(
            b"x" * 9000 + b"MKD x\r\nNOOP\r\n", [TOO_LONG, NOOP], id="T-06 over-long line is thrown away to its end"
        ),
        pytest.param(b"C " + b"x" * 2046 + b"\r\n", [Command("C", "x" * 2046)], id="T-06 a line of 2048"),
        pytest.param(b"C " + b"x" * 2046 + b"\n", [Command("C", "x" * 2046)], id="T-06 a line of 2048, bare LF"),
        pytest.param(b"C " + b"x" * 2047 + b"\r\n", [TOO_LONG], id="T-06 a line of 2049"),
        pytest.param(b"C " + b"x" * 2046 + b"\r\r\n", [TOO_LONG], id="T-06 a line of 2049 that ends in CR"),
        pytest.param(b"x" * 9000 + b"\r\n" + b"y" * 9000 + b"\r\n", [TOO_LONG] * 2, id="T-06 one for each line"),
        pytest.param(b"x" * ENDLESS_LIMIT + b"\r\nNOOP\r\n", [TOO_LONG, NOOP], id="T-07 just not endless"),
        pytest.param(b"x" * (ENDLESS_LIMIT + 1), [ProtocolViolation], id="T-07 endless"),
        pytest.param(
            b"NOOP\r\n" + b"x" * (ENDLESS_LIMIT + 1) + b"\r\nNOOP\r\n",
            [NOOP, ProtocolViolation],
            id="T-07 ends too late",
        ),
        pytest.param(b"MKD \xff\xff\r\n", [Command("MKD", "\udcff")], id="T-12 IAC IAC is a byte"),
        pytest.param(b"MKD \xff\xff\xf4x\r\n", [Command("MKD", "\udcff\udcf4x")], id="T-12 which is no IAC"),
        pytest.param(b"MKD \xffx\xff\r\n", [Command("MKD", "\udcffx\udcff")], id="T-12 an undoubled 0xFF is data"),
        pytest.param(b"MKD x\r\0y\r\n", [Command("MKD", "x\ry")], id="T-14 CR NUL is a CR"),
        pytest.param(b"MKD x\r\0\r\n", [Command("MKD", "x\r")], id="T-14 at the end of the line"),
        pytest.param(b"MKD x\r\0\n", [Command("MKD", "x\r")], id="T-14 at the end of a line with a bare LF"),
        pytest.param(b"MKD a\0b\r\nNOOP\r\n", [Command("MKD", None, Fault.NUL_BYTE), NOOP], id="T-15 NUL"),
        pytest.param(b"MKD a\r\0\0b\r\n", [Command("MKD", None, Fault.NUL_BYTE)], id="T-15 NUL behind CR NUL"),
        pytest.param(b"NO\0OP x\r\n", [Command("", None, Fault.NUL_BYTE)], id="T-15 NUL in a verb"),
        pytest.param(b"NO\r\0OP\r\n", [Command("", None, Fault.NUL_BYTE)], id="T-15 CR NUL in a verb"),
        pytest.param(b"MKD  a \r\n", [Command("MKD", " a ")], id="T-16 spaces of the argument"),
        pytest.param(b"PASV \r\n", [Command("PASV", "")], id="T-19 a space and nothing"),
        pytest.param("MKD \xe9\r\n".encode(), [Command("MKD", "\xe9")], id="T-17 UTF-8"),
        pytest.param(b"MKD \xe9\r\n", [Command("MKD", "\udce9")], id="T-17 not UTF-8"),
        pytest.param(b"X\xe9 a\r\n", [Command("X\udce9", "a")], id="T-20 a verb that is none"),
        pytest.param(b"DELE x", [], id="T-22 end of file in a line"),
    ],
)
def test_lines(sent: bytes, commands: list[Command | type[ProtocolViolation]]) -> None:
    assert commands_of(sent) == commands


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        pytest.param(b"\xff\xfd\x06NOOP\r\n", b"\xff\xfc\x06", id="T-08 DO is answered by WONT"),
        pytest.param(b"NO\xff\xfb\x18OP\r\n", b"\xff\xfe\x18", id="T-08 WILL is answered by DONT"),
        pytest.param(b"\xff\xfd\n\xff\xfb\xffNOOP\r\n", b"\xff\xfc\n\xff\xfe\xff", id="T-08 any option"),
        pytest.param(b"\xff\xfc\x01NOOP\xff\xfe\x01\r\n", b"", id="T-09 WONT and DONT are not answered"),
        pytest.param(b"\xff\xf4\xff\xf2NOOP\r\n", b"", id="T-10 IP and Synch"),
        pytest.param(b"NOOP\xff\xf1\r\xff\xf1\n", b"", id="T-10 NOP within the end of the line"),
        pytest.param(b"\xff\xf6\xff\xf5\xff\xf9\xff\xf0NOOP\r\n", b"", id="AYT, AO, GA, a stray SE"),
        pytest.param(b"\xff\xf4\xf2NOOP\r\n", b"", id="T-11 the second IAC was urgent"),
        pytest.param(b"\xf4\xff\xf2NOOP\r\n", b"", id="T-11 the first IAC was urgent"),
        pytest.param(b"\xff\xf4\xffNOOP\r\n", b"", id="T-11 DM was urgent"),
        pytest.param(b"\xff\xfa\x18\0vt100\r\n\xff\xf0NOOP\r\n", b"", id="subnegotiation"),
        pytest.param(b"\xff\xfa\xff\xff\xf0\xff\x01\xff\xf0NOOP\r\n", b"", id="subnegotiation with IAC in it"),
        pytest.param(
            b"\xff\xfa" + b"x" * (SUBNEGOTIATION_LIMIT - 4) + b"\xff\xf0NOOP\r\n", b"", id="T-07 long subnegotiation"
        ),
    ],
)
def test_telnet(sent: bytes, answers: bytes) -> None:
    assert outputs(CommandReader(), [sent]) == ([NOOP], answers)
    assert outputs(CommandReader(), by_byte(sent)) == ([NOOP], answers)


@pytest.mark.parametrize("end", [b"", b"\xff\xf0OP\r\n"], ids=["T-07 endless", "T-07 ends too late"])
def test_a_subnegotiation_must_end(end: bytes) -> None:
    sent = b"\xff\xfd\x01NOOP\r\nNO\xff\xfa" + b"x" * (SUBNEGOTIATION_LIMIT - 1) + end
    assert outputs(CommandReader(), [sent]) == ([NOOP, ProtocolViolation], b"\xff\xfc\x01")
    assert outputs(CommandReader(), by_byte(sent)) == ([NOOP, ProtocolViolation], b"\xff\xfc\x01")


@pytest.mark.parametrize(
    "sent", [b"x" * (ENDLESS_LIMIT + 1), b"\xff\xfa" + b"x" * SUBNEGOTIATION_LIMIT], ids=["line", "subnegotiation"]
)
def test_a_violation_is_final(sent: bytes) -> None:
    reader = CommandReader()
    reader.feed(sent)
    for late in (b"", b"\r\nNOOP\r\n", b"\xff\xf0\r\nNOOP\r\n"):
        reader.feed(late)
        with pytest.raises(ProtocolViolation):
            reader.next_command()
        reader.clear()
    assert reader.buffered == 0


def test_a_bare_lf_may_be_data() -> None:
    sent = b"MKD a\nb\r\nNO\r\rOP\r\r\n" + b"x" * 3000 + b"\n\r\nNOOP\r\n"
    expected = [Command("MKD", "a\nb"), Command("NO\r\rOP\r", None), TOO_LONG, NOOP]
    assert outputs(CommandReader(bare_lf=False), [sent])[0] == expected
    assert outputs(CommandReader(bare_lf=False), by_byte(sent))[0] == expected


@pytest.mark.parametrize(
    ("sent", "command"),
    [
        (b"MKD \xe9\r\n", Command("MKD", None, Fault.UNDECODABLE)),
        (b"\xe9 a\r\n", Command("", None, Fault.UNDECODABLE)),
        (b"MKD \xc3\xa9\r\n", Command("MKD", "\xe9")),
    ],
)
def test_strict_decoding_is_a_fault_of_the_line(sent: bytes, command: Command) -> None:
    reader = CommandReader()
    reader.feed(sent)
    assert reader.next_command(errors="strict") == command


def test_the_encoding_may_change_between_two_commands() -> None:
    reader = CommandReader()
    reader.feed(b"MKD \xe9\r\nMKD \xc3\xa9\r\n")
    assert reader.next_command("latin-1") == Command("MKD", "\xe9")
    assert reader.next_command("utf-8") == Command("MKD", "\xe9")


@pytest.mark.parametrize("limit", [0, -1, ENDLESS_LIMIT + 1])
def test_the_limit_of_a_line_is_bounded(limit: int) -> None:
    with pytest.raises(ValueError, match="line_limit"):
        CommandReader(line_limit=limit)


@pytest.mark.parametrize("limit", [1, ENDLESS_LIMIT])
def test_the_limit_of_a_line_is_settable(limit: int) -> None:
    reader = CommandReader(line_limit=limit)
    reader.feed(b"X" * limit + b"\r\n")
    assert reader.next_command() == Command("X" * limit, None)


def test_clear_drops_everything_that_was_not_given_out() -> None:
    """T-21: nothing that came in clear is taken for a command inside TLS."""
    reader = CommandReader()
    reader.feed(b"AUTH TLS\r\nNOOP\r\n" + b"x" * 3000 + b"\xff\xfd\x01\xff")
    assert reader.next_command() == Command("AUTH", "TLS")
    assert reader.buffered == len(b"NOOP\r\n") + 3000 + 1 + len(b"\xff\xfc\x01")
    reader.clear()
    assert (reader.buffered, reader.take_answers()) == (0, b"")
    reader.feed(b"PBSZ 0\r\n")
    assert reader.next_command() == Command("PBSZ", "0")


def test_clear_ends_an_over_long_line() -> None:
    reader = CommandReader()
    reader.feed(b"x" * 3000)
    assert reader.next_command() is None
    reader.clear()
    reader.feed(b"NOOP\r\n")
    assert reader.next_command() == NOOP


def test_what_was_fed_is_not_changed_by_its_owner() -> None:
    reader = CommandReader()
    buffer = bytearray(b"NOOP\r\n")
    reader.feed(buffer)  # type: ignore[arg-type]  # a host may pass its own buffer all the same
    buffer[:] = b"x" * 6
    assert reader.next_command() == NOOP


def test_bytes_fed_behind_waiting_commands_keep_their_order() -> None:
    reader = CommandReader()
    reader.feed(b"A\r\nB\r\nC")
    assert reader.next_command() == Command("A", None)
    reader.feed(b"D\r\nE\r\n")
    assert [reader.next_command() for _ in range(4)] == [Command(verb, None) for verb in ("B", "CD", "E")] + [None]
    assert reader.buffered == 0


def test_an_over_long_line_is_not_kept() -> None:
    """T-07."""
    reader = CommandReader()
    for _ in range(ENDLESS_LIMIT // 1024):
        reader.feed(b"x" * 1024)
        assert reader.next_command() is None
        assert reader.buffered <= LINE_LIMIT + 1
    reader.feed(b"\r\n")
    assert reader.next_command() == TOO_LONG


def test_an_idle_reader_holds_nearly_nothing() -> None:
    reader = CommandReader()
    reader.feed(b"NOOP\r\n" * 10_000 + b"PA")
    while reader.next_command() is not None:
        pass
    held = [getattr(reader, name) for name in CommandReader.__slots__]
    assert sum(map(sys.getsizeof, [reader, *held])) < 500


def test_pipelined_commands_are_not_copied_for_each_line() -> None:
    reader = CommandReader()
    sent = b"NOOP\r\n" * 100_000
    tracemalloc.start()
    try:
        reader.feed(sent)
        assert sum(1 for _ in iter(reader.next_command, None)) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


#: Bytes that mean something, so that random streams hit the corners.
LINES = st.sampled_from(
    [b"NOOP", b"MKD a", b" ", b"\r", b"\n", b"\r\n", b"\0", b"\r\0", b"\xc3\xa9", b"\xe9", b"x" * 15]
)
TELNET = st.sampled_from(
    [b"\xff", b"\xff\xff", b"\xff\xfd", b"\xff\xfb\x01", b"\xff\xfa", b"\xff\xf0", b"\xf2", b"\xf4"]
)
STREAMS = st.lists(LINES | TELNET | st.binary(max_size=4), max_size=40).map(b"".join)
CUTS = st.lists(st.integers(0, 300), max_size=20)


@given(sent=STREAMS, cuts=CUTS, bare_lf=st.booleans())
def test_chunking_is_invisible(sent: bytes, cuts: list[int], bare_lf: bool) -> None:
    pieces = split(sent, cuts)
    # So low a limit that lines pass it.
    whole = outputs(CommandReader(line_limit=20, bare_lf=bare_lf), [sent])
    assert outputs(CommandReader(line_limit=20, bare_lf=bare_lf), pieces) == whole


@given(length=st.integers(ENDLESS_LIMIT - 3, ENDLESS_LIMIT + 3), end=st.sampled_from([b"", b"\r", b"\r\n", b"\r\r\n"]))
def test_the_bound_of_an_endless_line_does_not_depend_on_chunking(length: int, end: bytes) -> None:
    sent = b"x" * length + end
    whole = outputs(CommandReader(), [sent])
    assert outputs(CommandReader(), split(sent, range(0, len(sent), 1000))) == whole
    assert outputs(CommandReader(), [sent[:length], *by_byte(end)]) == whole


@given(name=st.binary(max_size=60).map(lambda data: data.translate(None, b"\n\0")))
def test_every_name_arrives_as_it_is(name: bytes) -> None:
    """T-17: every byte but NUL and LF survives, with the escapes of T-12 and T-14."""
    escaped = name.replace(b"\xff", b"\xff\xff").replace(b"\r", b"\r\0")
    assert commands_of(b"MKD " + escaped + b"\r\n") == [Command("MKD", name.decode("utf-8", "surrogateescape"))]


@given(sent=st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_violation(sent: bytes) -> None:
    outputs(CommandReader(line_limit=20), [sent, b"\r\n"])
