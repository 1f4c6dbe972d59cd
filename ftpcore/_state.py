"""The states of a session that outlive a command, as tables.

Login sequencing is RFC 959 5.4; the data connection is RFC 959 3.2 with RFC 1123 4.1.2.6: it serves one transfer, and
each PASV, EPSV, PORT or EPRT replaces what the one before it prepared.  A transfer goes by RFC 959 5.4; what a command
leaves for the next is RFC 959 4.1.3 and RFC 3659 5.3.  `docs/state-diagrams.md` is drawn from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

__all__ = [
    "ENDPOINT",
    "LOGIN",
    "PENDING",
    "TRANSFER",
    "Endpoint",
    "EndpointStep",
    "LoginStep",
    "Pending",
    "PendingStep",
    "Phase",
    "Protection",
    "TransferPhase",
    "TransferStep",
    "TransferType",
]


class Phase(Enum):
    """How far a login is."""

    NEW = "no user named"
    NAMED = "waiting for the password"
    CHECKING = "the authorizer decides"
    READY = "logged in"


class LoginStep(Enum):
    USER = "USER"
    PASS = "PASS"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAULT = "the authorizer failed"
    START_OVER = "REIN or AUTH"


#: (phase, step) -> phase; a missing pair is answered 503.
LOGIN: Final[Mapping[tuple[Phase, LoginStep], Phase]] = {
    (Phase.NEW, LoginStep.USER): Phase.NAMED,
    (Phase.NAMED, LoginStep.USER): Phase.NAMED,
    (Phase.READY, LoginStep.USER): Phase.NAMED,  # a new USER flushes the account, RFC 959 4.1.1
    (Phase.NAMED, LoginStep.PASS): Phase.CHECKING,
    (Phase.CHECKING, LoginStep.ACCEPTED): Phase.READY,
    (Phase.CHECKING, LoginStep.REFUSED): Phase.NEW,
    (Phase.CHECKING, LoginStep.FAULT): Phase.NAMED,
    (Phase.NEW, LoginStep.START_OVER): Phase.NEW,
    (Phase.NAMED, LoginStep.START_OVER): Phase.NEW,
    (Phase.READY, LoginStep.START_OVER): Phase.NEW,
}


class Endpoint(Enum):
    """What the next transfer can use."""

    NONE = "nothing"
    LISTENING = "passive, nobody came yet"
    CONNECTED = "passive, connected"
    ACTIVE = "an address to connect to"
    IN_USE = "a transfer runs"


class EndpointStep(Enum):
    LISTEN = "PASV or EPSV"
    AIM = "PORT or EPRT"
    ACCEPT = "the client connects"
    TAKE = "a transfer begins"
    DROP = "closed"


#: (endpoint, step) -> endpoint; a missing pair is a fault of this library.  LISTEN and AIM come after a DROP.
ENDPOINT: Final[Mapping[tuple[Endpoint, EndpointStep], Endpoint]] = {
    (Endpoint.NONE, EndpointStep.LISTEN): Endpoint.LISTENING,
    (Endpoint.NONE, EndpointStep.AIM): Endpoint.ACTIVE,
    (Endpoint.LISTENING, EndpointStep.ACCEPT): Endpoint.CONNECTED,
    (Endpoint.CONNECTED, EndpointStep.TAKE): Endpoint.IN_USE,
    (Endpoint.ACTIVE, EndpointStep.TAKE): Endpoint.IN_USE,
} | {(endpoint, EndpointStep.DROP): Endpoint.NONE for endpoint in Endpoint}


class TransferPhase(Enum):
    """How far a transfer is; STAT tells it."""

    NEW = "not announced yet"
    WAITING = "waiting for PASV, EPSV, PORT or EPRT"
    CONNECTING = "waiting for the data connection"
    MOVING = "moving data"
    CLOSING = "closing both ends"
    OVER = "over"


class TransferStep(Enum):
    MARK = "150 or 125"
    MARK_EARLY = "150 of a STOU that came first"
    PREPARED = "PASV, EPSV, PORT or EPRT"
    CONNECTED = "connection up, file open"
    END = "all data moved"
    FAIL = "a failure"
    CLOSED = "both closed"


#: (phase, step) -> phase; a missing pair is a fault of this library.  The final reply comes when it is over.
TRANSFER: Final[Mapping[tuple[TransferPhase, TransferStep], TransferPhase]] = {
    (TransferPhase.NEW, TransferStep.MARK): TransferPhase.CONNECTING,
    (TransferPhase.NEW, TransferStep.MARK_EARLY): TransferPhase.WAITING,
    (TransferPhase.WAITING, TransferStep.PREPARED): TransferPhase.CONNECTING,
    (TransferPhase.CONNECTING, TransferStep.CONNECTED): TransferPhase.MOVING,
    (TransferPhase.MOVING, TransferStep.END): TransferPhase.CLOSING,
    (TransferPhase.NEW, TransferStep.FAIL): TransferPhase.CLOSING,  # 425 without a mark
    (TransferPhase.WAITING, TransferStep.FAIL): TransferPhase.CLOSING,
    (TransferPhase.CONNECTING, TransferStep.FAIL): TransferPhase.CLOSING,
    (TransferPhase.MOVING, TransferStep.FAIL): TransferPhase.CLOSING,
    (TransferPhase.CLOSING, TransferStep.CLOSED): TransferPhase.OVER,
}


class Pending(Enum):
    """What a command left for the next one."""

    NOTHING = "nothing"
    OFFSET = "an offset"
    SOURCE = "a name to rename"


class PendingStep(Enum):
    REST = "REST"
    RNFR = "RNFR"
    KEEPER = "a command that keeps an offset"
    OTHER = "any other command"


#: (pending, step) -> pending.  KEEPER and OTHER are taken as a command begins, REST and RNFR as these two succeed.
PENDING: Final[Mapping[tuple[Pending, PendingStep], Pending]] = (
    {(pending, PendingStep.OTHER): Pending.NOTHING for pending in Pending}
    | {(pending, PendingStep.REST): Pending.OFFSET for pending in Pending}
    | {(pending, PendingStep.RNFR): Pending.SOURCE for pending in Pending}
    | {
        (Pending.NOTHING, PendingStep.KEEPER): Pending.NOTHING,
        (Pending.OFFSET, PendingStep.KEEPER): Pending.OFFSET,  # RFC 3659 5.3: clients send PASV or TYPE behind REST
        (Pending.SOURCE, PendingStep.KEEPER): Pending.NOTHING,  # RFC 959 4.1.3: RNTO comes immediately after RNFR
    }
)


class Protection(Enum):
    """Level of protection of data connections.  RFC 2228 3, PROT."""

    CLEAR = "C"
    PRIVATE = "P"


class TransferType(Enum):
    """Representation type.  RFC 959 3.1.1."""

    ASCII = "A"
    IMAGE = "I"
