"""Lines and Telnet on the control connection of a session.  Checklist section 1; the grammar alone: test_wire_*.py."""

from __future__ import annotations

import pytest

from ftpcore import ViolationSeen
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore.wire import ENDLESS_LIMIT
from ftpcore_adapters.memory import MemoryFileSystem

SCRIPT = (
    b"USER ann\r\nPASS pw\r\npwd\r\n\xff\xf4\xff\xf2MKD a\r\n\r\nRNFR a\nRNTO b\r\nMKD \xe9\r\0\xff\xff\r\nQUIT\r\n"
)

#: Verbs whose argument is required; RNTO needs one before anybody asks for RNFR.
ARGUMENT_NEEDED = (
    "USER TYPE MODE STRU PORT EPRT RETR STOR APPE REST ALLO DELE RNFR RNTO MKD RMD SIZE MDTM MFMT OPTS SITE XMKD XRMD"
)
ARGUMENT_REFUSED = "QUIT PWD NOOP ABOR PASV FEAT CDUP REIN SYST XPWD XCUP"
#: Registered by RFC 5797 or in use elsewhere, and not offered here.
NOT_OFFERED = "ACCT SMNT CCC ENC MIC CONF ADAT LPRT LPSV"


def test_T_01_segment_boundaries_mean_nothing() -> None:
    whole = ScriptedHost(SingleUser(MemoryFileSystem())).feed(SCRIPT)
    single = ScriptedHost(SingleUser(MemoryFileSystem()))
    for byte in SCRIPT:
        single.feed(bytes([byte]))
    assert single.take() == whole.take()
    assert single.events == whole.events


def test_T_01_a_lone_cr_ends_no_line(host: ScriptedHost) -> None:
    assert host.feed(b"PWD\r").codes() == []
    assert host.feed(b"PWD\r\n").codes() == [500]


def test_T_02_commands_of_one_segment_are_answered_in_order(host: ScriptedHost) -> None:
    assert host.feed(b"PWD\r\nNOOP\r\nSYST\r\n").codes() == [257, 200, 215]


@pytest.mark.parametrize("verb", ["pwd", "Pwd", "PWD", "pWd"], ids="T-03 {}".format)
def test_T_03_the_case_of_a_verb_does_not_matter(host: ScriptedHost, verb: str) -> None:
    assert host.feed(f"{verb}\r\n".encode()).codes() == [257]


def test_T_04_a_bare_lf_ends_a_line(host: ScriptedHost) -> None:
    assert host.feed(b"PWD\nNOOP\n").codes() == [257, 200]


def test_T_05_an_empty_line_is_a_syntax_error_and_no_more(host: ScriptedHost) -> None:
    assert host.feed(b"\r\nNOOP\r\n").codes() == [500, 200]


def test_T_06_an_over_long_line_is_thrown_away_to_its_end(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    assert host.feed(b"x" * 9000 + b"MKD x\r\nNOOP\r\n").codes() == [500, 200]
    assert fs.tree() == {}


def test_T_07_an_endless_line_closes_the_session(host: ScriptedHost) -> None:
    for _ in range(ENDLESS_LIMIT // 1024 + 1):
        host.feed(b"x" * 1024)
        assert host.session.reader.buffered < 4096
    assert host.codes() == [421]
    assert host.control_closed
    assert [type(event) for event in host.events].count(ViolationSeen) == 1


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        pytest.param(b"\xff\xfd\x06NOOP\r\n", b"\xff\xfc\x06", id="T-08 DO gets WONT"),
        pytest.param(b"NO\xff\xfb\x18OP\r\n", b"\xff\xfe\x18", id="T-08 WILL gets DONT"),
        pytest.param(b"\xff\xfc\x06\xff\xfe\x18NOOP\r\n", b"", id="T-09 WONT and DONT get nothing"),
    ],
)
def test_telnet_options_are_refused_and_the_line_is_carried_out(host: ScriptedHost, sent: bytes, answer: bytes) -> None:
    data = host.feed(sent).take()
    assert data.startswith(answer + b"200 ")
    assert data.count(b"\r\n") == 1


def test_T_08_an_option_is_refused_before_its_line_ends(host: ScriptedHost) -> None:
    assert host.feed(b"\xff\xfd\x06").take() == b"\xff\xfc\x06"


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param(b"\xff\xf4\xff\xf2", id="T-10 IP and Synch in-line"),
        pytest.param(b"\xff\xf4\xf2", id="T-11 IAC of the Synch was urgent"),
        pytest.param(b"\xff\xf4\xff", id="T-11 DM was urgent"),
    ],
)
def test_abor_is_known_behind_a_telnet_interrupt(host: ScriptedHost, prefix: bytes) -> None:
    assert host.feed(prefix + b"ABOR\r\n").codes() == [225]


@pytest.mark.parametrize(
    ("sent", "name", "told"),
    [
        pytest.param(b"l\xff\xffx", "l\udcffx", b'257 "/l\xff\xffx"', id="T-12 T-13 a 0xFF is doubled both ways"),
        pytest.param(b"x\r\0y", "x\ry", b'257 "/x\r\0y"', id="T-14 a CR is CR NUL both ways"),
        pytest.param(b" a ", " a ", b'257 "/ a "', id="T-16 blanks belong to the argument"),
        pytest.param(b"\x01\x7f\xe9\t", "\x01\x7f\udce9\t", b'257 "/\x01\x7f\xe9\t"', id="T-17 eight bits"),
    ],
)
def test_a_name_arrives_and_is_told_as_it_is(
    host: ScriptedHost, fs: MemoryFileSystem, sent: bytes, name: str, told: bytes
) -> None:
    assert host.feed(b"MKD " + sent + b"\r\n").take().startswith(told)
    assert fs.tree() == {f"/{name}/": b""}


def test_T_13_a_0xff_is_doubled_in_mlst_and_stou(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/\udcff", b"")
    assert b" /\xff\xff\r\n" in host.feed(b"MLST \xff\xff\r\n").take()
    host.feed(b"PASV\r\n").connect().take()
    assert host.feed(b"STOU \xff\xff\r\n").take().startswith(b"125 FILE: \xff\xff.")


@pytest.mark.parametrize("line", [b"MKD a\0b", b"MKD a\r\0\0", b"MKD \0"], ids="T-15 {!r}".format)
def test_T_15_a_nul_in_an_argument_is_refused(host: ScriptedHost, fs: MemoryFileSystem, line: bytes) -> None:
    assert host.feed(line + b"\r\nNOOP\r\n").codes() == [501, 200]
    assert fs.tree() == {}


def test_T_17_a_name_that_the_encoding_lacks_is_refused(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs))
    host.session.unicode_errors = "strict"
    host.login()
    assert host.feed(b"MKD \xe9\r\nNOOP\r\n").codes() == [501, 200]


@pytest.mark.parametrize("verb", ARGUMENT_NEEDED.split(), ids="T-18 {} needs an argument".format)
def test_T_18_a_missing_argument_is_a_syntax_error(host: ScriptedHost, verb: str) -> None:
    assert host.feed(f"{verb}\r\n".encode()).codes() == [501]
    assert host.feed(f"{verb} \r\n".encode()).codes() == [501]


@pytest.mark.parametrize("verb", ARGUMENT_REFUSED.split(), ids="T-18 {} takes no argument".format)
def test_T_18_an_argument_too_many_is_a_syntax_error(host: ScriptedHost, verb: str) -> None:
    assert host.feed(f"{verb} x\r\nNOOP\r\n".encode()).codes() == [501, 200]


@pytest.mark.parametrize("verb", ["MFMT", "SITE CHMOD"], ids="T-18 {} needs two arguments".format)
def test_T_18_a_missing_second_argument_is_a_syntax_error(host: ScriptedHost, verb: str) -> None:
    for argument in ("x", "x ", " x"):
        assert host.feed(f"{verb} {argument}\r\n".encode()).codes() == [501]


def test_T_19_blanks_behind_a_verb_without_argument_are_forgiven(host: ScriptedHost) -> None:
    assert host.feed(b"PASV \r\nNOOP   \r\n").codes() == [227, 200]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param(b"FROB", 500, id="T-20 an unknown verb"),
        pytest.param(b"PWDX", 500, id="T-20 a verb with a tail"),
        pytest.param(b" PWD", 500, id="T-16 a blank before the verb"),
        pytest.param("\u017fYST".encode(), 500, id="T-03 only ASCII letters have a case"),
        pytest.param(b"MODE B", 504, id="T-20 a known verb with a parameter that is not offered"),
        pytest.param(b"SITE FROB x", 504, id="T-20 an unknown SITE command"),
        *(pytest.param(verb.encode(), 502, id=f"T-20 {verb} is not offered") for verb in NOT_OFFERED.split()),
    ],
)
def test_what_can_not_be_done_is_told_apart(host: ScriptedHost, line: bytes, code: int) -> None:
    assert host.feed(line + b"\r\nNOOP\r\n").codes() == [code, 200]


def test_T_22_the_end_of_the_connection_ends_no_line(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"MKD x").end_control()
    assert fs.tree() == {}
    assert host.codes() == []
    assert host.control_closed


def test_T_22_lines_before_the_end_of_the_connection_are_answered(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"MKD x\r\nPWD\r\n").end_control()
    assert host.codes() == [257, 257]
    assert fs.tree() == {"/x/": b""}


def test_T_22_nothing_is_read_behind_the_end_of_the_connection(host: ScriptedHost) -> None:
    assert host.end_control().feed(b"PWD\r\n").codes() == []
