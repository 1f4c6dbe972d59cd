"""Hooks and options of the delegate: when they are called, what their faults do, and when options are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ftpcore import (
    Call,
    CloseControl,
    Delegate,
    Disconnected,
    Failed,
    LaneName,
    Output,
    Perform,
    Reply,
    SendControl,
    Session,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


class Recorder(Delegate):
    """Notes its hooks in the order of the outputs around them."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def on_connect(self) -> None:
        self.calls.append(("connect",))

    def on_disconnect(self) -> None:
        self.calls.append(("disconnect",))

    def on_login(self, username: str) -> None:
        self.calls.append(("login", username))

    def on_login_failed(self, username: str, password: str) -> None:
        self.calls.append(("login failed", username, password))

    def on_logout(self, username: str) -> None:
        self.calls.append(("logout", username))

    def on_file_sent(self, file: str) -> None:
        self.calls.append(("sent", file))

    def on_file_received(self, file: str) -> None:
        self.calls.append(("received", file))

    def on_incomplete_file_sent(self, file: str) -> None:
        self.calls.append(("incomplete sent", file))

    def on_incomplete_file_received(self, file: str) -> None:
        self.calls.append(("incomplete received", file))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def host(fs: MemoryFileSystem, recorder: Recorder) -> ScriptedHost:
    fs.write_bytes("/file", b"x" * 10)
    return ScriptedHost(SingleUser(fs), delegate=recorder)


def steps(outputs: list[Output]) -> list[str]:
    """Return the replies and the hook calls among `outputs`: "220", "on_login" ..."""
    found = []
    for output in outputs:
        match output:
            case SendControl(data):
                found.append(data[:3].decode())
            case Perform(effect=Call(function)):
                found.append(function.__name__)
            case CloseControl():
                found.append("close")
            case _:
                pass
    return found


SENT = "USER ann\r\nPASS pw\r\nTYPE I\r\nPASV\r\n"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param("", "on_connect 220", id="on_connect before 220"),
        pytest.param("USER ann|PASS pw|NOOP", "on_connect 220 331 230 on_login 200", id="on_login after 230"),
        pytest.param(
            "USER ann|PASS no|NOOP", "on_connect 220 331 530 on_login_failed 200", id="on_login_failed after 530"
        ),
        pytest.param(
            "USER ann|PASS pw|REIN|NOOP",
            "on_connect 220 331 230 on_login 220 on_logout 200",
            id="on_logout after REIN",
        ),
        pytest.param(
            "USER ann|PASS pw|USER bob|NOOP",
            "on_connect 220 331 230 on_login 331 on_logout 200",
            id="on_logout after USER",
        ),
        pytest.param(
            "USER ann|PASS pw|QUIT",
            "on_connect 220 331 230 on_login 221 on_logout close on_disconnect",
            id="on_logout after QUIT",
        ),
        pytest.param("QUIT", "on_connect 220 221 close on_disconnect", id="no on_logout for strangers"),
    ],
)
def test_the_order_of_hooks_and_replies(host: ScriptedHost, sent: str, expected: str) -> None:
    host.feed("".join(f"{line}\r\n" for line in sent.split("|") if line).encode()).advance(3.0)
    assert steps(host.outputs) == expected.split()


def test_hooks_are_told_who_it_was(host: ScriptedHost, recorder: Recorder) -> None:
    host.feed(b"USER bob\r\nPASS no\r\nUSER ann\r\nPASS pw\r\nQUIT\r\n").advance(3.0)
    assert recorder.calls == [
        ("connect",),
        ("login failed", "bob", "no"),
        ("login", "ann"),
        ("logout", "ann"),
        ("disconnect",),
    ]


def test_on_login_failed_is_called_also_when_the_client_has_gone(host: ScriptedHost, recorder: Recorder) -> None:
    host.feed(b"USER bob\r\nPASS no\r\n").lose_control()
    assert recorder.calls == [("connect",), ("login failed", "bob", "no"), ("disconnect",)]


def test_a_plain_disconnect_is_no_logout(host: ScriptedHost, recorder: Recorder) -> None:
    host.login().lose_control()
    assert recorder.calls == [("connect",), ("login", "ann"), ("disconnect",)]


@pytest.mark.parametrize(
    ("command", "act", "expected"),
    [
        pytest.param("RETR file", ScriptedHost.pump, ("sent", "/file"), id="sent"),
        pytest.param("STOR new", ScriptedHost.finish, ("received", "/new"), id="received"),
        pytest.param("STOR new", ScriptedHost.reset, ("incomplete received", "/new"), id="cut upload"),
        pytest.param("STOR new", ScriptedHost.lose_control, ("incomplete received", "/new"), id="client gone"),
        pytest.param("STOR new|ABOR", ScriptedHost.pump, ("incomplete received", "/new"), id="aborted upload"),
        pytest.param("LIST", ScriptedHost.pump, ("login", "ann"), id="none for listings"),
        pytest.param("RETR missing", ScriptedHost.pump, ("login", "ann"), id="none for what was refused"),
    ],
)
def test_hooks_of_files(
    host: ScriptedHost,
    recorder: Recorder,
    command: str,
    act: Callable[[ScriptedHost], ScriptedHost],
    expected: tuple[str, ...],
) -> None:
    host.feed(SENT.encode()).connect().feed("".join(f"{line}\r\n" for line in command.split("|")).encode())
    act(host)
    assert [call for call in recorder.calls if call != ("disconnect",)][-1] == expected


def test_a_cut_download_is_incomplete(host: ScriptedHost, recorder: Recorder) -> None:
    host.window = 3
    host.feed(SENT.encode()).connect().feed(b"RETR file\r\n").reset()
    assert recorder.calls[-1] == ("incomplete sent", "/file")


def test_commands_wait_for_the_hook_of_a_file(host: ScriptedHost) -> None:
    host.feed(SENT.encode()).connect().feed(b"STOR new\r\nPWD\r\n").take()
    host.hold = (Call,)
    assert host.finish().codes() == [226]
    assert host.release().codes() == [257]


@pytest.mark.parametrize("command", ["NOOP", "QUIT", "USER bob", "REIN"])
def test_no_command_overtakes_the_hook_of_a_file(host: ScriptedHost, recorder: Recorder, command: str) -> None:
    """Not even those that overtake a transfer: what the hook does takes effect before the next command."""
    host.login().feed(b"PASV\r\n").connect()
    host.hold = (Call,)
    host.feed(b"RETR /file\r\n")
    host.take()
    host.feed(f"{command}\r\n".encode())
    assert host.codes() == []
    assert recorder.calls[-1] == ("login", "ann")
    host.release()
    assert len(host.codes()) == 1
    assert next(call for call in recorder.calls if call[0] in ("sent", "logout")) == ("sent", "/file")


def test_commands_wait_for_on_connect(fs: MemoryFileSystem, recorder: Recorder) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=recorder, hold=[Call])
    assert host.feed(b"NOOP\r\n").codes() == []
    assert host.release().codes() == [220, 200]


def test_a_hook_that_nobody_overrode_is_not_called(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Delegate())
    host.feed(SENT.encode()).connect().feed(b"STOR new\r\n").finish().feed(b"QUIT\r\n")
    assert host.control_closed
    assert not any(isinstance(output, Perform) and isinstance(output.effect, Call) for output in host.outputs)


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [
        ("on_connect", 0),
        ("on_disconnect", 0),
        ("on_login", 1),
        ("on_login_failed", 2),
        ("on_logout", 1),
        ("on_file_sent", 1),
        ("on_file_received", 1),
        ("on_incomplete_file_sent", 1),
        ("on_incomplete_file_received", 1),
    ],
)
def test_a_hook_may_call_the_one_it_overrides(hook: str, arguments: int) -> None:
    assert getattr(Delegate(), hook)(*["x"] * arguments) is None


def test_a_hook_of_an_instance_is_called(fs: MemoryFileSystem) -> None:
    seen: list[str] = []

    def note(username: str) -> None:
        seen.append(username)

    delegate = Delegate()
    delegate.on_login = note  # type: ignore[method-assign]  # users do it
    ScriptedHost(SingleUser(fs), delegate=delegate).login()
    assert seen == ["ann"]


def test_a_session_without_a_delegate_has_the_hooks_itself(fs: MemoryFileSystem) -> None:
    class Listening(Session):
        seen: list[str] = []

        def on_login(self, username: str) -> None:
            self.seen.append(f"{username} in {self.cwd}")

    ScriptedHost(SingleUser(fs), session_class=Listening).login()
    assert Listening.seen == ["ann in /"]


# -- what hooks may do -------------------------------------------------------------------------------------------------


def test_on_connect_may_refuse_the_client_with_a_reply(fs: MemoryFileSystem) -> None:
    class Refusing(Session):
        def on_connect(self) -> None:
            self.close(Reply.of(421, "Go away."))

    host = ScriptedHost(SingleUser(fs), session_class=Refusing)
    assert host.codes() == [421]
    assert host.control_closed


def test_on_connect_may_refuse_the_client_without_a_word(fs: MemoryFileSystem) -> None:
    class Silent(Session):
        def on_connect(self) -> None:
            self.close()

    host = ScriptedHost(SingleUser(fs), session_class=Silent).feed(b"NOOP\r\n")
    assert host.take() == b""
    assert host.control_closed


def test_on_login_may_end_the_session(fs: MemoryFileSystem) -> None:
    class Closing(Session):
        def on_login(self, username: str) -> None:
            self.close(Reply.of(421, "Too many sessions of yours."))

    host = ScriptedHost(SingleUser(fs), session_class=Closing).feed(b"USER ann\r\nPASS pw\r\nMKD a\r\n")
    assert host.codes() == [220, 331, 230, 421]
    assert fs.tree() == {}


def test_a_hook_may_suspend_the_session(fs: MemoryFileSystem) -> None:
    class Thinking(Session):
        def on_login(self, username: str) -> None:
            self.suspend()

    host = ScriptedHost(SingleUser(fs), session_class=Thinking).feed(b"USER ann\r\nPASS pw\r\nPWD\r\n")
    assert host.codes() == [220, 331, 230]
    host.session.resume(now=host.now)
    assert host.pump().codes() == [257]


# -- hooks that raise --------------------------------------------------------------------------------------------------


def failures(host: ScriptedHost) -> list[BaseException]:
    return [event.error for event in host.events if isinstance(event, Failed)]


@pytest.mark.parametrize(
    ("hook", "sent", "codes"),
    [
        pytest.param("on_connect", b"NOOP\r\n", [], id="on_connect"),
        pytest.param("on_login", b"USER ann\r\nPASS pw\r\nPWD\r\n", [220, 331, 230], id="on_login"),
        pytest.param("on_login_failed", b"USER ann\r\nPASS no\r\nNOOP\r\n", [220, 331, 530], id="on_login_failed"),
        pytest.param("on_logout", b"USER ann\r\nPASS pw\r\nREIN\r\nNOOP\r\n", [220, 331, 230, 220], id="on_logout"),
        pytest.param("on_disconnect", b"QUIT\r\n", [220, 221], id="on_disconnect"),
    ],
)
def test_a_hook_that_raises_ends_its_session(fs: MemoryFileSystem, hook: str, sent: bytes, codes: list[int]) -> None:
    fault = RuntimeError("bad hook")

    def broken(*arguments: object) -> None:
        raise fault

    delegate = Delegate()
    setattr(delegate, hook, broken)
    host = ScriptedHost(SingleUser(fs), delegate=delegate).feed(sent).advance(3.0)
    assert host.codes() == codes
    assert host.control_closed
    assert failures(host) == [fault]
    assert isinstance(host.events[-1], Disconnected)


def test_a_hook_that_raises_after_a_transfer_ends_its_session(host: ScriptedHost) -> None:
    host.feed(SENT.encode()).connect().feed(b"STOR new\r\nPWD\r\n").take()
    host.hold = (Call,)
    fault = RuntimeError("bad hook")
    assert host.finish().answer(LaneName.DATA, error=fault).codes() == [226]
    assert failures(host) == [fault]
    host.release()
    assert host.control_closed


# -- options -----------------------------------------------------------------------------------------------------------


def test_an_option_of_a_class_holds_from_its_next_use_on(fs: MemoryFileSystem) -> None:
    class Options(Delegate):
        pass

    host = ScriptedHost(SingleUser(fs), delegate=Options()).login()
    assert host.session.next_deadline() == 300.0
    Options.timeout = 10.0
    assert host.session.next_deadline() == 10.0


def test_an_option_set_in_on_login_holds_for_that_session(fs: MemoryFileSystem) -> None:
    class Patient(Session):
        login_timeout = None

        def on_login(self, username: str) -> None:
            self.timeout = 1000.0

    first = ScriptedHost(SingleUser(fs), session_class=Patient)
    second = ScriptedHost(SingleUser(fs), session_class=Patient).login()
    assert (first.session.next_deadline(), second.session.next_deadline()) == (300.0, 1000.0)


@pytest.mark.parametrize("never", [0, None])
def test_a_timeout_may_be_switched_off(fs: MemoryFileSystem, never: float | None) -> None:
    host = ScriptedHost(SingleUser(fs)).login()
    host.session.timeout = never
    assert host.session.next_deadline() is None
    assert host.advance(1e6).codes() == []
