"""TLS by the standard library."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final, cast

from ftpcore import PeerCertificate, TLSDetails
from ftpcore_adapters._tls_certificates import SUBJECT_NAMES, KeyPair, Policy
from ftpcore_adapters._tls_engine import Library
from ftpcore_adapters._tls_errors import TLSError

__all__ = ["StdlibConnection", "StdlibContexts"]

_VERIFY: Final = {"ignore": ssl.CERT_NONE, "request": ssl.CERT_OPTIONAL, "require": ssl.CERT_REQUIRED}

#: Options that choose versions; the standard library warns of them.
_OLD_WAY: Final = ssl.OP_NO_SSLv3 | ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1 | ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3


class StdlibContexts:
    """Makes contexts; sessions share one, unless the reuse of TLS sessions is to be told apart."""

    def __init__(self, pair: KeyPair, policy: Policy) -> None:
        """Parse the pair; ValueError: its parts can't be read, or don't match."""
        self._pair = pair
        self._policy = policy
        try:
            self._shared = self.make()
        except ssl.SSLError as error:
            raise ValueError(f"{pair.certfile}: {_reason(error)}") from error

    def for_session(self) -> Callable[[], Library]:
        """Return what makes the connections of one control session."""
        match self._policy.session_reuse:
            case "prefer":
                return partial(StdlibConnection, self._shared)
            case "require":
                return partial(StdlibConnection, self.make())
            case "off":
                # A context has a cache of its own for TLS 1.2, and no call that turns it off.
                return lambda: StdlibConnection(self.make())

    def make(self) -> ssl.SSLContext:
        """Return a context of the library."""
        policy = self._policy
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | (policy.options & ~_OLD_WAY)
        if policy.options & ssl.OP_NO_TLSv1_3:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        elif policy.options & ssl.OP_NO_TLSv1_2:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        if policy.ciphers is not None:
            try:
                context.set_ciphers(policy.ciphers)
            except ssl.SSLError:
                raise ValueError(f"ciphers={policy.ciphers!r} names none that OpenSSL knows") from None
        _load(context, self._pair)
        context.set_alpn_protocols(["ftp", "ftp-data"])
        if policy.session_reuse == "off":
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
        if policy.client_certificates != "ignore" and policy.authorities is not None:
            context.load_verify_locations(cadata=policy.authorities.decode("ascii", errors="replace"))
            context.verify_mode = _VERIFY[policy.client_certificates]
        return context


def _load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Load a pair.  The standard library reads files only; where memory can be a file, changed files don't matter."""
    if not hasattr(os, "memfd_create"):
        context.load_cert_chain(pair.certfile, pair.keyfile)
        return
    with os.fdopen(os.memfd_create("certificate"), "wb") as file:
        file.write(pair.key + pair.certificates)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")


class StdlibConnection:
    """A `Library` of the standard library."""

    __slots__ = ("_connection", "_incoming", "_outgoing", "drain", "pending", "put")

    def __init__(self, context: ssl.SSLContext) -> None:
        """Make a connection of `context`."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._connection = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.put: Callable[[bytes | memoryview], object] = self._incoming.write
        self.pending: Callable[[], int] = self._connection.pending
        self.drain: Callable[[], bytes] = self._outgoing.read

    def handshake(self) -> None:
        """Go on with the handshake; returns when it is complete."""
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except OSError as error:
            raise TLSError(_reason(error)) from None

    def details(self, server_name: str | None) -> TLSDetails:
        """Return what the handshake came to."""
        connection = self._connection
        cipher = connection.cipher()
        return TLSDetails(
            version=connection.version() or "",
            cipher=cipher[0] if cipher else "",
            reused=bool(connection.session_reused),
            server_name=server_name,
            protocol=connection.selected_alpn_protocol(),
            certificate=_peer_certificate(connection),
        )

    def get(self, size: int) -> bytes:
        """Return plaintext, of one record at most; b"": close_notify came."""
        try:
            return self._connection.read(size)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except ssl.SSLZeroReturnError:
            return b""
        except OSError as error:
            raise TLSError(_reason(error)) from None

    def write(self, data: bytes | memoryview) -> int:
        """Encrypt all of `data`."""
        write, size = self._connection.write, len(data)
        try:
            done = write(data)
            while done < size:
                done += write(memoryview(data)[done:])
        except OSError as error:
            raise TLSError(_reason(error)) from None
        return done

    def close(self) -> None:
        """Make a close_notify."""
        try:
            self._connection.unwrap()
        except ssl.SSLWantReadError:
            pass  # it went on to wait for the peer's
        except OSError as error:
            raise TLSError(_reason(error)) from None


def _peer_certificate(connection: ssl.SSLObject) -> PeerCertificate | None:
    try:
        der = connection.getpeercert(binary_form=True)
        fields = connection.getpeercert() or {}
    except (OSError, ValueError) as error:
        raise TLSError(f"unreadable certificate: {error}") from None
    if der is None:
        return None
    # Typed for all fields at once; this one is a tuple of tuples of pairs.
    parts = cast("tuple[tuple[tuple[str, str], ...], ...]", fields.get("subject", ()))
    subject = tuple((SUBJECT_NAMES.get(name, name), value) for part in parts for name, value in part)
    return PeerCertificate(der, next((value for name, value in subject if name == "CN"), ""), subject)


def _reason(error: OSError) -> str:
    """Return what OpenSSL has to say, without where it says so."""
    reason = getattr(error, "reason", None)
    text = reason.lower().replace("_", " ") if isinstance(reason, str) else str(error.args[-1] if error.args else error)
    detail = getattr(error, "verify_message", None)
    return f"{text}: {detail}" if detail else text
