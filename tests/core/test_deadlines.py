"""What each wait may take, and what happens when it is over.  Checklist I-01 to I-04, seed section 13."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from ftpcore import AcceptTimedOut, Authenticate, CloseData, CloseFile, ConnectData, Delegate, LaneName, OpenFile
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789")


class Options(Delegate):
    """Options that a test sets on the instance."""


class Wait(NamedTuple):
    """How a wait begins, its option, its length, what is answered at its end, and whether the session ends too."""

    option: str
    seconds: float
    begin: bytes
    codes: list[int]
    ends: bool = False
    connects: bool = False


WAITS = {
    "idle": Wait("timeout", 300, b"NOOP\r\n", [421], ends=True),
    "nobody connects": Wait("accept_timeout", 30, b"PASV\r\n", [421]),
    "nobody connects, a command waits": Wait("accept_timeout", 30, b"PASV\r\nRETR f\r\n", [425]),
    "nobody serves a STOU": Wait("accept_timeout", 30, b"STOU\r\n", [425]),
    "nobody connects to a STOU": Wait("accept_timeout", 30, b"STOU\r\nPASV\r\n", [425]),
    "an active connection": Wait("connect_timeout", 30, PORT + b"RETR f\r\n", [425]),
    "a download stalls": Wait("data_timeout", 300, PORT + b"RETR f\r\n", [426]),
    "an upload stalls": Wait("data_timeout", 300, PORT + b"STOR g\r\n", [426]),
    "a listing stalls": Wait("data_timeout", 300, PORT + b"LIST\r\n", [426]),
    "no command comes": Wait("data_timeout", 300, b"PASV\r\n", [421], ends=True, connects=True),
    "penalty": Wait("auth_failed_timeout", 3, b"REIN\r\nUSER ann\r\nPASS x\r\n", [530]),
}


def begun(fs: MemoryFileSystem, wait: Wait, options: Options) -> ScriptedHost:
    host = ScriptedHost(SingleUser(fs), delegate=options).login()
    host.window = 0
    if wait.option == "connect_timeout":
        host.hold = (ConnectData,)
    host.feed(wait.begin)
    if wait.connects:
        host.connect()
    host.take()
    return host


@pytest.mark.parametrize("name", WAITS)
def test_I_03_a_wait_ends_when_it_is_due(fs: MemoryFileSystem, name: str) -> None:
    wait = WAITS[name]
    host = begun(fs, wait, Options())
    assert host.session.next_deadline() == wait.seconds
    assert host.advance(wait.seconds - 0.5).codes() == []
    assert host.advance(1).release().codes() == wait.codes
    assert host.control_closed is wait.ends


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_for_a_passive_connection_that_nobody_makes_is_told(fs: MemoryFileSystem, name: str) -> None:
    wait = WAITS[name]
    host = begun(fs, wait, Options()).advance(wait.seconds + 0.5).release()
    told = [event for event in host.events if isinstance(event, AcceptTimedOut)]
    assert told == ([AcceptTimedOut()] if name.startswith("nobody connects") else [])


@pytest.mark.parametrize("name", WAITS)
def test_I_03_a_wait_has_its_own_option(fs: MemoryFileSystem, name: str) -> None:
    """A float; all other waits are endless meanwhile."""
    wait, options = WAITS[name], Options()
    options.timeout = options.accept_timeout = options.connect_timeout = options.data_timeout = None
    setattr(options, wait.option, 7.5)
    assert begun(fs, wait, options).session.next_deadline() == 7.5


@pytest.mark.parametrize("off", [0, None], ids=["0", "None"])
@pytest.mark.parametrize("name", [name for name in WAITS if name != "penalty"])
def test_a_wait_may_be_endless(fs: MemoryFileSystem, name: str, off: float | None) -> None:
    wait, options = WAITS[name], Options()
    options.timeout = options.accept_timeout = options.connect_timeout = options.data_timeout = None
    setattr(options, wait.option, off)
    host = begun(fs, wait, options)
    assert host.session.next_deadline() is None
    assert host.advance(1e9).codes() == []


@pytest.mark.parametrize("off", [0, None], ids=["0", "None"])
def test_there_may_be_no_penalty(fs: MemoryFileSystem, off: float | None) -> None:
    options = Options()
    options.auth_failed_timeout = off
    assert ScriptedHost(SingleUser(fs), delegate=options).feed(b"USER ann\r\nPASS x\r\n").codes() == [220, 331, 530]


def test_I_01_every_command_starts_the_idle_time_anew(host: ScriptedHost) -> None:
    for _ in range(3):
        host.advance(299).feed(b"NOOP\r\n")
    assert host.codes() == [200, 200, 200]


def test_I_01_the_idle_time_starts_anew_when_a_transfer_ends(host: ScriptedHost) -> None:
    host.window = 0
    host.feed(PORT + b"RETR f\r\n").advance(299)
    host.window = None
    assert host.pump().advance(299).codes() == [200, 150, 226]
    assert host.advance(2).codes() == [421]


def test_I_01_the_idle_time_starts_anew_when_a_slow_command_ends(host: ScriptedHost) -> None:
    host.hold = (OpenFile,)
    host.feed(PORT + b"RETR missing\r\n").advance(1000).release()
    assert host.advance(299).codes() == [200, 550]


def test_I_01_a_session_is_not_idle_while_a_data_connection_is_up(fs: MemoryFileSystem) -> None:
    """That has a time of its own."""
    options = Options()
    options.timeout = 10
    host = ScriptedHost(SingleUser(fs), delegate=options).login().feed(b"PASV\r\n").connect()
    assert host.advance(299).codes() == [227]


@pytest.mark.parametrize("effect", [OpenFile, CloseFile])
def test_I_03_a_port_may_take_its_time(host: ScriptedHost, effect: type[object]) -> None:
    """No call on a port is cut: what it opened or wrote would be in doubt."""
    host.hold = (effect,)
    host.feed(PORT + b"RETR f\r\n").advance(1e6)
    assert host.release().codes() == [200, 150, 226]


def test_I_03_a_slow_port_is_no_stall(host: ScriptedHost) -> None:
    """The time of a connection runs while it is waited for, not before."""
    host.hold = (OpenFile,)
    host.feed(b"PASV\r\n").connect().advance(200).feed(b"RETR f\r\n").advance(50).release()
    assert host.codes() == [227, 125, 226]


def test_a_slow_port_does_not_cost_the_data_connection(host: ScriptedHost) -> None:
    """Its time without a command is not over while a command is about to use it."""
    host.hold = (OpenFile,)
    host.feed(b"PASV\r\n").connect().advance(200).feed(b"RETR f\r\n").advance(200).release()
    assert host.codes() == [227, 125, 226]
    assert not host.control_closed


def test_an_unused_data_connection_is_given_up_after_a_slow_command(host: ScriptedHost) -> None:
    host.hold = (OpenFile,)
    host.feed(b"PASV\r\n").connect().advance(200).feed(b"RETR missing\r\n").advance(200).release()
    assert host.advance(301).codes() == [227, 550, 421]
    assert host.control_closed


def test_I_04_time_that_is_late_is_no_matter(host: ScriptedHost) -> None:
    """A host that slept through a deadline acts on it when it wakes."""
    host.feed(b"PASV\r\nRETR f\r\n")
    host.now = 1000
    host.session.handle_deadline(now=host.now)
    assert host.pump().codes() == [227, 150, 425]


@pytest.mark.parametrize("name", WAITS)
def test_I_04_a_deadline_that_was_handled_is_gone(fs: MemoryFileSystem, name: str) -> None:
    host = begun(fs, WAITS[name], Options())
    deadline = host.session.next_deadline()
    assert deadline is not None
    host.advance(deadline - host.now)
    after = host.session.next_deadline()
    assert after is None or after > deadline


def test_options_are_read_when_a_wait_begins(fs: MemoryFileSystem) -> None:
    options = Options()
    host = ScriptedHost(SingleUser(fs), delegate=options).login()
    options.accept_timeout = 5
    assert host.feed(b"PASV\r\n").advance(6).codes() == [227, 421]


def test_a_close_that_hangs_is_hastened_once(host: ScriptedHost) -> None:
    host.hold = (CloseData,)
    host.feed(PORT + b"RETR f\r\n").advance(301)
    assert host.session.next_deadline() is None
    host.answer(LaneName.DATA)
    assert host.codes() == [200, 150, 226]


def test_a_lost_session_has_no_deadline(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().lose_control()
    assert host.session.next_deadline() is None


# -- the time for a login ----------------------------------------------------------------------------------------------


def stranger(fs: MemoryFileSystem, **options: float | None) -> ScriptedHost:
    """Return a session that nobody is logged in to."""
    delegate = Options()
    for name, value in options.items():
        setattr(delegate, name, value)
    host = ScriptedHost(SingleUser(fs), delegate=delegate)
    host.take()
    return host


def keep_busy(host: ScriptedHost, seconds: int, line: bytes = b"NOOP\r\n") -> ScriptedHost:
    """Send a line every second."""
    for _ in range(seconds):
        host.advance(1).feed(line)
    return host


def test_Z_09_a_login_takes_no_longer_than_it_may(fs: MemoryFileSystem) -> None:
    host = stranger(fs)
    assert host.session.next_deadline() == 120
    assert keep_busy(host, 119).codes() == [200] * 119
    assert host.advance(1).codes() == [421]
    assert host.control_closed


@pytest.mark.parametrize("line", [b"USER ann\r\n", b"PASS\r\n", b"STAT\r\n", b"REIN\r\n", b"\xff\xf6"])
def test_Z_09_nothing_but_a_login_stops_its_time(fs: MemoryFileSystem, line: bytes) -> None:
    host = keep_busy(stranger(fs), 119, line)
    host.take()
    assert host.advance(1).codes() == [421]


def test_Z_09_who_is_logged_in_has_no_such_deadline(host: ScriptedHost) -> None:
    assert keep_busy(host, 300).codes() == [200] * 300


@pytest.mark.parametrize("line", [b"REIN\r\n", b"USER ann\r\n"])
def test_Z_09_the_time_begins_when_a_login_is_dropped(host: ScriptedHost, line: bytes) -> None:
    host.advance(200).feed(line)
    host.take()
    assert keep_busy(host, 119).codes() == [200] * 119
    assert host.advance(1).codes() == [421]


def test_Z_09_the_time_is_over_once(fs: MemoryFileSystem) -> None:
    """The session ends behind its 421, whether that is read or not."""
    host = stranger(fs)
    host.reading = False
    host.advance(120)
    assert host.session.next_deadline() == 130
    assert host.advance(10).codes() == [421]
    assert host.control_closed


@pytest.mark.parametrize("off", [0, None], ids=["0", "None"])
def test_Z_09_the_time_may_be_endless(fs: MemoryFileSystem, off: float | None) -> None:
    host = stranger(fs, login_timeout=off, timeout=None)
    assert host.session.next_deadline() is None
    assert keep_busy(host, 300).codes() == [200] * 300


def test_Z_09_the_time_has_its_own_option(fs: MemoryFileSystem) -> None:
    assert stranger(fs, login_timeout=7.5).session.next_deadline() == 7.5


def test_Z_09_the_time_of_an_authorizer_does_not_count(fs: MemoryFileSystem) -> None:
    host = stranger(fs)
    host.hold = (Authenticate,)
    host.advance(100).feed(b"USER ann\r\nPASS wrong\r\n").advance(1000)
    assert host.session.next_deadline() is None
    assert host.answer(LaneName.CONTROL, error=OSError("no answer")).codes() == [331, 451]
    assert keep_busy(host, 19).codes() == [200] * 19
    assert host.advance(1).codes() == [421]


def test_Z_09_a_slow_authorizer_costs_nobody_the_login(fs: MemoryFileSystem) -> None:
    host = stranger(fs)
    host.hold = (Authenticate,)
    assert host.feed(b"USER ann\r\nPASS pw\r\n").advance(1000).release().codes() == [331, 230]
    assert not host.control_closed


def test_Z_09_a_penalty_does_not_count(fs: MemoryFileSystem) -> None:
    host = stranger(fs, auth_failed_timeout=500)
    host.advance(100).feed(b"USER ann\r\nPASS wrong\r\n").advance(500)
    assert host.codes() == [331, 530]
    assert keep_busy(host, 19).codes() == [200] * 19
    assert host.advance(1).codes() == [421]


def test_Z_09_a_transfer_of_a_former_login_is_not_cut(host: ScriptedHost) -> None:
    """The time for the next login begins at its end."""
    host.window = 0
    host.feed(PORT + b"RETR f\r\nREIN\r\n").advance(200)
    assert host.codes() == [200, 150, 220]
    host.window = None
    assert host.pump().codes() == [226]
    assert keep_busy(host, 119).codes() == [200] * 119
    assert host.advance(1).codes() == [421]


def test_Z_09_what_goes_on_at_once_counts_once(host: ScriptedHost) -> None:
    """A penalty that outlasts the transfer does not make the time longer than it is."""
    host.window = 0
    host.feed(PORT + b"RETR f\r\nREIN\r\n").advance(10)
    host.hold = (Authenticate,)
    host.feed(b"USER ann\r\nPASS wrong\r\n").advance(10)
    host.window = None
    host.pump().advance(10)
    host.answer(LaneName.CONTROL, error=OSError("no answer")).take()
    assert host.session.next_deadline() == 30 + 120
