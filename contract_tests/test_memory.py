"""`MemoryFileSystem` under the contract of filesystems, also with less than it can do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_contracts import FileSystemContract

READ_ONLY = Capability.MODE | Capability.LINKS | Capability.UNIQUE_ID | Capability.CONFINED

#: What may be missing, each with what rests on it.
REDUCED = [
    Capability.RESUME,
    Capability.APPEND,
    Capability.RENAME | Capability.REPLACE,
    Capability.REPLACE,
    Capability.MODE,
    Capability.TIMES,
    Capability.LINKS,
    Capability.UNIQUE_ID,
    Capability.CONFINED,
    Capability.RAW_NAMES,
    Capability.EXACT_NAMES,
]


class TestMemory(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return MemoryFileSystem()

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem:
        return MemoryFileSystem(limit=room)


class TestReduced(FileSystemContract):
    """One capability less each."""

    many = 500
    examples = 20

    @pytest.fixture(params=REDUCED, ids=lambda missing: f"no {missing.name}")
    def filesystem(self, request: pytest.FixtureRequest) -> FileSystem:
        return MemoryFileSystem(capabilities=MemoryFileSystem().capabilities & ~request.param)


class TestBare(FileSystemContract):
    """Files are stored and removed, and nothing else."""

    many = 500

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return MemoryFileSystem(capabilities=Capability.WRITE)


class TestReadOnly(FileSystemContract):
    """Nothing can be changed."""

    many = 500

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return MemoryFileSystem(capabilities=READ_ONLY)

    def stock(self, filesystem: FileSystem, contents: Mapping[str, bytes]) -> FileSystem:
        files = MemoryFileSystem()
        for path in sorted(contents):
            if path.endswith("/"):
                files.make_dir(VirtualPath(path[:-1]))
            else:
                files.write_bytes(path, contents[path])
        files.capabilities = filesystem.capabilities
        return files
