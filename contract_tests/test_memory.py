"""`MemoryFileSystem` under the contract of filesystems, also with less than it can do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_contracts import FileSystemContract

READ_ONLY = Capability.MODE | Capability.LINKS | Capability.UNIQUE_ID | Capability.CONFINED

#: What may be missing: each once, beside others that it does not rest on.
REDUCED = {
    "no RESUME, LINKS": Capability.RESUME | Capability.LINKS,
    "no APPEND, REPLACE, UNIQUE_ID": Capability.APPEND | Capability.REPLACE | Capability.UNIQUE_ID,
    "no RENAME, MODE, RAW_NAMES": Capability.RENAME | Capability.REPLACE | Capability.MODE | Capability.RAW_NAMES,
    "no TIMES, CONFINED, EXACT_NAMES": Capability.TIMES | Capability.CONFINED | Capability.EXACT_NAMES,
}


class TestMemory(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return MemoryFileSystem()

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem:
        return MemoryFileSystem(limit=room)


@pytest.mark.derived
class TestReduced(FileSystemContract):
    """Some capabilities less."""

    many = 500
    examples = 20

    @pytest.fixture(params=REDUCED)
    def filesystem(self, request: pytest.FixtureRequest) -> FileSystem:
        return MemoryFileSystem(capabilities=MemoryFileSystem().capabilities & ~REDUCED[request.param])


@pytest.mark.derived
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
