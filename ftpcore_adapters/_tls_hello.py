"""The ClientHello: which host a client asks for, and which protocols it offers.  RFC 8446 4.1.2, RFC 6066 3, RFC 7301.

It is read before OpenSSL sees it.  So the certificate is chosen before there is a connection, by both libraries in the
same way, and a client of another protocol is refused by both: the standard library tells a server nothing of an offer
that it does not share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ftpcore_adapters._tls_records import HANDSHAKE

__all__ = ["ClientHello", "HelloReader"]

_CLIENT_HELLO: Final = 1
_SERVER_NAME: Final = 0
_HOST_NAME: Final = 0
_PROTOCOLS: Final = 16

#: Content type, version and length of a record; type and length of a handshake message.
_RECORD_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4

#: The longest hellos have keys of post-quantum schemes, below 16 KiB; OpenSSL itself takes up to 128 KiB.
_SIZE_LIMIT: Final = 65536


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What the server must know of it before it answers."""

    server_name: str | None = None
    protocols: tuple[bytes, ...] = ()
    """None offered: the client does not know ALPN."""
    too_long: bool = False


class HelloReader:
    """Gathers the first message of a client, which may lie in several records."""

    __slots__ = ("_message",)

    def __init__(self) -> None:
        self._message = bytearray()

    def feed(self, record: memoryview) -> ClientHello | None:
        """Return what the message says, or None: it has not come in full.

        A message that is no ClientHello, or is none that can be read, says nothing; OpenSSL will refuse it.
        """
        if record[0] != HANDSHAKE or len(record) <= _RECORD_HEADER:
            return ClientHello()
        message = self._message
        message += record[_RECORD_HEADER:]
        if message[0] != _CLIENT_HELLO:
            return ClientHello()
        if len(message) < _MESSAGE_HEADER:
            return None
        size = int.from_bytes(message[1:_MESSAGE_HEADER])
        if size > _SIZE_LIMIT:
            return ClientHello(too_long=True)
        if len(message) - _MESSAGE_HEADER < size:
            return None
        try:
            return _parse(_Fields(memoryview(bytes(message))[_MESSAGE_HEADER : _MESSAGE_HEADER + size]))
        except ValueError:
            return ClientHello()


class _Fields:
    """Reads the presentation language of RFC 8446 3; ValueError: there is less than it says."""

    __slots__ = ("_data",)

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, size: int) -> memoryview:
        if size > len(self._data):
            raise ValueError(f"{size} bytes expected, {len(self._data)} came")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))

    def vector(self, width: int) -> _Fields:
        """Take a vector whose length stands before it, in `width` bytes."""
        return _Fields(self.take(self.number(width)))

    def rest(self) -> bytes:
        return bytes(self._data)


def _parse(fields: _Fields) -> ClientHello:
    fields.take(2 + 32)  # legacy_version, random
    fields.vector(1)  # legacy_session_id
    fields.vector(2)  # cipher_suites
    fields.vector(1)  # legacy_compression_methods
    name: str | None = None
    protocols: tuple[bytes, ...] = ()
    for kind, extension in _extensions(fields):
        if kind == _SERVER_NAME:
            name = _host_name(extension)
        elif kind == _PROTOCOLS:
            protocols = tuple(_names(extension.vector(2)))
    return ClientHello(name, protocols)


def _extensions(fields: _Fields) -> Iterator[tuple[int, _Fields]]:
    if fields:  # TLS 1.2 may have none
        extensions = fields.vector(2)
        while extensions:
            yield extensions.number(2), extensions.vector(2)


def _host_name(extension: _Fields) -> str | None:
    names = extension.vector(2)
    while names:
        kind, name = names.number(1), names.vector(2).rest()
        if kind == _HOST_NAME:
            text = name.decode("ascii", errors="replace")
            return text if text.isascii() and text.isprintable() and text else None
    return None


def _names(names: _Fields) -> Iterator[bytes]:
    while names:
        yield names.vector(1).rest()
