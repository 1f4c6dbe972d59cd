"""Servers: one loop for all sessions, forked workers with a loop each, or a thread or a process for each session."""

from __future__ import annotations

import sys

from ftpcore_adapters._ioloop_server import FTPServer
from ftpcore_adapters.threads import ThreadedFTPServer

__all__ = ["FTPServer", "ThreadedFTPServer"]

if sys.platform != "win32":
    from ftpcore_adapters._processes import MultiprocessFTPServer

    __all__ += ["MultiprocessFTPServer"]
