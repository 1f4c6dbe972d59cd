"""The handlers of sessions: options, hooks, commands and log lines, as classes that every server takes."""

from __future__ import annotations

from ftpcore_adapters._handler import ActiveDTP, DTPHandler, FTPHandler, PassiveDTP, proto_cmds
from ftpcore_adapters._tls_handler import TLS_DTPHandler, TLS_FTPHandler

__all__ = [
    "ActiveDTP",
    "DTPHandler",
    "FTPHandler",
    "PassiveDTP",
    "TLS_DTPHandler",
    "TLS_FTPHandler",
    "proto_cmds",
]
