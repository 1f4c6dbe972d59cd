"""Events: the facts of a session, for logs and metrics.  One that nobody subscribed to is never built."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ftpcore._addresses import Address
from ftpcore._effects import Connection
from ftpcore._paths import VirtualPath
from ftpcore._tls import TLSDetails
from ftpcore.wire import Reply

__all__ = [
    "EVERY_EVENT",
    "AcceptTimedOut",
    "CommandFinished",
    "CommandReceived",
    "Connected",
    "Direction",
    "Disconnected",
    "Event",
    "Failed",
    "ForeignPeer",
    "LoggedOut",
    "LoginFailed",
    "LoginSucceeded",
    "Outcome",
    "ReplySent",
    "TLSEstablished",
    "TLSFailed",
    "TransferFinished",
    "TransferStarted",
    "ViolationSeen",
]


class Direction(Enum):
    """Where the bytes of a transfer go, seen from the server."""

    SENT = "sent"
    RECEIVED = "received"


class Outcome(Enum):
    """How a transfer ended."""

    COMPLETE = "complete"
    ABORTED = "aborted"
    """By ABOR."""
    TIMED_OUT = "timed out"
    CUT = "cut"
    """A connection was lost, or the server shut down."""
    FAILED = "failed"
    """The filesystem failed."""


class Event:
    """Base of all events."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(Event):
    local: Address
    peer: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReceived(Event):
    """A whole line came."""

    verb: str
    argument: str | None
    """As sent; "******" for PASS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFinished(Event):
    """A command got its final reply."""

    name: str
    """As in the table of commands, "SITE CHMOD" for one."""
    argument: str | None
    """As sent; "******" for PASS."""
    path: VirtualPath | None
    """What the command was about, if that was a path."""
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySent(Event):
    """A reply was queued."""

    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSucceeded(Event):
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed(Event):
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut(Event):
    """A login ended."""

    username: str
    verb: str
    """The command that ended it: QUIT, REIN, USER or AUTH; "": user code did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStarted(Event):
    """The data connection is up and the transfer of a file begins."""

    username: str
    """Who began it; somebody else may have logged in meanwhile."""
    verb: str
    path: VirtualPath
    name: str
    """What the filesystem calls the file: `BinaryFile.name`."""
    direction: Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFinished(Event):
    """The transfer of a file ended, well or badly."""

    username: str
    """Who began it; somebody else may have logged in meanwhile."""
    verb: str
    path: VirtualPath
    name: str
    """What the filesystem calls the file: `BinaryFile.name`."""
    direction: Direction
    size: int
    """Bytes moved over the data connection, after encoding."""
    elapsed: float
    """Seconds since TransferStarted."""
    outcome: Outcome
    """All but COMPLETE got a 4yz or 5yz reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPeer(Event):
    """Somebody else than the client connected to the passive port."""

    peer: Address
    accepted: bool
    """The option `permit_foreign_addresses` is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptTimedOut(Event):
    """The client did not connect to the passive port in time.  It got a 421, or a 425 if a transfer waited for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSEstablished(Event):
    """A connection is encrypted from now on."""

    connection: Connection
    details: TLSDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSFailed(Event):
    """TLS could not begin on a connection, did not prove what was demanded, or did not end in good order."""

    connection: Connection
    reason: str
    ending: bool = False
    """It was to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationSeen(Event):
    """The peer broke the grammar beyond recovery, or a limit; the connection closes."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """A port, a hook or a command raised what it must not.  The client got a 451, or lost the session to a hook."""

    where: str
    error: BaseException


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected(Event):
    """The session is over; nothing comes after this."""

    reason: str


#: For `Session.subscribe`: all there is.
EVERY_EVENT: Final[frozenset[type[Event]]] = frozenset(
    {
        Connected,
        CommandReceived,
        CommandFinished,
        ReplySent,
        LoginSucceeded,
        LoginFailed,
        LoggedOut,
        TransferStarted,
        TransferFinished,
        ForeignPeer,
        AcceptTimedOut,
        TLSEstablished,
        TLSFailed,
        ViolationSeen,
        Failed,
        Disconnected,
    }
)
