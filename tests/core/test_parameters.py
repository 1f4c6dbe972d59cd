"""TYPE, MODE, STRU, ALLO, and TYPE A on the data connection.  Checklist section 4."""

from __future__ import annotations

import pytest

from ftpcore import Endpoint, TransferType
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("TYPE A", 200, id="P-02 A"),
        pytest.param("TYPE A N", 200, id="P-02 A N"),
        pytest.param("TYPE I", 200, id="P-02 I"),
        pytest.param("TYPE L 8", 200, id="P-02 L 8"),
        pytest.param("TYPE L8", 200, id="P-02 L8 without its blank"),
        pytest.param("TYPE A T", 200, id="P-03 A T is A N"),
        pytest.param("TYPE A C", 504, id="P-04 A C"),
        pytest.param("TYPE E", 504, id="P-04 E"),
        pytest.param("TYPE L 7", 504, id="P-04 L 7"),
        pytest.param("TYPE X", 504, id="P-04 malformed"),
        pytest.param("TYPE", 501, id="P-04 missing"),
        pytest.param("MODE S", 200, id="P-06 S"),
        pytest.param("MODE B", 504, id="P-06 B"),
        pytest.param("MODE C", 504, id="P-06 C"),
        pytest.param("MODE X", 501, id="P-06 unknown"),
        pytest.param("MODE BC", 501, id="P-06 two letters"),
        pytest.param("STRU F", 200, id="P-07 F"),
        pytest.param("STRU P", 504, id="P-07 P"),
        pytest.param("STRU R", 504, id="P-07 R"),
        pytest.param("STRU X", 501, id="P-07 unknown"),
        pytest.param("type i", 200, id="P-08 type"),
        pytest.param("type a n", 200, id="P-08 type with a format"),
        pytest.param("mode s", 200, id="P-08 mode"),
        pytest.param("stru f", 200, id="P-08 structure"),
        pytest.param("ALLO 100", 200, id="P-09 size"),
        pytest.param("ALLO 100 R 20", 200, id="P-09 size and record size"),
        pytest.param("allo 100 r 20", 200, id="P-09 in small letters"),
        pytest.param("ALLO x", 501, id="P-09 no number"),
        pytest.param("ALLO -1", 501, id="P-09 negative"),
        pytest.param("ALLO 1 R", 501, id="P-09 record size missing"),
        pytest.param("ALLO \u0661", 501, id="P-09 digits of another script"),
    ],
)
def test_parameters(host: ScriptedHost, command: str, code: int) -> None:
    assert host.feed(f"{command}\r\n".encode()).codes() == [code]


def test_P_01_defaults(fs: MemoryFileSystem) -> None:
    session = ScriptedHost(SingleUser(fs)).session
    assert session.transfer_type is TransferType.ASCII
    assert session.endpoint is Endpoint.NONE


@pytest.mark.parametrize("refused", ["E", "L 7", "A C", "X", ""], ids="P-05 {!r}".format)
def test_P_05_a_refused_type_changes_nothing(host: ScriptedHost, refused: str) -> None:
    for type_ in TransferType:
        host.feed(f"TYPE {type_.value}\r\nTYPE {refused}\r\n".encode())
        assert host.session.transfer_type is type_


def download(host: ScriptedHost, name: str) -> bytes:
    host.feed(b"PASV\r\n").connect().feed(f"RETR {name}\r\n".encode())
    assert host.codes()[-1] == 226
    return host.downloads[-1]


def upload(host: ScriptedHost, name: str, *blocks: bytes) -> None:
    host.feed(b"PASV\r\n").connect().feed(f"STOR {name}\r\n".encode()).upload(*blocks).finish()
    assert host.codes()[-1] == 226


TEXT = b"one\ntwo\r\nthree\rfour\n"
ON_THE_WIRE = b"one\r\ntwo\r\nthree\rfour\r\n"
STORED = b"one\ntwo\nthree\rfour\n"


def test_P_10_line_ends_become_cr_lf_on_the_way_out(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/a", TEXT)
    host.feed(b"TYPE A\r\n").take()
    assert download(host, "a") == ON_THE_WIRE


def test_P_10_line_ends_become_local_on_the_way_in(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"TYPE A\r\n").take()
    upload(host, "a", ON_THE_WIRE)
    assert fs.read_bytes("/a") == STORED


def test_P_10_a_cr_lf_may_be_cut_in_two(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"TYPE A\r\n").take()
    upload(host, "a", *(ON_THE_WIRE[at : at + 1] for at in range(len(ON_THE_WIRE))))
    assert fs.read_bytes("/a") == STORED


def test_P_10_a_cr_at_the_end_is_kept(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"TYPE A\r\n").take()
    upload(host, "a", b"x\r")
    assert fs.read_bytes("/a") == b"x\r"


@pytest.mark.parametrize("type_", ["I", "L 8"], ids="P-11 {}".format)
@pytest.mark.parametrize("kernel", [True, False], ids=["kernel", "blocks"])
def test_P_11_bytes_are_not_changed(host: ScriptedHost, fs: MemoryFileSystem, type_: str, kernel: bool) -> None:
    host.kernel = kernel
    host.feed(f"TYPE {type_}\r\n".encode()).take()
    upload(host, "a", TEXT[:7], TEXT[7:])
    assert fs.read_bytes("/a") == TEXT
    assert download(host, "a") == TEXT


def test_P_12_conversion_may_be_turned_off(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.session.ascii_conversion = False
    host.feed(b"TYPE A\r\n").take()
    upload(host, "a", TEXT)
    assert fs.read_bytes("/a") == TEXT
    assert host.feed(b"SIZE a\r\nREST 4\r\n").take().startswith(b"213 %d\r\n350 " % len(TEXT))
    assert download(host, "a") == TEXT[4:]


def test_P_12_with_conversion_there_are_no_offsets(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/a", TEXT)
    assert host.feed(b"TYPE A\r\nSIZE a\r\nREST 4\r\n").codes() == [200, 550, 501]


def test_cameras_may_send_what_they_send_before_the_first_transfer(host: ScriptedHost) -> None:
    """Appliances give up at the first 5yz, some at 202."""
    sent = b"TYPE A N\r\nMODE S\r\nSTRU F\r\nALLO 4711\r\nSITE HELP\r\nTYPE I\r\n"
    assert host.feed(sent).codes() == [200, 200, 200, 200, 214, 200]
