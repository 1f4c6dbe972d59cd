from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore_contracts import FileSystemContract
from ftpcore_sqlite import SqliteFileSystem


class TestSqlite(FileSystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> Iterator[SqliteFileSystem]:
        with SqliteFileSystem(tmp_path / "files.db") as filesystem:
            yield filesystem
