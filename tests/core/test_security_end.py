"""The end of TLS on the control connection: CCC, REIN, QUIT; implicit TLS; what is listed.  Checklist K-16 to K-25."""

from __future__ import annotations

import pytest

from ftpcore import (
    ABSENT,
    CCC_COMMANDS,
    COMMANDS,
    TLS_COMMANDS,
    CommandFinished,
    Connection,
    Disconnected,
    LaneName,
    Perform,
    Protection,
    Reply,
    StartTLS,
    StopTLS,
    TLSFailed,
    Turn,
    UnsupportedOperation,
    ViolationSeen,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import SHOWN, Hooked, Offer, outline, protected

CONTROL = LaneName.CONTROL
LOGIN = b"USER ann\r\nPASS pw\r\n"
FAILURES = pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConnectionResetError("gone"), id="the client left"),
        pytest.param(UnsupportedOperation(), id="the host can't"),
        pytest.param(ValueError("a fault"), id="the host is at fault"),
    ],
)
ENDS = pytest.mark.parametrize("line", [b"CCC", b"REIN"], ids=["CCC", "REIN"])


def hooked(fs: MemoryFileSystem, **options: object) -> ScriptedHost:
    """Return a session under TLS, logged in; hooks show in its outline."""
    return protected(fs, delegate=Hooked(ccc=True, **options))


@pytest.fixture
def host(fs: MemoryFileSystem) -> ScriptedHost:
    return protected(fs, delegate=Offer(ccc=True))


def features(host: ScriptedHost) -> set[str]:
    (reply,) = host.feed(b"FEAT\r\n").replies()
    return set(reply.lines[1:-1])


# -- CCC ---------------------------------------------------------------------------------------------------------------


def test_K_16_ccc_is_answered_inside_tls_which_ends_then(fs: MemoryFileSystem) -> None:
    host = hooked(fs).feed(b"CCC\r\n")
    assert outline(host)[-2:] == ["200", "StopTLS control"]
    assert host.session.control_tls is None
    assert host.feed(b"PWD\r\n").codes() == [200, 257]


def test_K_16_data_connections_stay_protected_behind_ccc(host: ScriptedHost) -> None:
    host.feed(b"CCC\r\n").feed(b"PBSZ 0\r\nPROT C\r\n")
    assert host.codes() == [200, 503, 503]
    assert host.session.protection is Protection.PRIVATE
    host.feed(b"PASV\r\nNLST\r\n").connect()
    assert host.codes() == [227, 150, 226]
    assert [effect.connection.value for effect in host.performed(StartTLS)] == ["control", "data"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(b"CCC\r\n", 530, id="K-16 nobody is logged in"),
        pytest.param(LOGIN + b"CCC\r\n", 533, id="K-16 not protected"),
    ],
)
def test_ccc_in_clear(fs: MemoryFileSystem, sent: bytes, code: int) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(ccc=True)).feed(sent)
    assert host.codes()[-1] == code


@pytest.mark.parametrize("behind", [b"PWD\r\n", b"PW"], ids=["a command", "a part of one"])
def test_K_16_ccc_with_commands_behind_it_changes_nothing(host: ScriptedHost, behind: bytes) -> None:
    host.feed(b"CCC\r\n" + behind)
    assert host.codes()[0] == 534
    assert host.session.control_tls is not None
    assert host.performed(StopTLS) == []


def test_K_16_ccc_waits_for_a_transfer(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"STOR f\r\nCCC\r\n").take()
    assert host.finish().codes() == [226, 200]


def test_K_16_ccc_with_commands_that_wait_behind_it_changes_nothing(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"STOR f\r\nCCC\r\nPWD\r\n").take()
    assert host.finish().codes() == [226, 534, 257]


@pytest.mark.parametrize("demanded", [True, {"ann"}], ids=["of all", "of this user"])
def test_K_16_ccc_is_refused_where_tls_is_demanded(fs: MemoryFileSystem, demanded: object) -> None:
    host = protected(fs, delegate=Offer(ccc=True, tls_control_required=demanded))
    assert host.feed(b"CCC\r\n").codes() == [534]


def test_K_17_what_comes_behind_the_clients_close_notify_is_run_once(host: ScriptedHost) -> None:
    host.hold = (StopTLS,)
    host.feed(b"CCC\r\n").answer(CONTROL).feed(b"MKD x\r\nPW").feed(b"D\r\n")
    assert host.codes() == [200, 257, 257]


def test_auth_begins_anew_behind_ccc(host: ScriptedHost) -> None:
    host.feed(b"CCC\r\n").feed(b"AUTH TLS\r\n").feed(b"PWD\r\n")
    assert host.codes() == [200, 234, 530]
    assert host.session.protection is Protection.CLEAR


# -- REIN and QUIT -----------------------------------------------------------------------------------------------------


def test_K_18_rein_is_answered_inside_tls_which_ends_then(fs: MemoryFileSystem) -> None:
    host = hooked(fs).feed(b"REIN\r\n")
    assert outline(host)[-3:] == ["220", "StopTLS control", "on_logout"]
    assert host.session.control_tls is None
    assert host.session.protection is Protection.CLEAR
    assert host.feed(b"PBSZ 0\r\nPWD\r\n").codes() == [220, 503, 530]
    assert host.feed(b"AUTH TLS\r\n").feed(b"PROT P\r\n").codes() == [234, 503]


@pytest.mark.parametrize("behind", [b"PWD\r\n", b"PW"], ids=["a command", "a part of one"])
def test_K_18_what_comes_with_rein_is_not_run_in_clear(fs: MemoryFileSystem, behind: bytes) -> None:
    host = hooked(fs).feed(b"REIN\r\n" + behind)
    assert outline(host)[-4:] == ["421", "on_logout", "close", "on_disconnect"]
    assert host.performed(StopTLS) == []
    assert any(isinstance(event, ViolationSeen) for event in host.events)


def test_K_18_rein_waits_for_a_transfer_where_it_ends_tls(host: ScriptedHost) -> None:
    """The reply to the transfer comes inside TLS, and its data connection stays protected."""
    host.feed(b"PASV\r\nSTOR f\r\nREIN\r\n").take()
    host.connect().upload(b"data").finish()
    assert host.codes() == [226, 220]
    assert [effect.connection.value for effect in host.performed(StartTLS)] == ["control", "data"]


@pytest.mark.parametrize("line", [b"REIN", b"USER ann\r\nAUTH TLS"], ids=["REIN", "USER and AUTH"])
def test_L_07_a_transfer_keeps_the_protection_that_it_began_with(host: ScriptedHost, line: bytes) -> None:
    """Also where its data connection comes up when the session has started over already."""
    host.feed(b"CCC\r\n").feed(b"PASV\r\nSTOR f\r\n").feed(line + b"\r\n").connect().upload(b"data").finish()
    assert 226 in host.codes()
    assert [effect.connection.value for effect in host.performed(StartTLS)][:2] == ["control", "data"]


def test_L_07_rein_behind_ccc_ends_the_protection_of_data(host: ScriptedHost) -> None:
    host.feed(b"CCC\r\n").feed(b"REIN\r\n").login()
    assert host.session.protection is Protection.CLEAR
    assert len(host.performed(StopTLS)) == 1


@ENDS
@FAILURES
def test_nothing_is_said_when_the_end_of_tls_failed(fs: MemoryFileSystem, line: bytes, error: Exception) -> None:
    host = hooked(fs)
    host.tls = error
    host.feed(line + b"\r\n").feed(b"NOOP\r\n")
    assert host.codes() == [220 if line == b"REIN" else 200]
    assert outline(host)[-2:] == ["close", "on_disconnect"]
    assert [event.ending for event in host.events if isinstance(event, TLSFailed)] == [True]


@ENDS
def test_a_client_that_never_ends_tls_is_given_up(fs: MemoryFileSystem, line: bytes) -> None:
    host = hooked(fs)
    host.tls = None
    host.feed(line + b"\r\n").take()
    assert not host.advance(29.0).control_closed
    assert host.advance(1.0).control_closed
    assert host.take() == b""
    assert host.session.idle


@ENDS
def test_a_client_that_is_lost_while_tls_ends(fs: MemoryFileSystem, line: bytes) -> None:
    host = hooked(fs)
    host.tls = None
    host.feed(line + b"\r\n").lose_control()
    assert host.session.ended
    assert isinstance(host.events[-1], Disconnected)
    assert host.events[-1].reason == "connection lost"


def test_K_25_quit_is_answered_inside_tls_and_the_connection_closed(host: ScriptedHost) -> None:
    host.feed(b"QUIT\r\n")
    assert outline(host)[-2:] == ["221", "close"]
    assert host.session.control_tls is not None
    assert host.performed(StopTLS) == []


def test_K_19_stat_works_inside_tls(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"STOR f\r\n").take()
    assert host.feed(b"\xff\xf4\xff\xf2STAT\r\n").codes() == [211]


# -- implicit TLS ------------------------------------------------------------------------------------------------------


def implicit(fs: MemoryFileSystem, **options: object) -> ScriptedHost:
    return ScriptedHost(SingleUser(fs), delegate=Hooked(ccc=True, implicit_tls=True, **options))


def test_K_20_tls_begins_before_the_greeting(fs: MemoryFileSystem) -> None:
    host = implicit(fs)
    assert outline(host) == ["StartTLS control", "on_connect", "220"]
    assert host.session.protection is Protection.PRIVATE
    assert host.feed(b"AUTH TLS\r\nPROT C\r\nPBSZ 0\r\nPROT P\r\n").codes() == [220, 503, 200, 200, 200]


def test_K_20_without_events_tls_is_the_very_first_output(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(implicit_tls=True), subscribe=())
    first = host.outputs[0]
    assert isinstance(first, Perform)
    assert first.effect == StartTLS(Connection.CONTROL)
    assert host.codes() == [220]


def test_K_20_bytes_before_the_handshake_are_never_run(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Hooked(implicit_tls=True), hold=(StartTLS,))
    host.feed(b"USER ann\r\n").answer(CONTROL, SHOWN)
    assert outline(host) == ["StartTLS control", "close", "cancel"]
    assert host.session.ended


def test_K_20_a_client_that_is_turned_away_is_told_nothing_in_clear(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(
        SingleUser(fs), delegate=Hooked(implicit_tls=True), refusal=Reply.of(421, "Too many connections.")
    )
    assert outline(host) == ["close"]
    assert host.session.ended
    assert isinstance(host.events[-1], Disconnected)
    assert host.events[-1].reason == "Too many connections."


def test_L_12_where_tls_comes_later_a_client_is_turned_away_in_clear(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(), refusal=Reply.of(421, "Too many connections."))
    assert outline(host) == ["421", "close"]


def test_K_20_rein_keeps_tls_and_starts_over_inside(fs: MemoryFileSystem) -> None:
    host = implicit(fs).login().feed(b"PROT C\r\nREIN\r\nPWD\r\n")
    assert host.codes() == [200, 220, 530]
    assert host.session.protection is Protection.PRIVATE
    assert host.session.control_tls is not None


def test_L_07_rein_that_keeps_tls_does_not_wait_for_a_transfer(fs: MemoryFileSystem) -> None:
    host = implicit(fs).login().feed(b"PASV\r\nSTOR f\r\nREIN\r\n")
    assert host.codes() == [227, 150, 220]
    assert host.connect().finish().codes() == [226]


# -- what is listed ----------------------------------------------------------------------------------------------------

ALL = {"AUTH TLS", "PBSZ", "PROT", "CCC"}


@pytest.mark.parametrize(
    ("delegate", "listed"),
    [
        pytest.param(None, set(), id="F-06 without TLS"),
        pytest.param(Offer(), {"AUTH TLS", "PBSZ", "PROT"}, id="F-06 with TLS"),
        pytest.param(Offer(ccc=True), ALL, id="F-06 with CCC"),
        pytest.param(Offer(implicit_tls=True), {"PBSZ", "PROT"}, id="K-20 implicit"),
    ],
)
def test_what_is_offered_is_listed(fs: MemoryFileSystem, delegate: Offer | None, listed: set[str]) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=delegate)
    host.take()
    assert features(host) & ALL == listed
    assert features(host.login()) & ALL == listed


def test_F_06_the_list_is_the_same_inside_tls(host: ScriptedHost) -> None:
    assert features(host) >= ALL


@pytest.mark.parametrize("name", sorted(set(CCC_COMMANDS) - set(COMMANDS)))
def test_F_09_help_explains_what_is_offered(fs: MemoryFileSystem, name: str) -> None:
    offered = ScriptedHost(SingleUser(fs), delegate=Offer(ccc=True))
    plain = ScriptedHost(SingleUser(fs))
    for host, explained, listed in ((offered, 214, True), (plain, 501, False)):
        host.take()
        one, everything = host.feed(f"HELP {name}\r\nHELP\r\n".encode()).replies()
        assert one.code == explained
        assert (name in " ".join(everything.lines).split()) is listed


def test_F_02_the_tables_differ_by_what_tls_needs() -> None:
    assert set(TLS_COMMANDS) - set(COMMANDS) == {"AUTH", "PBSZ", "PROT"}
    assert set(CCC_COMMANDS) - set(TLS_COMMANDS) == {"CCC"}
    assert set(CCC_COMMANDS) - set(COMMANDS) < ABSENT
    assert {name for name, spec in CCC_COMMANDS.items() if spec.turn is Turn.ALONE} == {"AUTH"}
    assert {name for name, spec in CCC_COMMANDS.items() if spec.turn is Turn.AT_ONCE_IN_CLEAR} == {"REIN"}


def test_R_04_each_command_of_a_session_under_tls_gets_one_final_reply(host: ScriptedHost) -> None:
    host.feed(b"PROT C\r\n").feed(b"CCC\r\n").feed(b"REIN\r\n").feed(b"AUTH TLS\r\n").feed(b"QUIT\r\n")
    finished = [event.reply.code for event in host.events if isinstance(event, CommandFinished)]
    assert finished == [234, 200, 200, 331, 230, 200, 200, 200, 220, 234, 221]
