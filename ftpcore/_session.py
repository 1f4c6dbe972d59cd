"""A session: inputs and outputs.  RFC 959 2.3.

The host feeds bytes, answers and the time, and takes outputs, in order, until there are none:

    session.receive_data(data, now=now)
    while (output := session.next_output()) is not None:
        ...                                     # SendControl, Perform, Cancel, CloseControl or an event

`Perform` is answered by `succeed` or `fail`.  `next_deadline` says when `handle_deadline` is due.  After CloseControl,
or `connection_lost`, the host goes on until `idle`, or calls `abandon`.  Only the session's own thread touches it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from ftpcore import _conclusion, _deadlines, _dispatch, _ending, _endpoint, _open_files
from ftpcore import _effects as effects
from ftpcore import _events as events
from ftpcore._addresses import Address, unmapped
from ftpcore._delegate import Delegate
from ftpcore._errors import HostError, PermissionRefused
from ftpcore._lane import Lane, Purpose, Steps, Task
from ftpcore._limits import COMMAND_BUFFER_LIMIT, REPLY_BUFFER_LIMIT
from ftpcore._paths import VirtualPath
from ftpcore._port_effects import CheckPermission
from ftpcore._session_state import SessionState
from ftpcore.commands._methods import Commands
from ftpcore.commands.access import greet, log_out
from ftpcore.commands.security import smuggled
from ftpcore.ports import AnyFile, Ports, RandomSource
from ftpcore.wire import CommandReader, ProtocolViolation, Reply

__all__ = ["Output", "Session"]

Output: TypeAlias = effects.SendControl | effects.Perform | effects.Cancel | effects.CloseControl | events.Event


class Session(Commands, SessionState, Delegate):
    """One control connection, from the 220 to the end.

    Subclass it to change commands (`async def ftp_DELE(self, path)`), options and hooks, or give it a `delegate` that
    has the options and hooks.  It has commands for all rows of `COMMANDS`.
    """

    _subscribed: frozenset[type[events.Event]] = frozenset()
    _outputs: deque[Output] | None = None

    def __init__(
        self,
        *,
        local: Address,
        peer: Address,
        ports: Ports,
        random: RandomSource,
        now: float,
        delegate: Delegate | None = None,
        subscribe: Iterable[type[events.Event]] = (),
        refusal: Reply | None = None,
    ) -> None:
        """Greet the client; with `refusal`, a 421, send that instead, call no hook, and close."""
        self.local = Address(unmapped(local.host), local.port)
        self.peer = Address(unmapped(peer.host), peer.port)
        self.ports = ports
        self.random = random
        self.delegate: Delegate = self if delegate is None else delegate
        self.reader = CommandReader()
        self.control_lane = Lane(effects.LaneName.CONTROL, self)
        self.data_lane = Lane(effects.LaneName.DATA, self)
        self._now = self.active_at = self.stranger_since = now
        if subscribe:
            self._subscribed = frozenset(subscribe)
        if self.subscribed(events.Connected):
            self.emit(events.Connected(local=self.local, peer=self.peer))
        if refusal is None:
            self.begin(greet(self), "connect")
        else:
            self.farewell_said = True
            self.muted = self.delegate.implicit_tls  # before the handshake there is nothing to say it by
            self.close(refusal)
        self._settle()

    # -- inputs --------------------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, *, now: float) -> None:
        """Take bytes from the control connection."""
        self._now = now
        if self.closing or self.eof:
            return
        if data and isinstance(self.control_lane.effect, effects.StartTLS):
            smuggled(self)  # what is inside TLS comes behind the answer
            self.muted = True
        else:
            self.reader.feed(data)
        self._settle()

    def receive_eof(self, *, now: float) -> None:
        """The peer sends no more.  What it sent is answered; a running transfer is cut, unless QUIT was said."""
        self._now = now
        self.eof = True
        self._settle()

    def control_sent(self, count: int, *, now: float) -> None:
        """`count` bytes of replies reached the kernel."""
        self._now = now
        if count > self.unsent and not self.lost:
            raise HostError(f"control_sent({count}), but only {self.unsent} bytes were queued")
        self.unsent -= count
        if self.closing or self.eof or self.waiting or self.reader.buffered:
            self._settle()

    def succeed(self, serial: int, value: object, *, now: float) -> None:
        """The effect `serial` is done, with this result."""
        self._answer(serial, value, None, now)

    def fail(self, serial: int, error: BaseException, *, now: float) -> None:
        """The effect `serial` failed; EffectCancelled: nothing was moved, because of Cancel."""
        self._answer(serial, None, error, now)

    def handle_deadline(self, *, now: float) -> None:
        """Act on whatever is due at `now`; harmless when nothing is."""
        self._now = now
        _deadlines.expire(self)
        self._settle()

    def connection_lost(self, *, now: float) -> None:
        """The control connection is gone.  Whatever runs is ended, files are closed as incomplete."""
        self._now = now
        _ending.lose(self, "connection lost")
        self._settle()

    def close_when_done(self, *, now: float) -> None:
        """Begin no command any more, and close when what runs is over and all is sent."""
        self._now = now
        self.close()
        self._settle()

    def drop_data(self, *, now: float) -> None:
        """Close the data connection, if one is up; a transfer that it serves ends with 426."""
        self._now = now
        _endpoint.drop(self)
        self._settle()

    def suspend(self) -> None:
        """Begin no command and read nothing until `resume`."""
        self.suspended = True

    def resume(self, *, now: float) -> None:
        self._now = now
        self.suspended = False
        self._settle()

    def shut_down(self, *, grace: float, now: float) -> None:
        """End the session with 421; a running transfer gets `grace` seconds to end."""
        self._now = now
        self.close(Reply.of(421, "Server is shutting down."))
        if not self.idle:
            self.shut_down_at = now + grace
        self._settle()

    def abandon(self) -> tuple[AnyFile, ...]:
        """End at once, without further effects; return the files that the host must close with complete=False."""
        files = _open_files.taken(self, self._outputs or ())
        self.ended = self.lost = self.closing = True
        self._outputs = self.waiting = self.close_at = self.shut_down_at = None
        for lane in (self.control_lane, self.data_lane):
            lane.abandon()
        return files

    # -- outputs -------------------------------------------------------------------------------------------------------

    def next_output(self) -> Output | None:
        """Return the next thing to do; None: nothing, until the next input."""
        if not self._outputs:
            return None
        output = self._outputs.popleft()
        if not self._outputs:
            self._outputs = None  # an empty deque is 760 bytes
        return output

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` is due, on the host's scale; None: never."""
        return _deadlines.earliest(self)

    @property
    def wants_data(self) -> bool:
        """Read the control connection?  False is back-pressure."""
        return not (
            self.suspended
            or self.lost
            or self.eof
            or self.reader.buffered >= COMMAND_BUFFER_LIMIT
            or self.unsent >= REPLY_BUFFER_LIMIT
        )

    @property
    def idle(self) -> bool:
        """Both lanes are empty: once the connection is lost, drop the session."""
        return self.control_lane.task is self.data_lane.task is None

    # -- for commands --------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The time of the latest input, on the host's scale."""
        return self._now

    def subscribed(self, kind: type[events.Event]) -> bool:
        """Is anybody interested?  Events that nobody wants are not built."""
        return kind in self._subscribed

    def emit(self, output: Output) -> None:
        """Queue an output."""
        if self._outputs is None:
            self._outputs = deque()
        self._outputs.append(output)

    def send(self, reply: Reply) -> None:
        """Queue a reply, unless nobody is there to read it."""
        if self.lost or self.muted:
            return
        self.last_reply = reply
        self.push(reply.encode(self.delegate.encoding, self.delegate.unicode_errors))
        if events.ReplySent in self._subscribed:
            self.emit(events.ReplySent(reply=reply))

    def push(self, data: bytes) -> None:
        """Queue bytes on the control connection, as they are."""
        if not self.lost:
            self.unsent += len(data)
            self.emit(effects.SendControl(data))

    async def require(self, letter: str, path: VirtualPath) -> None:
        """Raise PermissionRefused unless the user holds the right `letter` on `path`."""
        account = self.logged_in()
        letters = account.everywhere()
        if not (await CheckPermission(account, letter, path) if letters is None else letter in letters):
            raise PermissionRefused

    def begin(self, steps: Steps, name: str, argument: str | None = None, path: VirtualPath | None = None) -> None:
        """Run a command in the CONTROL lane, which is empty."""
        self.control_lane.start(Task(steps, Purpose.COMMAND, name, self.ports, argument, path))

    def close(self, last_words: Reply | None = None) -> None:
        """Begin no command any more; close when what runs is over and all is sent, `last_words` at the end."""
        if not self.closing:
            self.closing = True
            self.last_words = last_words
            if last_words is not None:
                self.reason = last_words.lines[0]
            self.waiting = None
            self.reader.clear()

    def transferring(self) -> bool:
        """Does the DATA lane belong to a command?"""
        task = self.data_lane.task
        return task is not None and (task.purpose is not Purpose.ACCEPT or self.data_lane.successor is not None)

    carry_out = _dispatch.carry_out
    log_out = log_out
    finished = _conclusion.finished
    conclude = _conclusion.conclude
    report = _conclusion.report
    failure_reply = _conclusion.failure_reply

    # -- for lanes -----------------------------------------------------------------------------------------------------

    def after(self, seconds: float | None) -> float | None:
        """Return the instant `seconds` from now; None, never, for 0 and None."""
        return self._now + seconds if seconds else None

    note_answer = _open_files.note_answer
    note_request = _open_files.note_request

    # -- private -------------------------------------------------------------------------------------------------------

    def _answer(self, serial: int, value: object, error: BaseException | None, now: float) -> None:
        self._now = now
        if self.ended:
            return
        for lane in (self.control_lane, self.data_lane):
            if lane.serial == serial and serial:
                lane.answer(value, error)
                self._settle()
                return
        raise HostError(f"effect {serial} was answered, but it is not under way; each is answered once")

    def _settle(self) -> None:
        """Begin what may begin, and end what is over."""
        try:
            while (
                self.control_lane.task is None
                and not (self.closing or self.suspended)
                and self.unsent < REPLY_BUFFER_LIMIT
                and _dispatch.dispatch(self)
            ):
                pass
        except ProtocolViolation as violation:
            if self.subscribed(events.ViolationSeen):
                self.emit(events.ViolationSeen(text=str(violation)))
            self.close(Reply.of(421, "Too much garbage; closing."))
        if self.closing or self.eof:
            _ending.advance(self)
