"""What a delegate may take over as a whole: every command, the end of patience, a login."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from ftpcore import Call, CommandFinished, Delegate, Disconnected, Failed, Reply, Session, TransferFinished
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore.wire import Command
from ftpcore_adapters.memory import MemoryFileSystem


class Guard(Delegate):
    """Looks at each command first."""

    def __init__(self) -> None:
        self.seen: list[Command] = []
        self.command_interceptor = self.guard

    async def guard(self, session: Session, command: Command) -> Reply | None:
        self.seen.append(command)
        match command.verb:
            case "NOOP":
                return Reply.of(299, "Not today.")
            case "SYST":
                session.push(b"298 By hand.\r\n")
                return None
            case "LS":
                return await session.carry_out(Command("MLST", command.argument))
            case "FAIL":
                raise LookupError("a bug")
            case "MFMT":
                return "nothing"  # type: ignore[return-value]  # what the test is about
            case _:
                pass
        return await session.carry_out(command)


@pytest.fixture
def guard() -> Guard:
    return Guard()


@pytest.fixture
def host(fs: MemoryFileSystem, guard: Guard) -> ScriptedHost:
    fs.write_bytes("/file", b"data")
    return ScriptedHost(SingleUser(fs), delegate=guard)


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param("NOOP", [299], id="it answers itself"),
        pytest.param("SYST", [298], id="it pushes the answer"),
        pytest.param("PWD", [257], id="a command that asks nothing"),
        pytest.param("SIZE file", [213], id="one with a path"),
        pytest.param("LS file", [250], id="another command"),
        pytest.param("CWD nowhere", [550], id="a failure"),
        pytest.param("MKD", [501], id="no argument"),
        pytest.param("NONE", [500], id="no such command"),
        pytest.param("SITE NONE", [504], id="no such SITE command"),
        pytest.param("SITE CHMOD 600 file", [200], id="a SITE command"),
        pytest.param("FAIL", [451], id="its own fault"),
        pytest.param("MFMT x y", [451], id="no reply"),
        pytest.param("REST 1|SIZE file", [350, 213], id="what is pending"),
        pytest.param("RNFR file|RNTO new|MLST new", [350, 250, 250], id="two steps"),
        pytest.param("NOOP|PWD|QUIT", [299, 257, 221], id="in one segment"),
    ],
)
def test_each_command_goes_by_the_interceptor(host: ScriptedHost, sent: str, codes: list[int]) -> None:
    host.login()
    assert host.feed("".join(f"{line}\r\n" for line in sent.split("|")).encode()).codes() == codes


def test_the_interceptor_sees_what_was_sent(host: ScriptedHost, guard: Guard) -> None:
    host.feed(b"retr  x \r\nSITE chmod 1\r\nPASS\t1\r\n").take()
    assert guard.seen == [Command("RETR", " x "), Command("SITE", "chmod 1"), Command("PASS?", None)]


def test_a_plain_interceptor_may_raise(fs: MemoryFileSystem) -> None:
    class Broken(Delegate):
        def command_interceptor(self, session: Session, command: Command) -> Awaitable[Reply | None]:
            if command.verb == "NOOP":
                raise LookupError("a bug")
            return session.carry_out(command)

    host = ScriptedHost(SingleUser(fs), delegate=Broken())
    assert host.feed(b"NOOP\r\nSYST\r\n").codes()[-2:] == [451, 215]
    assert any(isinstance(event, Failed) for event in host.events)


def test_transfers_go_to_the_data_lane(host: ScriptedHost) -> None:
    host.login().feed(b"PASV\r\n").connect().take()
    assert host.feed(b"RETR file\r\n").codes()[-1] == 226
    assert [event.size for event in host.events if isinstance(event, TransferFinished)] == [4]


def test_what_finished_is_told_as_it_was_carried_out(host: ScriptedHost) -> None:
    host.login().feed(b"LS file\r\nSITE CHMOD 600 file\r\nNOOP\r\n")
    told = [(event.name, event.path) for event in host.events if isinstance(event, CommandFinished)]
    assert told[-3:] == [("MLST", "/file"), ("SITE CHMOD", "/file"), ("NOOP", None)]


def test_the_session_remembers_its_latest_reply(host: ScriptedHost) -> None:
    host.login().feed(b"PWD\r\n")
    assert host.session.last_reply is not None
    assert host.session.last_reply.code == 257


# -- the end of patience -----------------------------------------------------------------------------------------------


class Patient(Delegate):
    """Is asked when the client was idle for too long."""

    timeout = 10.0

    def __init__(self) -> None:
        self.asked = 0
        self.timeout_interceptor = self.ask

    def ask(self) -> None:
        self.asked += 1


def test_the_interceptor_is_called_in_place_of_the_end(fs: MemoryFileSystem) -> None:
    patient = Patient()
    host = ScriptedHost(SingleUser(fs), delegate=patient).login()
    host.take()
    assert host.advance(9.0).codes() == []
    assert patient.asked == 0
    assert host.advance(1.0).codes() == []
    assert patient.asked == 1
    assert host.advance(10.0).feed(b"NOOP\r\n").codes() == [200]
    assert patient.asked == 2


def test_commands_wait_for_it_and_its_fault_ends_the_session(fs: MemoryFileSystem) -> None:
    def fail() -> None:
        raise LookupError("a bug")

    patient = Patient()
    patient.timeout_interceptor = fail
    host = ScriptedHost(SingleUser(fs), delegate=patient).login()
    host.take()
    host.hold = (Call,)
    assert host.advance(10.0).feed(b"NOOP\r\n").codes() == []
    host.release()
    assert any(isinstance(event, Failed) for event in host.events)
    assert any(isinstance(event, Disconnected) for event in host.events)


# -- logging out -------------------------------------------------------------------------------------------------------


class Bouncer(Delegate):
    """Logs out who says NOOP, and whoever sent a file away."""

    session: Session

    def __init__(self) -> None:
        self.left: list[str] = []
        self.command_overrides = {"NOOP": self.noop}

    def noop(self, session: Session) -> Reply:
        session.log_out()
        return Reply.of(200, "Good night.")

    def on_file_sent(self, file: str) -> None:
        self.session.log_out()

    def on_logout(self, username: str) -> None:
        self.left.append(username)


@pytest.fixture
def bouncer() -> Bouncer:
    return Bouncer()


@pytest.fixture
def guarded(fs: MemoryFileSystem, bouncer: Bouncer) -> ScriptedHost:
    fs.write_bytes("/file", b"data")
    host = ScriptedHost(SingleUser(fs), delegate=bouncer).login()
    bouncer.session = host.session
    host.take()
    return host


def test_a_command_may_log_the_user_out(guarded: ScriptedHost, bouncer: Bouncer) -> None:
    assert guarded.feed(b"REST 5\r\nNOOP\r\nPWD\r\nSTAT\r\n").codes() == [350, 200, 530, 211]
    assert (guarded.session.username, guarded.session.restart) == ("", 0)
    assert bouncer.left == ["ann"]


def test_a_hook_may_log_the_user_out(guarded: ScriptedHost, bouncer: Bouncer) -> None:
    guarded.feed(b"PASV\r\n").connect().take()
    assert guarded.feed(b"RETR file\r\nPWD\r\n").codes()[-2:] == [226, 530]
    assert bouncer.left == ["ann"]


def test_whoever_owns_the_session_may_log_the_user_out(guarded: ScriptedHost, bouncer: Bouncer) -> None:
    guarded.session.log_out()
    assert guarded.feed(b"PWD\r\nUSER ann\r\nPASS pw\r\nPWD\r\n").codes() == [530, 331, 230, 257]
    assert bouncer.left == ["ann"]
    guarded.session.log_out()
    guarded.session.log_out()
    assert guarded.feed(b"NOOP\r\n").codes() == [200]
    assert bouncer.left == ["ann", "ann"]
