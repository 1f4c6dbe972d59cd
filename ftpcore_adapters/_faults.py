"""Faults to order: what a test server does to the next command of a verb."""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from ftpcore import (
    COMMANDS,
    AcceptData,
    Call,
    CloseData,
    ConnectData,
    DataPart,
    NetworkEffect,
    Pause,
    ReceiveData,
    ReceiveFile,
    Reply,
    SendData,
    SendFile,
    Session,
)
from ftpcore_adapters._data_sockets import DataSockets
from ftpcore_adapters._loop_host import LoopHost

__all__ = ["Answer", "Delay", "Fault", "FaultQueue", "FaultyCommands", "FaultyHost", "How", "Refusal", "TransferFault"]

How: TypeAlias = Literal["reset", "cut", "lie", "stall", "never", "drop"]

_TRANSFERS: Final = frozenset({"RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD"})

#: SO_LINGER of a socket whose close is a reset.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The command does nothing and gets this reply."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The command does nothing; the client gets these lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delay:
    """The command begins later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class TransferFault:
    """The data connection of the command ends badly after so many bytes."""

    after: int
    how: How

    @classmethod
    def checked(cls, verb: str, after: int, how: How) -> TransferFault:
        if how not in get_args(How):
            raise ValueError(f"how={how!r} is unknown; expected one of {', '.join(get_args(How))}")
        if after < 0:
            raise ValueError(f"after={after} is no number of bytes; expected 0 or more")
        if how != "drop" and verb.upper() not in _TRANSFERS:
            raise ValueError(
                f"{verb} has no data connection to fail; expected one of {', '.join(sorted(_TRANSFERS))}, how='drop', "
                "or refuse_next, answer_next or delay_next"
            )
        return cls(after, how)


Fault: TypeAlias = Refusal | Answer | Delay | TransferFault


class FaultQueue:
    """The faults that are ordered, by verb; any thread may order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, deque[Fault]] = {}

    def add(self, verb: str, fault: Fault, times: int) -> None:
        """Order `fault` for the next `times` commands of this verb that have none yet."""
        name = verb.upper()
        if name not in COMMANDS:
            raise ValueError(f"{verb!r} is no command of this server; a fault for it would never come")
        with self._lock:
            self._faults.setdefault(name, deque()).extend([fault] * times)

    def take(self, name: str) -> Fault | None:
        with self._lock:
            faults = self._faults.get(name)
            return faults.popleft() if faults else None

    def wants_no_connection(self) -> bool:
        """Is the next transfer of some verb one whose data connection never comes up?"""
        with self._lock:
            nexts = [faults[0] for faults in self._faults.values() if faults]
        return any(isinstance(fault, TransferFault) and fault.how == "never" for fault in nexts)


class FaultyCommands(Mapping[str, Callable[..., object]]):
    """The overrides of a handler, with the faults in front of them."""

    def __init__(
        self,
        faults: FaultQueue,
        inner: Mapping[str, Callable[..., object]],
        *,
        arm: Callable[[TransferFault | None], None],
        drop: Callable[[], None],
    ) -> None:
        self._faults = faults
        self._inner = inner
        self._arm = arm
        self._drop = drop

    def __getitem__(self, name: str) -> Callable[..., object]:
        fault = self._faults.take(name)
        if name in _TRANSFERS and not isinstance(fault, TransferFault):
            self._arm(None)
        if fault is None:
            return self._inner[name]

        def command(session: Session, *arguments: str) -> object:
            return self._run(fault, name, session, arguments)

        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._inner)

    def __len__(self) -> int:
        return len(self._inner)

    def _run(self, fault: Fault, name: str, session: Session, arguments: tuple[str, ...]) -> object:
        match fault:
            case Refusal(code, text):
                return Reply.of(code, text)
            case Answer(lines):
                session.push("".join([f"{line}\r\n" for line in lines]).encode("utf-8", "surrogateescape"))
                return None
            case Delay(seconds):
                return self._later(seconds, name, session, arguments)
            case TransferFault(how="drop") if name not in _TRANSFERS:
                return self._dropped()
            case TransferFault():
                self._arm(fault)
                return self._plain(name, session, arguments)

    def _plain(self, name: str, session: Session, arguments: tuple[str, ...]) -> object:
        override = self._inner.get(name)
        if override is not None:
            return override(session, *arguments)
        return getattr(session, COMMANDS[name].method)(*arguments)

    async def _later(self, seconds: float, name: str, session: Session, arguments: tuple[str, ...]) -> object:
        await Pause(seconds)
        result = self._plain(name, session, arguments)
        return await result if isinstance(result, Awaitable) else result

    async def _dropped(self) -> Reply:
        await Call(self._drop)
        return Reply.of(421, "The connection is gone.")


class FaultyDataSockets(DataSockets):
    """Data sockets that fail as ordered."""

    fault: TransferFault | None = None
    withheld = False
    """The listener is not looked at: the transfer that comes may be one whose data connection never comes up."""
    _moved = 0
    _known = False
    """That transfer has come."""

    def attempt(self, effect: NetworkEffect) -> object:
        host = self._owner
        assert isinstance(host, FaultyHost)
        match effect:
            case CloseData(part) if DataPart.CONNECTION in part:
                self.fault, self._moved, self._known = None, 0, False
            case AcceptData() | ConnectData() if self._has("never"):
                raise BlockingIOError
            case AcceptData() if not self._known and host.faults.wants_no_connection():
                self.withheld = True
                raise BlockingIOError
            case SendFile(_, _, size) | ReceiveData(size) | ReceiveFile(_, _, size) if self.fault is not None:
                return self._moving(effect, self.fault, size)
            case SendData(data) if self.fault is not None:
                return self._moving(effect, self.fault, len(data))
            case _:
                pass
        return super().attempt(effect)

    def arm(self, fault: TransferFault | None) -> bool:
        """The transfer has come, and is to end so; tell whether its connection was withheld, and should not be."""
        self.fault, self._known = fault, True
        withheld, self.withheld = self.withheld, False
        return withheld and not self._has("never")

    def _has(self, how: How) -> bool:
        return self.fault is not None and self.fault.how == how

    def _moving(self, effect: NetworkEffect, fault: TransferFault, size: int) -> object:
        left = fault.after - self._moved
        if left <= 0:
            return self._fail(effect, fault, size)
        moved = super().attempt(_smaller(effect, min(size, left)))
        count = len(moved) if isinstance(moved, bytes) else moved
        assert isinstance(count, int)
        self._moved += count
        return moved

    def _fail(self, effect: NetworkEffect, fault: TransferFault, size: int) -> object:
        host, data = self._owner, self._data
        assert isinstance(host, FaultyHost)
        if fault.how in ("reset", "drop") and data is not None:
            data.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        match fault.how:
            case "stall":
                if data is not None:
                    data.wait(0)
                raise BlockingIOError
            case "drop":
                host.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.close(DataPart.CONNECTION)
                self._loop.call_soon_threadsafe(host.drop)
                raise BlockingIOError
            case "lie":
                self.close(DataPart.CONNECTION)
                if isinstance(effect, ReceiveData):
                    return b""
                return 0 if isinstance(effect, ReceiveFile) else size
            case _:
                self.close(DataPart.CONNECTION)
                raise ConnectionResetError("the test ordered it")


def _smaller(effect: NetworkEffect, size: int) -> NetworkEffect:
    match effect:
        case SendFile(file, offset, _):
            return SendFile(file, offset, size)
        case ReceiveFile(file, offset, _):
            return ReceiveFile(file, offset, size)
        case SendData(data):
            return SendData(data[:size])
        case _:
            return ReceiveData(size)


class FaultyHost(LoopHost):
    """A host whose data sockets fail as ordered."""

    data_sockets = FaultyDataSockets

    @property
    def faults(self) -> FaultQueue:
        faults: FaultQueue = self.handler.faults  # type: ignore[attr-defined]  # the handler of a test server
        return faults

    def arm(self, fault: TransferFault | None) -> None:
        """Have the data connection of the transfer that begins end so; None: well."""
        assert isinstance(self._data, FaultyDataSockets)
        if self._data.arm(fault):
            self.loop.call_soon_threadsafe(self.retry)  # when the session has begun it
