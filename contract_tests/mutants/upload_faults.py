"""Mutants that declare ATOMIC, and store too early, too often, or what they should not."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Final

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, OpenMode
from mutants import Mutant
from mutants.atomic import AtomicFileSystem, Upload
from mutants.contracts import atomic_mutant, upload_mutant

__all__ = ["UPLOAD_MUTANTS"]


class ShowsEarly(Upload):
    """Stores each block as it comes."""

    def write_at(self, offset: int, data: bytes, /) -> None:
        super().write_at(offset, data)
        self.memory.write_bytes(self.path, bytes(self.content))


class AbortCommits(Upload):
    """Stores what came, complete or not."""

    def close(self, *, complete: bool) -> None:
        super().close(complete=True)


class CommitsTwice(Upload):
    """Stores again with each close."""

    def close(self, *, complete: bool) -> None:
        if self.closed and complete:
            self.memory.write_bytes(self.path, bytes(self.content))
        super().close(complete=complete)


class CommitErrorSwallowed(Upload):
    """Says nothing when it could not store."""

    def close(self, *, complete: bool) -> None:
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.name)
        with suppress(OSError):
            super().close(complete=complete)


class StaysOpen(Upload):
    """Can be closed again when it could not store."""

    def close(self, *, complete: bool) -> None:
        try:
            super().close(complete=complete)
        except OSError:
            self.closed = False
            raise


class NothingIsNothing(Upload):
    """Stores no file that is empty."""

    def close(self, *, complete: bool) -> None:
        super().close(complete=complete and bool(self.content))


class EmptiesFirst(AtomicFileSystem):
    """Removes the old file when the upload begins."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        file = super().open_file(path, mode)
        if mode is OpenMode.REPLACE and not file.created:
            self.memory.write_bytes(path, b"")
        return file


class ReadsWhatComes(AtomicFileSystem):
    """Gives a reader the bytes of whatever has the name by now."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return self.files.open_file(path, mode) if mode is OpenMode.READ else super().open_file(path, mode)


UPLOAD_MUTANTS: Final[tuple[Mutant, ...]] = (
    upload_mutant(ShowsEarly, "test_write_is_seen_when_the_filesystem_says"),
    upload_mutant(AbortCommits, "test_incomplete_upload_of_an_existing_file"),
    upload_mutant(CommitsTwice, "test_close_counts_once"),
    upload_mutant(CommitErrorSwallowed, "test_close_says_whether_it_stored_over_a_directory"),
    upload_mutant(StaysOpen, "test_close_says_whether_it_stored_over_a_directory"),
    upload_mutant(NothingIsNothing, "test_open_makes_a_missing_file"),
    atomic_mutant(EmptiesFirst, "test_incomplete_replacement_by_nothing"),
    atomic_mutant(ReadsWhatComes, "test_reader_gets_one_content"),
)
