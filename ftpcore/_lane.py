"""Lanes: the two sequences of work in a session, and how a coroutine is stepped through its effects.

RFC 959 2.2 names the server-PI and the server-DTP; CONTROL and DATA are their lanes.  A lane has one task at a time
and at most one effect under way.  A task that is cancelled learns it at its next network or session effect: effects
on ports are never refused, so that what was opened gets closed.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeAlias

from ftpcore import _effects as effects
from ftpcore._errors import (
    DataConnectionRefused,
    EffectCancelled,
    FtpError,
    HostError,
    ProtectionFailed,
    TransferTimeout,
)
from ftpcore._paths import VirtualPath
from ftpcore.ports import Ports
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["Lane", "Purpose", "Steps", "Task"]

#: What a task runs: Any, for a coroutine's yield and send types differ with each effect it awaits.
Steps: TypeAlias = Coroutine[Any, Any, Reply | None] | Generator[Any, Any, Reply | None]


class Purpose(Enum):
    """What the result of a task is for."""

    COMMAND = auto()
    """It is the final reply."""
    ACCEPT = auto()
    """None: the passive data connection is up."""
    FOLLOW = auto()
    """None: what follows a reply is done."""


class Task:
    """A coroutine with what its end needs."""

    __slots__ = ("argument", "begun", "follow", "name", "path", "ports", "purpose", "steps")

    def __init__(
        self,
        steps: Steps,
        purpose: Purpose,
        name: str,
        ports: Ports,
        argument: str | None = None,
        path: VirtualPath | None = None,
    ) -> None:
        self.steps = steps
        self.purpose = purpose
        self.name = name
        self.ports = ports
        self.argument = argument
        self.path = path
        self.begun = 0.0
        """When it entered its first lane."""
        self.follow: tuple[effects.Effect[object], ...] = ()


class _Abandoned(BaseException):
    """The session ends now, without further effects."""


class Lane:
    """One of the two sequences of work."""

    __slots__ = ("_session", "deadline", "effect", "name", "reason", "serial", "successor", "task")

    def __init__(self, name: effects.LaneName, session: Session) -> None:
        self.name = name
        self._session = session
        self.task: Task | None = None
        self.effect: effects.Effect[Any] | None = None
        self.serial = 0
        self.deadline: float | None = None
        self.reason: FtpError | None = None
        """Why the task is to end."""
        self.successor: Task | None = None
        """In the DATA lane: the transfer that waits for a passive connection to come up."""

    def start(self, task: Task) -> None:
        """Begin `task` in this lane, which is empty."""
        assert self.task is None, f"the {self.name.value} lane is busy"
        self.task = task
        task.begun = self._session.now
        self.deadline = None
        self._step(None, None)

    def take_over(self, task: Task, error: FtpError | None) -> None:
        """Go on in this lane, which is empty, with a task begun in the other; with `error`, tell it that it failed."""
        self.task = task
        self.deadline = None
        self.reason = error
        self._step(None, error)

    def answer(self, value: object, error: BaseException | None) -> None:
        """Take the host's answer to the effect under way."""
        effect = self.effect
        assert effect is not None, "a lane with a serial has an effect under way"
        if error is None:
            if effect.keeps_account:
                self._session.note_answer(effect, value)
        elif isinstance(effect, effects.CloseData):
            error = ConnectionAbortedError("the orderly close failed, or took too long")
        elif self.reason is not None and effect.cancellable:
            error, self.reason.__cause__ = self.reason, error
        elif isinstance(error, EffectCancelled):
            raise HostError(f"{effect!r} was failed as cancelled, but no Cancel named it")
        elif not isinstance(error, Exception):  # a runtime's own cancellation, which must not unwind the core
            error = RuntimeError(f"{type(effect).__name__} was given up by the host: {error!r}")
        self.effect = self.deadline = None
        self.serial = 0
        self._step(value, error)

    def resume(self, error: FtpError | None = None) -> None:
        """Answer the session's own effect under way."""
        self.effect = self.deadline = None
        self._step(None, error)

    def cancel(self, reason: FtpError) -> None:
        """Ask the task to end with `reason`; the first reason counts."""
        if self.task is None or self.reason is not None:
            return
        self.reason = reason
        if isinstance(self.effect, effects.SessionEffect):
            self.resume(reason)
        else:
            self._hasten()

    def expire(self) -> None:
        """The deadline of the effect under way has passed."""
        self.deadline = None
        match self.effect:
            case effects.Pause():
                self.resume()
            case effects.EndpointReady() | effects.AcceptData() | effects.ConnectData():
                self.cancel(DataConnectionRefused())
            case effects.CloseData():
                self._hasten()
            case effects.StartTLS() | effects.StopTLS():
                self.cancel(ProtectionFailed("it took too long"))
            case _:
                self.cancel(TransferTimeout())

    def abandon(self) -> None:
        """End the task, its successor and whatever they would still do, without effects."""
        tasks = (self.task, self.successor)
        self.task = self.successor = self.effect = self.deadline = None
        for task in tasks:
            if task is not None:
                _end(task.steps)

    def _hasten(self) -> None:
        if not isinstance(self.effect, effects.PortEffect):
            self._session.emit(effects.Cancel(self.serial))

    def _step(self, value: object, error: BaseException | None) -> None:
        session = self._session
        outer, session.current = session.current, self.task  # the other lane's task may have caused this step
        try:
            self._step_on(value, error)
        finally:
            session.current = outer

    def _step_on(self, value: object, error: BaseException | None) -> None:
        assert self.task is not None
        steps = self.task.steps
        while True:
            try:
                effect = steps.send(value) if error is None else steps.throw(error)
            except StopIteration as stop:
                self._finish(stop.value, None)
                return
            except Exception as raised:  # noqa: BLE001  whatever it is, it ends the task and becomes its reply
                self._finish(None, raised)
                return
            value = error = None
            if not isinstance(effect, effects.Effect):
                error = TypeError(
                    f"{self.task.name} awaited {effect!r}; expected an effect of ftpcore: no loop runs here"
                )
            elif self.reason is not None and effect.cancellable:
                error = self.reason
            elif not isinstance(effect, effects.SessionEffect):
                self._perform(effect)
                return
            elif self._wait(effect):
                return

    def _perform(self, effect: effects.Effect[Any]) -> None:
        assert self.task is not None
        self.effect = effect
        self._session.serial += 1
        self.serial = self._session.serial
        if isinstance(effect, effects.AcceptData):
            self.deadline = effect.until
        elif effect.timeout is not None:
            self.deadline = self._session.after(getattr(self._session.delegate, effect.timeout))
        if effect.keeps_account:
            self._session.note_request(effect)
        self._session.emit(effects.Perform(self.name, self.serial, effect, self.task.ports))

    def _wait(self, effect: effects.SessionEffect[None]) -> bool:
        """Carry out an effect of the session; tell whether the task waits, or has left this lane."""
        session = self._session
        match effect:
            case effects.MoveToData():
                return self._move()
            case effects.Pause():
                self.deadline = session.after(effect.seconds)
                if self.deadline is None:
                    return False
            case effects.EndpointReady():
                self.deadline = session.after(session.delegate.accept_timeout)
            case effects.TransferEnd() if session.data_lane.task is None:
                return False
        self.effect = effect
        return True

    def _move(self) -> bool:
        data = self._session.data_lane
        if self is data:
            return False
        task, self.task = self.task, None
        assert task is not None
        if data.task is None:
            data.take_over(task, None)
        else:  # only a passive connection can be under way: commands wait for transfers
            data.successor = task
        return True

    def _finish(self, reply: Reply | None, error: Exception | None) -> None:
        task, self.task = self.task, None
        assert task is not None
        self.effect = self.deadline = self.reason = None
        self._session.finished(self, task, reply, error)


def _end(steps: Steps) -> None:
    """Unwind `steps`; whatever cleaning up they ask for is refused in turn."""
    for _ in range(100):  # each refusal unwinds at least one block, and no command nests that deep
        try:
            steps.throw(_Abandoned())
        except (Exception, _Abandoned):  # noqa: BLE001  nobody is left to be told
            return
    raise HostError("a command goes on after it was abandoned; its except clauses must let BaseException pass")
