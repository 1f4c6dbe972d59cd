"""One overridden command of the old dialect while it runs: what it answers, what it inherits, what is left to do."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ftpcore import (
    COMMANDS,
    Argument,
    Call,
    Effect,
    MoveToData,
    PortEffect,
    Reply,
    Session,
    VirtualPath,
    parent_path,
)
from ftpcore_adapters._host import SessionOver
from ftpcore_adapters._left_files import close_now, opened_by

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["Running", "run"]

#: Any, for what a coroutine yields and takes differs with each effect.
_Steps: TypeAlias = Any

_PATHS: Final = (Argument.PATH, Argument.PATH_OR_HERE, Argument.PATH_OR_ROOT, Argument.LISTING)

#: Effects that a command may ask for while it is unwound: one for each block that it is in, and none nests that deep.
_UNWINDINGS: Final = 100

#: Commands with two arguments: the keyword by which the old methods take the first.
_KEYWORDS: Final = {"SITE CHMOD": "mode", "MFMT": "timeval"}


async def run(
    handler: FTPHandler, name: str, method: Callable[..., object], session: Session, *arguments: str
) -> Reply | None:
    """Run an overridden command in the session's lane; None, for it is answered by then."""
    running = Running(handler, session, name)
    real, keywords = running.real_arguments(arguments)
    try:
        await Call(running.call, (partial(method, *real, **keywords),))
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
            reply = session.failure_reply(error, name, running.path)
        if reply is not None:
            running.conclude(reply)
    running.report()
    for effect in running.then:
        await effect
    return None


class Running:
    """An overridden command.  Its methods may be called in the thread that runs it, or the session's."""

    def __init__(self, handler: FTPHandler, session: Session, name: str) -> None:
        task = session.current
        self._handler = handler
        self._session = session
        self._name = name
        self._argument = task.argument if task is not None else None
        self.path = task.path if task is not None else None
        self._concluded = False
        self._given_up = False
        self._virtual: dict[str, VirtualPath] = {}  # what the real path that the method gets stands for
        self.answers: list[str] = []
        """What it responded, in place of the core's reply."""
        self.rest: tuple[_Steps, Effect[Any]] | None = None
        """The inherited command and the effect that it stopped at."""
        self.then: tuple[Effect[object], ...] = ()

    def call(self, method: Callable[[], object]) -> object:
        """Run the user's method, in whatever thread the host runs user code."""
        self._handler.running = self
        try:
            return method()
        finally:
            self._handler.running = None

    def real_arguments(self, arguments: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return what the old method is called with: one argument, and for some a keyword."""
        spec = self._handler.commands[self._name]
        if self._name in ("CDUP", "XCUP"):
            return (self._handler.real_path(parent_path(self._session.cwd)),), {}
        if spec.argument is Argument.VALUE_AND_PATH:
            value, path = arguments
            return (self._given(VirtualPath(path)),), {_KEYWORDS[self._name]: value}
        if spec.argument in _PATHS:
            return (self._given(VirtualPath(arguments[0])),), {}
        return arguments or ("",), {}

    def _given(self, path: VirtualPath) -> str:
        real_path = self._handler.real_path(path)
        self._virtual[real_path] = path
        return real_path

    def source(self) -> str:
        """Return the real path that RNFR named before this command."""
        source = self._session.taken_rename
        return "" if source is None else self._handler.real_path(source)

    def drive(self, name: str, argument: str, first: str | None) -> bool:
        """Run the core's command as far as ports carry it; True: it succeeded, or its transfer began."""
        if self.rest is not None:
            raise RuntimeError(f"{name} can't be inherited here: the command that was inherited before is not over")
        spec, session, on_session = COMMANDS[name], self._session, self._handler.on_session
        virtual: tuple[str, ...] = (argument,)
        if spec.argument is Argument.NONE:
            virtual = ()
        elif spec.argument in _PATHS or first is not None:
            path = self._virtual.get(argument) or self._handler.virtual_path(argument)
            virtual = (path,) if first is None else (first, path)
        reply: Reply
        steps: _Steps = None
        try:
            begun = on_session(partial(getattr(session, spec.method), *virtual))
            if isinstance(begun, Reply):
                return on_session(partial(self.conclude, begun))
            steps = begun
            step: Callable[[], object] = partial(steps.send, None)
            while True:
                effect = on_session(step)
                if not isinstance(effect, PortEffect):
                    assert isinstance(effect, Effect)
                    self.rest = (steps, effect)
                    if self._given_up:
                        self.give_up()
                    return isinstance(effect, MoveToData)
                on_session(partial(session.note_request, effect))
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
            if steps is not None:
                _unwind(steps)
            raise
        except Exception as error:  # noqa: BLE001  the command's failure is its reply
            reply = on_session(partial(session.failure_reply, error, name, self.path))
        return on_session(partial(self.conclude, reply))

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

    def conclude(self, reply: Reply) -> bool:
        """Send the reply of the inherited command; tell whether it was one of success."""
        self._concluded = True
        session = self._session
        if session.current is not None and session.current is session.data_lane.task:
            session.transfer_code = reply.code  # ABOR asks for it
        session.conclude(reply, self._name, self._argument, self.path)
        self.then += reply.then
        return reply.code < 400

    def failed(self, error: Exception) -> None:
        """The user's method raised: the client is told, if nothing was said yet."""
        reply = self._session.failure_reply(error, self._name, self.path)
        if not self.answers and not self._concluded and self.rest is None:
            self.conclude(reply)

    def report(self) -> None:
        """Tell of a command that answered for itself."""
        if self.answers and not self._concluded:
            code, _, text = self.answers[-1].partition(" ")
            reply = Reply.of(int(code[:3]), text) if code[:3].isdigit() else Reply.of(200, self.answers[-1])
            self._session.report(reply, self._name, self._argument, self.path)


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
