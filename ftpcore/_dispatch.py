"""The dispatch pipeline, driven by the table of commands: which command may begin, and what it is called with.

Order of checks: grammar (500, 501), the table (500, 502, 504), the argument (501), login (530), the protection of data
(521), the right on the path (550).
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ftpcore._command import ABSENT, Argument, CommandSpec, Presence, Turn
from ftpcore._conclusion import conclude, failure_reply, follow, masked
from ftpcore._effects import EndpointReady
from ftpcore._errors import (
    CommandUnsupported,
    NotLoggedIn,
    ParameterUnsupported,
    PermissionRefused,
    SyntaxRefused,
    UnsupportedOperation,
)
from ftpcore._events import CommandReceived
from ftpcore._lane import Purpose
from ftpcore._limits import WAITING_LIMIT
from ftpcore._paths import ROOT, VirtualPath, parent, resolve
from ftpcore._state import PENDING, Pending, PendingStep
from ftpcore.commands.security import check_data_protection, within_tls
from ftpcore.ports import Capability
from ftpcore.wire import Command, Fault, Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["carry_out", "dispatch", "split_switches"]

_FAULTS: Final = {
    Fault.LINE_TOO_LONG: Reply.of(500, "Command too long."),
    Fault.NUL_BYTE: Reply.of(501, "NUL is not allowed here."),
    Fault.UNDECODABLE: Reply.of(501, "Can't decode command."),
}
#: What FEAT looks at alone: a REST before RETR asks nothing of the filesystem.
_FOR_FEAT_ONLY: Final = Capability.RESUME
_UNKNOWN: Final = Reply.of(500, "Command not understood.")
_NEEDS_ARGUMENT: Final = "Syntax error: command needs an argument."
_NO_ARGUMENT: Final = "Syntax error: command does not accept arguments."

_Method = Callable[..., object]


def dispatch(session: Session) -> bool:
    """Begin the next command that may begin; the CONTROL lane is empty.  False: there is none."""
    answers = session.reader.take_answers()
    if answers:
        session.push(answers)
    if not session.reader.buffered and not session.waiting:
        return False
    command = _next(session)
    if command is None:
        return False
    _begin(session, command)
    return True


def _next(session: Session) -> Command | None:
    transferring = session.transferring()
    waiting = session.waiting
    if waiting:
        if not transferring:
            return _popped(session, waiting, 0)
        if isinstance(session.data_lane.effect, EndpointReady):  # a STOU needs PASV, EPSV, PORT or EPRT
            for index, command in enumerate(waiting):
                if _turn(session, command) is Turn.ENDPOINT:
                    return _popped(session, waiting, index)
    delegate, reader = session.delegate, session.reader
    while reader.buffered and (not waiting or len(waiting) < WAITING_LIMIT):
        next_command = reader.next_command(delegate.encoding, delegate.unicode_errors)
        if next_command is None or not transferring or _may_overtake(session, next_command):
            return next_command
        if waiting is None:
            waiting = session.waiting = deque()
        waiting.append(next_command)
    return None


def _popped(session: Session, waiting: deque[Command], index: int) -> Command:
    command = waiting[index]
    del waiting[index]
    if not waiting:
        session.waiting = None
    return command


def _turn(session: Session, command: Command) -> Turn:
    spec = session.delegate.commands.get(command.verb)
    if spec is None:
        return Turn.WAIT
    if spec.turn is Turn.OVERTAKE_BARE:
        return Turn.WAIT if command.argument else Turn.OVERTAKE
    if spec.turn is Turn.AT_ONCE_IN_CLEAR:
        return Turn.ALONE if within_tls(session) else Turn.AT_ONCE
    return spec.turn


def _may_overtake(session: Session, command: Command) -> bool:
    """Tell whether `command` is acted on while a transfer runs."""
    turn = _turn(session, command)
    if turn is Turn.OVERTAKE:
        return True
    if turn is Turn.ENDPOINT and isinstance(session.data_lane.effect, EndpointReady):
        return True
    task = session.data_lane.task
    if session.waiting or (task is not None and task.purpose is Purpose.FOLLOW):  # a hook: what it does comes first
        return False
    return turn is Turn.AT_ONCE or (session.account is None and turn is not Turn.ALONE)


def _begin(session: Session, command: Command) -> None:
    session.active_at = session.now
    verb = command.verb
    if not verb.isalpha() and "PASS" in verb.upper() and verb not in session.delegate.commands:
        command = Command("PASS?", None)  # with a tab, a BOM or the like: a password is in the verb, or behind it
    name, argument = _named(command)
    if session.subscribed(CommandReceived):
        session.emit(CommandReceived(verb=command.verb, argument=masked(command.verb, command.argument)))
    intercept = session.delegate.command_interceptor
    if intercept is not None:
        session.begin(_intercepted(session, intercept, command), name, argument)
        return
    result, path = _outcome(session, command.fault, name, argument)
    if isinstance(result, Reply):
        conclude(session, result, name, argument, path)
        follow(session, session.control_lane, name, result.then)
    elif result is not None:
        session.begin(result, name, argument, path)


async def _intercepted(session: Session, intercept: _Method, command: Command) -> Reply | None:
    return await _steps(intercept(session, command), "command_interceptor", may_be_answered=True)


async def carry_out(session: Session, command: Command) -> Reply | None:
    """Check a command and run it, as if nobody had intercepted it; for the interceptor of one."""
    name, argument = _named(command)
    result, path = _outcome(session, command.fault, name, argument)
    task = session.current
    assert task is not None, "a command is carried out by a task"
    task.name, task.argument, task.path = name, argument, path  # what the reply is told to answer
    return result if result is None or isinstance(result, Reply) else await result


def _outcome(
    session: Session, fault: Fault | None, name: str, argument: str | None
) -> tuple[Reply | Coroutine[Any, Any, Reply | None] | None, VirtualPath | None]:
    """Return what a command comes to, or the coroutine that will tell, and the path that it is about."""
    spec = session.delegate.commands.get(name)
    if session.pending is Pending.NOTHING:
        session.taken_restart, session.taken_rename = 0, None
    else:
        _take_pending(session, spec)
    path = None
    try:
        if fault is not None:
            return _FAULTS[fault], None
        if spec is None:
            return _unknown(name), None
        _check_argument(spec, argument)
        if spec.login and session.account is None:
            raise NotLoggedIn
        if spec.moves_data:
            check_data_protection(session)
        arguments, path = _read_argument(session, spec, argument or "")
        override = session.delegate.command_overrides.get(name)
        method: _Method = getattr(session, spec.method) if override is None else partial(override, session)
        if spec.permission is not None and session.account is not None:
            letters = session.account.everywhere()
            if letters is None:
                where = session.cwd if path is None else path
                return _after_permission(session, spec, where, method, arguments, override is not None), path
            if spec.permission not in letters:
                raise PermissionRefused
        if spec.needs is not Capability.NONE:
            _check_offered(session, spec)
        result = method(*arguments)
        if isinstance(result, Reply):
            return result, path
        if isinstance(result, Awaitable):
            return _steps(result, name, override is not None), path
        return _checked(result, name, override is not None), path
    except Exception as error:  # noqa: BLE001  whatever it is, the client gets its one reply
        return failure_reply(session, error, name, path), path


def _take_pending(session: Session, spec: CommandSpec | None) -> None:
    """Hand what the command before left to this one, or keep it for the next."""
    keeper = spec is not None and spec.keeps_restart
    session.pending = PENDING[session.pending, PendingStep.KEEPER if keeper else PendingStep.OTHER]
    if session.pending is Pending.NOTHING:
        session.taken_restart, session.restart = session.restart, 0
        session.taken_rename, session.rename_from = session.rename_from, None


def _named(command: Command) -> tuple[str, str | None]:
    """Return the name in the table and the argument: "SITE" and its first word are one name."""
    if command.verb != "SITE" or not command.argument:
        return command.verb, command.argument
    word, blank, rest = command.argument.partition(" ")
    return f"SITE {word.upper()}", rest if blank else None


def _unknown(name: str) -> Reply:
    if name in ABSENT:
        return CommandUnsupported().reply
    return ParameterUnsupported("SITE command not understood.").reply if name.startswith("SITE ") else _UNKNOWN


def _check_offered(session: Session, spec: CommandSpec) -> None:
    """Refuse what the user's filesystem says that it can't do: 502, 504 for a SITE command, 550 if it is read-only."""
    needed = spec.needs & ~_FOR_FEAT_ONLY
    if session.account is not None and needed not in session.account.filesystem.capabilities:
        if Capability.WRITE not in session.account.filesystem.capabilities:
            raise UnsupportedOperation(errno.EROFS, "Read-only file system")
        raise UnsupportedOperation


def _check_argument(spec: CommandSpec, argument: str | None) -> None:
    presence = spec.presence_of_argument
    if presence is Presence.FORBIDDEN:
        if argument is not None and argument.strip(" "):
            raise SyntaxRefused(_NO_ARGUMENT)
    elif not argument and presence is Presence.REQUIRED:
        raise SyntaxRefused(_NEEDS_ARGUMENT)


def _read_argument(session: Session, spec: CommandSpec, text: str) -> tuple[tuple[str, ...], VirtualPath | None]:
    """Return what the method is called with, and the path that the command is about."""
    value: tuple[str, ...] = ()
    match spec.argument:
        case Argument.NONE:
            return (), None
        case Argument.PARENT:
            return (), parent(session.cwd)
        case Argument.TEXT | Argument.OPTIONAL:
            return (text,), None
        case Argument.VALUE_AND_PATH:
            word, _, text = text.partition(" ")
            if not word or not text:
                raise SyntaxRefused("Syntax error: command needs two arguments.")
            value = (word,)
        case Argument.LISTING:
            session.switches, text = split_switches(text)
        case Argument.PATH_OR_ROOT:
            text = text or ROOT
        case _:
            pass
    session.typed = text
    path = resolve(session.cwd, text) if text else session.cwd
    return (*value, path), path


def split_switches(text: str) -> tuple[str, str]:
    """Return the switches of ls that clients put into LIST and NLST, and the path behind them: "-la /dir", "-aL".

    A file called "-a" is listed as "./-a".
    """
    switches = ""
    while text.startswith("-") and text[1:2] not in ("", " "):
        word, _, text = text.partition(" ")
        switches += word[1:]
    return switches, text


async def _after_permission(
    session: Session,
    spec: CommandSpec,
    path: VirtualPath,
    method: _Method,
    arguments: tuple[str, ...],
    may_be_answered: bool,
) -> Reply | None:
    assert spec.permission is not None
    await session.require(spec.permission, path)
    _check_offered(session, spec)
    return await _steps(method(*arguments), spec.name, may_be_answered)


async def _steps(result: object, name: str, may_be_answered: bool) -> Reply | None:
    return _checked(await result if isinstance(result, Awaitable) else result, name, may_be_answered)


def _checked(result: object, name: str, may_be_answered: bool) -> Reply | None:
    """Return the final reply of a command; None only from an override, which may have answered by itself."""
    if isinstance(result, Reply) or (result is None and may_be_answered):
        return result
    raise TypeError(f"{name} returned {type(result).__name__}; a command returns its one final Reply")
