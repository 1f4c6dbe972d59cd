"""The handshake behind AUTH, and bytes in clear that come behind it.  Checklist T-21, K-11, K-20."""

from __future__ import annotations

import pytest

from ftpcore import (
    CloseData,
    CommandFinished,
    Connection,
    Disconnected,
    EffectCancelled,
    Failed,
    LaneName,
    StartTLS,
    TLSEstablished,
    TLSFailed,
    UnsupportedOperation,
    ViolationSeen,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import LOGIN, SHOWN, Hooked, Offer, begun, hooked, offered, outline

CONTROL = LaneName.CONTROL


@pytest.fixture
def host(fs: MemoryFileSystem) -> ScriptedHost:
    return offered(fs)


# -- what comes behind AUTH in clear -----------------------------------------------------------------------------------

BEHIND = pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"MKD x\r\n", id="T-21 a command"),
        pytest.param(b"MKD x", id="T-21 the beginning of a command"),
        pytest.param(b"\r\n", id="T-21 an empty line"),
        pytest.param(b"\xff\xf4\xff\xf2ABOR\r\n", id="T-21 a command behind a Synch"),
        pytest.param(b"\xff", id="T-21 the beginning of a Telnet sequence"),
        pytest.param(b"\0", id="T-21 a NUL"),
        pytest.param(b"x" * 70_000, id="T-21 an endless line"),
        pytest.param(b"USER ann\r\nPASS pw\r\nMKD x\r\nQUIT\r\n", id="T-21 a whole session"),
    ],
)


@BEHIND
def test_bytes_in_the_same_segment_end_the_session(fs: MemoryFileSystem, behind: bytes) -> None:
    host = hooked(fs).login().feed(b"AUTH TLS\r\n" + behind)
    assert host.codes() == [421]
    assert host.performed(StartTLS) == []
    assert outline(host)[-4:] == ["421", "on_logout", "close", "on_disconnect"]
    assert [event.name for event in host.events if isinstance(event, CommandFinished)][-1] == "AUTH"
    assert len([event for event in host.events if isinstance(event, ViolationSeen)]) == 1
    assert fs.tree() == {}


@BEHIND
@pytest.mark.parametrize("pieces", [1, 3], ids=["whole", "in pieces"])
def test_bytes_during_the_handshake_end_the_session_at_once(fs: MemoryFileSystem, behind: bytes, pieces: int) -> None:
    host = hooked(fs)
    host.tls = None
    host.feed(b"AUTH TLS\r\n").take()
    size = -(-len(behind) // pieces)
    for start in range(0, len(behind), size):
        host.feed(behind[start : start + size])
    assert host.take() == b""
    assert outline(host)[-5:] == ["234", "StartTLS control", "close", "cancel", "on_disconnect"]
    assert host.session.idle
    assert host.feed(b"MKD y\r\n").take() == b""
    assert len([event for event in host.events if isinstance(event, ViolationSeen)]) == 1


def test_T_21_bytes_during_the_handshake_are_not_run_though_it_succeeds(fs: MemoryFileSystem) -> None:
    host = hooked(fs)
    host.hold = (StartTLS,)
    host.feed(b"AUTH TLS\r\n").feed(LOGIN + b"MKD x\r\n")
    host.answer(CONTROL, SHOWN).feed(LOGIN + b"MKD x\r\n").release()
    assert host.codes() == [220, 234]
    assert host.session.account is None
    assert fs.tree() == {}


def test_V_01_a_violation_that_nobody_asked_for_is_not_told(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(), subscribe=()).feed(b"AUTH TLS\r\nNOOP\r\n")
    assert host.codes() == [220, 421]
    assert host.events == []


def test_T_21_bytes_while_auth_closes_a_listener_end_the_session(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(), hold=(CloseData,)).login()
    host.feed(b"PASV\r\nAUTH TLS\r\n").feed(b"NOOP\r\n").release()
    assert host.codes() == [227, 421]
    assert host.control_closed


def test_T_21_commands_that_wait_behind_an_auth_that_waits_are_dropped(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).login().feed(b"PASV\r\n").connect().feed(b"STOR f\r\n")
    host.feed(b"AUTH TLS\r\nMKD x\r\n").finish()
    assert host.codes() == [227, 125, 226, 421]
    assert host.control_closed


def test_T_21_the_refusal_of_a_telnet_option_behind_auth_leaves_in_clear(host: ScriptedHost) -> None:
    host.feed(b"AUTH TLS\r\n\xff\xfd\x01")
    assert host.take().startswith(b"\xff\xfc\x01234 ")


# -- handshakes of the control connection ------------------------------------------------------------------------------

FAILURES = pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConnectionError("no shared cipher"), id="K-11 TLS fails"),
        pytest.param(UnsupportedOperation(), id="K-11 the host has no TLS"),
        pytest.param(FileNotFoundError(2, "No such file"), id="K-11 there is no certificate"),
        pytest.param(ValueError("no certificate"), id="K-11 the host is at fault"),
    ],
)


@FAILURES
def test_nothing_is_said_after_a_handshake_that_failed(fs: MemoryFileSystem, error: Exception) -> None:
    host = hooked(fs).login()
    host.tls = error
    host.feed(b"AUTH TLS\r\n")
    assert outline(host)[-5:] == ["234", "StartTLS control", "on_logout", "close", "on_disconnect"]
    assert host.feed(b"NOOP\r\n").codes() == [234]
    (failed,) = [event for event in host.events if isinstance(event, TLSFailed)]
    assert failed.connection is Connection.CONTROL
    assert [event.where for event in host.events if isinstance(event, Failed)] == ["TLS"] * isinstance(
        error, ValueError
    )


@FAILURES
def test_K_20_nothing_is_said_before_a_greeting_that_failed(fs: MemoryFileSystem, error: Exception) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Hooked(implicit_tls=True), hold=(StartTLS,))
    host.answer(CONTROL, error=error).feed(LOGIN)
    assert outline(host) == ["StartTLS control", "close"]
    assert host.session.idle
    assert host.take() == b""


@pytest.mark.parametrize("implicit", [False, True], ids=["AUTH", "implicit"])
def test_K_11_a_handshake_that_stalls_is_given_up(fs: MemoryFileSystem, implicit: bool) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(implicit_tls=implicit), hold=(StartTLS,))
    host.tls = None
    host.release().feed(b"" if implicit else b"AUTH TLS\r\n").advance(29.0)
    assert not host.control_closed
    host.advance(1.0)
    assert host.control_closed
    assert host.codes() == ([] if implicit else [220, 234])
    assert host.session.next_deadline() is None
    assert "too long" in next(event.reason for event in host.events if isinstance(event, Disconnected))


def test_K_11_a_handshake_that_is_done_at_the_deadline_counts(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(), hold=(StartTLS,)).feed(b"AUTH TLS\r\n").advance(30.0)
    host.answer(CONTROL, SHOWN).feed(LOGIN)
    assert host.codes() == [220, 234, 331, 230]


@pytest.mark.parametrize("act", ["lose_control", "end_control"])
def test_K_11_a_client_that_leaves_during_a_handshake(fs: MemoryFileSystem, act: str) -> None:
    host = hooked(fs)
    host.hold = (StartTLS,)
    getattr(host.feed(b"AUTH TLS\r\n"), act)()
    error = EffectCancelled() if act == "lose_control" else ConnectionResetError("gone")
    host.answer(CONTROL, error=error)
    assert host.codes() == [220, 234]
    assert host.session.idle
    assert host.session.ended
    assert outline(host)[-1] == "on_disconnect"


@pytest.mark.parametrize("done", [False, True], ids=["stalled", "done"])
def test_R_10_a_server_that_stops_during_a_handshake(fs: MemoryFileSystem, done: bool) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer(), hold=(StartTLS,)).feed(b"AUTH TLS\r\n")
    host.session.shut_down(grace=5.0, now=host.now)
    if done:
        host.pump().answer(CONTROL, SHOWN)
    else:
        host.pump().advance(5.0).answer(CONTROL, error=EffectCancelled())
    assert host.codes() == [220, 234] + [421] * done
    assert host.control_closed
    assert isinstance(host.events[-1], Disconnected)
    assert host.events[-1].reason == "Server is shutting down."


def test_what_a_handshake_came_to_is_told(host: ScriptedHost) -> None:
    host.tls = SHOWN
    begun(host)
    assert TLSEstablished(connection=Connection.CONTROL, details=SHOWN) in host.events
    assert host.session.control_tls == SHOWN
