"""How TLS fails."""

from __future__ import annotations

from ftpcore import StreamTruncated

__all__ = ["TLSError", "TLSTruncated"]


class TLSError(ConnectionError):
    """TLS on a connection failed, and nothing more comes through it; the text is short, fit for a log."""


class TLSTruncated(TLSError, StreamTruncated):
    """The peer's end came without close_notify: an attacker may have cut the stream off.  RFC 8446 6.1."""
