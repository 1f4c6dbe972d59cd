"""What the tests of `Quota` do to filesystems, and how they see that it refuses."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem, OpenMode

__all__ = ["DIR", "FILE", "OTHER", "OVER", "get", "names", "put", "refused"]

FILE: Final = VirtualPath("/file")
OTHER: Final = VirtualPath("/other")
DIR: Final = VirtualPath("/dir")

OVER: Final = getattr(errno, "EDQUOT", errno.ENOSPC)


@contextmanager
def refused() -> Iterator[None]:
    """Fail unless the block raises OSError(EDQUOT)."""
    with pytest.raises(OSError) as caught:
        yield
    assert caught.value.errno == OVER


def put(files: FileSystem, path: VirtualPath, data: bytes, mode: OpenMode = OpenMode.REPLACE) -> None:
    file = files.open_file(path, mode)
    try:
        file.write_at(0, data)
    finally:
        file.close(complete=True)


def get(files: FileSystem, path: VirtualPath) -> bytes:
    file = files.open_file(path, OpenMode.READ)
    try:
        return file.read_at(0, 1 << 20)
    finally:
        file.close(complete=True)


def names(files: FileSystem) -> set[str]:
    return {info.name for info in files.scan_dir(VirtualPath("/"), follow=False)}
