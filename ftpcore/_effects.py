"""Effects: what a command asks of the world, and the outputs by which a session hands them to its host.

A command awaits an effect and gets what the host answered, or the error it failed with.  Port effects run through
`effect.call(ports)` in any host: inline, in a worker thread when `effect.blocks(ports)`, or awaited when the port is
asynchronous.  Network effects are a closed union that hosts match one by one.  A third kind never leaves the session.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

from ftpcore._addresses import Address
from ftpcore._tls import TLSDetails
from ftpcore.ports import AnyFile, Ports

__all__ = [
    "AcceptData",
    "Cancel",
    "CloseControl",
    "CloseData",
    "ConnectData",
    "Connection",
    "DataPart",
    "Effect",
    "EndpointReady",
    "LaneName",
    "MoveToData",
    "NetworkEffect",
    "OpenListener",
    "Pause",
    "Perform",
    "PortEffect",
    "ReceiveData",
    "ReceiveFile",
    "SendControl",
    "SendData",
    "SendFile",
    "SessionEffect",
    "StartTLS",
    "StopTLS",
    "TransferEnd",
]

T_co = TypeVar("T_co", covariant=True)


class Effect(Generic[T_co]):
    """A request that a command awaits.  `await Effect(...)` gives a `T_co`, or raises what the host failed it with."""

    __slots__ = ()
    cancellable: ClassVar[bool] = True
    """A task that is to end has it refused, and `Cancel` may name it."""
    timeout: ClassVar[str | None] = None
    """The option that limits how long it may take."""
    keeps_account: ClassVar[bool] = False
    """It opens or closes a file: the session remembers which are open."""

    def __await__(self) -> Generator[Effect[T_co], T_co, T_co]:
        return (yield self)

    if not TYPE_CHECKING:  # mypy's truthy-bool is off for a class whose __bool__ it can see

        def __bool__(self) -> bool:
            raise TypeError(f"{self!r} was not awaited; write: await {type(self).__name__}(...)")


class PortEffect(Effect[T_co]):
    """An effect that every host carries out by `call`."""

    __slots__ = ()
    cancellable: ClassVar[bool] = False

    def call(self, ports: Ports) -> object:
        """Ask the port.  Returns the answer, or an awaitable of it if the port is asynchronous."""
        raise TypeError(f"{type(self).__name__} must define call()")

    def blocks(self, ports: Ports) -> bool:
        """Tell whether `call` may wait for a disk, a network or a lock."""
        return getattr(ports.filesystem, "blocking", False)


# -- network effects ---------------------------------------------------------------------------------------------------


class DataPart(Flag):
    """What CloseData closes."""

    LISTENER = auto()
    CONNECTION = auto()
    BOTH = LISTENER | CONNECTION


class _NetworkEffect(Effect[T_co]):
    """One of the union `NetworkEffect`.

    A failed connection is a ConnectionError; any other OSError of SendFile and ReceiveFile is the file's.
    """

    __slots__ = ()
    timeout: ClassVar[str | None] = "data_timeout"


@dataclass(frozen=True, slots=True)
class OpenListener(_NetworkEffect[Address]):
    """Listen on `host`, port `port` (0: any); answered by the address bound.  OSError: that port can't be had."""

    host: str
    port: int
    timeout: ClassVar[str | None] = None


@dataclass(frozen=True, slots=True)
class AcceptData(_NetworkEffect[Address]):
    """Accept one connection, answered by its peer; the listener stays open until CloseData."""

    until: float | None = None
    """When the session gives it up, by a Cancel."""
    timeout: ClassVar[str | None] = None


@dataclass(frozen=True, slots=True)
class ConnectData(_NetworkEffect[None]):
    """Connect to `address` from `source`, any port."""

    address: Address
    source: str
    timeout: ClassVar[str | None] = "connect_timeout"


class Connection(Enum):
    """Which of the two connections a TLS effect is about."""

    CONTROL = "control"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class StartTLS(_NetworkEffect[TLSDetails]):
    """Make the server's side of a TLS handshake; answered by what it came to.  RFC 4217 7.

    All sent before leaves in clear; nothing received in clear before is fed to TLS.  From the answer on the bytes of
    `receive_data`, SendControl, SendData and ReceiveData are what is inside.  A failure is a ConnectionError.
    """

    connection: Connection
    timeout: ClassVar[str | None] = "handshake_timeout"


@dataclass(frozen=True, slots=True)
class StopTLS(_NetworkEffect[None]):
    """Send close_notify behind all that was sent, and wait for the peer's; what comes behind that is in clear.

    A failure is a ConnectionError.  RFC 4217 5.
    """

    connection: Connection
    timeout: ClassVar[str | None] = "handshake_timeout"


@dataclass(frozen=True, slots=True)
class SendData(_NetworkEffect[int]):
    """Send some of `data`; answered by how many bytes left, at least one."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class ReceiveData(_NetworkEffect[bytes]):
    """Receive up to `size` bytes; b"" is the peer's orderly end, under TLS its close_notify: StreamTruncated else."""

    size: int


@dataclass(frozen=True, slots=True)
class SendFile(_NetworkEffect[int]):
    """Send up to `size` bytes of the file from `offset` within the kernel; answered by how many left, 0 at its end."""

    file: AnyFile
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ReceiveFile(_NetworkEffect[int]):
    """Receive up to `size` bytes into the file at `offset`; answered by how many are in the file, 0 at the peer's
    end.
    """

    file: AnyFile
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class CloseData(_NetworkEffect[None]):
    """Close the listener, the data connection or both, if they are there.

    `orderly` closes a connection so that the peer knows that nothing is missing, under TLS by close_notify; what was
    sent still arrives.
    """

    part: DataPart = DataPart.BOTH
    orderly: bool = False
    cancellable: ClassVar[bool] = False


NetworkEffect: TypeAlias = (
    OpenListener
    | AcceptData
    | ConnectData
    | StartTLS
    | StopTLS
    | SendData
    | ReceiveData
    | SendFile
    | ReceiveFile
    | CloseData
)


# -- effects that the session answers itself ---------------------------------------------------------------------------


class SessionEffect(Effect[T_co]):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pause(SessionEffect[None]):
    """Wait `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class MoveToData(SessionEffect[None]):
    """Go on in the DATA lane, once a pending passive connection is up; frees the CONTROL lane."""


@dataclass(frozen=True, slots=True)
class EndpointReady(SessionEffect[None]):
    """Wait, in the DATA lane, for the PASV, EPSV, PORT or EPRT that a STOU is served by."""


@dataclass(frozen=True, slots=True)
class TransferEnd(SessionEffect[None]):
    """Wait, in the CONTROL lane, until the DATA lane is empty."""


# -- outputs -----------------------------------------------------------------------------------------------------------


class LaneName(Enum):
    """The two sequences of work in a session: the server-PI's and the server-DTP's.  RFC 959 2.2."""

    CONTROL = "control"
    DATA = "data"


class SendControl(NamedTuple):
    """Queue bytes on the control connection; report what left by `control_sent`."""

    data: bytes


class Perform(NamedTuple):
    """Carry out `effect` on `ports`, and answer once by `succeed(serial, value)` or `fail(serial, error)`."""

    lane: LaneName
    serial: int
    effect: Effect[object]
    ports: Ports


class Cancel(NamedTuple):
    """Make haste with the network effect `serial`; it is still answered once."""

    serial: int


class CloseControl(NamedTuple):
    """Close the control connection; everything sent has left, or was given up."""
