"""The host in memory: what it does for tests of applications, beyond what the tests of sessions show."""

from __future__ import annotations

import pytest

from ftpcore import Effect, LaneName, OpenFile, Perform, Ports, Session, TransferStarted
from ftpcore.testing import FixedClock, ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


class Novelty(Effect[None]):
    """An effect that no host knows."""


class Novel(Session):
    async def ftp_NOOP(self) -> None:  # type: ignore[override]  # it never gets as far as a reply
        await Novelty()


class Broken(Session):
    def __init__(self, **_: object) -> None:
        raise ZeroDivisionError


def test_nobody_connects_where_nobody_listens(host: ScriptedHost) -> None:
    with pytest.raises(ConnectionRefusedError):
        host.connect()


def test_an_effect_that_it_does_not_know_is_unsupported(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), session_class=Novel).login()
    assert host.feed(b"NOOP\r\n").codes() == [502]


def test_a_session_that_is_not_made_leaves_no_host(fs: MemoryFileSystem) -> None:
    with pytest.raises(ZeroDivisionError):
        ScriptedHost(SingleUser(fs), session_class=Broken)


def test_what_is_held_is_carried_out_when_the_test_says_so(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"data")
    host.hold = (OpenFile,)
    host.feed(b"PORT 127,0,0,1,100,1\r\nRETR f\r\n").take()
    assert host.carry_out(LaneName.CONTROL)
    assert host.codes() == [150, 226]


def test_what_can_not_be_yet_stays_under_way(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n")
    assert not host.carry_out(LaneName.DATA)
    assert list(host.pending) == [LaneName.DATA]


def test_the_clock_stands_still() -> None:
    clock = FixedClock(1.5)
    assert (clock.now(), clock.now()) == (1.5, 1.5)


def test_the_user_is_the_one_that_was_named(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs, name="bob", password="x")).login("bob", "x")
    assert host.feed(b"PWD\r\n").codes() == [257]


def test_effects_can_be_looked_up(host: ScriptedHost) -> None:
    host.feed(b"PORT 127,0,0,1,100,1\r\nRETR missing\r\n")
    (effect,) = host.performed(OpenFile)
    (perform,) = [
        output for output in host.outputs if isinstance(output, Perform) and isinstance(output.effect, OpenFile)
    ]
    assert perform.effect == effect
    assert isinstance(perform.ports, Ports)


def test_events_are_those_asked_for(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), subscribe=[TransferStarted]).login()
    host.feed(b"PORT 127,0,0,1,100,1\r\nSTOR f\r\n").finish()
    assert [type(event) for event in host.events] == [TransferStarted]


def test_a_login_that_is_refused_is_an_error_of_the_test(fs: MemoryFileSystem) -> None:
    with pytest.raises(ValueError, match="not logged in"):
        ScriptedHost(SingleUser(fs)).login("bob")
