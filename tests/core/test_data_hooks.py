"""What a delegate learns of data connections, when options for them are read, and transfers that a command makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ftpcore import (
    COMMANDS,
    Argument,
    Call,
    CloseData,
    CommandSpec,
    DataConnectionLost,
    Delegate,
    Failed,
    Perform,
    ReceiveData,
    Reply,
    SendControl,
    SendData,
    Session,
    Transfer,
    TransferFinished,
    VirtualPath,
)
from ftpcore.ports import OpenMode
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"


class Recorder(Delegate):
    """Notes what it is told of data connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.ends: list[tuple[Transfer | None, Exception | None]] = []

    def on_data_connected(self) -> None:
        self.connections += 1

    def on_data_closed(self, transfer: Transfer | None, failure: Exception | None) -> None:
        self.ends.append((transfer, failure))


class Faulty(Delegate):
    def on_data_closed(self, transfer: Transfer | None, failure: Exception | None) -> None:
        raise LookupError("a fault of the hook")


class FaultyFromTheStart(Recorder):
    def on_data_connected(self) -> None:
        raise LookupError("a fault of the hook")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def told(fs: MemoryFileSystem, recorder: Recorder) -> ScriptedHost:
    fs.write_bytes("/file", b"x" * 10)
    return ScriptedHost(SingleUser(fs), delegate=recorder).login()


def order(host: ScriptedHost) -> list[str]:
    """Return the replies, the calls of hooks, and what closes the data connection, in their order."""
    found = []
    for output in host.outputs:
        match output:
            case SendControl(data):
                found.append(data[:3].decode())
            case Perform(effect=Call(function)):
                found.append(function.__name__)
            case Perform(effect=CloseData()):
                found.append("CloseData")
            case _:
                pass
    return found


def test_the_hooks_come_before_the_first_byte_and_before_the_final_reply(told: ScriptedHost) -> None:
    told.outputs.clear()
    told.feed(PORT + b"RETR file\r\n")
    assert order(told) == ["200", "150", "on_data_connected", "CloseData", "on_data_closed", "226"]


def test_a_passive_connection_is_told_of_when_it_comes(told: ScriptedHost, recorder: Recorder) -> None:
    told.feed(b"EPSV\r\n")
    assert recorder.connections == 0
    told.connect()
    assert (recorder.connections, told.session.data_up) == (1, True)
    told.feed(b"LIST\r\n")
    assert told.codes() == [229, 125, 226]
    [(transfer, failure)] = recorder.ends
    assert transfer is not None
    assert (transfer.verb, transfer.path, transfer.file, failure) == ("LIST", "/", None, None)
    assert (recorder.connections, told.session.data_up) == (1, False)


def test_a_transfer_that_failed_is_told_with_its_error(told: ScriptedHost, recorder: Recorder) -> None:
    told.window = 3
    told.feed(PORT + b"RETR file\r\n").reset()
    [(transfer, failure)] = recorder.ends
    assert transfer is not None
    assert (transfer.verb, transfer.size) == ("RETR", 3)
    assert isinstance(failure, DataConnectionLost)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda host: host.feed(b"PASV\r\n"), id="another PASV"),
        pytest.param(lambda host: host.feed(b"ABOR\r\n"), id="ABOR"),
        pytest.param(lambda host: host.feed(b"REIN\r\n"), id="REIN"),
        pytest.param(lambda host: host.feed(b"QUIT\r\n"), id="QUIT"),
        pytest.param(lambda host: host.lose_control(), id="the client goes"),
        pytest.param(lambda host: host.advance(400), id="no command comes"),
        pytest.param(lambda host: host.session.drop_data(now=host.now) or host.pump(), id="it is dropped"),
    ],
)
def test_a_connection_that_nothing_used_is_told_of_once(
    told: ScriptedHost, recorder: Recorder, end: Callable[[ScriptedHost], object]
) -> None:
    told.feed(b"EPSV\r\n").connect()
    end(told)
    assert recorder.ends == [(None, None)]
    assert not told.session.data_up
    told.lose_control()
    assert len(recorder.ends) == 1


def test_a_refused_connection_is_not_told_of(told: ScriptedHost, recorder: Recorder) -> None:
    told.feed(b"EPSV\r\n").advance(31)
    assert told.codes() == [229, 421]
    assert (recorder.connections, recorder.ends) == (0, [])


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_a_hook_that_raises_refuses_the_connection(fs: MemoryFileSystem, passive: bool) -> None:
    fs.write_bytes("/file", b"x")
    delegate = FaultyFromTheStart()
    host = ScriptedHost(SingleUser(fs), delegate=delegate).login()
    if passive:
        host.feed(b"PASV\r\nRETR file\r\n").connect()
    else:
        host.feed(PORT + b"RETR file\r\n")
    assert host.codes()[1:] == [150, 425]
    assert [event.where for event in host.events if isinstance(event, Failed)] == ["on_data_connected"]
    assert len(delegate.ends) == 1
    assert host.feed(b"NOOP\r\n").codes() == [200]


def test_a_connection_that_a_hook_refused_is_none_for_the_next_command(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=FaultyFromTheStart()).login()
    assert host.feed(b"PASV\r\n").connect().feed(b"RETR file\r\n").codes() == [227, 425]


@pytest.mark.parametrize("watched", [True, False])
def test_a_hook_that_raises_at_the_end_changes_nothing(fs: MemoryFileSystem, watched: bool) -> None:
    fs.write_bytes("/file", b"x")
    host = ScriptedHost(SingleUser(fs), delegate=Faulty(), subscribe=[Failed] if watched else []).login()
    host.feed(PORT + b"RETR file\r\n").feed(b"NOOP\r\n")
    assert host.codes() == [200, 150, 226, 200]
    assert len(host.events) == watched


def test_nothing_is_dropped_where_nothing_is_up(told: ScriptedHost) -> None:
    told.feed(b"EPSV\r\n")
    told.session.drop_data(now=told.now)
    told.pump().connect().feed(b"RETR file\r\n")
    assert told.codes() == [229, 125, 226]


def test_a_transfer_whose_connection_is_dropped_ends_with_426(told: ScriptedHost, recorder: Recorder) -> None:
    told.window = 3
    told.feed(PORT + b"RETR file\r\n")
    told.session.drop_data(now=told.now)
    told.pump()
    assert told.codes() == [200, 150, 426]
    assert isinstance(recorder.ends[0][1], DataConnectionLost)
    assert told.feed(b"NOOP\r\n").codes() == [200]


@pytest.mark.parametrize("waiting", [False, True], ids=["nothing waits", "a transfer waits"])
def test_a_connection_is_dropped_while_its_hook_runs(told: ScriptedHost, recorder: Recorder, waiting: bool) -> None:
    told.hold = (Call,)
    told.feed(b"EPSV\r\n").connect()
    if waiting:
        told.feed(b"RETR file\r\n")
    told.session.drop_data(now=told.now)
    told.pump().release()
    assert told.codes() == ([229, 150, 426] if waiting else [229])
    assert recorder.ends == [(None, None)]
    assert told.feed(b"RETR file\r\n").codes() == [425]


def test_another_pasv_while_the_hook_runs_replaces_the_connection(told: ScriptedHost, recorder: Recorder) -> None:
    told.hold = (Call,)
    told.feed(b"EPSV\r\n").connect().feed(b"EPSV\r\n").release().connect().feed(b"RETR file\r\n")
    assert told.codes() == [229, 229, 125, 226]
    assert recorder.connections == 2
    assert [transfer is None for transfer, _ in recorder.ends] == [True, False]


# -- options -----------------------------------------------------------------------------------------------------------


def test_what_the_hook_sets_counts_from_the_first_block_on(fs: MemoryFileSystem) -> None:
    class Slowing(Delegate):
        def on_data_connected(self) -> None:
            self.write_limit = 400

    fs.write_bytes("/file", bytes(1000))
    host = ScriptedHost(SingleUser(fs), delegate=Slowing()).login()
    host.feed(PORT + b"RETR file\r\n")
    assert [len(effect.data) for effect in host.performed(SendData)] == [100]


def test_a_limit_may_change_during_a_transfer(fs: MemoryFileSystem, recorder: Recorder) -> None:
    fs.write_bytes("/file", bytes(1000))
    host = ScriptedHost(SingleUser(fs), delegate=recorder).login()
    recorder.write_limit = 400
    host.feed(PORT + b"RETR file\r\n")
    assert len(host.downloaded) == 100
    recorder.write_limit = 800
    host.advance(0.25)
    assert len(host.downloaded) == 300
    recorder.write_limit = 0
    host.advance(0.25)
    assert host.downloads == [bytes(1000)]
    assert host.codes() == [200, 150, 226]


def test_blocks_are_as_large_as_the_options_say(fs: MemoryFileSystem, recorder: Recorder) -> None:
    fs.write_bytes("/file", bytes(250))
    host = ScriptedHost(SingleUser(fs), delegate=recorder).login()
    recorder.send_block, recorder.receive_block = 100, 70
    recorder.write_limit = 1_000_000
    host.feed(PORT + b"RETR file\r\n").advance(1)
    assert [len(effect.data) for effect in host.performed(SendData)] == [100, 100, 50]
    host.feed(PORT + b"STOR new\r\n").upload(b"x").finish()
    assert {effect.size for effect in host.performed(ReceiveData)} == {70}
    recorder.send_block = 2**40  # which is more than is moved at once
    fs.write_bytes("/file", bytes(300_000))
    host.feed(PORT + b"RETR file\r\n").advance(1)
    assert max(len(effect.data) for effect in host.performed(SendData)) == 256 * 1024


# -- commands that make what they send ---------------------------------------------------------------------------------


class Making(Session):
    """Has a command that sends what is made on the way."""

    async def ftp_MAKE(self, _: str) -> Reply:
        return await self.send_blocks("MAKE", VirtualPath("/made"), self.blocks())

    async def ftp_FILE(self, _: str) -> Reply:
        file = self.logged_in().filesystem.open_file(VirtualPath("/file"), OpenMode.READ)
        return await self.send_blocks("FILE", VirtualPath("/file"), self.blocks(), file)  # type: ignore[arg-type]

    def blocks(self) -> Callable[[], Any]:
        return iter([b"first ", memoryview(b"second"), b""]).__next__


_SPECS = {name: CommandSpec(name, Argument.OPTIONAL, f"{name}.") for name in ("MAKE", "FILE")}


def making(fs: MemoryFileSystem, kind: type[Making] = Making) -> ScriptedHost:
    fs.write_bytes("/file", b"x")
    session = type("Session", (kind,), {"commands": {**COMMANDS, **_SPECS}})
    return ScriptedHost(SingleUser(fs), session_class=session).login()


@pytest.mark.parametrize(("command", "reported"), [("MAKE", 0), ("FILE", 1)])
def test_a_command_sends_what_it_makes(fs: MemoryFileSystem, command: str, reported: int) -> None:
    host = making(fs)
    host.feed(PORT + f"{command}\r\n".encode())
    assert host.codes() == [200, 150, 226]
    assert host.downloads == [b"first second"]
    assert sum(isinstance(event, TransferFinished) for event in host.events) == reported


@pytest.mark.parametrize("command", ["MAKE", "FILE"])
def test_a_command_that_makes_what_it_sends_needs_a_data_connection(fs: MemoryFileSystem, command: str) -> None:
    host = making(fs)
    assert host.feed(f"{command}\r\n".encode()).codes() == [425]
    assert host.session.open_files == ()


def test_a_block_that_is_no_bytes_ends_the_transfer(fs: MemoryFileSystem) -> None:
    class Texts(Making):
        def blocks(self) -> Callable[[], Any]:
            return iter(["text"]).__next__

    host = making(fs, Texts)
    assert host.feed(PORT + b"MAKE\r\n").feed(b"NOOP\r\n").codes() == [200, 150, 451, 200]
    assert [event.where for event in host.events if isinstance(event, Failed)] == ["MAKE"]


def test_the_hooks_of_a_delegate_do_nothing_by_themselves() -> None:
    assert [Delegate().on_data_connected(), Delegate().on_data_closed(None, None)] == [None, None]
