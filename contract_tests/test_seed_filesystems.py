"""Filesystems of the seed API: behind the port by each way of the bridge, and by themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem
from ftpcore_adapters.filesystems import AbstractedFS, UnixFilesystem
from ftpcore_adapters.seed import SeedFileSystem, filesystem_port
from ftpcore_adapters.wrappers import Rooted
from ftpcore_contracts import FileSystemContract, SeedFileSystemContract


class Resolving(AbstractedFS):
    """Resolves paths itself: everything goes through the methods of the class."""

    def ftp2fs(self, ftppath: str) -> str:
        return super().ftp2fs(ftppath)


class Opening(AbstractedFS):
    """Opens files itself."""

    def open(self, filename: str, mode: str) -> IO[bytes]:
        return super().open(filename, mode)


class OnDisk(FileSystemContract):
    """The port of a class whose files are below `tmp_path`."""

    many = 2_000

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        self._root = os.path.realpath(tmp_path)
        return self.port(self._root)

    def port(self, root: str) -> FileSystem:
        raise NotImplementedError

    def make_link(self, filesystem: FileSystem, path: VirtualPath, target: str) -> None:
        os.symlink(target, self._root + path)


class TestByDisk(OnDisk):
    def port(self, root: str) -> FileSystem:
        return filesystem_port(AbstractedFS(root, None))


class TestByMethods(OnDisk):
    def port(self, root: str) -> FileSystem:
        return SeedFileSystem(AbstractedFS(root, None))


@pytest.mark.derived
class TestByMethodsOfSubclass(OnDisk):
    def port(self, root: str) -> FileSystem:
        return filesystem_port(Resolving(root, None))


@pytest.mark.derived
class TestByOpenOfSubclass(OnDisk):
    beyond = {
        "test_one_of_many_creates": (
            "the seed API has no mode that says whether open() made the file: that is looked up before it is opened"
        ),
        "test_any_calls_do_as_the_reference_does": (
            "the seed API has no mode that makes a file or keeps it: one to be overwritten is opened, by its name, "
            "when it is emptied, and may have been renamed by then"
        ),
    }

    def port(self, root: str) -> FileSystem:
        return filesystem_port(Opening(root, None))


@pytest.mark.derived
class TestUnixFilesystem(OnDisk):
    """The whole disk is no place for tests: a directory of it is."""

    def port(self, root: str) -> FileSystem:
        return Rooted(filesystem_port(UnixFilesystem(root, None)), root)


class TestAbstractedFS(SeedFileSystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> AbstractedFS:
        return AbstractedFS(str(tmp_path), None)


class TestResolving(SeedFileSystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> AbstractedFS:
        return Resolving(str(tmp_path), None)


class TestOpening(SeedFileSystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> AbstractedFS:
        return Opening(str(tmp_path), None)


class TestUnix(SeedFileSystemContract):
    confines = False

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> AbstractedFS:
        return UnixFilesystem(str(tmp_path), None)
