"""Sessions whose connections may be encrypted, and what became of them, step by step."""

from __future__ import annotations

from typing import Final

from ftpcore import (
    CCC_COMMANDS,
    TLS_COMMANDS,
    Account,
    AuthenticationFailed,
    Call,
    Cancel,
    CloseControl,
    Delegate,
    PeerCertificate,
    Perform,
    PortEffect,
    SendControl,
    StartTLS,
    StopTLS,
    TLSDetails,
)
from ftpcore.ports import FileSystem
from ftpcore.testing import ScriptedHost, SingleUser

__all__ = [
    "ANN",
    "BOB",
    "LOGIN",
    "SHOWN",
    "Badge",
    "Hooked",
    "Offer",
    "begun",
    "hooked",
    "offered",
    "outline",
    "protected",
    "secured",
]

ANN: Final = PeerCertificate(b"\x30\x01ann", "ann", (("CN", "ann"), ("O", "Example")))
BOB: Final = PeerCertificate(b"\x30\x01bob", "bob", (("CN", "bob"),))

#: What a handshake comes to in which the client showed the certificate ANN.
SHOWN: Final = TLSDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate=ANN)


LOGIN: Final = b"USER ann\r\nPASS pw\r\n"


class Offer(Delegate):
    """Offers TLS, and whatever options are given."""

    def __init__(self, *, ccc: bool = False, **options: object) -> None:
        self.commands = CCC_COMMANDS if ccc else TLS_COMMANDS
        for name, value in options.items():
            assert hasattr(Delegate, name), f"{name} is no option"
            setattr(self, name, value)


class Hooked(Offer):
    """Has hooks that do nothing, so that the outputs show when they are called."""

    def on_connect(self) -> None: ...
    def on_disconnect(self) -> None: ...
    def on_login(self, username: str) -> None: ...
    def on_logout(self, username: str) -> None: ...


class Badge(SingleUser):
    """Lets its user in by the certificate that names it."""

    def __init__(self, filesystem: FileSystem, *, fault: Exception | None = None) -> None:
        super().__init__(filesystem)
        self.fault = fault

    def authenticate_certificate(self, username: str, certificate: PeerCertificate, peer: str, /) -> Account | None:
        if self.fault is not None:
            raise self.fault
        if certificate.common_name == "mallory":
            raise AuthenticationFailed
        return self.account if username == certificate.common_name == self.account.name else None


def offered(filesystem: FileSystem) -> ScriptedHost:
    """Return a session that nobody has logged in to; the greeting is taken."""
    host = ScriptedHost(SingleUser(filesystem), delegate=Offer())
    host.take()
    return host


def hooked(filesystem: FileSystem) -> ScriptedHost:
    """Return a session with hooks, before its greeting is taken."""
    return ScriptedHost(SingleUser(filesystem), delegate=Hooked())


def begun(host: ScriptedHost) -> ScriptedHost:
    """Encrypt the control connection; forget the replies so far."""
    host.feed(b"AUTH TLS\r\n").take()
    assert host.session.control_tls is not None
    return host


def secured(host: ScriptedHost) -> ScriptedHost:
    """Encrypt both connections and log in; forget the replies so far."""
    begun(host).feed(b"PBSZ 0\r\nPROT P\r\n")
    return host.login()


def protected(filesystem: FileSystem, *, delegate: Delegate | None = None) -> ScriptedHost:
    """Return a session of "ann", logged in with TYPE I, with all connections encrypted."""
    return secured(ScriptedHost(SingleUser(filesystem), delegate=delegate or Offer()))


def outline(host: ScriptedHost) -> list[str]:
    """Return what the session did on the control connection, with TLS and with hooks, in order."""
    steps = []
    for output in host.outputs:
        match output:
            case SendControl(data):
                steps.append(data[:3].decode())
            case Perform(effect=StartTLS(connection) | StopTLS(connection)):
                steps.append(f"{type(output.effect).__name__} {connection.value}")
            case Perform(effect=Call(function)):
                steps.append(function.__name__)
            case Perform(effect=PortEffect()):
                steps.append(type(output.effect).__name__)
            case Cancel():
                steps.append("cancel")
            case CloseControl():
                steps.append("close")
            case _:
                pass
    return steps
