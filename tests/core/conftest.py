"""A filesystem, and a session over it, for tests of the core."""

from __future__ import annotations

import pytest

from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

__all__ = ["disk", "disk_host", "fs", "host"]


@pytest.fixture
def fs() -> MemoryFileSystem:
    """An empty filesystem whose clock stands still, at 2023-11-14 22:13:20 UTC."""
    return MemoryFileSystem(now=lambda: 1_700_000_000.0)


@pytest.fixture
def host(fs: MemoryFileSystem) -> ScriptedHost:
    """A session of "ann", logged in with all rights and TYPE I, over `fs`."""
    return ScriptedHost(SingleUser(fs)).login()


@pytest.fixture
def disk(fs: MemoryFileSystem) -> WatchedFileSystem:
    """`fs`, with an account of its files, and faults where the test wants them."""
    return WatchedFileSystem(fs)


@pytest.fixture
def disk_host(disk: WatchedFileSystem) -> ScriptedHost:
    """A session as `host`, over `disk`."""
    return ScriptedHost(SingleUser(disk)).login()
