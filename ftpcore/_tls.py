"""What a host tells of TLS on a connection.  RFC 4217, RFC 8446."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PeerCertificate", "StreamTruncated", "TLSDetails"]


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The certificate that the client showed; the host has verified it."""

    der: bytes
    common_name: str = ""
    """CN of the subject; "": it has none."""
    subject: tuple[tuple[str, str], ...] = ()
    """Names and values, in the order of the certificate: ("CN", "ann"), ("O", "Example")."""


@dataclass(frozen=True, slots=True)
class TLSDetails:
    """What a handshake came to."""

    version: str
    """As "TLSv1.3"."""
    cipher: str
    reused: bool = False
    """It resumed the TLS session of this control connection."""
    server_name: str | None = None
    """The host name that the client asked for.  RFC 6066 3."""
    protocol: str | None = None
    """What ALPN chose.  RFC 7301."""
    certificate: PeerCertificate | None = None


class StreamTruncated(ConnectionError):
    """How a host fails ReceiveData if the peer's end came without close_notify: an attacker may have cut it off."""
