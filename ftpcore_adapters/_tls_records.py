"""The records of a TLS stream, taken one at a time.  RFC 8446 5.1.

OpenSSL gets no byte behind the record that it works on.  So whatever follows a close_notify is still here: after CCC
these are commands in clear, and no public call of pyOpenSSL would give them back.
"""

from __future__ import annotations

from typing import Final

__all__ = ["HANDSHAKE", "RecordBuffer"]

#: Content type of handshake messages.
HANDSHAKE: Final = 22

#: change_cipher_spec, alert, handshake, application_data, heartbeat.
_CONTENT_TYPES: Final = range(20, 25)

#: Content type, version, length.
_HEADER_SIZE: Final = 5

#: What TLS 1.2 allows a record to hold, 2^14 + 2048; TLS 1.3 allows less.
_SIZE_LIMIT: Final = 16384 + 2048

_NOTHING: Final = memoryview(b"")


class RecordBuffer:
    """What came from the peer and was not given to OpenSSL yet.

    Whole records are taken as views of the blocks they came in; only one that lies in several blocks is copied.
    """

    __slots__ = ("_at", "_blocks", "_view", "garbage")

    def __init__(self) -> None:
        self._view = _NOTHING
        self._at = 0
        self._blocks: list[bytes | memoryview] = []
        """What came behind `_view`."""
        self.garbage = False
        """What came last was no record."""

    def feed(self, data: bytes | memoryview) -> None:
        """Add what came."""
        if data:
            self._blocks.append(data)

    def take(self) -> memoryview | None:
        """Return the next record, or None: it has not come in full.

        What can't be a record is returned as it is, with all that follows: OpenSSL says best what is wrong with it.
        """
        while True:
            view, start = self._view, self._at
            if len(view) - start >= _HEADER_SIZE:
                size = view[start + 3] << 8 | view[start + 4]
                if view[start] not in _CONTENT_TYPES or view[start + 1] != 3 or size > _SIZE_LIMIT:
                    self.garbage = True
                end = len(view) if self.garbage else start + _HEADER_SIZE + size
                if end <= len(view):
                    return self._take_to(end)
            elif self.garbage and start < len(view):
                return self._take_to(len(view))
            if not self._blocks:
                return None
            self._view = memoryview(
                b"".join([view[start:], *self._blocks]) if start < len(view) else self._blocks.pop(0)
            )
            self._at = 0
            if start < len(view):
                self._blocks.clear()

    def _take_to(self, end: int) -> memoryview:
        taken = self._view[self._at : end]
        if end == len(self._view):
            self._view, self._at = _NOTHING, 0
        else:
            self._at = end
        return taken

    def take_rest(self) -> bytes:
        """Return all that was not taken."""
        rest = b"".join([self._view[self._at :], *self._blocks])
        self._view, self._at = _NOTHING, 0
        self._blocks.clear()
        return rest
