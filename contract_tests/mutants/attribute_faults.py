"""Mutants that tell wrong sizes, times, modes, identifiers and names, or declare what they don't do."""

from __future__ import annotations

import fnmatch
import time
import unicodedata
import zlib
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from ftpcore import UnsupportedOperation, VirtualPath, base_name, join_path, parent_path
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileKind, OpenMode
from mutants import Mutant
from mutants.contracts import memory_mutant
from mutants.delegation import Delegate

__all__ = ["ATTRIBUTE_MUTANTS"]

_RENAME: Final = Capability.RENAME | Capability.REPLACE


class Told(Delegate):
    """Tells what `told` makes of each entry."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        raise NotImplementedError

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return self.told(path, super().stat(path, follow=follow))

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        entries = super().scan_dir(path, follow=follow)
        return (self.told(join_path(path, info.name), info) for info in entries)


class StoredSize(Told):
    """Tells the size of what is stored, which is compressed."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        if info.kind is not FileKind.FILE:
            return info
        file = self.files.open_file(path, OpenMode.READ)
        try:
            return info._replace(size=len(zlib.compress(file.read_at(0, file.size))))
        finally:
            file.close(complete=True)


class Milliseconds(Told):
    """Tells times in milliseconds."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        return info._replace(modified=info.modified * 1000)


class LocalTime(Told):
    """Tells times as the clock on the wall shows them."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        return info._replace(modified=info.modified + time.localtime(info.modified).tm_gmtoff)


class PermissionsOnly(Told):
    """Tells the permission bits without the type."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        return info._replace(mode=None if info.mode is None else info.mode & 0o7777)


class UniqueByName(Told):
    """Takes the checksum of the name for an identifier."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        return info._replace(unique=f"{zlib.crc32(info.name.encode('utf-8', 'surrogateescape')):x}")


class WholePathAsName(Told):
    """Names an entry by its whole path."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        return info._replace(name=path)


class WholeDays(Delegate):
    """Keeps the day of a time."""

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        super().set_modified(path, seconds // 86400 * 86400)


class RoundsTimes(Delegate):
    """Rounds times to the nearest second, which may be the next one."""

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        super().set_modified(path, round(seconds))


class ModeDoesNothing(Delegate):
    """Declares MODE, and takes modes without setting any."""

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self.stat(path, follow=True)


class ModeNotDone(Delegate):
    """Declares MODE, and raises UnsupportedOperation."""

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        raise UnsupportedOperation("set_mode is not implemented")


class UndeclaredRename(Delegate):
    """Renames by copying, and does not declare RENAME for that reason."""

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        old, new = self.open_file(source, OpenMode.READ), self.open_file(target, OpenMode.REPLACE)
        new.write_at(0, old.read_at(0, old.size))
        for file in (old, new):
            file.close(complete=True)
        self.remove_file(source)


class UndeclaredAppend(Delegate):
    """Declares APPEND not, and takes the mode for REPLACE."""

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return super().open_file(path, OpenMode.REPLACE if mode is OpenMode.APPEND else mode)


class UndeclaredIdentifiers(Told):
    """Gives identifiers that it does not declare, and that are not unique."""

    def told(self, path: VirtualPath, info: FileInfo) -> FileInfo:
        return info._replace(unique="0")


class Renamed(Delegate):
    """Passes on what `name` makes of each path."""

    def path(self, path: VirtualPath) -> VirtualPath:
        raise NotImplementedError

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        return super().stat(self.path(path), follow=follow)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        return super().scan_dir(self.path(path), follow=follow)

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        return super().open_file(self.path(path), mode)

    def make_dir(self, path: VirtualPath, /) -> None:
        super().make_dir(self.path(path))

    def remove_dir(self, path: VirtualPath, /) -> None:
        super().remove_dir(self.path(path))

    def remove_file(self, path: VirtualPath, /) -> None:
        super().remove_file(self.path(path))

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        super().rename(self.path(source), self.path(target))


class Composed(Renamed):
    """Normalises names to NFC."""

    def path(self, path: VirtualPath) -> VirtualPath:
        return VirtualPath(unicodedata.normalize("NFC", path))


class CaseFolded(Renamed):
    """Keeps names in small letters."""

    def path(self, path: VirtualPath) -> VirtualPath:
        return VirtualPath(path.lower())


class Replaced(Renamed):
    """Puts a question mark for each byte that is not UTF-8."""

    def path(self, path: VirtualPath) -> VirtualPath:
        return VirtualPath(path.encode("utf-8", "replace").decode("utf-8"))


class Stripped(Renamed):
    """Strips blanks from names."""

    def path(self, path: VirtualPath) -> VirtualPath:
        return VirtualPath("/".join(name.strip() for name in path.split("/")))


class Unquoted(Renamed):
    """Decodes names as the paths of URLs are."""

    def path(self, path: VirtualPath) -> VirtualPath:
        return VirtualPath(unquote(path, errors="surrogateescape"))


class CutNames(Renamed):
    """Cuts names that are too long."""

    def path(self, path: VirtualPath) -> VirtualPath:
        return VirtualPath("/".join(name[:255] for name in path.split("/")))


class ValueErrors(Renamed):
    """Raises ValueError for NUL, as the functions of `os` do."""

    def path(self, path: VirtualPath) -> VirtualPath:
        if "\0" in path:
            raise ValueError("embedded null byte")
        return path


class RemovesPattern(Delegate):
    """Removes all that match the name."""

    def remove_file(self, path: VirtualPath, /) -> None:
        directory = parent_path(path)
        matching = fnmatch.filter([info.name for info in self.scan_dir(directory, follow=False)], base_name(path))
        for name in matching or [base_name(path)]:
            super().remove_file(join_path(directory, name))


ATTRIBUTE_MUTANTS: Final[tuple[Mutant, ...]] = (
    memory_mutant(StoredSize, "test_size_is_what_can_be_read"),
    memory_mutant(Milliseconds, "test_a_new_file_was_modified_now"),
    memory_mutant(LocalTime, "test_times_are_of_no_zone"),
    memory_mutant(PermissionsOnly, "test_modes_have_the_type"),
    memory_mutant(UniqueByName, "test_identifiers_differ"),
    memory_mutant(WholePathAsName, "test_stat_tells_name_kind_and_size"),
    memory_mutant(WholeDays, "test_set_modified_shows"),
    memory_mutant(RoundsTimes, "test_set_modified_keeps_the_second"),
    memory_mutant(ModeDoesNothing, "test_set_mode_shows"),
    memory_mutant(ModeNotDone, "test_what_is_declared_is_offered"),
    memory_mutant(UndeclaredRename, "test_without_rename_nothing_is_renamed", without=_RENAME),
    memory_mutant(UndeclaredAppend, "test_undeclared_modes_open_nothing", without=Capability.APPEND),
    memory_mutant(UndeclaredIdentifiers, "test_no_identifier_unless_declared", without=Capability.UNIQUE_ID),
    memory_mutant(Composed, "test_normal_forms_are_different_names"),
    memory_mutant(CaseFolded, "test_case_makes_another_name"),
    memory_mutant(Replaced, "test_raw_names_work_everywhere"),
    memory_mutant(Stripped, "test_blanks_make_another_name"),
    memory_mutant(Unquoted, "test_names_stand_for_themselves"),
    memory_mutant(CutNames, "test_a_name_too_long_is_kept_or_refused"),
    memory_mutant(ValueErrors, "test_an_impossible_name_is_not_found"),
    memory_mutant(RemovesPattern, "test_removing_takes_no_pattern"),
)
