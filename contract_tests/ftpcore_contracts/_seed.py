"""The contract of filesystems of the seed API, put together from its areas."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import ClassVar

import pytest

from ftpcore_contracts._contract import Contract
from ftpcore_contracts._seed_changes import Changes
from ftpcore_contracts._seed_confinement import Confinement
from ftpcore_contracts._seed_facts import Facts
from ftpcore_contracts._seed_files import Files
from ftpcore_contracts._seed_lines import Lines
from ftpcore_contracts._seed_paths import Paths
from ftpcore_contracts._seed_questions import Questions
from ftpcore_contracts._seed_tree import STOCK, MakeLink, SeedStyleFileSystem, fill

__all__ = ["SeedFileSystemContract", "SeedStyleFileSystem"]


class SeedFileSystemContract(Paths, Confinement, Files, Changes, Questions, Lines, Facts, Contract):
    """What a class of filesystems with real paths, made as `abstracted_fs(root, cmd_channel)`, keeps.

    Subclass it as `TestX`, and override `filesystem`:

        class TestMine(SeedFileSystemContract):
            @pytest.fixture
            def filesystem(self, tmp_path):
                return MyFS(str(tmp_path), None)

    The tests call the methods as a server does, and work below the directory that the filesystem starts in.  Paths
    that are no FTP paths come from `ftp2fs`, or are put together with `os.path.join`.
    """

    confines: ClassVar[bool] = True
    """`validpath` refuses what is outside of `root`, which the client sees as "/"."""
    links: ClassVar[bool] = True
    """There are symbolic links: see `make_link`."""

    @pytest.fixture
    def filesystem(self) -> SeedStyleFileSystem:
        """Return the implementation, in a current directory that is fresh and empty."""
        raise NotImplementedError(
            f"{type(self).__name__} must override the fixture `filesystem`: one that starts in a fresh, empty directory"
        )

    def make_link(self, filesystem: SeedStyleFileSystem, real_path: str, target: str) -> None:
        """Make `real_path` a symbolic link that holds `target`: by default, on the disk of this host."""
        os.symlink(target, real_path)

    @pytest.fixture
    def fs(self, filesystem: SeedStyleFileSystem) -> SeedStyleFileSystem:
        """The implementation, empty, in a session with the usual options."""
        filesystem.cmd_channel = SimpleNamespace(use_gmt_times=True, encoding="utf8", unicode_errors="surrogateescape")
        return filesystem

    @pytest.fixture
    def stocked(self, fs: SeedStyleFileSystem) -> SeedStyleFileSystem:
        """The implementation with `STOCK` in it."""
        fill(fs, STOCK)
        return fs

    @pytest.fixture
    def confined(self, stocked: SeedStyleFileSystem) -> SeedStyleFileSystem:
        """The same, if it confines."""
        if not self.confines:
            pytest.skip("not offered: CONFINED")
        return stocked

    @pytest.fixture
    def link(self, filesystem: SeedStyleFileSystem) -> MakeLink:
        """Puts a symbolic link into the implementation, given its real path and what it holds."""
        if not self.links:
            pytest.skip("not offered: LINKS")
        return lambda real_path, target: self.make_link(filesystem, real_path, target)
