"""Seed filesystems that mistake one path for another, or what is outside for what is inside."""

from __future__ import annotations

import os

from ftpcore_adapters.filesystems import AbstractedFS


class AllValid(AbstractedFS):
    """validpath accepts everything"""

    def validpath(self, path: str) -> bool:
        return True


class PrefixValid(AbstractedFS):
    """validpath compares texts and not components"""

    def validpath(self, path: str) -> bool:
        return self.realpath(path).startswith(self.realpath(self.root))


class UnresolvedValid(AbstractedFS):
    """validpath looks at no link"""

    def validpath(self, path: str) -> bool:
        path, root = os.path.normpath(path), os.path.normpath(self.root)
        return path == root or path.startswith(root + os.sep)


class ExistingValid(AbstractedFS):
    """validpath refuses what is yet to be made"""

    def validpath(self, path: str) -> bool:
        return os.path.exists(path) and super().validpath(path)


class JoinedPaths(AbstractedFS):
    """ftp2fs joins what a client typed to the root as it is"""

    def ftp2fs(self, ftppath: str) -> str:
        return os.path.normpath(os.path.join(self.root, self.cwd.strip("/"), ftppath.lstrip("/")))


class AbsoluteWins(AbstractedFS):
    """ftp2fs takes an absolute path for one of the host"""

    def ftp2fs(self, ftppath: str) -> str:
        return os.path.normpath(
            os.path.join(self.root, ftppath if ftppath.startswith("/") else self.ftpnorm(ftppath)[1:])
        )


class StrippedPaths(AbstractedFS):
    """ftpnorm strips blanks"""

    def ftpnorm(self, ftppath: str) -> str:
        return super().ftpnorm(ftppath.strip())


class NoWayBack(AbstractedFS):
    """fs2ftp cuts one character too many"""

    def fs2ftp(self, fspath: str) -> str:
        return "/" + fspath[len(self.root) + 2 :]


class TellsOutside(AbstractedFS):
    """fs2ftp shows where the root is"""

    def fs2ftp(self, fspath: str) -> str:
        return super().fs2ftp(fspath) if fspath.startswith(self.root + os.sep) or fspath == self.root else fspath


class ForgetsToMove(AbstractedFS):
    """chdir looks, and does not set cwd"""

    def chdir(self, path: str) -> None:
        before = self.cwd
        super().chdir(path)
        self.cwd = before


class MovesAnywhere(AbstractedFS):
    """chdir sets cwd before it looks"""

    def chdir(self, path: str) -> None:
        self.cwd = self.fs2ftp(path)
        super().chdir(path)


class MovesProcess(AbstractedFS):
    """chdir changes the directory of the process"""

    def chdir(self, path: str) -> None:
        os.chdir(path)
        self.cwd = self.fs2ftp(path)
