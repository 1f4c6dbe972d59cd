"""A data connection that no command comes for: when its time is over, it counts whether the client has left it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ftpcore import Aborted, Cancel, Delegate, EffectCancelled, LaneName, ReceiveData, Transfer
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

Leave = Callable[[ScriptedHost], ScriptedHost]

#: How a client leaves a data connection.
LEAVES: dict[str, Leave] = {"closed": ScriptedHost.finish, "reset": ScriptedHost.reset}


class Told(Delegate):
    """Counts the ends of data connections."""

    def __init__(self) -> None:
        self.ends: list[tuple[Transfer | None, Exception | None]] = []

    def on_data_closed(self, transfer: Transfer | None, failure: Exception | None) -> None:
        self.ends.append((transfer, failure))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def up(fs: MemoryFileSystem, told: Told) -> ScriptedHost:
    """A session whose passive data connection is up."""
    fs.write_bytes("/f", b"0123456789")
    host = ScriptedHost(SingleUser(fs), delegate=told).login().feed(b"PASV\r\n").connect()
    assert host.codes() == [227]
    host.outputs.clear()
    return host


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
def test_one_that_the_client_left_vanishes(up: ScriptedHost, told: Told, leave: Leave) -> None:
    leave(up).advance(301)
    assert (up.codes(), up.connected, up.control_closed, told.ends) == ([], False, False, [(None, None)])
    assert up.feed(b"RETR f\r\nPASV\r\nRETR f\r\n").connect().codes() == [425, 227, 150, 226]


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
def test_the_idle_time_of_the_session_starts_anew(up: ScriptedHost, leave: Leave) -> None:
    leave(up).advance(301)
    assert up.advance(298).codes() == []
    assert up.advance(3).codes() == [421]


def test_one_that_is_still_up_ends_the_session(up: ScriptedHost) -> None:
    assert up.advance(301).codes() == [421]
    assert up.control_closed


def test_one_over_which_something_came_ends_the_session(up: ScriptedHost) -> None:
    up.upload(b"too early")
    assert up.advance(301).codes() == [421]


def test_a_host_that_fails_otherwise_ends_the_session(up: ScriptedHost) -> None:
    up.hold = (ReceiveData,)
    up.advance(301).answer(LaneName.DATA, error=OSError("no such descriptor"))
    assert up.codes() == [421]


def test_the_look_is_cancelled_at_once(up: ScriptedHost) -> None:
    """The host need not wait for anything."""
    up.hold = (ReceiveData,)
    up.advance(301)
    perform = up.pending[LaneName.DATA]
    assert perform.effect == ReceiveData(1)
    assert Cancel(perform.serial) in up.outputs
    assert up.codes() == []


@pytest.mark.parametrize("left", [False, True], ids=["the client is there", "the client left"])
@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        pytest.param(b"NOOP\r\n", [200], id="NOOP"),
        pytest.param(b"RETR f\r\n", [425], id="RETR"),
        pytest.param(b"PASV\r\n", [227], id="PASV"),
        pytest.param(b"ABOR\r\n", [225], id="ABOR"),
        pytest.param(b"QUIT\r\n", [221], id="QUIT"),
    ],
)
def test_commands_wait_for_the_look(up: ScriptedHost, lines: bytes, codes: list[int], left: bool) -> None:
    up.hold = (ReceiveData,)
    up.advance(301).feed(lines)
    assert up.codes() == []
    up.hold = ()
    if left:
        up.answer(LaneName.DATA, b"")
        assert up.codes() == codes
    else:
        up.answer(LaneName.DATA, error=EffectCancelled())
        assert up.codes()[-1:] == [421]
        assert up.control_closed


@pytest.mark.parametrize("error", [None, EffectCancelled(), ConnectionResetError()], ids=["end", "nothing", "reset"])
def test_the_client_leaves_altogether_during_the_look(up: ScriptedHost, told: Told, error: Exception | None) -> None:
    up.hold = (ReceiveData,)
    up.advance(301).lose_control()
    up.hold = ()
    up.answer(LaneName.DATA, b"" if error is None else None, error=error)
    assert up.codes() == []
    assert up.session.idle


def test_user_code_drops_the_connection_during_the_look(up: ScriptedHost) -> None:
    up.hold = (ReceiveData,)
    up.advance(301)
    up.session.drop_data(now=up.now)
    up.pump()
    up.hold = ()
    assert up.answer(LaneName.DATA, b"").codes() == []


def test_what_ended_an_effect_is_the_cause_of_its_cancellation(up: ScriptedHost, told: Told) -> None:
    up.feed(b"STOR g\r\n")
    up.hold = (ReceiveData,)
    up.feed(b"ABOR\r\n")
    up.answer(LaneName.DATA, error=ConnectionResetError())
    up.hold = ()
    (_, failure) = told.ends[-1]
    assert isinstance(failure, Aborted)
    assert isinstance(failure.__cause__, ConnectionResetError)
