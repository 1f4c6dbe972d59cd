"""The other end of a TLS engine, in memory: clients of both libraries, and how an engine and a client talk."""

from __future__ import annotations

import contextlib
import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from OpenSSL import SSL

from ftpcore import TLSDetails
from ftpcore_adapters.tls import TLSEngine
from tests.adapters.certificates import Files

__all__ = [
    "ALL_CLIENTS",
    "ALL_ENGINES",
    "ALL_VERSIONS",
    "Client",
    "ClientRefused",
    "OpenSSLClient",
    "StdlibClient",
    "Version",
    "meet",
    "read_all",
    "split",
    "take_output",
]

Version = Literal["TLSv1.2", "TLSv1.3"]

ALL_VERSIONS: Final = ("TLSv1.2", "TLSv1.3")
ALL_ENGINES: Final = ("openssl", "stdlib")


class ClientRefused(Exception):
    """What the server sent is an alert, or is not what the client can accept."""


class Client(ABC):
    """A client, as a test drives it."""

    def __init__(
        self,
        authority: Path,
        version: Version = "TLSv1.3",
        *,
        name: str | None = "localhost",
        protocols: Iterable[str] = (),
        certificate: Files | None = None,
        session: Any = None,
        context: Any = None,
    ) -> None:
        self.connected = False
        if context is None:
            context = self._made_context(authority, version, protocols, certificate)
        self.context = context
        self._begin(name, session)

    @abstractmethod
    def _made_context(
        self, authority: Path, version: Version, protocols: Iterable[str], certificate: Files | None
    ) -> object: ...

    @abstractmethod
    def _begin(self, name: str | None, session: Any) -> None:
        """Make the connection, without a byte of the handshake."""

    @abstractmethod
    def _shake(self) -> bool: ...

    @abstractmethod
    def feed(self, data: bytes | memoryview) -> None:
        """Take ciphertext."""

    @abstractmethod
    def take(self) -> bytes:
        """Return all ciphertext that waits to be sent."""

    @abstractmethod
    def _read(self) -> bytes | None: ...

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Encrypt."""

    @abstractmethod
    def close(self) -> None:
        """Make a close_notify."""

    @abstractmethod
    def session(self) -> Any:
        """What the server's tickets make it possible to resume."""

    @abstractmethod
    def protocol(self) -> str | None:
        """What ALPN chose."""

    @abstractmethod
    def server(self) -> str:
        """The common name that the server shows."""

    def shake(self) -> None:
        """Go on with the handshake."""
        if not self.connected:
            self.connected = self._shake()

    def read(self) -> tuple[bytes, bool]:
        """Return all plaintext that came, and whether close_notify came behind it."""
        pieces: list[bytes] = []
        while True:
            piece = self._read()
            if not piece:
                return b"".join(pieces), piece is not None
            pieces.append(piece)


class StdlibClient(Client):
    """A client of the standard library."""

    def _made_context(
        self, authority: Path, version: Version, protocols: Iterable[str], certificate: Files | None
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(authority)
        context.minimum_version = context.maximum_version = {
            "TLSv1.2": ssl.TLSVersion.TLSv1_2,
            "TLSv1.3": ssl.TLSVersion.TLSv1_3,
        }[version]
        context.check_hostname = False  # tests look at the certificate themselves
        if protocols:
            context.set_alpn_protocols(list(protocols))
        if certificate is not None:
            context.load_cert_chain(*certificate.pair)
        return context

    def _begin(self, name: str | None, session: Any) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._connection = self.context.wrap_bio(self._in, self._out, server_hostname=name, session=session)

    def _shake(self) -> bool:
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise ClientRefused(str(error)) from error
        return True

    def feed(self, data: bytes | memoryview) -> None:
        self._in.write(data)

    def take(self) -> bytes:
        return self._out.read()

    def _read(self) -> bytes | None:
        try:
            return bytes(self._connection.read(65536))
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLError as error:
            raise ClientRefused(str(error)) from error

    def write(self, data: bytes) -> None:
        while data:
            data = data[self._connection.write(data) :]

    def close(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):  # the server's own is still to come
            self._connection.unwrap()

    def session(self) -> Any:
        return self._connection.session

    def protocol(self) -> str | None:
        protocol = self._connection.selected_alpn_protocol()
        return None if protocol is None else str(protocol)

    def server(self) -> str:
        subject: Any = self._connection.getpeercert()["subject"]
        return str(dict(pair for part in subject for pair in part)["commonName"])


class OpenSSLClient(Client):
    """A client of pyOpenSSL."""

    def _made_context(
        self, authority: Path, version: Version, protocols: Iterable[str], certificate: Files | None
    ) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.load_verify_locations(str(authority))
        context.set_verify(SSL.VERIFY_PEER)
        number = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}[version]
        context.set_min_proto_version(number)
        context.set_max_proto_version(number)
        if protocols:
            context.set_alpn_protos([protocol.encode() for protocol in protocols])
        if certificate is not None:
            context.use_certificate_file(str(certificate.certfile))
            context.use_privatekey_file(str(certificate.keyfile))
        return context

    def _begin(self, name: str | None, session: Any) -> None:
        self.connection = SSL.Connection(self.context, None)
        self.connection.set_connect_state()
        if name is not None:
            self.connection.set_tlsext_host_name(name.encode())
        if session is not None:
            self.connection.set_session(session)

    def _shake(self) -> bool:
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise ClientRefused(error.args) from error
        return True

    def feed(self, data: bytes | memoryview) -> None:
        if data:
            self.connection.bio_write(data)

    def take(self) -> bytes:
        pieces: list[bytes] = []
        try:
            while True:
                pieces.append(self.connection.bio_read(65536))
        except SSL.WantReadError:
            return b"".join(pieces)

    def _read(self) -> bytes | None:
        try:
            return self.connection.recv(65536)
        except SSL.WantReadError:
            return None
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as error:
            raise ClientRefused(error.args) from error

    def write(self, data: bytes) -> None:
        while data:
            data = data[self.connection.send(data) :]

    def close(self) -> None:
        self.connection.shutdown()

    def session(self) -> Any:
        return self.connection.get_session()

    def protocol(self) -> str | None:
        return self.connection.get_alpn_proto_negotiated().decode() or None

    def server(self) -> str:
        certificate = self.connection.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        return str(next(name.value for name in certificate.subject if name.rfc4514_attribute_name == "CN"))


ALL_CLIENTS: Final = (
    pytest.param(OpenSSLClient, id="client-openssl"),
    pytest.param(StdlibClient, id="client-stdlib"),
)


def split(data: bytes, sizes: Iterable[int] | None) -> Iterator[bytes]:
    """Cut `data` into blocks of `sizes`, over and over."""
    if sizes is None:
        yield data
        return
    for size in cycle(sizes):
        if not data:
            return
        yield data[:size]
        data = data[size:]


def take_output(engine: TLSEngine, size: int | None = None) -> bytes:
    """Send what the engine has to say, `size` bytes at a time."""
    pieces: list[bytes] = []
    while output := engine.output:
        piece = bytes(output[:size])
        engine.sent(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def meet(engine: TLSEngine, client: Client, sizes: Iterable[int] | None = None) -> TLSDetails:
    """Make the handshake; all that the server says is fed to the client."""
    details = None
    for _ in range(10):
        client.shake()
        for block in split(client.take(), sizes):
            engine.feed(block)
            details = engine.handshake()
        for block in split(take_output(engine), sizes):
            client.feed(block)
            client.shake()
        if details is not None and client.connected:
            return details
    raise AssertionError("the handshake does not come to an end")


def read_all(engine: TLSEngine, size: int = 65536) -> tuple[bytes, bool]:
    """Return all plaintext that came, and whether close_notify came behind it."""
    pieces: list[bytes] = []
    while True:
        try:
            piece = engine.read(size)
        except BlockingIOError:
            return b"".join(pieces), False
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)
