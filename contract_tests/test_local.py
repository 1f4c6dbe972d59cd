"""`LocalFileSystem` under the contract of filesystems, each way to open a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftpcore.ports import FileSystem
from ftpcore_adapters.local import Confinement, LocalFileSystem
from ftpcore_contracts import FileSystemContract


class TestLocal(FileSystemContract):
    @pytest.fixture(params=Confinement, ids=lambda confinement: confinement.value)
    def filesystem(self, request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
        return LocalFileSystem(tmp_path, confinement=request.param)
