"""A session under a client, a network and a host that do anything at any time, and what must hold of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from ftpcore import (
    AcceptData,
    Address,
    Cancel,
    CloseData,
    CloseFile,
    CommandFinished,
    CommandReceived,
    ConnectData,
    Disconnected,
    Effect,
    EffectCancelled,
    LaneName,
    PeerCertificate,
    PortEffect,
    ReceiveData,
    ReceiveFile,
    ReplySent,
    SendData,
    SendFile,
    StartTLS,
    StopTLS,
    TLSDetails,
)
from ftpcore._limits import COMMAND_BUFFER_LIMIT, REPLY_BUFFER_LIMIT, WAITING_LIMIT
from ftpcore.testing._journal import Value, decode_error
from ftpcore.testing._scripted import ScriptedHost

__all__ = ["DATA_COMMANDS", "HANDSHAKES", "HOLDS", "Simulation", "SimulationFailed", "Step"]

#: The name of a method of `Simulation`, and its argument, as JSON can hold it.
Step: TypeAlias = tuple[str, Value]

#: Verbs that a 1yz comes before.
DATA_COMMANDS: Final = frozenset({"RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD"})

#: Bytes of the longest reply: HELP, and `STAT path` of a directory that a simulation fills.
_LONGEST_REPLY: Final = 64 * 1024

_FOREIGN: Final = Address("203.0.113.9", 50_000)

HOLDS: Final[Mapping[str, tuple[type[object], ...]]] = {
    "nothing": (),
    "everything": (Effect,),
    "port calls": (PortEffect,),
    "connecting": (AcceptData, ConnectData),
    "closing": (CloseData, CloseFile),
    "moving": (SendData, SendFile, ReceiveData, ReceiveFile),
    "handshakes": (StartTLS, StopTLS),
}

#: What may come of a handshake, and of the end of TLS.
HANDSHAKES: Final[Mapping[str, TLSDetails | ConnectionError | None]] = {
    "done": TLSDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
    "resumed": TLSDetails("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", reused=True, server_name="localhost"),
    "of ann": TLSDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate=PeerCertificate(b"ann", "ann")),
    "failed": ConnectionError("no shared cipher"),
    "stalled": None,
}


class SimulationFailed(AssertionError):
    """Something that must hold of every session does not."""

    seed: int | None = None
    steps: Sequence[Step] = ()

    def line(self) -> str:
        """Return the run as a line for a corpus."""
        return json.dumps({"seed": self.seed, "steps": self.steps, "failure": str(self)})


class Simulation:
    """A session in memory, and what may happen to it: each public method is something that may."""

    def __init__(self, host: ScriptedHost) -> None:
        self.host = host
        self.sent = bytearray()
        """What the client sent on the control connection while it was listened to."""
        self.largest = 0
        """Bytes of the largest piece of it."""

    # -- the client ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        if self.host.session.wants_data:
            if not self.host.session.closing:
                self.sent += data
            self.largest = max(self.largest, len(data))
            under_way = self.host.pending.get(LaneName.CONTROL)
            self.host.feed(data)
            if data and under_way and isinstance(under_way.effect, StartTLS) and not self.host.session.closing:
                raise SimulationFailed("bytes came in clear during a handshake, but the session goes on")

    def connect(self, peer: Address | None) -> None:
        if self.host.listening is not None:
            self.host.connect(peer)

    def upload(self, block: tuple[bytes, int]) -> None:
        """Send some bytes, several times; none at all is the end."""
        data, times = block
        self.host.upload(data * times)

    def reset(self, _: None = None) -> None:
        self.host.reset()

    def truncate(self, _: None = None) -> None:
        self.host.truncate()

    def tls(self, how: str) -> None:
        """Have handshakes come to one of `HANDSHAKES` from now on."""
        self.host.tls = HANDSHAKES[how]

    def take_downloads(self, window: int | None) -> None:
        self.host.window = window
        self.host.pump()

    def read_replies(self, reading: bool) -> None:
        if reading:
            self.host.read_replies()
        self.host.reading = reading

    def end(self, how: str) -> None:
        match how:
            case "eof":
                self.host.end_control()
            case "lost":
                self.host.lose_control()
            case "shut down":
                self.host.session.shut_down(grace=10, now=self.host.now)
                self.host.pump()
            case _:
                pass

    # -- the host and the time -----------------------------------------------------------------------------------------

    def hold(self, kinds: tuple[type[object], ...]) -> None:
        """Leave effects of these classes unanswered."""
        self.host.hold = kinds
        self.host.pump()

    def succeed(self, lanes: Sequence[LaneName]) -> None:
        for lane in lanes:
            if lane in self.host.pending:
                self.host.carry_out(lane)

    def fail(self, choice: tuple[LaneName, BaseException, BaseException]) -> None:
        """Fail what is under way in a lane: a port call with the first error, a network effect with the second."""
        lane, port_error, network_error = choice
        if lane in self.host.pending:
            effect = self.host.pending[lane].effect
            if isinstance(effect, CloseFile):  # a file is closed, whatever close() raises
                effect.call(self.host.pending[lane].ports)
            self.host.answer(lane, error=port_error if isinstance(effect, PortEffect) else network_error)

    def give_up(self, lane: LaneName) -> None:
        """Answer a Cancel."""
        if lane in self.host.pending and Cancel(self.host.pending[lane].serial) in self.host.outputs:
            self.host.answer(lane, error=EffectCancelled())

    def advance(self, seconds: float) -> None:
        self.host.advance(seconds)

    def suspend(self, lanes: Sequence[LaneName]) -> None:
        self.host.session.suspend()
        self.succeed(lanes)
        self.host.session.resume(now=self.host.now)
        self.host.pump()

    def calm_down(self) -> None:
        """Let everything go on that can, until only new commands could make a difference."""
        self.host.release()
        self.take_downloads(None)
        self.read_replies(True)
        while not self.host.session.idle:
            deadline = self.host.session.next_deadline()
            if deadline is None:
                raise SimulationFailed("the session is busy, but waits for nothing")
            self.host.advance(deadline - self.host.now)

    # -- what must hold ------------------------------------------------------------------------------------------------

    def check_buffers(self) -> None:
        """Raise unless what the session holds is bounded."""
        session = self.host.session
        _bounded("bytes of commands", session.reader.buffered, COMMAND_BUFFER_LIMIT + self.largest)
        unsent = REPLY_BUFFER_LIMIT + COMMAND_BUFFER_LIMIT + self.largest + _LONGEST_REPLY
        _bounded("bytes of replies", session.unsent, unsent)
        _bounded("commands that wait", len(session.waiting or ()), WAITING_LIMIT)

    def check_replies(self) -> None:
        """Raise unless each command that was begun got one final reply, and nothing else did but 220 and 421."""
        events = self.host.events
        received = sorted(event.verb for event in events if isinstance(event, CommandReceived))
        finished = sorted(event.name.partition(" ")[0] for event in events if isinstance(event, CommandFinished))
        if received != finished:
            raise SimulationFailed(f"commands {received} were received, but {finished} were answered")
        marked = False
        told = [event for event in events if isinstance(event, ReplySent | CommandFinished)]
        for event, after in zip(told[1:], [*told[2:], None], strict=False):
            if isinstance(event, CommandFinished):
                marked = marked and event.name not in DATA_COMMANDS
            elif event.reply.preliminary:
                if marked:
                    raise SimulationFailed(f"a second preliminary reply: {event.reply}")
                marked = True
            elif not isinstance(after, CommandFinished) and event.reply.code != 421:
                raise SimulationFailed(f"a final reply that belongs to no command: {event.reply}")

    def check_end(self) -> None:
        """Lose the connection; raise unless that leaves nothing behind."""
        self.host.lose_control()
        self.host.release()
        session = self.host.session
        if not session.idle or session.next_deadline() is not None:
            raise SimulationFailed("the connection is lost, but the session goes on")
        if session.open_files:
            raise SimulationFailed(f"{len(session.open_files)} files are open behind the end of the session")
        if [type(event) for event in self.host.events].count(Disconnected) != 1:
            raise SimulationFailed("the end was not told once")

    def apply(self, step: Step) -> None:
        """Have happen what a step says."""
        name, value = step
        match name:
            case "feed":
                self.feed(value.encode("latin-1"))
            case "upload":
                self.upload((value[0].encode("latin-1"), value[1]))
            case "connect":
                self.connect(_FOREIGN if value == "foreign" else None)
            case "hold":
                self.hold(HOLDS[value])
            case "succeed" | "suspend":
                getattr(self, name)([LaneName[lane] for lane in value])
            case "fail":
                self.fail((LaneName[value[0]], decode_error(value[1]), decode_error(value[2])))
            case "give_up":
                self.give_up(LaneName[value])
            case "reset" | "truncate" | "tls" | "take_downloads" | "read_replies" | "advance" | "end":
                getattr(self, name)(value)
            case _:
                raise ValueError(f"expected the name of something that may happen, not {name!r}")


def _bounded(what: str, held: int, limit: int) -> None:
    if held > limit:
        raise SimulationFailed(f"{held} {what} are held, and not {limit} at most")
