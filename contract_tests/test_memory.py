"""`MemoryFileSystem` under the contract of filesystems."""

from __future__ import annotations

import pytest

from ftpcore.ports import FileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_contracts import FileSystemContract


class TestMemory(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return MemoryFileSystem()
