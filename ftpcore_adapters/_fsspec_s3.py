"""Buckets of S3, as `FsspecFileSystem` uses them.

S3 has keys and no directories.  A directory is here whatever has keys below: its own marker, an empty object whose key
ends in "/", which `make_dir` makes, or any other.

A path is looked at by a listing of at most one key, which tells a file from a directory and from nothing in one
request; HEAD would take two for a directory and for nothing.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Final, cast

from ftpcore import ROOT, UnsupportedOperation, VirtualPath, base_name
from ftpcore.ports import Capability, FileInfo, FileKind, OpenMode
from ftpcore_adapters._fsspec_bucket import Bucket, Entries, S3Backend, S3Object
from ftpcore_adapters._fsspec_errors import os_error
from ftpcore_adapters._fsspec_s3_files import Download, Upload
from ftpcore_adapters._fsspec_store import Calls, plain_file

__all__ = ["S3Store", "open_bucket"]

#: Bytes of the smallest and of the largest part of an upload, but for the last.
_PARTS: Final = (5 << 20, 5 << 30)

#: Bytes of a key.
_KEY_LIMIT: Final = 1024

#: Control characters, which the XML of S3's answers can't carry.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def open_bucket(fs: object, root: str, calls: Calls, block_size: int) -> S3Store:
    """Return the store of `root`, "bucket" or "bucket/prefix", of an `s3fs.S3FileSystem`."""
    s3 = cast("S3Backend", fs)  # it has its methods
    bucket, key, _ = s3.split_path(root)
    if not bucket:
        raise ValueError(
            f'expected the root "bucket" or "bucket/prefix", got {root!r}: buckets are no directories here'
        )
    if not _PARTS[0] <= block_size <= _PARTS[1]:
        raise ValueError(f"expected a block_size from {_PARTS[0]} to {_PARTS[1]} bytes, for S3, got {block_size}")
    prefix = key.strip("/")
    return S3Store(Bucket(s3, bucket), f"{prefix}/" if prefix else "", calls, block_size=block_size)


class S3Store:
    """A `Store` on a bucket.

    Args:
        prefix: What all keys begin with: "", or text that ends in "/".
        block_size: Bytes of a part of an upload, and the most that is read ahead.
    """

    offers = Capability.WRITE | Capability.ATOMIC | Capability.CONFINED | Capability.EXACT_NAMES

    def __init__(self, bucket: Bucket, prefix: str, calls: Calls, *, block_size: int) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._calls = calls
        self._block_size = block_size

    def look(self, path: VirtualPath, /) -> FileInfo | None:
        return self._look(path)[0]

    def scan(self, path: VirtualPath, /) -> Iterator[FileInfo]:
        prefix = self._key(path, "/") if path != ROOT else self._prefix
        pages = self._bucket.pages(prefix)
        first = next(pages)
        if path != ROOT and not first.objects and not first.prefixes:
            info = self.look(path)
            if info is None or info.kind is not FileKind.DIRECTORY:
                raise os_error(errno.ENOENT if info is None else errno.ENOTDIR, path)
        return self._scan(path, prefix, first, pages)

    def check_new(self, path: VirtualPath, /) -> None:
        if _CONTROL.search(base_name(path)):
            raise os_error(errno.EINVAL, path)

    def open_to_read(self, path: VirtualPath, /) -> Download:
        info, found = self._look(path)
        plain_file(info, path)
        if found is None:
            raise AssertionError("a file is an object")
        return Download(self._calls, path, self._bucket, found, self._block_size)

    def open_to_write(self, path: VirtualPath, mode: OpenMode, info: FileInfo | None, /) -> Upload:
        return self._upload(path, created=info is None)

    def make_unique(self, path: VirtualPath, /) -> Upload:
        return self._upload(path, created=True, new=True)

    def make_dir(self, path: VirtualPath, /) -> None:
        self._bucket.put(self._key(path, "/"), b"", new=True)

    def remove_dir(self, path: VirtualPath, /) -> None:
        marker = self._key(path, "/")
        if self._bucket.first_keys(marker, 2) != [marker]:
            raise os_error(errno.ENOTEMPTY, path)
        self._bucket.delete(marker)

    def remove_file(self, path: VirtualPath, /) -> None:
        self._bucket.delete(self._key(path))

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        raise UnsupportedOperation("S3 can't rename: it copies, and removes, each key")

    def _key(self, path: VirtualPath, end: str = "") -> str:
        key = f"{self._prefix}{path[1:]}{end}"
        if len(key.encode()) > _KEY_LIMIT:
            raise os_error(errno.ENAMETOOLONG, path)
        return key

    def _upload(self, path: VirtualPath, *, created: bool, new: bool = False) -> Upload:
        return Upload(self._calls, path, self._bucket, self._key(path), self._block_size, created=created, new=new)

    def _look(self, path: VirtualPath) -> tuple[FileInfo | None, S3Object | None]:
        """Return what is at `path`, and its object if it is a file."""
        if path == ROOT:
            return _directory(path), None
        key = self._key(path)
        name = base_name(path)
        for page in self._bucket.pages(key, limit=1):
            if not page.objects and not page.prefixes:
                continue  # a page may hold fewer than there are
            if page.objects and page.objects[0]["Key"] == key:
                return _file(name, page.objects[0]), page.objects[0]
            if page.prefixes and page.prefixes[0] == f"{key}/":
                return _directory(name), None
            # What only begins with the name may come before what is below it: "name.txt" before "name/".
            return (_directory(name) if self._bucket.first_keys(f"{key}/", 1) else None), None
        return None, None

    def _scan(self, path: VirtualPath, prefix: str, page: Entries, pages: Iterator[Entries]) -> Iterator[FileInfo]:
        # A key may be that of an object, and begin others: as in `_look`, it is a file.  Between "x" and "x/" come
        # only keys that begin with "x", so files are remembered that the last key of a page begins with.
        hiding: set[str] = set()
        start = len(prefix)
        while True:
            hiding |= {found["Key"] for found in page.objects}
            for found in page.objects:
                if _is_name(name := found["Key"][start:]):  # the marker of the directory itself is ""
                    yield _file(name, found)
            for below in page.prefixes:
                if below[:-1] not in hiding and _is_name(name := below[start:-1]):
                    yield _directory(name)
            last = max([found["Key"] for found in page.objects[-1:]] + page.prefixes[-1:], default="")
            hiding = {key for key in hiding if last.startswith(key)}
            with self._calls.about(path):
                following = next(pages, None)
            if following is None:
                return
            page = following


def _is_name(text: str) -> bool:
    """Tell whether a path can name it: not so what lies below keys such as "a//b" and "a/../b"."""
    return text not in ("", ".", "..")


def _file(name: str, found: S3Object) -> FileInfo:
    return FileInfo(name, FileKind.FILE, found["Size"], found["LastModified"].timestamp())


def _directory(name: str) -> FileInfo:
    """Directories have no time: those that keys imply have none of their own, and a listing tells none of markers."""
    return FileInfo(name, FileKind.DIRECTORY)
