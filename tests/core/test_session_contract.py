"""What a host may rely on, and what it must not do: inputs in every phase, back-pressure, the ways to the end."""

from __future__ import annotations

import pytest

from ftpcore import (
    Address,
    Connected,
    Disconnected,
    EffectCancelled,
    HostError,
    LaneName,
    MakeDir,
    Perform,
    Reply,
    Session,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.phases import MANY, reasons, started

# -- answers of the host -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("serial", [0, 999, -1])
def test_an_answer_to_nothing_is_a_fault_of_the_host(host: ScriptedHost, serial: int) -> None:
    with pytest.raises(HostError):
        host.session.succeed(serial, None, now=0.0)
    with pytest.raises(HostError):
        host.session.fail(serial, OSError(), now=0.0)


def test_an_effect_is_answered_once(host: ScriptedHost) -> None:
    host.hold = (MakeDir,)
    serial = host.feed(b"MKD a\r\n").pending[LaneName.CONTROL].serial
    host.answer(LaneName.CONTROL)
    with pytest.raises(HostError):
        host.session.succeed(serial, None, now=0.0)


def test_an_effect_that_nobody_cancelled_is_not_failed_as_cancelled(host: ScriptedHost) -> None:
    host.hold = (MakeDir,)
    perform = host.feed(b"MKD a\r\n").pending[LaneName.CONTROL]
    with pytest.raises(HostError):
        host.session.fail(perform.serial, EffectCancelled(), now=0.0)
    assert host.answer(LaneName.CONTROL).codes() == [257]  # it is still under way


def test_more_bytes_can_not_leave_than_were_queued(host: ScriptedHost) -> None:
    with pytest.raises(HostError):
        host.session.control_sent(1, now=0.0)


def test_bytes_may_leave_while_the_connection_is_lost(host: ScriptedHost) -> None:
    host.lose_control()
    host.session.control_sent(10, now=0.0)
    assert host.session.next_output() is None


def test_serials_are_never_used_twice(host: ScriptedHost) -> None:
    host.feed(b"MKD a\r\nMKD b\r\nPASV\r\n").connect()
    serials = [output.serial for output in host.outputs if isinstance(output, Perform)]
    assert serials == sorted(set(serials))


def test_a_deadline_that_has_not_come_is_harmless(host: ScriptedHost) -> None:
    host.session.handle_deadline(now=1.0)
    assert host.pump().codes() == []
    assert not host.control_closed


# -- back-pressure -----------------------------------------------------------------------------------------------------


def test_commands_wait_while_replies_are_unread(host: ScriptedHost) -> None:
    host.reading = False
    host.feed(b"PWD\r\n" * MANY + b"MKD last\r\n")
    answered = host.take().count(b"257 ")
    assert 0 < answered < MANY
    assert not host.session.wants_data
    while not host.session.wants_data:
        host.read_replies()
        host.reading = False
    assert host.take().count(b"257 ") == MANY + 1 - answered


def test_reading_stops_while_commands_wait(host: ScriptedHost) -> None:
    host.hold = (MakeDir,)
    assert host.feed(b"MKD a\r\n" + b"NOOP\r\n" * 1000).session.wants_data
    assert not host.feed(b"NOOP\r\n" * 1000).session.wants_data
    host.release()
    assert host.codes() == [257] + [200] * 2000
    assert host.session.wants_data


def test_reading_stops_while_answers_to_telnet_wait(fs: MemoryFileSystem) -> None:
    """A penalty lasts long enough to ask for gigabytes of refusals, and needs no login."""
    host = ScriptedHost(SingleUser(fs)).feed(b"USER ann\r\nPASS wrong\r\n")
    assert host.feed(b"\xff\xfd\x01" * 1000).session.wants_data
    assert not host.feed(b"\xff\xfd\x01" * 2000).session.wants_data
    assert host.advance(3).take().count(b"\xff\xfc\x01") == 3000
    assert host.session.wants_data


def test_a_peer_that_never_reads_is_given_up(host: ScriptedHost) -> None:
    host.reading = False
    host.feed(b"PWD\r\n" * MANY).advance(1000)
    assert host.control_closed
    assert host.session.idle


def test_the_last_words_may_leave_before_the_connection_is_closed(host: ScriptedHost) -> None:
    host.reading = False
    assert not host.feed(b"QUIT\r\n").control_closed
    assert host.read_replies().control_closed


# -- suspend and resume ------------------------------------------------------------------------------------------------


def test_nothing_begins_while_suspended(host: ScriptedHost) -> None:
    host.session.suspend()
    host.session.suspend()
    assert host.feed(b"MKD a\r\n").codes() == []
    assert not host.session.wants_data
    host.session.resume(now=host.now)
    assert host.pump().codes() == [257]
    assert host.session.wants_data


def test_what_runs_ends_while_suspended(host: ScriptedHost) -> None:
    host.hold = (MakeDir,)
    host.feed(b"MKD a\r\nPWD\r\n").session.suspend()
    assert host.release().codes() == [257]
    host.session.resume(now=host.now)
    assert host.pump().codes() == [257]


def test_suspend_and_resume_are_harmless_after_the_end(host: ScriptedHost) -> None:
    host.lose_control()
    host.session.suspend()
    host.session.resume(now=host.now)
    assert host.session.next_output() is None


# -- the end of the client's side --------------------------------------------------------------------------------------


def test_what_came_before_the_end_is_answered_though_suspended(host: ScriptedHost) -> None:
    host.session.suspend()
    assert not host.feed(b"MKD a\r\n").end_control().control_closed
    host.session.resume(now=host.now)
    assert host.pump().codes() == [257]
    assert host.control_closed


def test_what_came_before_the_end_is_answered_though_replies_are_unread(
    host: ScriptedHost, fs: MemoryFileSystem
) -> None:
    host.reading = False
    host.feed(b"PWD\r\n" * MANY + b"MKD last\r\n").end_control()
    assert not host.control_closed
    host.read_replies()
    assert host.control_closed
    assert fs.tree() == {"/last/": b""}


def test_what_came_before_the_end_is_answered_though_the_port_is_slow(host: ScriptedHost) -> None:
    host.hold = (MakeDir,)
    assert not host.feed(b"MKD a\r\nPWD\r\n").end_control().control_closed
    assert host.release().codes() == [257, 257]
    assert host.control_closed
    assert reasons(host) == ["client left"]


def test_a_transfer_is_cut_when_the_client_leaves(host: ScriptedHost) -> None:
    started(host, b"STOR a").upload(b"half").end_control()
    assert host.session.idle
    assert reasons(host) == ["client left"]


def test_a_transfer_ends_when_the_client_leaves_after_quit(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    """L-08."""
    started(host, b"STOR a").upload(b"half").feed(b"QUIT\r\n").end_control()
    assert host.codes() == [221]
    assert host.upload(b"whole").finish().codes() == [226]
    assert host.control_closed
    assert fs.tree() == {"/a": b"halfwhole"}


# -- the end that the session itself brings about ----------------------------------------------------------------------


def test_idle_time_ends_a_session(host: ScriptedHost) -> None:
    assert host.advance(299.0).codes() == []
    assert host.advance(2.0).codes() == [421]
    assert host.control_closed


def test_a_command_starts_the_idle_time_anew(host: ScriptedHost) -> None:
    assert host.advance(299.0).feed(b"NOOP\r\n").advance(299.0).codes() == [200]


def test_a_listener_that_waits_for_ever_does_not_keep_a_session(host: ScriptedHost) -> None:
    host.session.accept_timeout = None
    assert host.feed(b"PASV\r\n").advance(301.0).codes() == [227, 421]
    assert host.control_closed
    assert host.listening is None


def test_half_a_command_does_not_start_the_idle_time_anew(host: ScriptedHost) -> None:
    assert host.advance(299.0).feed(b"NO").advance(2.0).codes() == [421]


def test_a_refused_client_is_told_why_and_no_more() -> None:
    """L-12, R-09: 421 in place of the greeting."""
    host = ScriptedHost(SingleUser(MemoryFileSystem()), refusal=Reply.of(421, "Too many connections."))
    assert host.codes() == [421]
    assert host.control_closed
    assert [type(event) for event in host.events if not hasattr(event, "reply")] == [Connected, Disconnected]


def test_addresses_are_told_without_their_mapping() -> None:
    local, peer = Address("::ffff:192.0.2.1", 21), Address("::ffff:192.0.2.2", 5000)
    session: Session = ScriptedHost(SingleUser(MemoryFileSystem()), local=local, peer=peer).session
    assert (session.local.host, session.peer.host) == ("192.0.2.1", "192.0.2.2")
