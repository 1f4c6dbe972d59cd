"""Mutants that list wrongly, or follow links that they should not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from ftpcore import VirtualPath, join_path, parent_path
from ftpcore.ports import BinaryFile, FileInfo, FileKind, FileSystem, OpenMode
from mutants import Mutant
from mutants.contracts import DiskFileSystem, disk_mutant, memory_mutant
from mutants.delegation import Delegate

__all__ = ["LISTING_MUTANTS"]


class ForgetsHidden(Delegate):
    """Leaves out names that begin with a dot, as ls does."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        entries = super().scan_dir(path, follow=follow)
        return (info for info in entries if not info.name.startswith("."))


class ListsDots(Delegate):
    """Lists the directory itself, and the one above."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        entries = super().scan_dir(path, follow=follow)
        dots = [self.stat(path, follow=True)._replace(name="."), self.stat(parent_path(path), follow=True)]
        return iter([dots[0], dots[1]._replace(name=".."), *entries])


class FirstPage(Delegate):
    """Lists what the store returns at once: the first thousand."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return islice(super().scan_dir(path, follow=follow), 1000)


class PageOverlaps(Delegate):
    """Begins a page with the last entry of the one before."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        entries = list(super().scan_dir(path, follow=follow))
        return (info for start in range(0, len(entries), 500) for info in entries[max(0, start - 1) : start + 500])


class ErrorAtFirstStep(Delegate):
    """Is a generator, which raises nothing before its first step."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        yield from super().scan_dir(path, follow=follow)


class VanishedEntryRaises(Delegate):
    """Lists names, then asks for each; one that vanished in between raises."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        names = [info.name for info in super().scan_dir(path, follow=follow)]
        return (self.stat(join_path(path, name), follow=follow) for name in names)


class LastListing(Delegate):
    """Has one listing under way, and goes on with it for whoever asks."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__(files)
        self.entries: Iterator[FileInfo] = iter(())

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        self.entries = super().scan_dir(path, follow=follow)
        return self._steps()

    def _steps(self) -> Iterator[FileInfo]:
        while (info := next(self.entries, None)) is not None:
            yield info


class EmptySizes(Delegate):
    """Lists all sizes as 0, for the store tells them one by one only."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return (info._replace(size=0) for info in super().scan_dir(path, follow=follow))


class FollowForgotten(Delegate):
    """Lists links as links, whether they are to be followed or not."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return super().scan_dir(path, follow=False)


class AlwaysFollows(Delegate):
    """Tells of what a link leads to, also when it is asked for the link."""

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        try:
            return super().stat(path, follow=True)
        except FileNotFoundError:
            return super().stat(path, follow=follow)


class RemovesTarget(Delegate):
    """Removes what a link leads to, and leaves the link."""

    def remove_file(self, path: VirtualPath, /) -> None:
        info = self.stat(path, follow=False)
        if info.kind is FileKind.LINK and info.target and not info.target.startswith("/"):
            path = join_path(parent_path(path), info.target)
        super().remove_file(path)


class LostLinkEndsListing(Delegate):
    """Raises for a link that leads nowhere, in the middle of a listing that follows."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        entries = super().scan_dir(path, follow=False)
        if not follow:
            return entries
        return (self.stat(join_path(path, info.name), follow=True) for info in list(entries))


class FollowsLinksOut(DiskFileSystem):
    """Leaves it to the system where a link leads."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        if mode is OpenMode.READ and Path(self.real_path(path)).is_file():
            return OnDisk(self.real_path(path))
        return super().open_file(path, mode)


class OnDisk:
    created = False

    def __init__(self, real_path: str) -> None:
        self.name = real_path
        self.descriptor = os.open(real_path, os.O_RDONLY)
        self.size = os.fstat(self.descriptor).st_size

    def read_at(self, offset: int, size: int, /) -> bytes:
        return os.pread(self.descriptor, size, offset)

    def write_at(self, offset: int, data: bytes, /) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.name)

    def truncate(self, size: int, /) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.name)

    def close(self, *, complete: bool) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        os.close(descriptor)


class BesideTheRoot(DiskFileSystem):
    """Takes for its own what has a real path that begins as the root's does."""

    def enter_dir(self, path: VirtualPath, /) -> None:
        real_path = os.path.normpath(self.real_path(path))
        if not real_path.startswith(str(self.root)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        os.stat(f"{real_path}/.")


class ParentsOfRoot(DiskFileSystem):
    """Puts the path behind that of the root, and the system goes up."""

    def make_dir(self, path: VirtualPath, /) -> None:
        os.mkdir(self.real_path(path))


class TellsOfOutside(DiskFileSystem):
    """Refuses what is outside with another error than what is not there."""

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        try:
            return super().stat(path, follow=follow)
        except FileNotFoundError:
            if os.path.exists(self.real_path(path)):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path) from None
            raise


LISTING_MUTANTS: Final[tuple[Mutant, ...]] = (
    memory_mutant(ForgetsHidden, "test_dot_files_are_listed"),
    memory_mutant(ListsDots, "test_dot_and_dot_dot_are_left_out"),
    memory_mutant(FirstPage, "test_a_large_directory_is_listed_in_pages"),
    memory_mutant(PageOverlaps, "test_a_large_directory_is_listed_in_pages"),
    memory_mutant(ErrorAtFirstStep, "test_a_file_has_no_listing"),
    memory_mutant(VanishedEntryRaises, "test_entries_that_vanish_do_not_end_a_listing"),
    memory_mutant(LastListing, "test_listings_are_apart"),
    memory_mutant(EmptySizes, "test_a_listing_agrees_with_stat"),
    memory_mutant(FollowForgotten, "test_a_followed_link_is_what_it_leads_to"),
    memory_mutant(AlwaysFollows, "test_a_link_is_told_as_a_link"),
    memory_mutant(RemovesTarget, "test_remove_file_removes_the_link"),
    memory_mutant(LostLinkEndsListing, "test_lost_links_are_left_out_when_followed"),
    disk_mutant(FollowsLinksOut, "test_open_file_does_not_follow_out"),
    disk_mutant(BesideTheRoot, "test_raw_paths_find_nothing_outside"),
    disk_mutant(ParentsOfRoot, "test_raw_paths_make_nothing_outside"),
    disk_mutant(TellsOfOutside, "test_what_is_outside_is_as_if_missing"),
)
