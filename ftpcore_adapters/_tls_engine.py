"""One TLS connection, server side, between bytes and bytes: no socket, no clock.  RFC 8446, RFC 5246, RFC 4217.

All that decides is here; a `Library` is OpenSSL as pyOpenSSL or the standard library reach it.  Data goes through four
calls: `feed` what came, `read` the plaintext, `write` plaintext, send `output`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, NoReturn, Protocol

from ftpcore import TLSDetails
from ftpcore_adapters._tls_errors import TLSError, TLSTruncated
from ftpcore_adapters._tls_hello import ClientHello, HelloReader
from ftpcore_adapters._tls_records import RecordBuffer

__all__ = ["PLAINTEXT_LIMIT", "Connector", "Library", "TLSEngine"]

#: What is encrypted in one go: four records, whose ciphertext one system call sends.  More gains little.
PLAINTEXT_LIMIT: Final = 65536

#: The most that one record holds.  RFC 8446 5.1.
_RECORD_SIZE: Final = 16384

#: A fatal alert in clear, behind which its description follows.  RFC 8446 6.
_ALERT: Final = b"\x15\x03\x03\x00\x02\x02"
_DECODE_ERROR: Final = b"\x32"
_NO_APPLICATION_PROTOCOL: Final = b"\x78"


class Library(Protocol):
    """A connection of OpenSSL.  BlockingIOError: it needs another record; TLSError: it is broken."""

    def put(self, data: bytes | memoryview, /) -> object:
        """Copy ciphertext."""

    def handshake(self) -> None:
        """Go on with the handshake; returns when it is complete."""

    def details(self, server_name: str | None) -> TLSDetails:
        """Return what the handshake came to."""

    def pending(self) -> int:
        """Return how much plaintext is there, decrypted already."""

    def get(self, size: int) -> bytes:
        """Return plaintext, of one record at most; b"": close_notify came."""

    def write(self, data: bytes | memoryview) -> int:
        """Encrypt all of `data`."""

    def drain(self) -> bytes:
        """Return all ciphertext that was made since."""

    def close(self) -> None:
        """Make a close_notify."""


#: Makes the connection, once it is known what the client asks for.  TLSError: it can't.
Connector = Callable[[ClientHello], Library]


class TLSEngine:
    """The server's end of one TLS connection.

    A `TLSContext` makes them.  Between two calls of `feed`, read until BlockingIOError: what is fed and not read stays
    in memory.
    """

    def __init__(
        self, connect: Connector, *, protocols: Collection[bytes], hold_tickets: bool, by_record: bool
    ) -> None:
        """Make an engine.

        Args:
            connect: Is called once, when the ClientHello is complete.
            protocols: Of those that ALPN offers, one must be among these.
            hold_tickets: Don't let the tickets of TLS 1.3 out before something else goes out.  An upload client that
                never reads them, and closes, would reset the connection and lose the tail of its own data.
            by_record: Give OpenSSL one record at a time, so that what follows close_notify can be had, in clear.  Else
                it is given all at once, which is faster.
        """
        self._connect = connect
        self._protocols = protocols
        self._hold_tickets = hold_tickets
        self._by_record = by_record
        self._records = RecordBuffer()
        self._hello: HelloReader | None = HelloReader()
        self._first: list[memoryview] = []
        self._library: Library | None = None
        self._details: TLSDetails | None = None
        self._server_name: str | None = None
        self._failure: TLSError | None = None
        self._ended = False
        self._closed = False
        self._closed_by_peer = False
        self._early = b""
        """Plaintext that was decrypted before `close`, and not read."""
        self._unread = False
        """The library may have more of what it was given."""
        self._held = b""
        self._output = b""
        self._sent = 0
        self._stale = False
        """The library may have ciphertext that is not in `_output`."""

    @property
    def closed_by_peer(self) -> bool:
        """The peer's close_notify was read."""
        return self._closed_by_peer

    @property
    def failed(self) -> bool:
        """It is broken: what is read before the error is raised is the last."""
        return self._failure is not None

    @property
    def copies(self) -> bool:
        """`feed` copies what it is given from now on, so that it can be the caller's buffer."""
        return self._details is not None and not self._by_record

    def feed(self, data: bytes | memoryview) -> None:
        """Take ciphertext from the peer; not copied, unless `copies` says so."""
        if self._details is None or self._by_record or self._library is None:
            self._records.feed(data)
        elif data:
            self._library.put(data)
            self._unread = True

    def feed_eof(self) -> None:
        """Take the peer's end of the stream."""
        self._ended = True

    def handshake(self) -> TLSDetails | None:
        """Go on with the handshake; None: it needs more from the peer.

        Raises:
            TLSError: It failed.  There may be an alert in `output`.
        """
        self._raise_failure()
        if self._details is not None:
            return self._details
        if self._library is None:
            self._library = self._begin()
            if self._library is None:
                self._check_end()
                return None
        library = self._library
        while True:
            try:
                library.handshake()
            except BlockingIOError:
                self._collect(library)
                record = self._records.take()
                if record is None:
                    self._check_end()
                    return None
                library.put(record)
            except TLSError as error:
                self._collect(library)
                self._fail(error)
            else:
                return self._complete(library)

    def read(self, size: int) -> bytes:
        """Return as much plaintext as there is, `size` bytes at most; b"": the peer's close_notify came.

        Raises:
            BlockingIOError: There is nothing yet.
            TLSTruncated: The peer's end came without close_notify.
            TLSError: What came can't be decrypted.
        """
        if size < 1:
            raise ValueError(f"read needs a size of 1 at least, not {size}")
        library = self._established("read")
        if not self._early:
            self._raise_failure()
        pieces: list[bytes] = []
        if self._early:
            pieces.append(self._early[:size])
            self._early = self._early[size:]
            size -= len(pieces[0])
        while size and not self._closed_by_peer and self._failure is None:
            if not self._unread:
                record = self._records.take()
                if record is None:
                    break
                library.put(record)
            wanted = min(size, _RECORD_SIZE)
            try:
                piece = library.get(wanted)
            except BlockingIOError:
                self._unread = False
                self._stale = True  # a message without data, which may ask for an answer
                continue
            except TLSError as error:
                self._stale = True
                self._failure = error  # what came before it goes first
                break
            if not piece:
                self._closed_by_peer = True
            else:
                size -= len(piece)
                pieces.append(piece)
                self._unread = not self._by_record or len(piece) == wanted < _RECORD_SIZE
        if pieces:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._raise_failure()
        if self._closed_by_peer:
            return b""
        if self._ended:
            self._fail(TLSTruncated("the connection ended without close_notify"))
        raise BlockingIOError("nothing to read yet")

    def write(self, data: bytes | memoryview) -> int:
        """Encrypt up to 64 KiB of `data` into `output`; return how much.

        Raises:
            TLSError: The connection is broken, or closed.
        """
        library = self._established("write")
        self._raise_failure()
        if self._closed:
            raise TLSError("the connection was closed")
        if not data:
            return 0
        if len(data) > PLAINTEXT_LIMIT:
            data = memoryview(data)[:PLAINTEXT_LIMIT]
        self._stale = True
        try:
            return library.write(data)
        except TLSError as error:
            self._fail(error)

    @property
    def output(self) -> bytes | memoryview:
        """All ciphertext that waits to be sent, in one piece."""
        if self._stale and self._library is not None:
            self._collect(self._library)
        return memoryview(self._output)[self._sent :] if self._sent else self._output

    def sent(self, count: int) -> None:
        """Take note that the first `count` bytes of `output` left."""
        self._sent += count
        if self._sent >= len(self._output):
            self._output, self._sent = b"", 0

    def close(self) -> None:
        """Put a close_notify into `output`, once; none where there was an error or no handshake.

        Reading goes on to the peer's close_notify.
        """
        if not self._closed and self._failure is None and self._details is not None:
            library = self._established("close")
            self._stale = True
            try:
                self._read_early(library)
                library.close()
            except TLSError as error:
                self._failure = error  # whoever reads on learns of it
        self._closed = True

    def _read_early(self, library: Library) -> None:
        """Decrypt what is there: the standard library looks for close_notify at once, and trips over data."""
        while not self._closed_by_peer and (library.pending() or (self._unread and not self._by_record)):
            try:
                piece = library.get(_RECORD_SIZE)
            except BlockingIOError:
                self._unread = False
            else:
                self._early += piece
                self._closed_by_peer = not piece

    def take_unused(self) -> bytes:
        """Return what came behind the peer's close_notify, which is not of this connection any more."""
        return self._records.take_rest() if self._closed_by_peer else b""

    def _begin(self) -> Library | None:
        """Read the ClientHello, and make the connection that it asks for; None: it has not come in full."""
        reader = self._hello
        while reader is not None and (record := self._records.take()) is not None:
            self._first.append(record)
            hello = ClientHello() if self._records.garbage else reader.feed(record)
            if hello is not None:
                self._hello = None
                library = self._welcome(hello)
                for record in self._first:
                    library.put(record)
                self._first.clear()
                return library
        return None

    def _welcome(self, hello: ClientHello) -> Library:
        if hello.too_long:
            self._output = _ALERT + _DECODE_ERROR
            self._fail(TLSError("client hello too long"))
        if hello.protocols and not any(protocol in self._protocols for protocol in hello.protocols):
            # RFC 7301 3.2.  What is meant for another server would be taken for commands: "ALPACA".
            self._output = _ALERT + _NO_APPLICATION_PROTOCOL
            self._fail(TLSError("no application protocol in common"))
        self._server_name = hello.server_name
        try:
            return self._connect(hello)
        except TLSError as error:
            self._fail(error)

    def _check_end(self) -> None:
        if self._ended:
            self._fail(TLSTruncated("the connection ended during the handshake"))

    def _complete(self, library: Library) -> TLSDetails:
        try:
            details = library.details(self._server_name)
        except TLSError as error:
            self._fail(error)
        if self._hold_tickets and details.version == "TLSv1.3":
            # All of the handshake left before the client's Finished: what is there now are tickets.
            self._held = library.drain()
        else:
            self._collect(library)
        self._details = details
        if not self._by_record:
            self.feed(self._records.take_rest())
        return details

    def _established(self, verb: str) -> Library:
        if self._library is None or self._details is None:
            self._raise_failure()
            raise ValueError(f"{verb} needs a complete handshake; call handshake() until it returns details")
        return self._library

    def _collect(self, library: Library) -> None:
        self._stale = False
        made = library.drain()
        if made:
            parts = [part for part in (self._output[self._sent :], self._held, made) if part]
            self._output = made if len(parts) == 1 else b"".join(parts)
            self._sent, self._held = 0, b""

    def _fail(self, error: TLSError) -> NoReturn:
        self._failure = error
        self._raise_failure()
        raise error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise type(self._failure)(*self._failure.args) from None
