"""TLS on data connections: handshakes, demands, what they cost when they fail.  Checklist K-05 to K-12, X-18."""

from __future__ import annotations

import pytest

from ftpcore import (
    CCC_COMMANDS,
    Account,
    CloseData,
    ConnectData,
    Connection,
    DataPart,
    EffectCancelled,
    Failed,
    LaneName,
    Perform,
    Protection,
    ReceiveFile,
    SendData,
    SendFile,
    StartTLS,
    TLSDetails,
    TLSFailed,
    TransferFinished,
    TransferStarted,
    UnsupportedOperation,
)
from ftpcore.ports import Capability
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import Offer, begun, protected
from tests.watched import WatchedFileSystem

DATA = LaneName.DATA
PORT = b"PORT 127,0,0,1,100,1\r\n"
MOVING = ["RETR f", "STOR g", "STOU", "APPE g", "LIST", "NLST", "MLSD"]
PLAIN = TLSDetails("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789")


@pytest.fixture
def host(disk: WatchedFileSystem) -> ScriptedHost:
    """A session of "ann", logged in, all of whose connections are encrypted."""
    return protected(disk)


def handshakes(host: ScriptedHost) -> int:
    """Return how many handshakes of data connections there were."""
    return [effect.connection for effect in host.performed(StartTLS)].count(Connection.DATA)


def order(host: ScriptedHost) -> list[str]:
    """Return what was done on data connections, in order."""
    kinds = (StartTLS, ConnectData, SendData, SendFile, ReceiveFile, CloseData)
    effects = [output.effect for output in host.outputs if isinstance(output, Perform)]
    return [type(effect).__name__ for effect in effects if isinstance(effect, kinds)]


# -- what PROT binds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", MOVING)
@pytest.mark.parametrize("active", [False, True], ids=["passive", "active"])
def test_K_09_K_10_a_handshake_comes_behind_the_mark_and_before_all_data(
    host: ScriptedHost, command: str, active: bool
) -> None:
    host.hold = (StartTLS,)
    line = f"{command}\r\n".encode()
    if active:
        host.feed(PORT + line)
    else:
        host.feed(b"PASV\r\n").connect().feed(line)
    codes = host.codes()
    assert codes[1:] == [150 if active else 125]
    assert host.pending[DATA].effect == StartTLS(Connection.DATA)
    assert not [event for event in host.events if isinstance(event, TransferStarted)]
    assert not host.performed(SendData)
    host.release().finish()
    assert host.codes() == [226]
    assert host.performed(CloseData)[-1] == CloseData(DataPart.BOTH, orderly=True)


@pytest.mark.parametrize(
    ("between", "count"),
    [(b"PROT C\r\n", 0), (b"PROT C\r\nPROT P\r\n", 1), (b"", 1)],
    ids=["clear", "clear and private", "private"],
)
def test_K_06_prot_binds_the_next_transfer_also_behind_pasv(host: ScriptedHost, between: bytes, count: int) -> None:
    host.feed(b"PASV\r\n").connect().feed(between + b"RETR f\r\n")
    assert host.codes()[-1] == 226
    assert handshakes(host) == count
    assert host.downloads[-1] == b"0123456789"


def test_K_06_each_transfer_has_a_handshake_of_its_own(host: ScriptedHost) -> None:
    for _ in range(3):
        host.feed(PORT + b"RETR f\r\n")
    assert handshakes(host) == 3


@pytest.mark.parametrize("command", ["RETR empty", "LIST d", "NLST d", "MLSD d"])
def test_K_12_what_is_empty_has_a_handshake_and_an_orderly_end(
    host: ScriptedHost, fs: MemoryFileSystem, command: str
) -> None:
    fs.write_bytes("/empty", b"")
    host.feed(b"MKD d\r\n" + PORT + f"{command}\r\n".encode())
    assert host.codes() == [257, 200, 150, 226]
    assert order(host)[-3:] == ["ConnectData", "StartTLS", "CloseData"]
    assert host.performed(CloseData)[-1].orderly


def test_K_12_an_empty_upload_has_a_handshake(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(PORT + b"STOR g\r\n").finish()
    assert host.codes() == [200, 150, 226]
    assert handshakes(host) == 1
    assert fs.read_bytes("/g") == b""


@pytest.mark.parametrize("command", [b"RETR f", b"STOR g"])
def test_nothing_moves_within_the_kernel_under_tls(fs: MemoryFileSystem, command: bytes) -> None:
    host = protected(WatchedFileSystem(fs, kernel=True)).feed(PORT + command + b"\r\n").upload(b"data").finish()
    assert host.codes() == [200, 150, 226]
    assert not host.performed(SendFile)
    assert not host.performed(ReceiveFile)
    assert host.feed(b"PROT C\r\n" + PORT + command + b"\r\n").finish().codes() == [200, 200, 150, 226]
    assert len(host.performed(SendFile)) + len(host.performed(ReceiveFile)) > 0


def test_X_10_stou_that_comes_before_its_pasv_is_encrypted(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"STOU\r\nPROT C\r\nPASV\r\n").connect().upload(b"data").finish()
    assert host.codes() == [150, 227, 226, 200]
    assert handshakes(host) == 1
    assert host.session.protection is Protection.CLEAR
    assert b"data" in fs.tree().values()


# -- 521: data must be protected ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("demand", [True, {"ann"}], ids=["of all", "of this user"])
@pytest.mark.parametrize("command", MOVING)
def test_K_07_data_in_clear_are_refused_before_anything_is_looked_at(
    disk: WatchedFileSystem, command: str, demand: object
) -> None:
    """No mark, no right, no name and no data connection is asked for, and the data connection stays."""
    nobody = ScriptedHost(SingleUser(disk, rights=""), delegate=Offer(tls_data_required=demand))
    begun(nobody).login().feed(b"PASV\r\n").connect().take()
    before = len(nobody.outputs)
    assert nobody.feed(f"{command}\r\n".encode()).codes() == [521]
    assert not [output for output in nobody.outputs[before:] if isinstance(output, Perform)]
    assert nobody.connected
    assert disk.opened == []


def test_K_07_exactly_the_commands_that_move_data_are_refused() -> None:
    moving = {name for name, spec in CCC_COMMANDS.items() if spec.moves_data}
    assert moving == {command.split(" ")[0] for command in MOVING}


def test_K_07_pasv_and_what_needs_no_data_connection_are_not_refused(disk: WatchedFileSystem) -> None:
    host = begun(ScriptedHost(SingleUser(disk), delegate=Offer(tls_data_required=True))).login()
    host.feed(b"PASV\r\nSIZE f\r\nSTAT /\r\nMLST f\r\nREST 1\r\n")
    assert host.codes() == [227, 213, 213, 250, 350]


def test_K_07_a_login_comes_before_protection(disk: WatchedFileSystem) -> None:
    host = ScriptedHost(SingleUser(disk), delegate=Offer(tls_data_required=True))
    assert host.feed(b"RETR f\r\n").codes() == [220, 530]


def test_K_07_another_user_may_move_data_in_clear(disk: WatchedFileSystem) -> None:
    host = ScriptedHost(SingleUser(disk), delegate=Offer(tls_data_required={"bob"})).login()
    assert host.feed(PORT + b"RETR f\r\n").codes() == [200, 150, 226]


class AnySpelling(SingleUser):
    """An authorizer that takes a name in capitals for the same."""

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        return super().authenticate(username.lower(), password, peer)


def test_K_07_a_demand_is_about_the_account_not_the_spelling_of_its_name(disk: WatchedFileSystem) -> None:
    host = ScriptedHost(AnySpelling(disk), delegate=Offer(tls_data_required={"ann"})).login("ANN")
    assert host.feed(PORT + b"RETR f\r\n").codes() == [200, 521]
    host = ScriptedHost(AnySpelling(disk), delegate=Offer(tls_control_required={"ann"}))
    assert host.feed(b"USER ANN\r\nPASS pw\r\nPWD\r\n").codes() == [220, 331, 530, 530]


def test_K_07_what_is_protected_is_allowed(disk: WatchedFileSystem) -> None:
    host = protected(disk, delegate=Offer(tls_data_required=True))
    assert host.feed(PORT + b"RETR f\r\n").codes() == [200, 150, 226]


@pytest.mark.parametrize(
    ("demand", "code"), [(True, 534), ({"ann"}, 534), ({"bob"}, 200), (False, 200)], ids=["all", "ann", "bob", "nobody"]
)
def test_K_05_prot_c_is_refused_where_data_must_be_protected(
    disk: WatchedFileSystem, demand: object, code: int
) -> None:
    host = protected(disk, delegate=Offer(tls_data_required=demand))
    assert host.feed(b"PROT C\r\n").codes() == [code]
    assert host.session.protection is (Protection.CLEAR if code == 200 else Protection.PRIVATE)


# -- 522: handshakes that fail -----------------------------------------------------------------------------------------

FAILURES = pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConnectionError("no shared cipher"), id="TLS fails"),
        pytest.param(ConnectionResetError(104, "Connection reset by peer"), id="the client resets"),
        pytest.param(UnsupportedOperation(), id="the host has no TLS"),
    ],
)


@FAILURES
@pytest.mark.parametrize("command", MOVING)
def test_K_10_a_handshake_that_fails_is_522_and_the_session_goes_on(
    host: ScriptedHost, disk: WatchedFileSystem, fs: MemoryFileSystem, command: str, error: Exception
) -> None:
    """What was there stays as it was, what was made is removed, and no bytes of TLS follow."""
    good, host.tls = host.tls, error
    assert host.feed(PORT + f"{command}\r\n".encode()).codes() == [200, 150, 522]
    assert fs.tree() == {"/f": b"0123456789"}
    assert [closing for closings in disk.closings for closing in closings] == [False] * len(disk.opened)
    assert not host.performed(CloseData)[-1].orderly
    assert not [event for event in host.events if isinstance(event, TransferFinished | Failed)]
    assert [event.connection for event in host.events if isinstance(event, TLSFailed)] == [Connection.DATA]
    host.tls = good
    assert host.feed(PORT + b"RETR f\r\n").codes() == [200, 150, 226]


def test_K_10_a_file_that_is_replaced_stays_whole_until_the_handshake_is_done(
    host: ScriptedHost, fs: MemoryFileSystem
) -> None:
    host.tls = ConnectionError("refused")
    assert host.feed(PORT + b"STOR f\r\n").codes() == [200, 150, 522]
    assert fs.read_bytes("/f") == b"0123456789"


def test_K_10_a_store_that_opens_late_opens_nothing(fs: MemoryFileSystem) -> None:
    watched = WatchedFileSystem(fs, capabilities=fs.capabilities & ~Capability.RESUME)
    host = protected(watched)
    host.tls = ConnectionError("refused")
    assert host.feed(PORT + b"STOR g\r\n").codes() == [200, 150, 522]
    assert watched.opened == []


def test_R_12_a_fault_of_the_host_in_a_handshake_costs_one_reply(host: ScriptedHost) -> None:
    host.tls = ValueError("no certificate")
    assert host.feed(PORT + b"RETR f\r\n").feed(b"NOOP\r\n").codes() == [200, 150, 451, 200]
    assert [type(event.error) for event in host.events if isinstance(event, Failed)] == [ValueError]


def test_K_10_a_handshake_that_stalls_is_522(host: ScriptedHost) -> None:
    host.tls = None
    host.feed(PORT + b"RETR f\r\n").advance(29.0)
    assert host.codes() == [200, 150]
    host.advance(1.0).feed(b"NOOP\r\n")
    assert host.codes() == [522, 200]
    assert not host.performed(CloseData)[-1].orderly


def test_K_10_a_handshake_may_take_for_ever_where_no_limit_is_set(disk: WatchedFileSystem) -> None:
    host = protected(disk, delegate=Offer(handshake_timeout=None))
    host.hold = (StartTLS,)
    host.feed(PORT + b"RETR f\r\n").advance(10_000.0).release()
    assert host.codes() == [200, 150, 226]


@pytest.mark.parametrize("command", ["RETR f", "STOR g", "LIST"])
def test_X_18_abor_during_a_handshake(host: ScriptedHost, command: str, fs: MemoryFileSystem) -> None:
    host.tls = None
    host.feed(PORT + f"{command}\r\n".encode()).feed(b"ABOR\r\nNOOP\r\n")
    assert host.codes() == [200, 150, 426, 226, 200]
    assert fs.tree() == {"/f": b"0123456789"}
    assert not [event for event in host.events if isinstance(event, TLSFailed)]


def test_X_20_abor_that_meets_the_end_of_a_handshake(host: ScriptedHost) -> None:
    host.hold = (StartTLS,)
    host.feed(PORT + b"RETR f\r\n").feed(b"ABOR\r\n").answer(DATA, PLAIN)
    assert host.codes() == [200, 150, 426, 226]
    assert host.downloads == [b""]


def test_L_08_quit_during_a_handshake_lets_the_transfer_end(host: ScriptedHost) -> None:
    host.hold = (StartTLS,)
    host.feed(PORT + b"RETR f\r\nQUIT\r\n")
    assert host.codes() == [200, 150, 221]
    assert not host.control_closed
    assert host.release().codes() == [226]
    assert host.control_closed


@pytest.mark.parametrize("act", ["lose_control", "end_control"])
def test_X_21_a_client_that_leaves_during_a_handshake(
    host: ScriptedHost, disk: WatchedFileSystem, fs: MemoryFileSystem, act: str
) -> None:
    host.tls = None
    getattr(host.feed(PORT + b"STOR g\r\n"), act)()
    assert host.codes() == [200, 150]
    assert disk.closings == [[False]]
    assert fs.tree() == {"/f": b"0123456789"}
    assert host.session.ended


def test_Z_07_a_server_that_stops_during_a_handshake(host: ScriptedHost) -> None:
    host.hold = (StartTLS,)
    host.feed(PORT + b"RETR f\r\n")
    host.session.shut_down(grace=1.0, now=host.now)
    host.pump().advance(1.0).answer(DATA, error=EffectCancelled())
    assert host.codes() == [200, 150, 426, 421]
