"""Seed filesystems that open, rename, make or remove something else than they are told."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import IO

from ftpcore_adapters.filesystems import AbstractedFS


class NamedByFtp(AbstractedFS):
    """mkstemp tells a name without its directory"""

    def mkstemp(self, suffix: str = "", prefix: str = "", dir: str | None = None, mode: str = "wb") -> IO[bytes]:
        file = super().mkstemp(suffix, prefix, dir, mode)
        path = file.name
        file.close()
        return open(os.path.relpath(path, dir), mode, opener=lambda _, flags: os.open(path, flags))


class NotUnique(AbstractedFS):
    """mkstemp takes a name that is there already"""

    def mkstemp(self, suffix: str = "", prefix: str = "", dir: str | None = None, mode: str = "wb") -> IO[bytes]:
        return self.open(os.path.join(dir or self.root, f"{prefix}unique{suffix}"), mode)


class AppendsForUpdate(AbstractedFS):
    """open takes r+b for ab"""

    def open(self, filename: str, mode: str) -> IO[bytes]:
        return super().open(filename, "ab" if mode == "r+b" else mode)


class MakesForUpdate(AbstractedFS):
    """open makes a file that should be updated"""

    def open(self, filename: str, mode: str) -> IO[bytes]:
        if mode == "r+b" and not os.path.exists(filename):
            mode = "wb"
        return super().open(filename, mode)


class KeepsTail(AbstractedFS):
    """open does not empty what is overwritten"""

    def open(self, filename: str, mode: str) -> IO[bytes]:
        return super().open(filename, "r+b" if mode == "wb" and os.path.isfile(filename) else mode)


class RenameCopies(AbstractedFS):
    """rename copies files"""

    def rename(self, src: str, dst: str) -> None:
        if not os.path.isfile(src) or os.path.islink(src) or os.path.isdir(dst):
            super().rename(src, dst)
            return
        shutil.copyfile(src, dst)
        os.remove(src)


class RenameIntoDirectory(AbstractedFS):
    """rename moves into an existing directory"""

    def rename(self, src: str, dst: str) -> None:
        super().rename(src, os.path.join(dst, os.path.basename(src)) if os.path.isdir(dst) else dst)


class RemovesTrees(AbstractedFS):
    """rmdir removes what is in a directory, too"""

    def rmdir(self, path: str) -> None:
        shutil.rmtree(path)


class RemovesTarget(AbstractedFS):
    """remove removes what a link leads to"""

    def remove(self, path: str) -> None:
        super().remove(self.realpath(path))


class RemovesDirectories(AbstractedFS):
    """remove takes an empty directory for a file"""

    def remove(self, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            super().remove(path)


class MakesParents(AbstractedFS):
    """mkdir makes what is missing on the way"""

    def mkdir(self, path: str) -> None:
        os.makedirs(path)


class KeepsQuiet(AbstractedFS):
    """mkdir says nothing of what exists"""

    def mkdir(self, path: str) -> None:
        with suppress(FileExistsError):
            super().mkdir(path)


class NoGroup(AbstractedFS):
    """chmod leaves out the bits of the group"""

    def chmod(self, path: str, mode: int) -> None:
        super().chmod(path, mode & ~0o070)


class AccessTime(AbstractedFS):
    """utime sets the time of access alone"""

    def utime(self, path: str, timeval: float) -> None:
        os.utime(path, (timeval, os.stat(path).st_mtime))
