"""The states of a session that outlive a command, as tables.

Login sequencing is RFC 959 5.4; the data connection is RFC 959 3.2 with RFC 1123 4.1.2.6: it serves one transfer, and
each PASV, EPSV, PORT or EPRT replaces what the one before it prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

__all__ = ["ENDPOINT", "LOGIN", "Endpoint", "EndpointStep", "LoginStep", "Phase", "TransferType"]


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
    REIN = "REIN"


#: (phase, step) -> phase; a missing pair is answered 503.
LOGIN: Final[Mapping[tuple[Phase, LoginStep], Phase]] = {
    (Phase.NEW, LoginStep.USER): Phase.NAMED,
    (Phase.NAMED, LoginStep.USER): Phase.NAMED,
    (Phase.READY, LoginStep.USER): Phase.NAMED,  # a new USER flushes the account, RFC 959 4.1.1
    (Phase.NAMED, LoginStep.PASS): Phase.CHECKING,
    (Phase.CHECKING, LoginStep.ACCEPTED): Phase.READY,
    (Phase.CHECKING, LoginStep.REFUSED): Phase.NEW,
    (Phase.CHECKING, LoginStep.FAULT): Phase.NAMED,
    (Phase.READY, LoginStep.REIN): Phase.NEW,
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


class TransferType(Enum):
    """Representation type.  RFC 959 3.1.1."""

    ASCII = "A"
    IMAGE = "I"
