"""`ReadOnly`, `Rooted` and `Quota` under the contract of filesystems: around memory, a disk, and one another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from mutants.atomic import AtomicFileSystem

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileSystem
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import Quota, ReadOnly, Rooted
from ftpcore_contracts import FileSystemContract

BASE = VirtualPath("/some/base")

#: More than any rule stores.
AMPLE = 1 << 40


class InMemory(FileSystemContract):
    """A wrapper around `_memory`, which shows what is below `_base` there."""

    many = 1_000
    _memory: MemoryFileSystem
    _base = ""

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        self._memory.make_link(self._base + path, target)


class OnDisk(FileSystemContract):
    """A wrapper that shows what is below `_base` on the disk."""

    many = 1_000
    _base: Path

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        os.symlink(target, f"{self._base}{path}")


class TestReadOnlyMemory(InMemory):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = MemoryFileSystem()
        return ReadOnly(self._memory)

    def stock(self, filesystem: FileSystem, contents: Mapping[str, bytes]) -> FileSystem:
        super().stock(self._memory, contents)
        return filesystem


class TestRootedMemory(InMemory):
    _base = BASE

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = memory_with_base()
        return Rooted(self._memory, BASE)


@pytest.mark.derived
class TestRootedLocal(OnDisk):
    """What is outside of `tmp_path` is inside of the filesystem that it is a directory of."""

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        self._base = tmp_path
        rooted = Rooted(LocalFileSystem(tmp_path.parent), f"/{tmp_path.name}")
        # Not declared for the sake of races, which nobody runs here: links at rest lead nowhere.
        rooted.capabilities |= Capability.CONFINED
        return rooted


class TestQuotaMemory(InMemory):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = MemoryFileSystem()
        return Quota(self._memory, max_bytes=AMPLE, max_files=AMPLE)

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem | None:
        return Quota(MemoryFileSystem(), max_bytes=room)


@pytest.mark.derived
class TestQuotaLocal(OnDisk):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        self._base = tmp_path
        return Quota(LocalFileSystem(tmp_path), max_bytes=AMPLE, max_files=AMPLE)

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem | None:
        return Quota(LocalFileSystem(self._base), max_bytes=room)


@pytest.mark.derived
class TestQuotaAtomic(FileSystemContract):
    many = 1_000

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return Quota(AtomicFileSystem(), max_bytes=AMPLE, max_files=AMPLE)

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem | None:
        return Quota(AtomicFileSystem(), max_bytes=room)


@pytest.mark.derived
class TestQuotaRooted(InMemory):
    _base = BASE

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = memory_with_base()
        return Quota(Rooted(self._memory, BASE), max_bytes=AMPLE, max_files=AMPLE)


@pytest.mark.derived
class TestRootedQuota(InMemory):
    _base = BASE

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        self._memory = memory_with_base()
        return Rooted(Quota(self._memory, max_bytes=AMPLE), BASE)


def memory_with_base() -> MemoryFileSystem:
    memory = MemoryFileSystem()
    memory.write_bytes("/secret", b"secret")
    memory.make_dir(VirtualPath("/some"))
    memory.make_dir(BASE)
    return memory
