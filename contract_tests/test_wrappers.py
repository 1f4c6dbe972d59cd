"""`ReadOnly`, `Rooted` and `Quota` under the contract of filesystems: around memory, a disk, and one another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import Quota, ReadOnly, Rooted
from ftpcore_contracts import FileSystemContract

BASE = VirtualPath("/some/base")

#: More than any rule stores.
AMPLE = 1 << 40


def memory_with(contents: Mapping[str, bytes]) -> MemoryFileSystem:
    memory = MemoryFileSystem()
    for path, data in sorted(contents.items()):
        if path.endswith("/"):
            memory.make_dir(VirtualPath(path.rstrip("/")))
        else:
            memory.write_bytes(path, data)
    return memory


def memory_base() -> MemoryFileSystem:
    memory = MemoryFileSystem()
    memory.write_bytes("/secret", b"secret")
    memory.make_dir(VirtualPath("/some"))
    memory.make_dir(BASE)
    return memory


class TestReadOnlyMemory(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return ReadOnly(MemoryFileSystem())

    def stock(self, filesystem: FileSystem, contents: Mapping[str, bytes]) -> FileSystem:
        self._memory = memory_with(contents)
        return ReadOnly(self._memory)

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        self._memory.make_link(path, target)


class TestRootedMemory(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = memory_base()
        return Rooted(self._memory, BASE)

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        self._memory.make_link(BASE + path, BASE + target if target.startswith("/") else target)


class TestRootedLocal(FileSystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        self._base = tmp_path / "some" / "base"
        self._base.mkdir(parents=True)
        return Rooted(LocalFileSystem(tmp_path), BASE)


class TestQuotaMemory(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = MemoryFileSystem()
        return Quota(self._memory, max_bytes=AMPLE, max_files=AMPLE)

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem | None:
        return Quota(MemoryFileSystem(), max_bytes=room)

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        self._memory.make_link(path, target)


class TestQuotaLocal(FileSystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        self._root = tmp_path / "root"
        self._root.mkdir()
        return Quota(LocalFileSystem(self._root), max_bytes=AMPLE, max_files=AMPLE)

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem | None:
        return Quota(LocalFileSystem(self._root), max_bytes=room)


class TestQuotaRooted(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = memory_base()
        return Quota(Rooted(self._memory, BASE), max_bytes=AMPLE, max_files=AMPLE)


class TestRootedQuota(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return Rooted(Quota(memory_base(), max_bytes=AMPLE), BASE)
