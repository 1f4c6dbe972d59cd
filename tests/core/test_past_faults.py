"""What other servers got wrong, kept from coming back.  What only sockets show is in tests/adapters.

Here are the faults that no test of a rule covers.  The others, by the file that has them:

test_framing           CR and LF in segments of their own (T-01), NUL (T-15), lines that are too long (T-06)
test_data_connections  PASV during a transfer (D-20), a stranger on the passive port (D-13), no PASV: 425 (D-15)
test_data_addresses    EPSV ALL, then EPRT or PORT (D-07); PORT to others and to services (D-11, D-12)
test_transfer_abort    ABOR in every state, with Telnet codes, and overtaking what waits (X-16 to X-20)
test_transfer_order    RETR during a transfer (X-13); STAT, QUIT, USER and REIN in both directions (X-14, L-06 to L-08)
test_transfer_store    a reset is no end of an upload (X-04)
test_transfer_failures write errors: 452, 552, 451 (X-05)
test_login             commands pipelined behind a wrong password (L-10), USER in mid-session (L-06)
test_names             quotes doubled (N-01), line ends (N-14), names that are not UTF-8 (N-12)
test_restart           REST of what is no offset (S-07)
test_listings          NLST gives names that RETR takes (M-03), line ends in names (M-26), rights in `perm` (M-19)
test_listing_format    unix.mode
test_parameters        TYPE A N (P-02)
test_features          SITE HELP of one command (F-12)
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ftpcore import AuthenticationFailed, ConnectData, VirtualPath
from ftpcore.ports import Account, FileInfo, FileKind
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"data")


# -- data connections that are over, refused or not there -------------------------------------------------------------


@pytest.mark.parametrize("command", [b"RETR f", b"STOR g", b"APPE g", b"LIST", b"NLST", b"MLSD"])
def test_a_passive_port_serves_one_command(host: ScriptedHost, command: bytes) -> None:
    host.feed(b"PASV\r\n").connect().feed(command + b"\r\n").finish()
    assert host.codes() == [227, 125, 226]
    assert host.feed(command + b"\r\n").codes() == [425]


def test_an_aborted_transfer_uses_its_data_connection_up(host: ScriptedHost) -> None:
    host.window = 0
    host.feed(b"PASV\r\n").connect().feed(b"RETR f\r\n").feed(b"ABOR\r\n")
    assert host.feed(b"RETR f\r\n").codes() == [227, 125, 426, 226, 425]


def test_a_cut_transfer_uses_its_data_connection_up(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"STOR g\r\n").reset()
    assert host.feed(b"STOR g\r\n").codes() == [227, 125, 426, 425]


REFUSED = [
    pytest.param(b"PORT 192,0,2,7,100,1", id="another host"),
    pytest.param(b"PORT 127,0,0,1,0,80", id="a privileged port"),
    pytest.param(b"PORT 127,0,0,1,0,0", id="port 0"),
    pytest.param(b"PORT 127,0,0,1,256,1", id="no port"),
    pytest.param(b"PORT 127,0,0,1", id="half an address"),
    pytest.param(b"EPRT |1|192.0.2.7|25601|", id="EPRT to another host"),
    pytest.param(b"EPRT |2|::1|25601|", id="EPRT of another family"),
    pytest.param(b"EPRT |1|127.0.0.1|80|", id="EPRT to a privileged port"),
]


@pytest.mark.parametrize("line", REFUSED)
def test_a_refused_port_is_forgotten(host: ScriptedHost, line: bytes) -> None:
    assert host.feed(line + b"\r\n").codes()[0] >= 500
    assert host.feed(b"RETR f\r\n").codes() == [425]
    assert host.performed(ConnectData) == []
    assert host.feed(PORT + b"RETR f\r\n").codes() == [200, 150, 226]


@pytest.mark.parametrize("line", REFUSED)
def test_a_refused_port_does_not_serve_a_stou(host: ScriptedHost, line: bytes) -> None:
    host.feed(b"STOU\r\n" + line + b"\r\n")
    assert host.performed(ConnectData) == []
    host.take()
    assert host.feed(PORT).upload(b"x").finish().codes() == [200, 226]


def test_port_connects_to_nothing_yet(host: ScriptedHost) -> None:
    assert host.feed(PORT).codes() == [200]
    assert host.performed(ConnectData) == []


@pytest.mark.parametrize("command", [b"RETR f", b"STOR f", b"APPE f", b"LIST"])
def test_a_data_connection_that_was_reset_before_its_command(
    disk_host: ScriptedHost, disk: WatchedFileSystem, command: bytes
) -> None:
    """One 426 for the command, and the session goes on."""
    disk_host.feed(b"PASV\r\n").connect().reset().feed(command + b"\r\n").feed(b"NOOP\r\n")
    assert disk_host.codes() == [227, 125, 426, 200]
    assert disk.closings == [[False]] * len(disk.opened)
    assert disk_host.feed(PORT + b"LIST\r\n").codes() == [200, 150, 226]


def test_an_upload_that_was_over_before_its_command(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    """Its end is orderly, whenever it came."""
    host.feed(b"PASV\r\n").connect().upload(b"early").finish().feed(b"STOR f\r\n")
    assert host.codes() == [227, 125, 226]
    assert fs.read_bytes("/f") == b"early"


# -- ABOR -------------------------------------------------------------------------------------------------------------

TELNET = pytest.mark.parametrize(
    "prefix",
    [
        pytest.param(b"", id="plain"),
        pytest.param(b"\xff\xf4\xff\xf2", id="IP, Synch"),
        pytest.param(b"\xff\xf4\xf2", id="IP, IAC lost"),
        pytest.param(b"\xff\xf2", id="Synch alone"),
    ],
)


@TELNET
@pytest.mark.parametrize("command", [b"RETR f", b"STOR g", b"LIST"])
@pytest.mark.parametrize("endpoint", [b"PASV\r\n", PORT])
def test_abor_in_one_segment_with_its_transfer(
    host: ScriptedHost, endpoint: bytes, command: bytes, prefix: bytes
) -> None:
    host.window = 0
    host.feed(endpoint + command + b"\r\n" + prefix + b"ABOR\r\nNOOP\r\n")
    assert host.codes()[1:] == [150, 426, 226, 200]


@TELNET
def test_abor_byte_by_byte_in_the_middle_of_a_transfer(host: ScriptedHost, prefix: bytes) -> None:
    host.window = 2
    host.feed(PORT + b"RETR f\r\n").take()
    for byte in prefix + b"ABOR\r\n":
        host.feed(bytes([byte]))
    assert host.codes() == [426, 226]
    assert host.downloads == [b"da"]


# -- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\r\n", b"\n"], ids=["CR LF", "LF"])
def test_the_tail_of_a_line_of_5000_bytes_is_no_command(host: ScriptedHost, fs: MemoryFileSystem, end: bytes) -> None:
    """Wherever it is cut, and whatever a server takes at once."""
    line = b"DELE f".rjust(5000 - len(end), b"x") + end
    cuts = [1, 512, 1024, 2048, 4090, *range(4094, 4099), *range(4980, 5000)]
    for cut in cuts:
        assert host.feed(line[:cut]).feed(line[cut:] + b"NOOP\r\n").codes() == [500, 200], cut
    assert fs.read_bytes("/f") == b"data"


@pytest.mark.parametrize("limit", [4096, 2048, 1024, 512])
def test_a_command_behind_a_limit_is_no_command(host: ScriptedHost, fs: MemoryFileSystem, limit: int) -> None:
    host.feed(b"x" * limit + b"DELE f\r\n" + b" " * limit + b"DELE f\r\n")
    assert host.codes() == [500, 500]
    assert fs.read_bytes("/f") == b"data"


# -- REST -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [2**31, 2**32, 2**32 + 2, 2**53 + 1, 2**63 - 1])
@pytest.mark.parametrize("command", [b"RETR f", b"STOR f"])
def test_a_huge_offset_is_neither_cut_off_nor_used(
    host: ScriptedHost, fs: MemoryFileSystem, command: bytes, offset: int
) -> None:
    host.feed(b"REST %d\r\n" % offset + PORT + command + b"\r\n")
    assert host.codes() == [350, 200, 554]
    assert fs.tree() == {"/f": b"data"}


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b" a", b"a ", b"  a  b  ", b" ", b"\ta\t"], ids=repr)
def test_blanks_around_a_name_belong_to_it(host: ScriptedHost, fs: MemoryFileSystem, name: bytes) -> None:
    host.feed(PORT + b"STOR " + name + b"\r\n").upload(b"blank").finish().take()
    assert fs.read_bytes("/" + name.decode()) == b"blank"
    for command in (b"NLST", b"LIST", b"MLSD"):
        host.feed(PORT + command + b"\r\n")
        assert [line for line in host.downloads[-1].split(b"\r\n") if line.endswith(name)], command
    host.take()
    assert host.feed(b"SIZE " + name + b"\r\n").take() == b"213 5\r\n"
    assert host.feed(PORT + b"RETR " + name + b"\r\n").downloads[-1] == b"blank"
    host.take()
    assert host.feed(b"RNFR " + name + b"\r\nRNTO b\r\nRNFR b\r\nRNTO " + name + b"\r\n").codes() == [350, 250] * 2
    assert host.feed(b"DELE " + name + b"\r\n").codes() == [250]
    assert fs.tree() == {"/f": b"data"}


@pytest.mark.parametrize("name", ["213 End", "x\r\n213 End of status.", "\n213 x", "\r", "a\r\n226 b"], ids=repr)
def test_no_name_ends_a_reply(host: ScriptedHost, fs: MemoryFileSystem, name: str) -> None:
    fs.make_dir(VirtualPath("/" + name))
    assert host.feed(b"STAT /\r\nNOOP\r\n").codes() == [213, 200]


def test_every_file_of_a_tree_is_retrieved_by_the_names_of_nlst(fs: MemoryFileSystem, host: ScriptedHost) -> None:
    for directory in ("/d", "/d/-l", "/d/ blank "):
        for file in ("x", "*", "[a]", "-a", " x"):
            fs.write_bytes(f"{directory}/{file}", f"{directory}/{file}".encode())
    for argument in (b"d", b"/d", b"d/", b"d/-l", b"./d/ blank ", b"d/../d/-l"):
        host.feed(PORT + b"NLST " + argument + b"\r\n")
        names = host.downloads[-1].splitlines()
        assert len(names) >= 5
        retrieved = []
        for name in names:
            host.take()
            if host.feed(PORT + b"RETR " + name + b"\r\n").codes() == [200, 150, 226]:
                retrieved.append(host.downloads[-1].rpartition(b"/")[2])
        assert sorted(retrieved) == [b" x", b"*", b"-a", b"[a]", b"x"]


# -- listings and texts -----------------------------------------------------------------------------------------------


def test_mlsd_keeps_the_order_of_the_directory() -> None:
    """It is for machines: LIST and NLST are sorted."""

    class Unsorted(MemoryFileSystem):
        def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
            yield from (FileInfo(name, FileKind.FILE) for name in ("z", "a", "m"))

    host = ScriptedHost(SingleUser(Unsorted())).login()
    order = []
    for command in (b"MLSD", b"NLST"):
        host.feed(PORT + command + b"\r\n")
        order.append([line[-1:] for line in host.downloads[-1].split(b"\r\n")[:-1]])
    assert order == [[b"z", b"a", b"m"], [b"a", b"m", b"z"]]


def test_a_reason_keeps_its_capitals(fs: MemoryFileSystem) -> None:
    class Refusing(SingleUser):
        def authenticate(self, username: str, password: str, peer: str, /) -> Account:
            raise AuthenticationFailed("user ANN is locked, ask IT.")

    host = ScriptedHost(Refusing(fs)).feed(b"USER ann\r\nPASS pw\r\n").advance(10)
    assert host.replies()[-1].lines[0].startswith("User ANN is locked, ask IT.")
