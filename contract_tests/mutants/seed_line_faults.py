"""Seed filesystems that make wrong lines of listings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from ftpcore_adapters.filesystems import AbstractedFS


class DropsLine(AbstractedFS):
    """format_list drops the last line"""

    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        lines = list(super().format_list(basedir, listing, ignore_err))
        return iter(lines[:-1] if len(lines) > 1 else lines)


class Eager(AbstractedFS):
    """format_list takes all names before the first line"""

    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        return super().format_list(basedir, list(listing), ignore_err)


class UnixLines(AbstractedFS):
    """format_list ends lines in LF"""

    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        for line in super().format_list(basedir, listing, ignore_err):
            yield line.replace(b"\r\n", b"\n")


class IgnoresAlways(AbstractedFS):
    """format_list drops errors that should be raised"""

    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        return super().format_list(basedir, listing)


class ThisYear(AbstractedFS):
    """format_list shows the time of day of what is years old"""

    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        for line in super().format_list(basedir, listing, ignore_err):
            head, blanks, tail = line.partition(b"  20")
            yield head + b" 00:00" + tail[2:] if blanks else line


class Forgeable(AbstractedFS):
    """format_list writes names as they are, line ends among them"""

    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        for name in listing:
            if "\r" in name:
                yield b"-rw-r--r--   1 root     root            0 Nov 22 10:35 " + os.fsencode(name) + b"\r\n"
            else:
                yield from super().format_list(basedir, [name], ignore_err)


class WrongSize(AbstractedFS):
    """format_mlsx tells the size in KiB"""

    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        for line in super().format_mlsx(basedir, listing, perms, facts, ignore_err):
            yield line.replace(b"size=10;", b"size=0;")


class AllPerms(AbstractedFS):
    """format_mlsx tells all rights as perm, whatever the entry is"""

    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        for name in listing:
            for line in super().format_mlsx(basedir, [name], perms, [f for f in facts if f != "perm"], ignore_err):
                yield f"perm={perms};".encode() + line if "perm" in facts else line


class TellsMore(AbstractedFS):
    """format_mlsx tells facts that nobody asked for"""

    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        wanted = sorted({*facts, "size"}) if facts else facts
        return super().format_mlsx(basedir, listing, perms, wanted, ignore_err)


class ShowsLost(AbstractedFS):
    """format_mlsx shows links that lead nowhere"""

    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        for name in listing:
            if os.path.islink(os.path.join(basedir, name)) and not os.path.exists(os.path.join(basedir, name)):
                yield f"type=file; {name}\r\n".encode()
            else:
                yield from super().format_mlsx(basedir, [name], perms, facts, ignore_err)
