"""Whole files and listings through the port of a filesystem."""

from __future__ import annotations

from ftpcore import VirtualPath
from ftpcore.ports import FileInfo, FileSystem, OpenMode

__all__ = ["get", "listing", "put", "stat"]

#: Bytes that are read and written at once.
_BLOCK = 1 << 18


def put(files: FileSystem, path: str, data: bytes) -> None:
    file = files.open_file(VirtualPath(path), OpenMode.REPLACE)
    try:
        for start in range(0, len(data), _BLOCK):
            file.write_at(start, data[start : start + _BLOCK])
    except BaseException:
        file.close(complete=False)
        raise
    file.close(complete=True)


def get(files: FileSystem, path: str) -> bytes:
    file = files.open_file(VirtualPath(path), OpenMode.READ)
    data = bytearray()
    try:
        while block := file.read_at(len(data), _BLOCK):
            data += block
    finally:
        file.close(complete=True)
    return bytes(data)


def listing(files: FileSystem, path: str = "/") -> dict[str, FileInfo]:
    """Return the entries of a directory by name; AssertionError if one is there twice."""
    found = list(files.scan_dir(VirtualPath(path), follow=True))
    entries = {info.name: info for info in found}
    assert len(entries) == len(found), found
    return entries


def stat(files: FileSystem, path: str) -> FileInfo:
    return files.stat(VirtualPath(path), follow=True)
