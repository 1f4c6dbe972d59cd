"""Events: one well-ordered list for each session, built only for who asked, and without secrets."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from ftpcore import (
    EVERY_EVENT,
    Address,
    Authenticate,
    AuthenticationFailed,
    CommandFinished,
    CommandReceived,
    Connected,
    Connection,
    Delegate,
    Direction,
    Disconnected,
    Event,
    LoggedOut,
    LoginFailed,
    LoginSucceeded,
    Outcome,
    Perform,
    PortEffect,
    Ports,
    Reply,
    ReplySent,
    SendControl,
    Session,
    TLSFailed,
    TransferFinished,
    TransferStarted,
    ViolationSeen,
    VirtualPath,
)
from ftpcore.testing import FixedClock, ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import Offer, secured

KINDS: list[type[Event]] = sorted(EVERY_EVENT, key=lambda kind: kind.__name__)

SECRET = "ten-thousand-owls"


def outline(host: ScriptedHost) -> list[str]:
    return [type(event).__name__ for event in host.events]


def test_V_01_the_events_of_a_session_are_in_order(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs)).feed(b"USER ann\r\nPASS pw\r\nTYPE I\r\nPASV\r\n").connect()
    host.feed(b"STOR a\r\n").upload(b"12345").advance(2.0).finish().feed(b"QUIT\r\n")
    command = ["CommandReceived", "ReplySent", "CommandFinished"]
    assert outline(host) == [
        "Connected",
        "ReplySent",
        *command,  # USER
        "CommandReceived",
        "LoginSucceeded",
        "ReplySent",
        "CommandFinished",
        *command,  # TYPE
        *command,  # PASV
        "CommandReceived",
        "ReplySent",
        "TransferStarted",
        "TransferFinished",
        "ReplySent",
        "CommandFinished",
        "CommandReceived",
        "LoggedOut",
        "ReplySent",
        "CommandFinished",
        "Disconnected",
    ]
    path = VirtualPath("/a")
    assert [event for event in host.events if isinstance(event, TransferStarted | TransferFinished)] == [
        TransferStarted(username="ann", verb="STOR", path=path, name="/a", direction=Direction.RECEIVED),
        TransferFinished(
            username="ann",
            verb="STOR",
            path=path,
            name="/a",
            direction=Direction.RECEIVED,
            size=5,
            elapsed=2.0,
            outcome=Outcome.COMPLETE,
        ),
    ]


@pytest.mark.parametrize(
    ("sent", "event"),
    [
        pytest.param(b"", Connected(local=Address("127.0.0.1", 21), peer=Address("127.0.0.1", 50_000)), id="opened"),
        pytest.param(b"noop x\r\n", CommandReceived(verb="NOOP", argument="x"), id="command"),
        pytest.param(b"\r\n", CommandReceived(verb="", argument=None), id="empty line"),
        pytest.param(b"NOOP\r\n", ReplySent(reply=Reply.of(200, "I successfully did nothing.")), id="reply"),
        pytest.param(b"USER ann\r\nPASS pw\r\n", LoginSucceeded(username="ann"), id="login"),
        pytest.param(b"USER bob\r\nPASS pw\r\n", LoginFailed(username="bob"), id="failed login"),
        pytest.param(b"USER ann\r\nPASS pw\r\nREIN\r\n", LoggedOut(username="ann", verb="REIN"), id="logout"),
        pytest.param(
            b"USER ann\r\nPASS pw\r\nDELE a//b\r\n",
            CommandFinished(
                name="DELE",
                argument="a//b",
                path=VirtualPath("/a/b"),
                reply=Reply.of(550, "/a/b: No such file or directory."),
            ),
            id="command with a path",
        ),
        pytest.param(
            b"USER ann\r\nPASS pw\r\nCDUP\r\n",
            CommandFinished(
                name="CDUP",
                argument=None,
                path=VirtualPath("/"),
                reply=Reply.of(250, '"/" is the current directory.'),
            ),
            id="command about a path that it does not name",
        ),
        pytest.param(
            b"USER ann\r\nPASS pw\r\nSTAT a//b\r\n",
            CommandFinished(
                name="STAT",
                argument="a//b",
                path=VirtualPath("/a/b"),
                reply=Reply.of(550, "/a/b: No such file or directory."),
            ),
            id="command that may have a path",
        ),
        pytest.param(
            b"site  x\r\n",
            CommandFinished(name="SITE ", argument="x", path=None, reply=Reply.of(504, "SITE command not understood.")),
            id="unknown command",
        ),
        pytest.param(b"QUIT\r\n", Disconnected(reason="quit"), id="closed"),
    ],
)
def test_V_01_what_happened_is_told(fs: MemoryFileSystem, sent: bytes, event: Event) -> None:
    assert event in ScriptedHost(SingleUser(fs)).feed(sent).advance(3.0).events


def test_V_01_the_events_of_a_session_under_tls_are_in_order(fs: MemoryFileSystem) -> None:
    host = secured(ScriptedHost(SingleUser(fs), delegate=Offer()))
    host.feed(b"PASV\r\nSTOR a\r\n").connect().finish()
    host.tls = ConnectionError("no shared cipher")
    host.feed(b"PASV\r\nSTOR a\r\n").connect().feed(b"REIN\r\n")
    command = ["CommandReceived", "ReplySent", "CommandFinished"]
    assert outline(host)[2:6] == [*command, "TLSEstablished"]
    assert (
        outline(host)[-22:]
        == [
            *command,  # PASV
            *("CommandReceived", "ReplySent", "TLSEstablished", "TransferStarted", "TransferFinished"),
            *("ReplySent", "CommandFinished"),
            *command,  # PASV
            *("CommandReceived", "ReplySent", "TLSFailed", "ReplySent", "CommandFinished"),
            *("CommandReceived", "LoggedOut", "ReplySent", "CommandFinished"),
            *("TLSFailed", "Disconnected"),
        ][-22:]
    )
    told = [event for event in host.events if isinstance(event, TLSFailed)]
    assert told == [
        TLSFailed(connection=Connection.DATA, reason="no shared cipher"),
        TLSFailed(connection=Connection.CONTROL, reason="TLS did not end in good order: no shared cipher", ending=True),
    ]


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param("lose_control", "connection lost", id="connection lost"),
        pytest.param("end_control", "client left", id="client left"),
    ],
)
def test_V_01_why_a_session_ended_is_told(host: ScriptedHost, act: str, reason: str) -> None:
    getattr(host, act)()
    assert host.events[-1] == Disconnected(reason=reason)


def test_V_01_an_idle_end_is_told_by_its_last_words(host: ScriptedHost) -> None:
    host.advance(301.0)
    assert host.events[-1] == Disconnected(reason="Control connection timed out.")


def test_V_01_a_violation_is_told_once(host: ScriptedHost) -> None:
    host.feed(b"x" * 70_000).feed(b"x" * 70_000)
    assert outline(host).count(ViolationSeen.__name__) == 1
    assert outline(host).count(Disconnected.__name__) == 1


class Unlucky(Session):
    """Faults of every kind, none of them watched."""

    auth_failed_timeout = 0

    def ftp_HELP(self, argument: str) -> Reply:
        raise ZeroDivisionError

    def on_logout(self, username: str) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"NOOP\r\nFROB\r\n PASS x\r\nHELP\r\n", id="commands"),
        pytest.param(b"USER ann\r\nPASS no\r\nUSER ann\r\nPASS pw\r\nPWD\r\n", id="logins"),
        pytest.param(b"USER ann\r\nPASS pw\r\nREIN\r\n", id="a hook that raises"),
        pytest.param(b"x" * 70_000, id="a violation"),
        pytest.param(b"QUIT\r\n", id="the end"),
    ],
)
def test_a_session_that_nobody_watches_emits_no_events(fs: MemoryFileSystem, sent: bytes) -> None:
    session = Unlucky(
        local=Address("127.0.0.1", 21),
        peer=Address("127.0.0.1", 50_000),
        ports=Ports(authorizer=SingleUser(fs), clock=FixedClock()),
        random=NoRandom(),
        now=0.0,
    )
    session.receive_data(sent, now=0.0)
    found = []
    while (output := session.next_output()) is not None:
        found.append(output)
        match output:
            case Perform(effect=PortEffect() as effect):
                try:
                    session.succeed(output.serial, effect.call(output.ports), now=0.0)
                except (AuthenticationFailed, ZeroDivisionError) as error:
                    session.fail(output.serial, error, now=0.0)
            case SendControl(data):
                session.control_sent(len(data), now=0.0)
            case _:
                pass
    assert len(found) > 1
    assert not any(isinstance(output, Event) for output in found)


class NoRandom:
    """Random numbers that nobody asks for."""

    def randrange(self, stop: int, /) -> int:
        return 0


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_documented(kind: type[Event]) -> None:
    assert kind.__doc__


# -- secrets -----------------------------------------------------------------------------------------------------------


class Curious(Delegate):
    """Overrides the hook that is told the password, so that there is an effect that carries it."""

    def on_login_failed(self, username: str, password: str) -> None:
        pass

    def on_login(self, username: str) -> None:
        pass


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f"PASS {SECRET}", id="L-13 out of order"),
        pytest.param(f"USER bob\r\nPASS {SECRET}", id="L-13 wrong"),
        pytest.param(f"USER ann\r\nPASS {SECRET}", id="L-13 right"),
        pytest.param(f"USER ann\r\npass {SECRET}", id="L-13 in small letters"),
        pytest.param(f" PASS {SECRET}", id="L-13 behind a blank"),
        pytest.param(f"PASS\t{SECRET}", id="L-13 behind a tab"),
        pytest.param(f"Pass\t\xe9{SECRET}", id="L-13 behind a tab, with another letter"),
        pytest.param(f"\tPASS {SECRET}", id="L-13 a tab in front"),
        pytest.param(f"\ufeffpass {SECRET}", id="L-13 a byte order mark in front"),
        pytest.param(f"PASS  {SECRET}", id="L-13 behind two blanks"),
        pytest.param(f"PASS {SECRET}\0", id="L-13 with a NUL"),
        pytest.param(f"PASS {SECRET}{'x' * 3000}", id="L-13 too long"),
        pytest.param(f"ACCT {SECRET}", id="L-13 ACCT"),
        pytest.param(f"ADAT {SECRET}", id="L-13 ADAT"),
    ],
)
def test_a_secret_is_in_no_event(fs: MemoryFileSystem, line: str) -> None:
    host = ScriptedHost(SingleUser(fs, password=SECRET), delegate=Curious())
    if "bob" in line:
        host.session.auth_failed_timeout = 0
    host.feed(f"{line}\r\n".encode()).advance(3.0)
    assert len(host.events) > 3
    assert SECRET not in repr(host.outputs)
    for event in host.events:
        assert SECRET not in repr(asdict(event))  # type: ignore[call-overload]  # all events are dataclasses
    assert SECRET.encode() not in host.take()


def test_L_13_a_fault_of_the_library_names_no_password() -> None:
    with pytest.raises(TypeError) as caught:
        bool(Authenticate("ann", SECRET, "127.0.0.1"))
    assert SECRET not in str(caught.value)


def test_the_mask_tells_nothing_of_the_length(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs)).feed(b"PASS x\r\nPASS \r\n")
    shown = [event.argument for event in host.events if isinstance(event, CommandReceived)]
    assert shown == ["******", "******"]


def test_a_transfer_is_told_under_the_name_that_began_it(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789")
    host = ScriptedHost(SingleUser(fs)).login()
    host.window = 3
    host.feed(b"EPSV\r\n").connect().feed(b"RETR f\r\nUSER bob\r\n")
    host.window = None
    host.pump()
    assert [event.username for event in host.events if isinstance(event, TransferFinished)] == ["ann"]
