"""Mutants that open, read, write or close files wrongly."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Final

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, FileInfo, FileSystem, OpenMode
from mutants import Mutant
from mutants.contracts import DiskFileSystem, disk_mutant, file_mutant, memory_mutant
from mutants.delegation import Delegate, DelegateFile

__all__ = ["FILE_MUTANTS"]


class OffByOne(DelegateFile):
    """Counts offsets from 1 when it reads."""

    def read_at(self, offset: int, size: int, /) -> bytes:
        return super().read_at(max(0, offset - 1), size)


class ShortRead(DelegateFile):
    """Reads one packet of 64 KiB at most, wherever in the file it is."""

    def read_at(self, offset: int, size: int, /) -> bytes:
        return super().read_at(offset, min(size, 1 << 16))


class RangeNotSatisfiable(DelegateFile):
    """Raises for an offset at or behind the end, as HTTP does."""

    def read_at(self, offset: int, size: int, /) -> bytes:
        if offset >= self.size:
            raise OSError(errno.EINVAL, "Requested Range Not Satisfiable")
        return super().read_at(offset, size)


class OwnPosition(DelegateFile):
    """Reads on from where it stopped, and forgets the offset."""

    position = 0

    def read_at(self, offset: int, size: int, /) -> bytes:
        block = super().read_at(self.position, size)
        self.position += len(block)
        return block


class TextMode(DelegateFile):
    """Translates line ends on the way in."""

    def write_at(self, offset: int, data: bytes, /) -> None:
        super().write_at(offset, data.replace(b"\r\n", b"\n"))


class PartialWrite(DelegateFile):
    """Forgets that a write may take a part of the block only."""

    def write_at(self, offset: int, data: bytes, /) -> None:
        super().write_at(offset, data[: 1 << 18])


class SwallowedError(DelegateFile):
    """Logs a full disk, and goes on."""

    def write_at(self, offset: int, data: bytes, /) -> None:
        with suppress(OSError):
            super().write_at(offset, data)


class OffsetForgotten(DelegateFile):
    """Writes where it stopped, and forgets the offset."""

    def __init__(self, file: BinaryFile, mode: OpenMode) -> None:
        super().__init__(file, mode)
        self.position = 0

    def write_at(self, offset: int, data: bytes, /) -> None:
        super().write_at(self.position, data)
        self.position += len(data)


class NothingCut(DelegateFile):
    """Truncates nothing: it was not needed when the author tried it."""

    def truncate(self, size: int, /) -> None:
        pass


class AlwaysCreated(DelegateFile):
    """Says of each file that it was created."""

    def __init__(self, file: BinaryFile, mode: OpenMode) -> None:
        super().__init__(file, mode)
        self.created = True


class NeverClosedTwice(DelegateFile):
    """Takes a second close for a matter of course."""

    def close(self, *, complete: bool) -> None:
        with suppress(OSError):
            super().close(complete=complete)


class AppendOverwrites(Delegate):
    """Appends at the offset that it is told, which counts from where this opening began."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return super().open_file(path, OpenMode.WRITE if mode is OpenMode.APPEND else mode)


class ReplaceKeepsTail(Delegate):
    """Opens to replace without truncating."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return super().open_file(path, OpenMode.WRITE if mode is OpenMode.REPLACE else mode)


class WriteTruncates(Delegate):
    """Opens to write with "wb", which empties the file."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return super().open_file(path, OpenMode.REPLACE if mode is OpenMode.WRITE else mode)


class UpdateMakes(Delegate):
    """Makes a file that was to be updated, and is missing."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return super().open_file(path, OpenMode.WRITE if mode is OpenMode.UPDATE else mode)


class OneAtATime(Delegate):
    """Locks all files as long as one is open."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__(files)
        self.lock = Lock()

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        if not self.lock.acquire(blocking=False):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        try:
            return Locked(super().open_file(path, mode), mode, self.lock)
        except BaseException:
            self.lock.release()
            raise


class Locked(DelegateFile):
    def __init__(self, file: BinaryFile, mode: OpenMode, lock: Lock) -> None:
        super().__init__(file, mode)
        self.lock = lock

    def close(self, *, complete: bool) -> None:
        try:
            super().close(complete=complete)
        finally:
            with suppress(RuntimeError):  # it was closed before
                self.lock.release()


class LazyOpening(Delegate):
    """Opens at the first read, and finds out only then that there is nothing."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        try:
            return super().open_file(path, mode)
        except FileNotFoundError as error:
            if mode is not OpenMode.READ:
                raise
            return Missing(path, error)


class Missing:
    size = 0
    created = False

    def __init__(self, path: VirtualPath, error: OSError) -> None:
        self.name: str = path
        self.error = error

    def read_at(self, offset: int, size: int, /) -> bytes:
        raise self.error

    def write_at(self, offset: int, data: bytes, /) -> None:
        raise self.error

    def truncate(self, size: int, /) -> None:
        raise self.error

    def close(self, *, complete: bool) -> None:
        pass


class UnclosedOnError(DiskFileSystem):
    """Forgets the descriptor of the directory when a file can't be opened in it."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        directory = os.open(self.root, os.O_RDONLY)
        try:
            file = super().open_file(path, mode)
        except OSError:
            self.forgotten.append(directory)
            raise
        os.close(directory)
        return file


class UnclosedListing(DiskFileSystem):
    """Closes a directory at the end of its listing, and not when the listing is given up."""

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        entries = super().scan_dir(path, follow=follow)
        self.forgotten.append(os.open(self.real_path(path), os.O_RDONLY))
        return Unclosed(entries, self.forgotten)


class Unclosed:
    def __init__(self, entries: Iterator[FileInfo], descriptors: list[int]) -> None:
        self.entries = entries
        self.descriptors = descriptors

    def __iter__(self) -> Iterator[FileInfo]:
        return self

    def __next__(self) -> FileInfo:
        try:
            return next(self.entries)
        except StopIteration:
            while self.descriptors:
                os.close(self.descriptors.pop())
            raise

    def close(self) -> None:
        getattr(self.entries, "close", lambda: None)()


FILE_MUTANTS: Final[tuple[Mutant, ...]] = (
    file_mutant(OffByOne, "test_read_returns_what_is_at_the_offset"),
    file_mutant(ShortRead, "test_read_is_short_only_at_the_end"),
    file_mutant(RangeNotSatisfiable, "test_read_at_or_behind_the_end_is_empty"),
    file_mutant(OwnPosition, "test_read_keeps_no_position"),
    file_mutant(TextMode, "test_write_changes_no_byte"),
    file_mutant(PartialWrite, "test_write_takes_every_byte"),
    file_mutant(SwallowedError, "test_full_store_says_so"),
    file_mutant(OffsetForgotten, "test_write_changes_only_its_place"),
    file_mutant(NothingCut, "test_truncate_cuts_and_extends"),
    file_mutant(AlwaysCreated, "test_open_tells_size_and_creation"),
    file_mutant(NeverClosedTwice, "test_close_counts_once"),
    memory_mutant(AppendOverwrites, "test_append_goes_to_the_end"),
    memory_mutant(ReplaceKeepsTail, "test_replace_leaves_no_tail"),
    memory_mutant(WriteTruncates, "test_open_keeps_the_content"),
    memory_mutant(UpdateMakes, "test_open_to_update_makes_nothing"),
    memory_mutant(OneAtATime, "test_readers_of_one_file_do_not_move_each_other"),
    memory_mutant(LazyOpening, "test_read_open_refuses_what_is_no_file"),
    disk_mutant(UnclosedOnError, "test_failed_opening_leaves_no_handle"),
    disk_mutant(UnclosedListing, "test_listing_given_up_leaves_no_handle"),
)
