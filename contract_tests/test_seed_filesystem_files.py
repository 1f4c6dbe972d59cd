"""Filesystems of the seed API under the rules for open files of every filesystem port."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Final

import pytest
import test_filesystem_files as rules
from test_filesystem_files import *  # noqa: F403  the rules, whatever they are

from ftpcore.ports import FileSystem, OpenMode
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.seed import SeedFileSystem, filesystem_port


class Opening(AbstractedFS):
    """Opens files itself."""

    def open(self, filename: str, mode: str) -> IO[bytes]:
        return super().open(filename, mode)


#: What no class that opens files itself can promise: the seed API has no mode that says "make it" or "keep it".
BEYOND_OPEN: Final = {
    "test_one_of_many_creates": "whether a file exists is looked up before it is opened",
    "test_an_open_file_survives_its_name": "a file to be overwritten is opened when it is emptied, by its name",
}


@pytest.fixture(  # type: ignore[no-redef]  # in place of the one that came with the rules
    params=["by the disk", "by methods", "by open of a subclass"]
)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    rule = request.node.originalname
    if request.param == "by open of a subclass" and rule in BEYOND_OPEN:
        pytest.skip(BEYOND_OPEN[rule])
    root = str(tmp_path)
    files: FileSystem
    if request.param == "by the disk":
        files = filesystem_port(AbstractedFS(root, None))
    else:
        files = SeedFileSystem(AbstractedFS(root, None) if request.param == "by methods" else Opening(root, None))
    with rules.opened(files, rules.FILE, OpenMode.REPLACE) as file:
        file.write_at(0, b"0123456789")
    files.make_dir(rules.DIR)
    return files
