"""Commands in the native dialect: subclasses of Session, what they may return and await, and rights."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from dataclasses import replace

import pytest

from ftpcore import (
    COMMANDS,
    Account,
    Argument,
    BadSequence,
    CheckPermission,
    CommandSpec,
    Delegate,
    Effect,
    Failed,
    HostError,
    MakeDir,
    MoveToData,
    Pause,
    Perform,
    Presence,
    RemoveFile,
    Reply,
    SendControl,
    Session,
    Stat,
    TransferType,
    VirtualPath,
    command_table,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


class Foreign:
    """An awaitable that wants an event loop."""

    def __await__(self) -> Generator[object, None, None]:
        yield self


class Native(Session):
    """Overrides commands in every way that is allowed, and in some that are not."""

    commands: Mapping[str, CommandSpec] = command_table(
        *COMMANDS.values(),
        CommandSpec("SITE HELLO", Argument.OPTIONAL, "Syntax: SITE HELLO [<SP> name] (greet).", login=False),
        CommandSpec("SITE TOUCH", Argument.PATH, "Syntax: SITE TOUCH <SP> path (look at it).", permission="l"),
        CommandSpec("SITE GONE", Argument.NONE, "Syntax: SITE GONE (no method).", login=False),
        CommandSpec("SITE SLEEP", Argument.NONE, "Syntax: SITE SLEEP (wait).", login=False),
        CommandSpec("SITE WORK", Argument.NONE, "Syntax: SITE WORK (work in the data lane)."),
    )

    def ftp_SITE_HELLO(self, name: str) -> Reply:
        return Reply.of(200, f"Hello {name}.")

    async def ftp_SITE_TOUCH(self, path: VirtualPath) -> Reply:
        info = await Stat(path)
        return Reply.of(200, info.name)

    async def ftp_SITE_SLEEP(self) -> Reply:
        await Pause(10.0)
        return Reply.of(200, "Awake.")

    async def ftp_SITE_WORK(self) -> Reply:
        await MoveToData()
        await MoveToData()
        await Pause(10.0)
        return Reply.of(200, "Done.")

    def ftp_NOOP(self) -> Reply:
        return Reply.of(200, f"Nothing, {super().ftp_NOOP().code} times.")

    async def ftp_DELE(self, path: VirtualPath) -> Reply:
        if path == "/keep":
            raise BadSequence("Not that one.")
        return await super().ftp_DELE(path)


@pytest.fixture
def native(fs: MemoryFileSystem) -> ScriptedHost:
    fs.write_bytes("/file", b"")
    return ScriptedHost(SingleUser(fs), session_class=Native).login()


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param(b"NOOP\r\n", [200], id="plain, by super()"),
        pytest.param(b"DELE file\r\n", [250], id="async, by super()"),
        pytest.param(b"DELE missing\r\n", [550], id="an error of a port"),
        pytest.param(b"DELE keep\r\n", [503], id="an error of its own"),
        pytest.param(b"SITE HELLO you\r\n", [200], id="a new command"),
        pytest.param(b"site hello\r\n", [200], id="a new command, in small letters"),
        pytest.param(b"SITE TOUCH file\r\n", [200], id="a new command on a path"),
        pytest.param(b"SITE TOUCH\r\n", [501], id="the table checks its argument"),
        pytest.param(b"REIN\r\nSITE TOUCH file\r\n", [220, 530], id="the table checks its login"),
        pytest.param(b"SITE GONE\r\nNOOP\r\n", [451, 200], id="a row without a method"),
        pytest.param(b"HELP SITE HELLO\r\n", [214], id="help for it"),
    ],
)
def test_native_commands(native: ScriptedHost, sent: bytes, codes: list[int]) -> None:
    assert native.feed(sent).codes() == codes


def test_an_override_of_super_asks_for_the_same_effect(native: ScriptedHost) -> None:
    assert native.feed(b"DELE file\r\n").performed(RemoveFile) == [RemoveFile(VirtualPath("/file"))]


def test_a_command_may_wait(native: ScriptedHost) -> None:
    native.feed(b"SITE SLEEP\r\nNOOP\r\n")
    assert native.advance(9.0).codes() == []
    assert native.advance(2.0).codes() == [200, 200]


def test_a_command_may_work_in_the_data_lane(native: ScriptedHost) -> None:
    assert native.feed(b"SITE WORK\r\nPWD\r\nSTAT\r\n").codes() == [211]
    assert native.advance(10.0).codes() == [200, 257]


def test_a_command_in_the_data_lane_may_be_aborted(native: ScriptedHost) -> None:
    assert native.feed(b"SITE WORK\r\nABOR\r\n").codes() == [426, 226]


@pytest.mark.parametrize(
    ("name", "presence", "codes"),
    [
        pytest.param("NOOP", Presence.OPTIONAL, [200, 200], id="none, now optional"),
        pytest.param("NOOP", Presence.REQUIRED, [501, 200], id="none, now required"),
        pytest.param("HELP", Presence.REQUIRED, [501, 501], id="optional, now required"),
        pytest.param("HELP", Presence.FORBIDDEN, [214, 501], id="optional, now forbidden"),
        pytest.param("MLST", Presence.REQUIRED, [501, 550], id="a path or the directory, now required"),
        pytest.param("SIZE", Presence.OPTIONAL, [550, 550], id="a path, now optional"),
        pytest.param("CDUP", Presence.OPTIONAL, [250, 250], id="the parent, now with an argument"),
        pytest.param("MFMT", Presence.OPTIONAL, [501, 501], id="of two arguments each is needed"),
    ],
)
def test_a_row_may_say_otherwise_whether_it_has_an_argument(
    fs: MemoryFileSystem, name: str, presence: Presence, codes: list[int]
) -> None:
    class Changed(Session):
        commands = {**COMMANDS, name: replace(COMMANDS[name], presence=presence)}
        transfer_type = TransferType.IMAGE

    host = ScriptedHost(SingleUser(fs), session_class=Changed).login()
    assert host.feed(f"{name}\r\n{name} nothing\r\n".encode()).codes() == codes


# -- what a command may not do -----------------------------------------------------------------------------------------


class Faulty(Session):
    """Each override breaks a rule."""

    def ftp_SYST(self) -> Reply:
        return None  # type: ignore[return-value]  # the fault

    def ftp_NOOP(self) -> Reply:
        return "200 text"  # type: ignore[return-value]  # the fault

    def ftp_PWD(self) -> Reply:
        raise ZeroDivisionError

    async def ftp_MKD(self, path: VirtualPath) -> Reply:
        return None  # type: ignore[return-value]  # the fault

    async def ftp_RMD(self, path: VirtualPath) -> Reply:
        return 250  # type: ignore[return-value]  # the fault

    async def ftp_DELE(self, path: VirtualPath) -> Reply:
        await asyncio.sleep(0)
        return Reply.of(250, "never")

    async def ftp_MDTM(self, path: VirtualPath) -> Reply:
        await Foreign()  # it yields what is no effect
        return Reply.of(250, "never")

    async def ftp_SIZE(self, path: VirtualPath) -> Reply:
        if CheckPermission(self.logged_in(), "l", path):  # type: ignore[truthy-bool]  # the fault
            return Reply.of(213, "1")
        raise AssertionError

    async def ftp_CWD(self, path: VirtualPath) -> Reply:
        try:
            await Foreign()
        except TypeError:
            await MakeDir(path)  # what is caught is over
        return Reply.of(250, "Still here.")

    async def ftp_RNFR(self, path: VirtualPath) -> Reply:
        await "text"  # type: ignore[misc]  # the fault
        return Reply.of(250, "never")


@pytest.mark.parametrize(
    ("command", "named"),
    [
        pytest.param("SYST", "SYST", id="a plain one returns None"),
        pytest.param("NOOP", "NOOP", id="a plain one returns text"),
        pytest.param("PWD", "", id="a plain one raises"),
        pytest.param("MKD x", "MKD", id="an async one returns None"),
        pytest.param("RMD x", "RMD", id="an async one returns a number"),
        pytest.param("DELE x", "DELE", id="it awaits a sleep of asyncio"),
        pytest.param("MDTM x", "MDTM", id="it awaits something of its own"),
        pytest.param("SIZE x", "CheckPermission", id="it forgets to await a permission"),
        pytest.param("RNFR x", "", id="it awaits what can't be awaited"),
    ],
)
@pytest.mark.parametrize("rights_vary", [False, True], ids=["same everywhere", "varying"])
def test_a_fault_of_a_command_is_451_and_an_event(
    fs: MemoryFileSystem, command: str, named: str, rights_vary: bool
) -> None:
    authorizer = SingleUser(fs)
    authorizer.account = Account(name="ann", filesystem=fs, rights="elradfmwMT", rights_vary=rights_vary)
    host = ScriptedHost(authorizer, session_class=Faulty).login()
    assert host.feed(f"{command}\r\nSTAT\r\n".encode()).codes() == [451, 211]
    (failed,) = [event for event in host.events if isinstance(event, Failed)]
    assert failed.where == command.partition(" ")[0]
    assert named in str(failed.error)


def test_a_command_may_go_on_after_awaiting_something_foreign(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), session_class=Faulty).login()
    assert host.feed(b"CWD new\r\n").codes() == [250]
    assert fs.tree() == {"/new/": b""}


def test_an_effect_that_was_not_awaited_says_so() -> None:
    with pytest.raises(TypeError, match="await MakeDir"):
        assert MakeDir(VirtualPath("/x"))  # type: ignore[truthy-bool]  # the fault


def test_a_command_that_can_not_be_abandoned_is_a_fault(fs: MemoryFileSystem) -> None:
    class Stubborn(Session):
        async def ftp_DELE(self, path: VirtualPath) -> Reply:
            while True:
                try:
                    await RemoveFile(path)
                except GeneratorExit:  # the end of the test
                    raise
                except BaseException:  # noqa: BLE001  the fault
                    continue

    host = ScriptedHost(SingleUser(fs), session_class=Stubborn, hold=[RemoveFile]).login().feed(b"DELE x\r\n")
    with pytest.raises(HostError):
        host.session.abandon()


def test_a_command_may_clean_up_when_it_is_abandoned(fs: MemoryFileSystem) -> None:
    class Careful(Session):
        async def ftp_DELE(self, path: VirtualPath) -> Reply:
            try:
                await Stat(path)
            finally:
                await RemoveFile(path)
            return Reply.of(250, "Done.")

    host = ScriptedHost(SingleUser(fs), session_class=Careful, hold=[Stat]).login().feed(b"DELE x\r\n")
    host.session.abandon()
    assert host.session.idle


# -- overrides of a delegate -------------------------------------------------------------------------------------------


def answer_by_hand(session: Session) -> None:
    session.push(b"299 By hand.\r\n")


def answer_by_reply(session: Session, argument: str) -> Reply:
    return Reply.of(298, argument)


async def answer_later(session: Session, path: VirtualPath) -> Reply:
    return Reply.of(297, (await Stat(path)).name)


async def answer_by_hand_later(session: Session, path: VirtualPath) -> None:
    await Stat(path)
    session.push(b"296 By hand.\r\n")


def answer_with_nonsense(session: Session) -> object:
    return 5


class Bridge(Delegate):
    """Takes commands over without a subclass of Session."""

    command_overrides = {
        "NOOP": answer_by_hand,
        "HELP": answer_by_reply,
        "MDTM": answer_later,
        "SIZE": answer_by_hand_later,
        "SYST": answer_with_nonsense,
    }


@pytest.mark.parametrize(
    ("command", "codes"),
    [
        pytest.param("NOOP", [299], id="answered by hand"),
        pytest.param("HELP x", [298], id="answered by a reply"),
        pytest.param("MDTM /", [297], id="answered later"),
        pytest.param("SIZE /", [296], id="answered by hand, later"),
        pytest.param("SIZE missing", [550], id="failed"),
        pytest.param("NOOP x", [501], id="the table checks first"),
        pytest.param("SYST", [451], id="answered with nonsense"),
        pytest.param("PWD", [257], id="not taken over"),
    ],
)
@pytest.mark.parametrize("rights_vary", [False, True], ids=["same everywhere", "varying"])
def test_a_delegate_may_take_commands_over(
    fs: MemoryFileSystem, command: str, codes: list[int], rights_vary: bool
) -> None:
    authorizer = SingleUser(fs)
    authorizer.account = Account(name="ann", filesystem=fs, rights="l", rights_vary=rights_vary)
    host = ScriptedHost(authorizer, delegate=Bridge()).login()
    assert host.feed(f"{command}\r\n".encode()).codes() == codes


def test_what_is_answered_by_hand_after_the_loss_goes_nowhere(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Bridge(), hold=[Stat]).login().feed(b"SIZE /\r\n")
    assert host.lose_control().release().take() == b""
    assert host.session.idle


# -- effects -----------------------------------------------------------------------------------------------------------


def test_every_effect_is_a_value() -> None:
    path = VirtualPath("/a")
    effects: list[Effect[object]] = [Stat(path), MakeDir(path), RemoveFile(path)]
    assert effects == [Stat(VirtualPath("/a")), MakeDir(VirtualPath("/a")), RemoveFile(VirtualPath("/a"))]


def test_what_follows_a_reply_comes_before_the_next_command(fs: MemoryFileSystem) -> None:
    class Following(Session):
        def ftp_NOOP(self) -> Reply:
            return Reply.of(200, "First.", then=(MakeDir(VirtualPath("/a")), MakeDir(VirtualPath("/b"))))

    host = ScriptedHost(SingleUser(fs), session_class=Following, hold=[MakeDir]).login()
    assert host.feed(b"NOOP\r\nPWD\r\n").codes() == [200]
    assert host.release().codes() == [257]
    assert fs.tree() == {"/a/": b"", "/b/": b""}
    last = [output for output in host.outputs if isinstance(output, SendControl | Perform)]
    assert [type(output) for output in last[-4:]] == [SendControl, Perform, Perform, SendControl]
