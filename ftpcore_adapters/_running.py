"""A command that user code runs, while it does: what it answers, what it inherits, what is left to do."""

from __future__ import annotations

import os
import types
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from ftpcore import (
    CCC_COMMANDS,
    Account,
    Argument,
    Authenticate,
    AuthenticationFailed,
    Call,
    Effect,
    MoveToData,
    NotLoggedIn,
    PortEffect,
    Reply,
    Session,
    VirtualPath,
    resolve,
)
from ftpcore.ports import AnyFile
from ftpcore.wire import Command
from ftpcore_adapters._host import SessionOver
from ftpcore_adapters._left_files import close_now, opened_by

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["Running", "carry", "run"]

T = TypeVar("T")

#: Any, for what a coroutine yields and takes differs with each effect.
_Steps: TypeAlias = Any

_PATHS: Final = (Argument.PATH, Argument.PATH_OR_HERE, Argument.PATH_OR_ROOT, Argument.LISTING)

#: Effects that a command may ask for while it is unwound: one for each block that it is in, and none nests that deep.
_UNWINDINGS: Final = 100

#: What these do to a link they do to itself, wherever it leads.
_OF_LINKS: Final = frozenset({"DELE", "MKD", "RMD", "RNFR", "RNTO", "XMKD", "XRMD"})

#: Commands with two arguments: the keyword by which the old methods take the first.
_KEYWORDS: Final = {"SITE CHMOD": "mode", "MFMT": "timeval"}


async def run(
    handler: FTPHandler, name: str, method: Callable[..., object], session: Session, *arguments: str
) -> Reply | None:
    """Run an overridden command in the session's lane; None, for it is answered by then."""
    running = Running(handler, session, name)
    await running.find_path()
    real, keywords = running.real_arguments(arguments)
    await carry(running, partial(running.checked, partial(method, *real, **keywords)))
    return None


async def carry(running: Running, method: Callable[[], object]) -> None:
    """Run the user's method, and then what it inherited, to the end."""
    try:
        await Call(running.call, (method,))
    except Exception as error:  # noqa: BLE001  whatever it is, the client gets its one reply
        running.failed(error)
    except BaseException:  # the session is given up
        running.give_up()
        raise
    if running.rest is not None:
        steps, effect = running.rest
        try:
            reply = await _go_on(steps, effect)
        except Exception as error:  # noqa: BLE001  as above
            reply = running.reply_to(error)
        if reply is not None:
            running.conclude(reply)
    running.report()


class Running:
    """A command that user code runs.  Its methods may be called in the thread that runs it, or the session's."""

    account: Callable[[str, str, str], Account]
    """Makes the account of a login that is decided here, of the home, the password and the message."""
    appending = False
    """It is an APPE, although it has STOR called."""

    def __init__(self, handler: FTPHandler, session: Session, name: str) -> None:
        assert session.current is not None, "a command is run by a task"
        self._task = session.current
        self._handler = handler
        self._session = session
        self._name = name
        self._account = session.account
        self._concluded = False
        self._given_up = False
        self._virtual: dict[str, VirtualPath] = {}  # what the real path that the method gets stands for
        self._undecided: _Steps = None
        self.answers: list[str] = []
        """What it responded, in place of the core's reply."""
        self.rest: tuple[_Steps, Effect[Any]] | None = None
        """The inherited command and the effect that it stopped at."""

    def call(self, method: Callable[[], object]) -> object:
        """Run the user's method, in whatever thread the host runs user code."""
        outer, self._handler.running_command = self._handler.running_command, self
        try:
            return method()
        finally:
            self._handler.running_command = outer

    def checked(self, method: Callable[[], object]) -> object:
        """Run the user's method, unless the filesystem refuses a path that it would get."""
        account = self._account
        check_path = None if account is None else getattr(account.filesystem, "check_path", None)
        if check_path is not None:  # else the user's filesystem is a port, which has no real paths
            for path in self._virtual.values():
                check_path(path, follow=self._name not in _OF_LINKS)
        return method()

    def real_arguments(self, arguments: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return what the old method is called with: one argument, and for some a keyword.

        The argument is a real path if the old row names a right, else what was typed.
        """
        path, typed = self._task.path, self._task.argument or ""
        keywords = {_KEYWORDS[self._name]: arguments[0]} if len(arguments) > 1 else {}
        if path is not None and (keywords or self._letter() is not None):
            return (self._given(path),), keywords
        return (typed if arguments or typed.strip(" ") else "",), {}

    async def find_path(self) -> None:
        """Find the path of a command that is about one by its old row only, and check the right on it."""
        session, typed, letter = self._session, self._task.argument, self._letter()
        if self._task.path is not None or letter is None or self._name == "STOU":
            return
        if self._name == "STAT" and not typed:
            return  # it is about the session
        if session.account is not None:
            path = resolve(session.cwd, typed) if typed else session.cwd
            await session.require(letter, path)
            self._task.path = path
        elif self._name == "STAT":
            raise NotLoggedIn

    def _letter(self) -> str | None:
        """Return the right that the old row of the command names."""
        letter = self._handler.proto_cmds.get(self._name, {}).get("perm")
        return None if letter is None else str(letter)

    def _given(self, path: VirtualPath) -> str:
        real_path = self._handler.real_path(path)
        self._virtual[real_path] = path
        return real_path

    def source(self) -> str:
        """Return the real path that RNFR named before this command."""
        source = self._session.taken_rename
        return "" if source is None else self._handler.real_path(source)

    def name_of_file(self) -> str | None:
        """Return what the file of a transfer that has begun is called, without its directory."""
        transfer = self._session.transfer_now
        return None if transfer is None or transfer.file is None else os.path.basename(transfer.file.name)

    def drive(self, name: str, argument: str = "", first: str | None = None, **keywords: str) -> bool:
        """Run the core's command as far as ports carry it; True: it succeeded, or its transfer began."""
        session = self._session
        spec = CCC_COMMANDS.get(name) or self._handler.commands[name]
        first = keywords.get(_KEYWORDS.get(name, ""), first)
        virtual: tuple[str, ...] = (argument,)
        if spec.argument in (Argument.NONE, Argument.PARENT):
            virtual = ()
        elif spec.argument in _PATHS or first is not None or (name == "STAT" and argument):
            path = self._virtual.get(argument) or self._handler.virtual_path(argument)
            virtual = (path,) if first is None else (first, path)
        return self._begin(name, partial(getattr(session, spec.method), *virtual))

    def carry_out(self, command: Command) -> None:
        """Run a command from its first check on, as far as ports carry it."""
        self._begin(command.verb, partial(self._session.carry_out, command))

    def send(self, next_block: Callable[[], bytes], file: AnyFile | None, verb: str | None) -> bool:
        """Begin a transfer of what the user's command makes, as if it were inherited."""
        verb, path = verb or self._name, self._task.path or self._session.cwd
        return self._begin(verb, partial(self._session.send_blocks, verb, path, next_block, file))

    def _begin(self, name: str, begin: Callable[[], object]) -> bool:
        if self.rest is not None:
            raise RuntimeError(f"{name} can't be inherited here: the command that was inherited before is not over")
        try:
            begun = self._stepped(begin)
        except Exception as error:  # noqa: BLE001  the command's failure is its reply
            return self._on_session(partial(self._fail, error))
        if isinstance(begun, Reply):
            return self._on_session(partial(self.conclude, begun))
        return self._advance(begun, partial(begun.send, None))

    def _advance(self, steps: _Steps, step: Callable[[], object]) -> bool:
        session = self._session
        reply: Reply | None
        try:
            while True:
                effect = self._stepped(step)
                if isinstance(effect, Authenticate) and self._handler.takes_part_in_login():
                    return self._decide(steps, effect)
                if not isinstance(effect, PortEffect):
                    assert isinstance(effect, Effect)
                    self.rest = (steps, effect)
                    if self._given_up:
                        self.give_up()
                    return isinstance(effect, MoveToData)
                self._on_session(partial(session.note_request, effect))
                try:
                    value = effect.call(session.ports)
                    if isinstance(value, Awaitable):
                        value = self._handler.awaited(value)
                except Exception as error:  # noqa: BLE001  the answer to the effect
                    step = partial(steps.throw, error)
                else:
                    self._note_answer(effect, value)
                    step = partial(steps.send, value)
        except StopIteration as stop:
            reply = stop.value
        except SessionOver:
            _unwind(steps)
            raise
        except Exception as error:  # noqa: BLE001  the command's failure is its reply
            return self._on_session(partial(self._fail, error))
        return True if reply is None else self._on_session(partial(self.conclude, reply))  # None: it is answered

    def _on_session(self, function: Callable[[], T]) -> T:
        return self._handler.on_session(function)

    def _stepped(self, step: Callable[[], object]) -> Any:
        """Take a step of a command in the session's thread, as a step of this task."""
        return self._on_session(partial(self._step, step))

    def _step(self, step: Callable[[], object]) -> object:
        session = self._session
        outer, session.current = session.current, self._task
        try:
            return step()
        finally:
            session.current = outer

    # -- logins that the handler's class decides -----------------------------------------------------------------------

    @property
    def deciding(self) -> bool:
        """Is a PASS waiting for `accept` or `refuse`?"""
        return self._undecided is not None

    def accept(self, account: Account) -> None:
        """Go on with PASS: the user has this account."""
        steps, self._undecided = self._undecided, None
        self._advance(steps, partial(steps.send, account))

    def refuse(self, text: str) -> None:
        """Go on with PASS: the password is wrong."""
        steps, self._undecided = self._undecided, None
        self._advance(steps, partial(steps.throw, AuthenticationFailed(text)))

    def _decide(self, steps: _Steps, effect: Authenticate) -> bool:
        self._undecided = steps
        try:
            self._handler.decide_login(effect)
        finally:
            if self.deciding:  # it was answered otherwise: nobody is logged in, and the user's name stands
                self._undecided = None
                self._stepped(partial(_unwind, steps))
        return self._handler.authenticated

    def give_up(self) -> None:
        """Nobody will go on with the inherited command."""
        self._given_up = True
        if self.rest is not None:
            _unwind(self.rest[0])

    def _note_answer(self, effect: PortEffect[Any], value: object) -> None:
        """Have the session remember a file that was opened; it is closed if the session has ended meanwhile."""
        try:
            self._handler.on_session(partial(self._session.note_answer, effect, value))
        except SessionOver:
            for file in opened_by(effect, value):
                answer = close_now(file)
                if answer is not None:
                    self._handler.awaited(answer)
            raise

    def reply_to(self, error: Exception) -> Reply:
        """Return what the client is told of an error."""
        return self._session.failure_reply(error, self._task.name, self._task.path)

    def _fail(self, error: Exception) -> bool:
        return self.conclude(self.reply_to(error))

    def conclude(self, reply: Reply) -> bool:
        """Send the reply of the inherited command; tell whether it was one of success."""
        self._concluded = True
        session, task = self._session, self._task
        if session.current is not None and session.current is session.data_lane.task:
            session.transfer_code = reply.code  # ABOR asks for it
        session.conclude(reply, task.name, task.argument, task.path)
        task.follow += reply.then
        return reply.code < 400

    def failed(self, error: Exception) -> None:
        """The user's method raised: the client is told, if nothing was said yet."""
        reply = self.reply_to(error)
        if not self.answers and not self._concluded and self.rest is None:
            self.conclude(reply)

    def report(self) -> None:
        """Tell of a command that answered for itself."""
        if self.answers and not self._concluded:
            code, _, text = self.answers[-1].partition(" ")
            reply = Reply.of(int(code[:3]), text) if code[:3].isdigit() else Reply.of(200, self.answers[-1])
            self._session.report(reply, self._task.name, self._task.argument, self._task.path)


def _unwind(steps: _Steps) -> None:
    """End a coroutine that nobody will go on with; the cleaning up that it asks for is refused."""
    for _ in range(_UNWINDINGS):
        try:
            steps.throw(GeneratorExit)
        except BaseException:  # noqa: BLE001  nobody is left to be told
            return


@types.coroutine
def _go_on(steps: _Steps, effect: Effect[Any]) -> Generator[Any, Any, Reply | None]:
    """Await the rest of a coroutine that was begun elsewhere and asked for `effect` last."""
    while True:
        try:
            value = yield effect
        except BaseException as error:  # noqa: BLE001  it belongs to the coroutine
            step = partial(steps.throw, error)
        else:
            step = partial(steps.send, value)
        try:
            effect = step()
        except StopIteration as stop:
            reply: Reply | None = stop.value
            return reply
