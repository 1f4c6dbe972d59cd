"""Seed filesystems that tell what is not so."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from ftpcore_adapters.filesystems import AbstractedFS


class ForgetsHidden(AbstractedFS):
    """listdir forgets hidden files"""

    def listdir(self, path: str) -> Iterable[str]:
        return [name for name in super().listdir(path) if not name.startswith(".")]


class ListsDots(AbstractedFS):
    """listdir returns . and .., too"""

    def listdir(self, path: str) -> Iterable[str]:
        return [".", "..", *super().listdir(path)]


class MissingIsEmpty(AbstractedFS):
    """listdir takes what is missing for an empty directory"""

    def listdir(self, path: str) -> Iterable[str]:
        return super().listdir(path) if os.path.isdir(path) else []


class SwallowsErrors(AbstractedFS):
    """stat makes something up for what is missing"""

    def stat(self, path: str) -> os.stat_result:
        try:
            return super().stat(path)
        except OSError:
            return os.stat_result((stat.S_IFREG, 0, 0, 1, 0, 0, 0, 0, 0, 0))


class FollowsAlways(AbstractedFS):
    """lstat follows links"""

    def lstat(self, path: str) -> os.stat_result:
        return os.stat(path)


class LostIsMissing(AbstractedFS):
    """lexists follows links"""

    def lexists(self, path: str) -> bool:
        return os.path.exists(path)


class SizeOnDisk(AbstractedFS):
    """getsize counts blocks"""

    def getsize(self, path: str) -> int:
        return -(-super().getsize(path) // 512) * 512


class Resolved(AbstractedFS):
    """readlink resolves what a link holds"""

    def readlink(self, path: str) -> str:
        return os.path.join(os.path.dirname(path), super().readlink(path))


class NameOrError(AbstractedFS):
    """get_user_by_uid raises for a number without a name"""

    def get_user_by_uid(self, uid: int) -> str | int:
        name = super().get_user_by_uid(uid)
        if isinstance(name, int):
            raise KeyError(uid)
        return name
