"""TLS by pyOpenSSL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509

from ftpcore import PeerCertificate, TLSDetails
from ftpcore_adapters._tls_certificates import KeyPair, Policy
from ftpcore_adapters._tls_engine import PLAINTEXT_LIMIT, Library
from ftpcore_adapters._tls_errors import TLSError

__all__ = ["OpenSSLConnection", "OpenSSLContexts"]

#: More than 64 KiB of plaintext comes to as ciphertext.
_DRAIN_SIZE: Final = PLAINTEXT_LIMIT + 4096

#: Seconds that a session can be resumed.  A control session may last for days, and takes its context with it.
_SESSION_LIFETIME: Final = 7 * 24 * 3600

#: In the order of preference.
_PROTOCOLS: Final = (b"ftp", b"ftp-data")

#: pyOpenSSL asks OpenSSL to write one record at a time; `Context.clear_mode` can undo it.
_PARTIAL_WRITE: Final = 1

#: Not every release of pyOpenSSL has a name for it.
_NO_RENEGOTIATION: Final[int] = getattr(SSL, "OP_NO_RENEGOTIATION", 0x40000000)

_VERIFY: Final = {
    "ignore": SSL.VERIFY_NONE,
    "request": SSL.VERIFY_PEER,
    "require": SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}


class OpenSSLContexts:
    """Makes a context for each session, from objects in memory: no file is read, and tickets of others are foreign."""

    def __init__(self, pair: KeyPair, policy: Policy) -> None:
        """Parse the pair; ValueError: its parts can't be read, or don't match."""
        self._policy = policy
        try:
            self._certificate, *self._chain = x509.load_pem_x509_certificates(pair.certificates)
            self._authorities = x509.load_pem_x509_certificates(policy.authorities) if policy.authorities else []
            key = load_pem_private_key(pair.key, password=None)
            matches = key.public_key() == self._certificate.public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(f"{pair.certfile}: {error}") from error
        if not matches:
            raise ValueError(f"the certificate in {pair.certfile} is not that of the private key; name the key's own")
        self._key = key
        try:
            self.make()
        except (SSL.Error, TypeError) as error:
            raise ValueError(f"{pair.certfile}: {_reason(error)}") from error

    def for_session(self) -> Callable[[], Library]:
        """Return what makes the connections of one control session."""
        return partial(OpenSSLConnection, self.make())

    def make(self) -> SSL.Context:
        """Return a context of the library."""
        policy = self._policy
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_COMPRESSION | _NO_RENEGOTIATION | policy.options)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # an idle connection has none
        if hasattr(context, "clear_mode"):
            context.clear_mode(_PARTIAL_WRITE)
        context.use_certificate(self._certificate)
        for certificate in self._chain:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(self._key)  # type: ignore[arg-type]  # of any kind that OpenSSL knows, or it says so
        context.set_alpn_select_callback(_select_protocol)
        context.set_session_id(b"ftpcore")  # without it, no session with a client certificate is resumed
        if policy.session_reuse == "off":
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_options(SSL.OP_NO_TICKET)
        else:
            context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
            context.set_timeout(_SESSION_LIFETIME)
        if policy.client_certificates != "ignore":
            store = context.get_cert_store()
            for authority in self._authorities:
                if store is not None:
                    store.add_cert(X509.from_cryptography(authority))
                context.add_client_ca(authority)
            context.set_verify(_VERIFY[policy.client_certificates])
        if policy.ciphers is not None:
            try:  # last: pyOpenSSL 25.1 takes a context for used after it
                context.set_cipher_list(policy.ciphers.encode())
            except SSL.Error:
                raise ValueError(f"ciphers={policy.ciphers!r} names none that OpenSSL knows") from None
        return context


def _select_protocol(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
    """Choose by ALPN; foreign protocols were refused before, where the hello was readable."""
    for protocol in _PROTOCOLS:
        if protocol in offered:
            return protocol
    raise SSL.Error([("", "", "no application protocol")])  # no other answer makes an alert


class OpenSSLConnection:
    """A `Library` of pyOpenSSL."""

    __slots__ = ("_connection", "pending", "put")

    def __init__(self, context: SSL.Context) -> None:
        """Make a connection of `context`."""
        self._connection = connection = SSL.Connection(context, None)
        if hasattr(connection, "set_options"):  # since pyOpenSSL 26; for contexts of the user's own
            connection.set_options(_NO_RENEGOTIATION)
        connection.set_accept_state()
        self.put: Callable[[bytes | memoryview], object] = connection.bio_write
        self.pending: Callable[[], int] = connection.pending

    def handshake(self) -> None:
        """Go on with the handshake; returns when it is complete."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            raise BlockingIOError from None
        except SSL.Error as error:
            raise TLSError(_reason(error)) from None

    def details(self, server_name: str | None) -> TLSDetails:
        """Return what the handshake came to."""
        connection = self._connection
        return TLSDetails(
            version=connection.get_protocol_version_name(),
            cipher=connection.get_cipher_name() or "",
            # pyOpenSSL has no public call for it.
            reused=bool(SSL._lib.SSL_session_reused(connection._ssl)),  # type: ignore[attr-defined]
            server_name=server_name,
            protocol=connection.get_alpn_proto_negotiated().decode("ascii") or None,
            certificate=_peer_certificate(connection),
        )

    def get(self, size: int) -> bytes:
        """Return plaintext, of one record at most; b"": close_notify came."""
        try:
            return self._connection.recv(size)
        except SSL.WantReadError:
            raise BlockingIOError from None
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as error:
            raise TLSError(_reason(error)) from None

    def write(self, data: bytes | memoryview) -> int:
        """Encrypt all of `data`."""
        send, size = self._connection.send, len(data)
        try:
            done = send(data)
            while done < size:
                done += send(memoryview(data)[done:])
        except SSL.Error as error:
            raise TLSError(_reason(error)) from None
        return done

    def drain(self) -> bytes:
        """Return all ciphertext that was made since."""
        pieces: list[bytes] = []
        try:
            while not pieces or len(pieces[-1]) == _DRAIN_SIZE:
                pieces.append(self._connection.bio_read(_DRAIN_SIZE))
        except SSL.WantReadError:
            pass  # it is empty
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Make a close_notify."""
        try:
            self._connection.shutdown()
        except SSL.Error as error:
            raise TLSError(_reason(error)) from None


def _peer_certificate(connection: SSL.Connection) -> PeerCertificate | None:
    try:
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return None
        subject = tuple((name.rfc4514_attribute_name, _text(name.value)) for name in certificate.subject)
        der = certificate.public_bytes(Encoding.DER)
    except ValueError as error:
        raise TLSError(f"unreadable certificate: {error}") from None
    return PeerCertificate(der, next((value for name, value in subject if name == "CN"), ""), subject)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()


def _reason(error: Exception) -> str:
    """Return what OpenSSL has to say, without where it says so."""
    first = error.args[0] if error.args else None
    if isinstance(first, Sequence) and not isinstance(first, str):
        reasons = [entry[-1] for entry in first if entry[-1]]
        if reasons:
            return str(reasons[-1])
    return str(error) or type(error).__name__
