"""A host in memory: the test plays the client and the network, one step at a time.

Port calls run inline.  Network effects act on a data connection that the test holds the other end of: they are
answered as soon as they can be, or when the test says so (`hold`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, Final, Self, TypeVar

from ftpcore import (
    Address,
    Cancel,
    CloseControl,
    Delegate,
    Effect,
    EffectCancelled,
    Event,
    LaneName,
    Output,
    Perform,
    PortEffect,
    Reply,
    SendControl,
    Session,
    StartTLS,
    StopTLS,
    StreamTruncated,
)
from ftpcore._events import EVERY_EVENT
from ftpcore.ports import Authorizer, Ports, WallClock
from ftpcore.testing._network import NOTHING, ScriptedNetwork
from ftpcore.testing._user import FixedClock
from ftpcore.wire import ReplyReader

__all__ = ["ScriptedHost"]

_Performed = TypeVar("_Performed", bound=Effect[Any])  # Any: effects of every answer

_LOCAL: Final = Address("127.0.0.1", 21)
_PEER: Final = Address("127.0.0.1", 50_000)


class ScriptedHost(ScriptedNetwork):
    """Runs one session in memory.

    Attributes:
        session: The session under test.
        now: Seconds on the session's monotonic scale; `advance` moves it.
        outputs: All outputs so far, in order.
        events: The events among them.
        pending: The effect under way in each lane.
        downloads: What was sent over each data connection that was closed.
        downloaded: What was sent over the present or latest data connection.
        control_closed: The session closed the control connection.
        hold: Effects of these classes are not answered until `answer` is called.
        window: How many bytes the client takes from the data connection; None: all.
        reading: Whether the client reads replies.
        kernel: Whether SendFile and ReceiveFile are possible.
        tls: What handshakes come to, or what they and the ends of TLS fail with; None: the client says nothing.  Bytes
            are plain all the same.
    """

    def __init__(
        self,
        authorizer: Authorizer,
        *,
        session_class: type[Session] = Session,
        delegate: Delegate | None = None,
        local: Address = _LOCAL,
        peer: Address = _PEER,
        clock: WallClock | None = None,
        seed: int = 0,
        hold: Iterable[type[object]] = (),
        subscribe: Iterable[type[Event]] = EVERY_EVENT,
        refusal: Reply | None = None,
    ) -> None:
        super().__init__()
        self.now = 0.0
        self.outputs: list[Output] = []
        self.events: list[Event] = []
        self.pending: dict[LaneName, Perform] = {}
        self.control_closed = False
        self.hold: tuple[type[object], ...] = tuple(hold)
        self.reading = True
        self._peer = peer
        self._control = bytearray()
        self._unsent = 0
        self._cancelled: set[int] = set()
        self.session = session_class(
            local=local,
            peer=peer,
            ports=Ports(authorizer=authorizer, clock=clock or FixedClock()),
            random=random.Random(seed),
            now=self.now,
            delegate=delegate,
            subscribe=subscribe,
            refusal=refusal,
        )
        self.pump()

    def __del__(self) -> None:
        # A test may end in the middle of a transfer; coroutines that are collected unfinished complain.
        if hasattr(self, "session"):
            self.session.abandon()

    # -- the client ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> Self:
        """Send bytes on the control connection."""
        self.session.receive_data(data, now=self.now)
        return self.pump()

    def login(self, username: str = "ann", password: str = "pw") -> Self:
        """Log in and forget the replies so far; ValueError if the authorizer refuses."""
        self.feed(f"USER {username}\r\nPASS {password}\r\nTYPE I\r\n".encode())
        if self.session.account is None and not self.pending:
            raise ValueError(
                f"{username!r} was not logged in: {self.take()!r}; give login() a name that may, or feed PASS"
            )
        self.take()
        return self

    def connect(self, peer: Address | None = None) -> Self:
        """Connect to the passive listener."""
        if self.listening is None:
            raise ConnectionRefusedError("nobody listens; send PASV or EPSV first")
        self._incoming.append(peer or Address(self._peer.host, 50_001))
        return self.pump()

    def upload(self, *blocks: bytes) -> Self:
        """Send bytes on the data connection."""
        self._uploads.extend(blocks)
        return self.pump()

    def finish(self) -> Self:
        """End the data connection in good order."""
        return self.upload(b"")

    def truncate(self) -> Self:
        """End the data connection below TLS, without its close_notify."""
        self._uploads.append(StreamTruncated("no close_notify"))
        return self.pump()

    def reset(self) -> Self:
        """Reset the data connection, in both directions."""
        self._uploads.append(ConnectionResetError("reset by peer"))
        return self.pump()

    def take(self) -> bytes:
        """Return the bytes of the replies since the last call."""
        data = bytes(self._control)
        self._control.clear()
        return data

    def replies(self) -> list[Reply]:
        """Return the replies since the last call."""
        reader = ReplyReader()
        reader.feed(self.take())
        replies = []
        while (reply := reader.next_reply()) is not None:
            replies.append(reply)
        return replies

    def codes(self) -> list[int]:
        """Return the codes of the replies since the last call."""
        return [reply.code for reply in self.replies()]

    def read_replies(self) -> Self:
        """Let the client take the replies that it left unread."""
        self.reading = True
        unsent, self._unsent = self._unsent, 0
        if unsent:
            self.session.control_sent(unsent, now=self.now)
        return self.pump()

    # -- the network and the time --------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> Self:
        """Let time pass, stopping at each deadline on the way."""
        end = self.now + seconds
        while (deadline := self.session.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.session.handle_deadline(now=self.now)
            self.pump()
        self.now = end
        return self

    def end_control(self) -> Self:
        """The client closes its side of the control connection."""
        self.session.receive_eof(now=self.now)
        return self.pump()

    def lose_control(self) -> Self:
        """The control connection breaks."""
        self.session.connection_lost(now=self.now)
        return self.pump()

    def answer(self, lane: LaneName, value: object = None, *, error: BaseException | None = None) -> Self:
        """Answer the effect under way in `lane` with `value` or `error`."""
        serial = self.pending.pop(lane).serial
        if error is None:
            self.session.succeed(serial, value, now=self.now)
        else:
            self.session.fail(serial, error, now=self.now)
        return self.pump()

    def carry_out(self, lane: LaneName) -> bool:
        """Carry out the effect under way in `lane`, although it is held, if it can be now; tell whether it was."""
        hold, self.hold = self.hold, ()
        try:
            done = self._carry_out(self.pending[lane])
        finally:
            self.hold = hold
        self.pump()
        return done

    def release(self) -> Self:
        """Stop holding effects; carry out those that were held."""
        self.hold = ()
        for perform in list(self.pending.values()):
            self._carry_out(perform)
        return self.pump()

    def performed(self, kind: type[_Performed]) -> list[_Performed]:
        """Return the effects of a class that were asked for so far, in order."""
        return [
            output.effect for output in self.outputs if isinstance(output, Perform) and isinstance(output.effect, kind)
        ]

    def pump(self) -> Self:
        """Carry out outputs, and effects that have become possible, until nothing moves."""
        while True:
            while (output := self.session.next_output()) is not None:
                self.outputs.append(output)
                self._execute(output)
            if not any(self._carry_out(perform) for perform in list(self.pending.values())):
                return self

    # -- private -------------------------------------------------------------------------------------------------------

    def _execute(self, output: Output) -> None:
        match output:
            case SendControl(data):
                assert not self._switching(), f"{data!r} in the middle of a handshake"
                self._control += data
                if self.reading:
                    self.session.control_sent(len(data), now=self.now)
                else:
                    self._unsent += len(data)
            case Perform():
                assert output.lane not in self.pending, f"two effects at once in {output.lane}"
                self.pending[output.lane] = output
            case Cancel(serial):
                self._cancelled.add(serial)
            case CloseControl():
                self.control_closed = True
            case _:
                self.events.append(output)

    def _switching(self) -> bool:
        """Tell whether TLS begins or ends on the control connection: a reply would be neither inside nor outside."""
        perform = self.pending.get(LaneName.CONTROL)
        return perform is not None and isinstance(perform.effect, StartTLS | StopTLS)

    def _done(self, perform: Perform, value: object = None, *, error: BaseException | None = None) -> bool:
        del self.pending[perform.lane]
        if error is None:
            self.session.succeed(perform.serial, value, now=self.now)
        else:
            self.session.fail(perform.serial, error, now=self.now)
        return True

    def _carry_out(self, perform: Perform) -> bool:
        """Carry out an effect if it can be now; tell whether it was."""
        effect = perform.effect
        if isinstance(effect, self.hold) or self.pending.get(perform.lane) is not perform:
            return False
        try:
            value = _called(effect, perform.ports) if isinstance(effect, PortEffect) else self._network(effect)
        except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
            return self._done(perform, error=error)
        if value is not None:
            return self._done(perform, None if value is NOTHING else value)
        return perform.serial in self._cancelled and self._done(perform, error=EffectCancelled())


def _called(effect: PortEffect[object], ports: Ports) -> object:
    answer = effect.call(ports)
    return NOTHING if answer is None else answer
