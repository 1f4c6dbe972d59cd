"""The ways to the end of a session, from every phase: the connection is lost, the server stops, the client quits."""

from __future__ import annotations

import pytest

from ftpcore import (
    CloseControl,
    CloseFile,
    Disconnected,
    LaneName,
    Perform,
    ReceiveData,
    ReceiveFile,
    SendControl,
    WriteFile,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.phases import PHASES, reasons, started

# -- the loss of the connection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_a_session_that_lost_its_connection_becomes_idle(fs: MemoryFileSystem, phase: str) -> None:
    host = PHASES[phase](fs).lose_control().release()
    host.take()
    assert host.session.idle
    assert len(reasons(host)) == 1
    assert isinstance(host.outputs[-1], Disconnected)
    assert host.session.next_deadline() is None
    assert not host.session.wants_data
    assert host.listening is None
    assert not host.connected


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_sent_once_the_connection_is_lost(fs: MemoryFileSystem, phase: str) -> None:
    host = PHASES[phase](fs)
    before = len(host.outputs)
    host.lose_control().release().feed(b"PWD\r\n").end_control().lose_control().advance(1000)
    sent = [output for output in host.outputs[before:] if isinstance(output, SendControl | CloseControl)]
    assert sent == []


@pytest.mark.parametrize("phase", PHASES)
def test_a_session_can_be_abandoned_at_any_time(fs: MemoryFileSystem, phase: str) -> None:
    host = PHASES[phase](fs)
    host.session.abandon()
    assert host.session.idle
    assert host.session.abandon() == ()
    assert host.session.next_output() is None
    assert host.session.next_deadline() is None
    for perform in host.pending.values():  # late answers are ignored
        host.session.succeed(perform.serial, None, now=1.0)
        host.session.fail(perform.serial, OSError(), now=1.0)
    host.session.receive_data(b"PWD\r\n", now=1.0)
    host.session.connection_lost(now=1.0)
    host.session.shut_down(grace=1.0, now=1.0)
    host.session.handle_deadline(now=1000.0)
    assert host.session.next_output() is None


@pytest.mark.parametrize("phase", PHASES)
def test_a_shut_down_session_is_closed_within_the_grace(fs: MemoryFileSystem, phase: str) -> None:
    """R-10: 421, unless the session was about to close anyway."""
    host = PHASES[phase](fs)
    host.read_replies().take()
    host.session.shut_down(grace=5.0, now=host.now)
    host.pump().advance(5.0).release().advance(20.0)
    assert host.control_closed
    assert host.session.idle
    assert host.codes()[-1:] in ([421], [])


# -- abandon -----------------------------------------------------------------------------------------------------------


def test_abandon_returns_the_files_that_are_open(host: ScriptedHost) -> None:
    assert len(started(host, b"STOR a").session.abandon()) == 1


def test_abandon_does_not_return_a_file_that_the_host_is_closing(host: ScriptedHost) -> None:
    host.hold = (CloseFile,)
    started(host, b"STOR a").finish()
    assert isinstance(host.pending[LaneName.DATA].effect, CloseFile)
    assert host.session.abandon() == ()


def test_abandon_does_not_return_a_file_that_failed_to_close(host: ScriptedHost) -> None:
    host.hold = (CloseFile,)
    started(host, b"STOR a").finish().answer(LaneName.DATA, error=OSError())
    assert host.codes() == [451]
    assert host.session.abandon() == ()


def test_abandon_returns_a_file_whose_close_the_host_has_not_taken(host: ScriptedHost) -> None:
    host.hold = (ReceiveData, ReceiveFile)
    started(host, b"STOR a")
    serial = host.pending.pop(LaneName.DATA).serial
    host.session.fail(serial, ConnectionResetError(), now=host.now)
    close_data = host.session.next_output()
    assert isinstance(close_data, Perform)
    host.session.succeed(close_data.serial, None, now=host.now)  # now CloseFile is queued
    assert len(host.session.abandon()) == 1


def test_abandon_forgets_effects_that_the_host_has_not_taken(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.session.receive_data(b"MKD a\r\n", now=host.now)
    assert host.session.abandon() == ()
    assert host.pump().session.idle
    assert fs.tree() == {}


# -- shut_down ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["before login", "logged in", "listening", "connected", "active"])
def test_a_session_that_does_nothing_is_shut_down_at_once(fs: MemoryFileSystem, phase: str) -> None:
    host = PHASES[phase](fs)
    host.take()
    host.session.shut_down(grace=60.0, now=host.now)
    assert host.pump().codes() == [421]
    assert host.control_closed


def test_a_transfer_may_end_within_the_grace(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    started(host, b"STOR a").session.shut_down(grace=60.0, now=host.now)
    assert host.upload(b"x").codes() == []
    assert host.finish().codes() == [226, 421]
    assert host.control_closed
    assert fs.tree() == {"/a": b"x"}


def test_a_transfer_is_cut_when_the_grace_is_over(host: ScriptedHost) -> None:
    started(host, b"STOR a").session.shut_down(grace=60.0, now=host.now)
    assert host.advance(59.0).codes() == []
    assert host.advance(2.0).codes() == [426, 421]
    assert reasons(host) == ["Server is shutting down."]


def test_commands_behind_a_shut_down_are_not_begun(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    started(host, b"STOR a").feed(b"MKD b\r\n").session.shut_down(grace=60.0, now=host.now)
    assert host.feed(b"MKD c\r\n").finish().codes() == [226, 421]
    assert fs.tree() == {"/a": b""}


def test_a_penalty_is_cut_when_the_grace_is_over(fs: MemoryFileSystem) -> None:
    """L-10: the answer to PASS is still a 530."""
    host = PHASES["penalty"](fs)
    host.take()
    host.session.shut_down(grace=1.0, now=host.now)
    assert host.pump().advance(1.5).codes() == [530, 421]


# -- QUIT and what is left open


@pytest.mark.parametrize("phase", ["listening", "connected", "active"])
def test_quit_gives_up_a_data_connection_that_no_command_uses(fs: MemoryFileSystem, phase: str) -> None:
    """L-08."""
    host = PHASES[phase](fs)
    host.take()
    assert host.feed(b"QUIT\r\n").codes() == [221]
    assert host.control_closed
    assert host.listening is None
    assert not host.connected
    assert host.advance(1000.0).codes() == []


def test_a_session_that_is_closed_when_done_ends_its_transfer_first(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    started(host, b"STOR a").feed(b"PWD\r\n").session.close_when_done(now=host.now)
    assert host.pump().upload(b"x").finish().codes() == [226]
    assert host.control_closed
    assert fs.tree() == {"/a": b"x"}


def test_what_comes_behind_quit_is_not_kept(host: ScriptedHost) -> None:
    started(host, b"STOR a").feed(b"QUIT\r\n")
    host.feed(b"MKD b\r\n" * 5000)
    assert host.session.reader.buffered == 0
    assert host.session.wants_data  # the host is to see the end of the connection
    assert host.codes() == [221]


def test_a_command_cut_by_a_shut_down_is_answered_by_its_421(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), hold=[WriteFile]).login()
    host.feed(b"PASV\r\nSTOR f\r\n").connect().upload(b"x").feed(b"ABOR\r\n").take()
    host.session.shut_down(grace=1.0, now=host.now)
    assert host.pump().advance(1.5).codes() == []
    assert host.release().codes() == [426, 421]
