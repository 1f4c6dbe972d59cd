"""Mutants that make, remove, rename or find things wrongly."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from time import sleep
from typing import Final

from ftpcore import VirtualPath, join_path, parent_path
from ftpcore.ports import BinaryFile, FileInfo, FileKind, FileSystem, OpenMode
from mutants import Mutant
from mutants.contracts import memory_mutant
from mutants.delegation import Delegate

__all__ = ["TREE_MUTANTS"]

#: Seconds to a store and back: what takes two calls of it shows what is between them.
_WAY: Final = 0.001


class RenameCopies(Delegate):
    """Renames a file by copying it, and removes the old one."""

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        if self.stat(source, follow=False).kind is FileKind.FILE:
            copy(self, source, target)
            self.remove_file(source)
        else:
            super().rename(source, target)


class RenameLeavesBoth(Delegate):
    """Makes the new name, and removes the old one after that."""

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        copy(self, source, target)
        sleep(_WAY)
        self.remove_file(source)


class RenameRemovesFirst(Delegate):
    """Removes what is at the target, and renames after that."""

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        if source != target:
            with suppress(OSError):
                self.remove_file(target)
                sleep(_WAY)
        super().rename(source, target)


class RenameIntoItself(Delegate):
    """Takes whatever begins as the source for something below it."""

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        if target.startswith(source) and target != source:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), target)
        super().rename(source, target)


class RenameMerges(Delegate):
    """Moves what is in a directory into one that exists."""

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        if source != target and is_dir(self, source) and is_dir(self, target):
            for info in list(self.scan_dir(source, follow=False)):
                self.rename(join_path(source, info.name), join_path(target, info.name))
            self.remove_dir(source)
        else:
            super().rename(source, target)


class RemovesTrees(Delegate):
    """Removes a directory with all that is in it."""

    def remove_dir(self, path: VirtualPath, /) -> None:
        if is_dir(self, path):
            for info in list(self.scan_dir(path, follow=False)):
                below = join_path(path, info.name)
                if info.kind is FileKind.DIRECTORY:
                    self.remove_dir(below)
                else:
                    self.remove_file(below)
        super().remove_dir(path)


class RemovesAnything(Delegate):
    """Removes an empty directory when it is told to remove a file."""

    def remove_file(self, path: VirtualPath, /) -> None:
        if is_dir(self, path):
            super().remove_dir(path)
        else:
            super().remove_file(path)


class MakesParents(Delegate):
    """Makes the directories above, too."""

    def make_dir(self, path: VirtualPath, /) -> None:
        try:
            super().make_dir(path)
        except FileNotFoundError:
            self.make_dir(parent_path(path))
            super().make_dir(path)


class ExistsAlready(Delegate):
    """Is content with a directory that exists."""

    def make_dir(self, path: VirtualPath, /) -> None:
        try:
            super().make_dir(path)
        except FileExistsError:
            if not is_dir(self, path):
                raise


class EmptyDirectoriesVanish(Delegate):
    """Has directories only as long as something is in them, as object stores."""

    def remove_file(self, path: VirtualPath, /) -> None:
        super().remove_file(path)
        above = parent_path(path)
        if above != "/" and not list(self.scan_dir(above, follow=False)):
            super().remove_dir(above)


class CurrentDirectory(Delegate):
    """Counts paths from the directory that was entered last."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__(files)
        self.current = "/"

    def enter_dir(self, path: VirtualPath, /) -> None:
        super().enter_dir(path)
        self.current = path

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return super().stat(join_path(VirtualPath(self.current), path[1:]) if path != "/" else path, follow=follow)


class RemembersPaths(Delegate):
    """Keeps what it was once told of a path."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__(files)
        self.known: dict[tuple[VirtualPath, bool], FileInfo] = {}

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        if (path, follow) not in self.known:
            self.known[path, follow] = super().stat(path, follow=follow)
        return self.known[path, follow]


class RemembersListings(Delegate):
    """Keeps a listing until something is stored in the directory."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__(files)
        self.known: dict[tuple[VirtualPath, bool], list[FileInfo]] = {}

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        for follow in (True, False):
            self.known.pop((parent_path(path), follow), None)
        return super().open_file(path, mode)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        if (path, follow) not in self.known:
            self.known[path, follow] = list(super().scan_dir(path, follow=follow))
        return iter(self.known[path, follow])


class UniqueReplaces(Delegate):
    """Takes the next number for a unique name, and looks not whether there is such a file."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__(files)
        self.numbers = count(1)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        name = f"{prefix}{next(self.numbers)}"
        if "/" in prefix:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), prefix)
        return name, self.open_file(join_path(directory, name), OpenMode.REPLACE)


class UniqueInTurns(Delegate):
    """Looks for a free name in one step, and takes it in another."""

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        if "/" in prefix:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), prefix)
        taken = {info.name for info in self.scan_dir(directory, follow=False)}
        sleep(_WAY)
        name = next(name for name in (f"{prefix}{number}" for number in count(1)) if name not in taken)
        return name, self.open_file(join_path(directory, name), OpenMode.REPLACE)


class WrongClass(Delegate):
    """Raises what a dictionary does for what is missing."""

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        try:
            return super().stat(path, follow=follow)
        except FileNotFoundError:
            raise KeyError(path) from None


class PlainOSError(Delegate):
    """Tells the kind of an error by its text alone."""

    def remove_file(self, path: VirtualPath, /) -> None:
        try:
            super().remove_file(path)
        except FileNotFoundError:
            raise OSError(f"no such key: {path}") from None


class MissingBelowFile(Delegate):
    """Says that a file's parent is missing, where it is a file."""

    def make_dir(self, path: VirtualPath, /) -> None:
        try:
            super().make_dir(path)
        except NotADirectoryError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None


def is_dir(files: FileSystem, path: VirtualPath) -> bool:
    try:
        return files.stat(path, follow=False).kind is FileKind.DIRECTORY
    except OSError:
        return False


def copy(files: FileSystem, source: VirtualPath, target: VirtualPath) -> None:
    """Copy a file, as those do whose store can't rename."""
    old = files.open_file(source, OpenMode.READ)
    try:
        new = files.open_file(target, OpenMode.REPLACE)
        new.write_at(0, old.read_at(0, old.size))
        new.close(complete=True)
    finally:
        old.close(complete=True)


TREE_MUTANTS: Final[tuple[Mutant, ...]] = (
    memory_mutant(RenameCopies, "test_rename_keeps_the_object"),
    memory_mutant(RenameLeavesBoth, "test_rename_is_one_step"),
    memory_mutant(RenameRemovesFirst, "test_replacing_is_one_step"),
    memory_mutant(RenameIntoItself, "test_rename_to_a_name_that_begins_alike"),
    memory_mutant(RenameMerges, "test_nothing_replaces_a_directory_in_use"),
    memory_mutant(RemovesTrees, "test_remove_dir_refuses_one_in_use"),
    memory_mutant(RemovesAnything, "test_remove_file_refuses_directories"),
    memory_mutant(MakesParents, "test_make_dir_makes_one_directory"),
    memory_mutant(ExistsAlready, "test_make_dir_refuses_what_exists"),
    memory_mutant(EmptyDirectoriesVanish, "test_a_directory_outlives_its_entries"),
    memory_mutant(CurrentDirectory, "test_enter_dir_is_not_remembered"),
    memory_mutant(RemembersPaths, "test_size_follows_writing"),
    memory_mutant(RemembersListings, "test_changes_are_seen_by_the_next_call"),
    memory_mutant(UniqueReplaces, "test_unique_file_replaces_nothing"),
    memory_mutant(UniqueInTurns, "test_threads_open_unique_files"),
    memory_mutant(WrongClass, "test_what_is_missing_is_not_found"),
    memory_mutant(PlainOSError, "test_what_is_missing_is_not_found"),
    memory_mutant(MissingBelowFile, "test_nothing_is_made_below_a_file"),
)
