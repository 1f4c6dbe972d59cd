"""Contracts with sound filesystems in them, and the same with one that has a fault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileSystem
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_contracts import AsyncFileSystemContract, FileSystemContract
from mutants import Mutant
from mutants.async_delegation import AsyncDelegate, AsyncEntries
from mutants.atomic import AtomicFileSystem, Upload
from mutants.delegation import Delegate, DelegateFile

__all__ = [
    "DiskFileSystem",
    "async_listing_mutant",
    "async_mutant",
    "atomic_mutant",
    "disk_mutant",
    "file_mutant",
    "memory_mutant",
    "upload_mutant",
]


class MemoryContract(FileSystemContract):
    """A filesystem in memory."""

    many = 2_000
    made: ClassVar[type[Delegate]] = Delegate

    without: ClassVar[Capability] = Capability.NONE
    """What the memory does not offer, and does not declare."""

    @pytest.fixture
    def filesystem(self) -> Delegate:
        return self.made(self.memory())

    def memory(self, limit: int | None = None) -> MemoryFileSystem:
        return MemoryFileSystem(limit=limit, capabilities=MemoryFileSystem().capabilities & ~self.without)

    def limited(self, filesystem: FileSystem, room: int) -> FileSystem:
        return self.made(self.memory(room))

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        assert isinstance(filesystem, Delegate)
        super().make_link(filesystem.files, path, target)


class DiskFileSystem(Delegate):
    """`LocalFileSystem`, with what those who go past it need."""

    def __init__(self, root: Path) -> None:
        super().__init__(LocalFileSystem(root))
        self.root = root
        self.forgotten: list[int] = []
        """Descriptors that nobody closes before the test is over."""

    def real_path(self, path: VirtualPath) -> str:
        return f"{self.root}{path}"

    def make_link(self, path: VirtualPath, target: str) -> None:
        os.symlink(target, self.real_path(path))


class DiskContract(FileSystemContract):
    """A filesystem on the disk."""

    many = 2_000
    made: ClassVar[type[DiskFileSystem]] = DiskFileSystem

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> Iterator[DiskFileSystem]:
        filesystem = self.made(tmp_path)
        yield filesystem
        for descriptor in filesystem.forgotten:
            os.close(descriptor)


class AtomicContract(FileSystemContract):
    """A filesystem in memory that stores a file when it is closed complete."""

    many = 2_000
    made: ClassVar[type[AtomicFileSystem]] = AtomicFileSystem

    @pytest.fixture
    def filesystem(self) -> AtomicFileSystem:
        return self.made()


class AsyncContract(AsyncFileSystemContract):
    """An asynchronous filesystem in memory."""

    many = 2_000
    made: ClassVar[type[AsyncDelegate]] = AsyncDelegate

    @pytest.fixture
    def filesystem(self) -> AsyncDelegate:
        return self.made()


def memory_mutant(broken: type[Delegate], catches: str, *, without: Capability = Capability.NONE) -> Mutant:
    """Return the mutant that `broken` makes of `MemoryFileSystem`, one that lacks what is in `without`."""
    contract = type(MemoryContract.__name__, (MemoryContract,), {"without": without}) if without else MemoryContract
    return _mutant(contract, broken, _fault(broken), catches)


def file_mutant(broken: type[DelegateFile], catches: str) -> Mutant:
    """Return the mutant of `MemoryFileSystem` whose files are `broken`."""
    return _mutant(MemoryContract, type(broken.__name__, (Delegate,), {"file_class": broken}), _fault(broken), catches)


def disk_mutant(broken: type[DiskFileSystem], catches: str) -> Mutant:
    """Return the mutant that `broken` makes of `LocalFileSystem`."""
    return _mutant(DiskContract, broken, _fault(broken), catches)


def atomic_mutant(broken: type[AtomicFileSystem], catches: str) -> Mutant:
    """Return the mutant that `broken` makes of `AtomicFileSystem`."""
    return _mutant(AtomicContract, broken, _fault(broken), catches)


def upload_mutant(broken: type[Upload], catches: str) -> Mutant:
    """Return the mutant of `AtomicFileSystem` whose uploads are `broken`."""
    made = type(broken.__name__, (AtomicFileSystem,), {"upload_class": broken})
    return _mutant(AtomicContract, made, _fault(broken), catches)


def async_mutant(broken: type[AsyncDelegate], catches: str) -> Mutant:
    """Return the mutant that `broken` makes of `AsyncDelegate`."""
    return _mutant(AsyncContract, broken, _fault(broken), catches)


def async_listing_mutant(broken: type[AsyncEntries], catches: str) -> Mutant:
    """Return the mutant of `AsyncDelegate` whose listings are `broken`."""
    made = type(broken.__name__, (AsyncDelegate,), {"entries_class": broken})
    return _mutant(AsyncContract, made, _fault(broken), catches)


def _mutant(contract: type, made: type, fault: str, catches: str) -> Mutant:
    return Mutant(fault, type(made.__name__, (contract,), {"made": made}), catches)


def _fault(broken: type) -> str:
    """Return the first line of its docstring."""
    return (broken.__doc__ or "").partition("\n")[0].rstrip(".")
