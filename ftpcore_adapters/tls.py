r"""TLS between bytes and bytes, the same under every host.

A server keeps `TLSSettings`; each of its sessions has a `TLSContext`, which makes a `TLSEngine` for each connection.
pyOpenSSL does the work if it is installed (`pip install 'ftpcore[tls]'`), else the standard library.

>>> import tempfile
>>> certificate, key = self_signed(["localhost"])
>>> with tempfile.NamedTemporaryFile() as file:
...     _ = file.write(certificate + key)
...     file.flush()
...     settings = TLSSettings(certfile=file.name)
>>> engine = settings.for_session().control()
>>> engine.feed(b"USER ann\r\n")
>>> engine.handshake()
Traceback (most recent call last):
ftpcore_adapters._tls_errors.TLSError: ...
"""

from __future__ import annotations

from ftpcore_adapters._tls_context import TLSContext, TLSSettings
from ftpcore_adapters._tls_engine import TLSEngine
from ftpcore_adapters._tls_errors import TLSError, TLSTruncated
from ftpcore_adapters._tls_self_signed import self_signed

__all__ = ["TLSContext", "TLSEngine", "TLSError", "TLSSettings", "TLSTruncated", "self_signed"]
