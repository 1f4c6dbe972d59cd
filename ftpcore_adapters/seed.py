"""Bridges from objects of the seed API to the ports of `ftpcore`, for sessions that are set up by hand.

Handlers use them by themselves.

>>> from ftpcore import VirtualPath
>>> from ftpcore_adapters.filesystems import AbstractedFS
>>> filesystem_port(AbstractedFS("/srv/ftp", None)).real_path(VirtualPath("/pub"))
'/srv/ftp/pub'
"""

from __future__ import annotations

from ftpcore_adapters._seed_authorizer import (
    SeedAuthorizer,
    SeedStyleAuthorizer,
    impersonates,
    impersonates_process,
)
from ftpcore_adapters._seed_filesystem import SeedFileSystem, Wrap, filesystem_port

__all__ = [
    "SeedAuthorizer",
    "SeedFileSystem",
    "SeedStyleAuthorizer",
    "Wrap",
    "filesystem_port",
    "impersonates",
    "impersonates_process",
]
