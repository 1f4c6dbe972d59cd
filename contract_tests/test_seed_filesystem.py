"""Filesystems of the seed API under the rules for names, directories and errors of every filesystem port."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_filesystems import *  # noqa: F403  the rules, whatever they are

from ftpcore.ports import FileSystem
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.seed import SeedFileSystem, filesystem_port


class Resolving(AbstractedFS):
    """Resolves paths itself: everything goes through the methods of the class."""

    def ftp2fs(self, ftppath: str) -> str:
        return super().ftp2fs(ftppath)


@pytest.fixture(  # type: ignore[no-redef]  # in place of the one that came with the rules
    params=["by the disk", "by methods", "by methods of a subclass"]
)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    root = str(tmp_path)
    if request.param == "by the disk":
        return filesystem_port(AbstractedFS(root, None))
    return SeedFileSystem(AbstractedFS(root, None) if request.param == "by methods" else Resolving(root, None))
