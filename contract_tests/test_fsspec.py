"""`FsspecFileSystem` under the contract of filesystems: memory, the disk, ZIP archives, S3 on a server of its own."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import fsspec
import pytest

from ftpcore.ports import Capability, FileSystem
from ftpcore_adapters.fsspec import FsspecFileSystem
from ftpcore_contracts import FileSystemContract
from tests.adapters.s3_server import ON_S3, S3

#: Bytes of the smallest part that S3 takes, so that the contract's large file has two.
PART = 5 << 20


class TestFsspecMemory(FileSystemContract):
    many = 1_100  # it looks at all of its files for each

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        memory = fsspec.filesystem("memory")  # the same for everybody
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]
        return FsspecFileSystem(memory)


class TestFsspecLocal(FileSystemContract):
    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        return FsspecFileSystem(fsspec.filesystem("file"), str(tmp_path))


@pytest.mark.derived
class TestFsspecLocalRenaming(FileSystemContract):
    """What is not known of a backend, its owner may declare."""

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> FileSystem:
        declared = Capability.WRITE | Capability.RENAME | Capability.RAW_NAMES | Capability.EXACT_NAMES
        return FsspecFileSystem(fsspec.filesystem("file"), str(tmp_path), capabilities=declared)


@pytest.mark.derived
class TestFsspecZip(FileSystemContract):
    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return archive_of({})

    def stock(self, filesystem: FileSystem, contents: Mapping[str, bytes]) -> FileSystem:
        return archive_of(contents)


def archive_of(contents: Mapping[str, bytes]) -> FileSystem:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for path, data in contents.items():
            writer.writestr(path[1:], data)
    return FsspecFileSystem(fsspec.filesystem("zip", fo=archive))


@pytest.mark.derived
class TestFsspecS3(FileSystemContract):
    pytestmark = ON_S3
    many = 1_100  # more than a page, which is 1,000
    examples = 20  # each call is a request or more

    @pytest.fixture
    def filesystem(self, s3: S3, bucket: str) -> FileSystem:
        self._s3, self._bucket = s3, bucket
        return FsspecFileSystem(s3, f"{bucket}/some/prefix", block_size=PART)

    def stock(self, filesystem: FileSystem, contents: Mapping[str, bytes]) -> FileSystem:
        for path, data in contents.items():
            self._s3.call_s3("put_object", Bucket=self._bucket, Key=f"some/prefix{path}", Body=data)
        return filesystem
