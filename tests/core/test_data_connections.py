"""Data connections: how they come up, whom they serve, and when they are given up.  Checklist section 5."""

from __future__ import annotations

import pytest

from ftpcore import (
    AcceptData,
    Address,
    Cancel,
    CloseData,
    CloseFile,
    ConnectData,
    DataPart,
    Delegate,
    EffectCancelled,
    Endpoint,
    ForeignPeer,
    LaneName,
    OpenFile,
    OpenListener,
    ServerFull,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

FOREIGN = Address("203.0.113.9", 50_000)
PORT = b"PORT 127,0,0,1,100,1\r\n"
OTHER_PORT = b"PORT 127,0,0,1,100,2\r\n"


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"data")


class Options(Delegate):
    """Options that a test sets on the instance."""


def with_options(fs: MemoryFileSystem, options: Options) -> ScriptedHost:
    return ScriptedHost(SingleUser(fs), delegate=options).login()


@pytest.mark.parametrize("verb", ["PASV", "EPSV"], ids="D-02 {}".format)
def test_D_02_every_listener_replaces_the_one_before(host: ScriptedHost, verb: str) -> None:
    host.feed(f"{verb}\r\n".encode())
    first = host.listening
    host.feed(f"{verb}\r\n".encode())
    assert [effect.part for effect in host.performed(CloseData)] == [DataPart.BOTH]
    assert host.listening not in (None, first)
    assert host.connect().feed(b"RETR f\r\n").codes()[-2:] == [125, 226]


def test_D_02_a_listener_replaces_a_connection_that_no_command_used(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"PASV\r\n")
    assert not host.connected
    assert host.feed(b"RETR f\r\n").connect().codes() == [227, 227, 150, 226]


def test_D_02_pasv_replaces_port(host: ScriptedHost) -> None:
    assert host.feed(PORT + b"PASV\r\n").connect().feed(b"RETR f\r\n").codes() == [200, 227, 125, 226]
    assert host.performed(ConnectData) == []


def test_D_02_port_replaces_pasv(host: ScriptedHost) -> None:
    assert host.feed(b"PASV\r\n" + PORT + b"RETR f\r\n").codes() == [227, 200, 150, 226]
    assert host.listening is None


def test_D_02_the_latest_port_counts(host: ScriptedHost) -> None:
    host.feed(PORT + OTHER_PORT + b"RETR f\r\n")
    assert [effect.address.port for effect in host.performed(ConnectData)] == [100 * 256 + 2]


def test_D_13_a_foreign_peer_is_turned_away_and_the_client_still_served(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\nRETR f\r\n").connect(FOREIGN)
    assert (host.codes(), host.downloads) == ([227, 150], [b""])
    host.connect()
    assert (host.codes(), host.downloads[1:]) == ([226], [b"data"])


def test_D_13_a_foreign_peer_is_an_event(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect(FOREIGN)
    assert [event for event in host.events if isinstance(event, ForeignPeer)] == [
        ForeignPeer(peer=FOREIGN, accepted=False)
    ]


def test_D_13_foreign_peers_do_not_prolong_the_wait(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\nRETR f\r\n")
    for _ in range(3):
        host.advance(9).connect(FOREIGN)
    host.advance(4)
    assert host.codes() == [227, 150, 425]


def test_D_13_a_setting_allows_foreign_peers(fs: MemoryFileSystem) -> None:
    options = Options()
    options.permit_foreign_addresses = True
    host = with_options(fs, options).feed(b"PASV\r\n").connect(FOREIGN).feed(b"RETR f\r\n")
    assert host.codes() == [227, 125, 226]
    assert ForeignPeer(peer=FOREIGN, accepted=True) in host.events


def test_D_13_a_mapped_address_is_the_client(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect(Address("::ffff:127.0.0.1", 50_001)).feed(b"RETR f\r\n")
    assert host.codes() == [227, 125, 226]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, id=f"D-15 {command.decode()}")
        for command in (b"RETR f", b"STOR g", b"APPE g", b"LIST", b"NLST", b"MLSD")
    ],
)
def test_D_15_a_data_command_needs_a_data_connection(host: ScriptedHost, fs: MemoryFileSystem, command: bytes) -> None:
    assert host.feed(command + b"\r\n").codes() == [425]
    assert fs.tree() == {"/f": b"data"}


@pytest.mark.parametrize("endpoint", [b"PASV\r\n", b"EPSV\r\n", PORT, b"EPRT |1|127.0.0.1|25601|\r\n"])
def test_D_15_stou_is_served_by_what_comes_next(host: ScriptedHost, fs: MemoryFileSystem, endpoint: bytes) -> None:
    assert host.feed(b"STOU\r\n").codes() == [150]
    host.feed(endpoint)
    if host.listening is not None:
        host.connect()
    host.upload(b"new").finish()
    assert host.codes()[1:] == [226]
    assert fs.tree() == {"/f": b"data", "/ftpd.1": b"new"}


def test_D_15_a_refused_pasv_leaves_stou_waiting(host: ScriptedHost) -> None:
    assert host.feed(b"EPSV ALL\r\nSTOU\r\nPASV\r\nEPSV\r\n").connect().finish().codes() == [200, 150, 501, 229, 226]


def test_D_15_stou_is_served_whatever_else_waits(host: ScriptedHost) -> None:
    assert host.feed(b"STOU\r\nPWD\r\nPASV\r\n").codes() == [150, 227]
    assert host.connect().finish().codes() == [226, 257]


def test_D_15_nobody_serves_a_stou(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    assert host.feed(b"STOU\r\n").advance(31).feed(b"NOOP\r\n").codes() == [150, 425, 200]
    assert fs.tree() == {"/f": b"data"}


def test_D_15_a_listener_that_comes_too_late_for_stou_serves_the_next_command(host: ScriptedHost) -> None:
    host.hold = (OpenListener,)
    host.feed(b"STOU\r\nPASV\r\n").advance(31).release()
    assert host.codes() == [150, 425, 227]
    assert host.connect().feed(b"RETR f\r\n").codes() == [125, 226]


def test_D_15_a_listener_waits_for_the_end_of_the_stou_that_it_is_too_late_for(host: ScriptedHost) -> None:
    host.hold = (OpenListener,)
    host.feed(b"STOU\r\nPASV\r\n")
    host.hold = (OpenListener, CloseFile)
    host.advance(31).carry_out(LaneName.CONTROL)
    assert host.codes() == [150]
    host.release()
    assert host.codes() == [425, 227]
    assert host.connect().feed(b"RETR f\r\n").codes() == [125, 226]


@pytest.mark.parametrize("transfer", [b"RETR f", b"LIST"], ids="D-16 {!r}".format)
def test_D_16_each_transfer_needs_its_own(host: ScriptedHost, transfer: bytes) -> None:
    assert host.feed(PORT + transfer + b"\r\n" + transfer + b"\r\n").codes() == [200, 150, 226, 425]


def test_D_17_125_if_the_connection_is_up(host: ScriptedHost) -> None:
    assert host.feed(b"PASV\r\n").connect().feed(b"RETR f\r\n").codes() == [227, 125, 226]


def test_D_17_150_if_it_is_not(host: ScriptedHost) -> None:
    assert host.feed(b"PASV\r\nRETR f\r\n").codes() == [227, 150]


@pytest.mark.parametrize("early", [True, False], ids=["D-18 before the command", "D-18 after the 150"])
def test_D_18_a_client_may_connect_before_the_command_or_after(host: ScriptedHost, early: bool) -> None:
    host.feed(b"PASV\r\n")
    if early:
        host.connect()
    host.feed(b"RETR f\r\n")
    if not early:
        host.connect()
    assert host.codes()[-1] == 226
    assert host.downloads == [b"data"]


def test_Q_02_a_client_may_connect_after_150(host: ScriptedHost) -> None:
    assert host.feed(b"PASV\r\n").feed(b"RETR f\r\n").connect().codes() == [227, 150, 226]


def test_Q_03_a_client_may_send_retr_before_it_has_the_answer_to_pasv(host: ScriptedHost) -> None:
    host.hold = (OpenListener,)
    host.feed(b"PASV\r\nRETR f\r\n")
    assert host.codes() == []
    assert host.release().connect().codes() == [227, 150, 226]


def test_Q_07_a_client_may_fall_back_from_epsv_to_pasv(host: ScriptedHost) -> None:
    assert host.feed(b"EPSV\r\n").advance(20).feed(b"PASV\r\nRETR f\r\n").connect().codes() == [229, 227, 150, 226]


@pytest.mark.parametrize("command", [b"RETR f", b"STOR f", b"STOR g", b"APPE f", b"STOU", b"LIST"])
def test_D_19_nobody_connects(host: ScriptedHost, fs: MemoryFileSystem, command: bytes) -> None:
    """The file is untouched; one that the command made is gone."""
    host.feed(b"PASV\r\n" + command + b"\r\n").advance(31)
    assert host.codes() == [227, 150, 425]
    assert host.listening is None
    assert fs.tree() == {"/f": b"data"}


@pytest.mark.parametrize("command", [b"RETR f", b"STOR f", b"STOR g", b"APPE f", b"STOU", b"LIST"])
@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError("refused"), TimeoutError("timed out"), OSError(), ServerFull()],
    ids=["refused", "timed out", "other", "full"],
)
def test_D_19_an_active_connection_fails(
    host: ScriptedHost, fs: MemoryFileSystem, command: bytes, error: Exception
) -> None:
    host.hold = (ConnectData,)
    host.feed(PORT + command + b"\r\nNOOP\r\n").answer(LaneName.DATA, error=error)
    assert host.codes() == [200, 150, 200, 425]
    assert fs.tree() == {"/f": b"data"}


def test_D_19_an_active_connection_takes_too_long(host: ScriptedHost) -> None:
    host.hold = (ConnectData,)
    host.feed(PORT + b"RETR f\r\n").advance(31).release()
    assert host.feed(b"NOOP\r\n").codes() == [200, 150, 425, 200]


def test_D_20_pasv_waits_for_the_running_transfer(host: ScriptedHost) -> None:
    host.window = 0
    host.feed(PORT + b"RETR f\r\nPASV\r\n")
    assert host.codes() == [200, 150]
    host.window = None
    assert host.pump().codes() == [226, 227]
    assert host.downloads == [b"data"]


def test_D_23_the_listener_is_closed_once_the_client_is_there(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect()
    assert host.connected
    assert host.listening is None


@pytest.mark.parametrize("verb", [b"PASV", b"EPSV"], ids="D-24 {!r}".format)
def test_D_24_abor_closes_the_listener(host: ScriptedHost, verb: bytes) -> None:
    assert host.feed(verb + b"\r\nABOR\r\nRETR f\r\n").codes()[1:] == [225, 425]
    assert host.listening is None


@pytest.mark.parametrize("line", [b"ABOR", b"USER ann", b"REIN"])
@pytest.mark.parametrize("endpoint", [b"PASV\r\n", PORT])
@pytest.mark.parametrize("connected", [False, True])
def test_what_no_transfer_used_is_closed(host: ScriptedHost, line: bytes, endpoint: bytes, connected: bool) -> None:
    host.feed(endpoint)
    if connected and host.listening is not None:
        host.connect()
    host.feed(line + b"\r\n")
    assert host.session.endpoint is Endpoint.NONE
    assert (host.listening, host.connected) == (None, False)


def test_421_if_nobody_connects_and_no_command_waits(host: ScriptedHost) -> None:
    """R-03; the session stays."""
    assert host.feed(b"PASV\r\n").advance(31).feed(b"RETR f\r\n").codes() == [227, 421, 425]
    assert host.listening is None


def test_no_421_while_a_command_is_under_way(host: ScriptedHost) -> None:
    """R-04: it would be taken for the answer to that command."""
    host.hold = (OpenFile,)
    host.feed(b"PASV\r\nRETR f\r\n").advance(31).release()
    assert host.feed(b"NOOP\r\n").codes() == [227, 425, 200]


def test_accepting_fails(host: ScriptedHost) -> None:
    host.hold = (AcceptData,)
    host.feed(b"PASV\r\nRETR f\r\n").answer(LaneName.DATA, error=OSError("no descriptors left"))
    assert host.feed(b"NOOP\r\n").codes() == [227, 150, 425, 200]


def test_a_data_connection_without_a_command_ends_the_session(host: ScriptedHost) -> None:
    """Seed section 13: `421 Data connection timed out.`, close."""
    host.feed(b"PASV\r\n").connect().advance(299)
    assert host.codes() == [227]
    assert host.advance(2).codes() == [421]
    assert host.control_closed
    assert not host.connected


def test_the_wait_of_a_data_connection_ends_with_its_command(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().advance(299)
    host.window = 0
    host.feed(b"RETR f\r\n").advance(2)
    host.window = None
    assert host.pump().codes() == [227, 125, 226]


def test_a_close_that_makes_no_difference_may_fail(host: ScriptedHost) -> None:
    host.hold = (CloseData,)
    host.feed(b"PASV\r\n").connect().answer(LaneName.DATA, error=OSError("closing failed"))
    assert host.release().feed(b"RETR f\r\n").codes() == [227, 125, 226]


def test_a_close_that_takes_too_long_is_hastened(fs: MemoryFileSystem) -> None:
    options = Options()
    options.timeout = None
    host = with_options(fs, options)
    host.hold = (CloseData,)
    host.feed(b"PASV\r\n").connect().advance(301)
    assert Cancel(host.pending[LaneName.DATA].serial) in host.outputs
    host.answer(LaneName.DATA, error=EffectCancelled())
    assert host.release().feed(b"RETR f\r\n").codes() == [227, 125, 226]
