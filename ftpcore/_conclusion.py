"""How tasks and commands end: the final reply, what follows it, and what an error becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ftpcore import _endpoint
from ftpcore._effects import Effect, LaneName, TransferEnd
from ftpcore._errors import FtpError, ServerShutdown, UnsupportedOperation, error_reply
from ftpcore._events import CommandFinished, Failed
from ftpcore._lane import Lane, Purpose, Task
from ftpcore._paths import VirtualPath
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["conclude", "failure_reply", "finished", "follow", "hook_failed", "masked", "report"]

#: Commands whose argument is a secret; "" is a line that begins with a blank.
_SECRET: Final = frozenset({"PASS", "ACCT", "ADAT", ""})


def finished(session: Session, lane: Lane, task: Task, reply: Reply | None, error: Exception | None) -> None:
    """A task is over; `lane` is empty."""
    if task.purpose is Purpose.COMMAND:
        _command_finished(session, lane, task, reply, error)
    elif task.purpose is Purpose.ACCEPT:
        _endpoint.accepted(session, error)
    elif error is not None:
        hook_failed(session, task.name, error)
    else:
        follow(session, lane, task.name, task.follow)
    if session.data_lane.task is None and isinstance(session.control_lane.effect, TransferEnd):
        session.control_lane.resume()
    session.active_at = session.now
    if session.account is None:  # the time that it took is not the client's: an authorizer, a penalty, a last transfer
        session.stranger_since = min(session.now, session.stranger_since + session.now - task.begun)


def conclude(session: Session, reply: Reply, name: str, argument: str | None, path: VirtualPath | None) -> None:
    """Send the final reply of a command; what follows it is the caller's to start."""
    if reply.then:
        reply = Reply(reply.code, reply.lines)  # events never hold what follows: a hook's argument may be a password
    session.send(reply)
    report(session, reply, name, argument, path)


def report(session: Session, reply: Reply, name: str, argument: str | None, path: VirtualPath | None) -> None:
    """Tell of a command that got its final reply, if anybody wants to know."""
    if session.subscribed(CommandFinished) and name not in session.delegate.unreported:
        session.emit(CommandFinished(name=name, argument=masked(name, argument), path=path, reply=reply))


def masked(name: str, argument: str | None) -> str | None:
    """Return `argument` as events may hold it: no password, not even behind a blank before its PASS."""
    return argument if argument is None or name not in _SECRET else "******"


def follow(session: Session, lane: Lane, name: str, then: tuple[Effect[object], ...]) -> None:
    """Perform what follows a reply; `lane`, which is empty, is busy with it."""
    if then:
        lane.start(Task(_in_turn(then), Purpose.FOLLOW, name, session.ports))


def failure_reply(session: Session, error: Exception, name: str, path: VirtualPath | None) -> Reply:
    """Return the reply for an error that ended the command `name`."""
    if isinstance(error, FtpError):
        return error.reply
    if isinstance(error, AttributeError) and error.obj is session.ports.filesystem:  # a verb that the port leaves out
        error = UnsupportedOperation(error.name)
    reply = error_reply(error, name, path)
    if reply is None:
        if session.subscribed(Failed):
            session.emit(Failed(where=name, error=error))
        reply = Reply.of(451, "Requested action aborted: local error in processing.")
    return reply


def hook_failed(session: Session, name: str, error: Exception) -> None:
    """A hook raised: the session ends, the server goes on."""
    if session.subscribed(Failed):
        session.emit(Failed(where=f"hook after {name}", error=error))
    session.close()


def _command_finished(session: Session, lane: Lane, task: Task, reply: Reply | None, error: Exception | None) -> None:
    if isinstance(error, ServerShutdown) and lane.name is LaneName.CONTROL:
        pass  # the 421 that follows answers it.  RFC 959 5.4
    elif error is not None:
        reply = failure_reply(session, error, task.name, task.path)
    then = task.follow
    if reply is not None:
        if lane.name is LaneName.DATA:
            session.transfer_code = reply.code
        conclude(session, reply, task.name, task.argument, task.path)
        then = reply.then + then
    follow(session, lane, task.name, then)


async def _in_turn(then: tuple[Effect[object], ...]) -> None:
    for effect in then:
        await effect
