"""The handlers of sessions: options, hooks, commands and log lines, as classes that every server takes."""

from __future__ import annotations

from ftpcore_adapters._handler import FTPHandler, proto_cmds
from ftpcore_adapters._seed_data import DTPHandler, ThrottledDTPHandler, TLS_DTPHandler
from ftpcore_adapters._seed_data_options import ActiveDTP, PassiveDTP
from ftpcore_adapters._seed_data_producers import BufferedIteratorProducer, FileProducer
from ftpcore_adapters._tls_handler import TLS_FTPHandler

__all__ = [
    "ActiveDTP",
    "BufferedIteratorProducer",
    "DTPHandler",
    "FTPHandler",
    "FileProducer",
    "PassiveDTP",
    "TLS_DTPHandler",
    "TLS_FTPHandler",
    "ThrottledDTPHandler",
    "proto_cmds",
]
