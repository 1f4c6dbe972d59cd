"""Rules of what is told of a file or directory: kind, size, time, mode and identifier."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import floor
from typing import Final

import pytest

from ftpcore import VirtualPath, base_name, join_path
from ftpcore.ports import Capability, FileInfo, FileKind, FileSystem, OpenMode
from ftpcore_contracts._contents import Holding
from ftpcore_contracts._refusals import refused
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, DIR, EMPTY, FILE, INNER, OTHER, ROOT, get, listing, opened, put, tree

__all__ = ["Attributes"]

_TIMES: Final = Capability.WRITE | Capability.TIMES
_MODE: Final = Capability.WRITE | Capability.MODE

#: 2001-09-09 01:46:40 UTC.
_MOMENT: Final = 1_000_000_000.0
#: Seconds that the clocks of a store and of this host may differ: less than any time zone, or shift to summer, does.
_CLOCKS: Final = 600.0

KINDS: Final = pytest.mark.parametrize("path", [FILE, DIR, EMPTY], ids=base_name)


class Attributes:
    """attributes"""

    @rule("FileInfo")
    def test_stat_tells_name_kind_and_size(self, stocked: FileSystem) -> None:
        """`stat` tells the last component of the path, what is there, and how many bytes a file has."""
        for path, kind, size in ((FILE, FileKind.FILE, 10), (INNER, FileKind.FILE, 5), (DIR, FileKind.DIRECTORY, None)):
            info = stocked.stat(path, follow=True)
            found = (info.name, info.kind, info.size if kind is FileKind.FILE else None)
            expect(found, (base_name(path), kind, size), f"name, kind, size in stat({path})")

    @pytest.mark.parametrize("size", [0, 1, 65_537])
    @rule("RFC 3659 4")
    def test_size_is_what_can_be_read(self, holding: Holding, size: int) -> None:
        """The size of a file is the number of bytes that reading it yields."""
        files = holding({"/sized": b"s" * size})
        path = VirtualPath("/sized")
        expect(files.stat(path, follow=True).size, size, "size in stat")
        expect(listing(files)["sized"].size, size, "size in scan_dir")
        expect(len(get(files, path)), size, "bytes that were read")

    @rule("FileInfo.size")
    def test_size_follows_writing(self, stocked: FileSystem) -> None:
        """WRITE: when a file was replaced, by more or by less, its size is the new one."""
        needs(stocked, Capability.WRITE)
        for data in (b"x" * 1000, b"", b"xyz"):
            put(stocked, FILE, data)
            expect(stocked.stat(FILE, follow=True).size, len(data), f"size of a file replaced by {len(data)} bytes")

    @pytest.mark.parametrize("path", [ROOT, FILE, DIR, EMPTY, INNER], ids=base_name)
    @rule("FileSystem.stat")
    def test_following_changes_only_links(self, stocked: FileSystem, path: VirtualPath) -> None:
        """What is no link is the same with `follow` and without, and has no target."""
        info = stocked.stat(path, follow=False)
        expect(info, stocked.stat(path, follow=True), f"stat({path}, follow=False), compared with follow=True")
        expect(info.target, None, f"FileInfo.target of {path}, which is no link")

    @rule("FileInfo")
    def test_information_is_of_its_types(self, stocked: FileSystem) -> None:
        """The fields of `FileInfo` have the types that are declared: whole bytes, seconds as a number, texts."""
        for path in (ROOT, FILE, DIR):
            info = stocked.stat(path, follow=True)
            for field, kinds in _FIELDS.items():
                value = getattr(info, field)
                if not isinstance(value, kinds) or isinstance(value, bool):
                    expected = " or ".join(kind.__name__ for kind in kinds)
                    broken(f"FileInfo.{field} of {path}", expected=expected, came=f"{value!r} ({type(value).__name__})")
            expect(info.links >= 1, True, f"FileInfo.links of {path}, {info.links}, is 1 or more")

    @rule("RFC 3659 2.3")
    def test_a_new_file_was_modified_now(self, files: FileSystem) -> None:
        """WRITE: times are in seconds since 1970-01-01 00:00 UTC."""
        needs(files, Capability.WRITE)
        put(files, FILE, b"x")
        _expect_now(files.stat(FILE, follow=True), "stat of a new file")
        _expect_now(listing(files)["file"], "scan_dir, of a new file")

    @pytest.mark.parametrize("zone", ["EAST-5:30", "WEST+11"], ids=["east", "west"])
    @rule("RFC 3659 2.3")
    def test_times_are_of_no_zone(self, files: FileSystem, zone: str) -> None:
        """WRITE: times are the same wherever the process believes to be."""
        needs(files, Capability.WRITE)
        with _zone(zone):
            put(files, FILE, b"x")
            _expect_now(files.stat(FILE, follow=True), f"stat of a new file, TZ={zone}")
            _expect_now(listing(files)["file"], f"scan_dir, of a new file, TZ={zone}")
            if Capability.TIMES in files.capabilities:
                files.set_modified(FILE, _MOMENT)
                expect(files.stat(FILE, follow=True).modified, _MOMENT, f"time set by set_modified, TZ={zone}")

    @KINDS
    @pytest.mark.parametrize("seconds", [0.0, 1.0, _MOMENT, _MOMENT + 1, 2_000_000_000.0], ids=str)
    @rule("Capability.TIMES")
    def test_set_modified_shows(self, stocked: FileSystem, path: VirtualPath, seconds: float) -> None:
        """TIMES: `set_modified` sets the time of a file or directory, to the second, and changes nothing else."""
        needs(stocked, _TIMES)
        before = stocked.stat(path, follow=True)
        stocked.set_modified(path, seconds)
        expected = before._replace(modified=seconds)
        expect(stocked.stat(path, follow=True), expected, f"stat({path}) after set_modified({path}, {seconds})")
        expect(listing(stocked)[base_name(path)], expected, f"{path} in scan_dir after set_modified({seconds})")

    @pytest.mark.parametrize("fraction", [0.25, 0.5, 0.75, 0.999], ids=str)
    @rule("Capability.TIMES")
    def test_set_modified_keeps_the_second(self, stocked: FileSystem, fraction: float) -> None:
        """TIMES: a time between two seconds reads back as it is, or as what is kept of it: never as another second."""
        needs(stocked, _TIMES)
        stocked.set_modified(FILE, _MOMENT + fraction)
        came = stocked.stat(FILE, follow=True).modified
        expect(floor(came), int(_MOMENT), f"second of {came}, read back after set_modified({_MOMENT + fraction})")

    @pytest.mark.parametrize("seconds", [-1.0, -_MOMENT, 4_000_000_000.0], ids=str)
    @rule("Capability.TIMES")
    def test_a_time_is_kept_or_refused(self, stocked: FileSystem, seconds: float) -> None:
        """TIMES: a time before 1970 or after 2038 is kept to the second, or refused with OSError."""
        needs(stocked, _TIMES)
        before = stocked.stat(FILE, follow=True)
        try:
            stocked.set_modified(FILE, seconds)
        except OSError:
            expect(stocked.stat(FILE, follow=True), before, f"stat(/file) after set_modified({seconds}) was refused")
            return
        expect(stocked.stat(FILE, follow=True).modified, seconds, f"time after set_modified({seconds}) was accepted")

    @pytest.mark.parametrize("seconds", [1e30, -1e30, float("nan"), float("inf"), -float("inf")], ids=str)
    @rule("Capability.TIMES")
    def test_an_impossible_time_is_refused(self, stocked: FileSystem, seconds: float) -> None:
        """TIMES: a time that no store can hold, or none at all, raises OSError and nothing else; the old one stays."""
        needs(stocked, _TIMES)
        with refused(stocked, OSError, f"set_modified(/file, {seconds})"):
            stocked.set_modified(FILE, seconds)

    @rule("Capability.TIMES")
    def test_set_modified_is_of_one_path(self, stocked: FileSystem) -> None:
        """TIMES: `set_modified` changes the time of nothing else, and no content."""
        needs(stocked, _TIMES)
        before, contents = listing(stocked), tree(stocked)
        stocked.set_modified(FILE, _MOMENT)
        after = listing(stocked)
        for name in ("dir", "empty", "other"):
            expect(after[name], before[name], f"/{name} in scan_dir after set_modified(/file)")
        expect(tree(stocked), contents, "contents after set_modified(/file)")

    @rule("FileInfo.modified")
    def test_writing_is_modifying(self, stocked: FileSystem) -> None:
        """TIMES: a file that is replaced was modified now, whatever time was set before."""
        needs(stocked, _TIMES)
        stocked.set_modified(FILE, _MOMENT)
        put(stocked, FILE, b"new")
        _expect_now(stocked.stat(FILE, follow=True), "stat of a file replaced after set_modified")

    @rule("FileInfo.modified")
    def test_reading_is_not_modifying(self, stocked: FileSystem) -> None:
        """TIMES: reading and listing change no time."""
        needs(stocked, _TIMES)
        for path in (FILE, DIR):
            stocked.set_modified(path, _MOMENT)
        get(stocked, FILE)
        listing(stocked, DIR)
        for path in (FILE, DIR):
            expect(stocked.stat(path, follow=True).modified, _MOMENT, f"time of {path}, which was only read")

    @KINDS
    @pytest.mark.parametrize("mode", [0o741, 0o600, 0o400, 0o777, 0o555, 0o000], ids="{:o}".format)
    @rule("Capability.MODE")
    def test_set_mode_shows(self, stocked: FileSystem, path: VirtualPath, mode: int) -> None:
        """MODE: `set_mode` sets the permission bits and nothing else; `FileInfo.mode` has them and the type."""
        needs(stocked, _MODE)
        before = stocked.stat(path, follow=True)
        stocked.set_mode(path, mode)
        after, listed = stocked.stat(path, follow=True), listing(stocked)[base_name(path)]
        stocked.set_mode(path, 0o755)
        expected = before._replace(mode=stat.S_IFMT(before.mode or 0) | mode)
        expect(after, expected, f"stat({path}) after set_mode({path}, 0o{mode:o})")
        expect(listed, expected, f"{path} in scan_dir after set_mode({path}, 0o{mode:o})")

    @rule("FileInfo.mode")
    def test_modes_have_the_type(self, stocked: FileSystem) -> None:
        """MODE: `FileInfo.mode` has the bits of the type, as `st_mode`, and agrees with the kind."""
        needs(stocked, Capability.MODE)
        for path, expected in ((ROOT, stat.S_IFDIR), (DIR, stat.S_IFDIR), (FILE, stat.S_IFREG), (INNER, stat.S_IFREG)):
            mode = stocked.stat(path, follow=True).mode
            expect(mode and oct(stat.S_IFMT(mode)), oct(expected), f"type in FileInfo.mode of {path}, {mode!r}")

    @rule("Capability.MODE")
    def test_set_mode_is_of_one_path(self, stocked: FileSystem) -> None:
        """MODE: `set_mode` of a directory changes nothing below it, and nothing beside it."""
        needs(stocked, _MODE)
        inner, before, contents = stocked.stat(INNER, follow=True), listing(stocked), tree(stocked)
        stocked.set_mode(DIR, 0o711)
        expect(stocked.stat(INNER, follow=True), inner, "stat(/dir/inner) after set_mode(/dir)")
        expect(listing(stocked) | {"dir": None}, before | {"dir": None}, "what is beside /dir after set_mode(/dir)")
        expect(tree(stocked), contents, "contents after set_mode(/dir)")

    @rule("RFC 3659 7.5.2")
    def test_identifiers_differ(self, holding: Holding) -> None:
        """UNIQUE_ID: different for different objects, also of one name in two directories, or of one content."""
        files = holding({"/a/": b"", "/a/x": b"same", "/b/": b"", "/b/x": b"same", "/x": b"same", "/y": b""})
        needs(files, Capability.UNIQUE_ID)
        paths = ["/", "/a", "/b", "/a/x", "/b/x", "/x", "/y"]
        unique = {path: files.stat(VirtualPath(path), follow=True).unique for path in paths}
        expect(len(set(unique.values())), len(paths), f"different identifiers in {unique}")

    @rule("FileInfo.unique")
    def test_identifiers_are_of_their_form(self, stocked: FileSystem) -> None:
        """UNIQUE_ID: an identifier is a text without blanks, semicolons and control characters, and is not empty."""
        needs(stocked, Capability.UNIQUE_ID)
        for name, info in listing(stocked).items():
            unique = info.unique
            if not isinstance(unique, str) or not unique or not unique.isprintable() or set(unique) & set(" ;"):
                broken(f"FileInfo.unique of /{name}", expected="printable text without blanks and ';'", came=unique)

    @rule("Capability.UNIQUE_ID")
    def test_identifiers_stay(self, stocked: FileSystem) -> None:
        """UNIQUE_ID: an object keeps its identifier, also when it is written to, or given a time or a mode."""
        needs(stocked, Capability.UNIQUE_ID)
        offered = stocked.capabilities
        before = {path: stocked.stat(path, follow=True).unique for path in (ROOT, FILE, DIR)}
        if _TIMES in offered:
            stocked.set_modified(FILE, _MOMENT)
            stocked.set_modified(DIR, _MOMENT)
        if _MODE in offered:
            stocked.set_mode(FILE, 0o640)
        if Capability.WRITE | Capability.RESUME in offered:
            with opened(stocked, FILE, OpenMode.WRITE) as file:
                file.write_at(0, b"changed")
        if Capability.WRITE in offered:
            put(stocked, join_path(DIR, "new"), b"new")
        after = {path: stocked.stat(path, follow=True).unique for path in (ROOT, FILE, DIR)}
        expect(after, before, "identifiers after changes of times, modes and contents")

    @rule("Capability.UNIQUE_ID")
    def test_no_identifier_unless_declared(self, stocked: FileSystem) -> None:
        """Without UNIQUE_ID `FileInfo.unique` is None: clients take two of one identifier for one object."""
        if Capability.UNIQUE_ID in stocked.capabilities:
            pytest.skip("not offered: a filesystem without UNIQUE_ID")
        for path in (ROOT, FILE, OTHER, DIR):
            expect(stocked.stat(path, follow=True).unique, None, f"FileInfo.unique of {path}")

    @rule("Capability.TIMES")
    def test_set_modified_makes_nothing(self, stocked: FileSystem) -> None:
        """TIMES: `set_modified` of what is missing raises FileNotFoundError, and makes no file."""
        needs(stocked, _TIMES)
        with raises(FileNotFoundError, "set_modified(/absent), which is missing"):
            stocked.set_modified(ABSENT, _MOMENT)
        expect("absent" in listing(stocked), False, "/absent is listed after set_modified(/absent)")


_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "name": (str,),
    "kind": (FileKind,),
    "size": (int,),
    "modified": (float, int),
    "mode": (int, type(None)),
    "links": (int,),
    "owner": (str,),
    "group": (str,),
    "uid": (int, type(None)),
    "gid": (int, type(None)),
    "unique": (str, type(None)),
    "target": (str, type(None)),
}


def _expect_now(info: FileInfo, what: str) -> None:
    """Fail unless the time is that of this moment."""
    now = time.time()
    if not abs(info.modified - now) <= _CLOCKS:
        broken(f"modified in {what}", expected=f"now, {now:.0f}, by some minutes", came=f"{info.modified!r}")


@contextmanager
def _zone(zone: str) -> Iterator[None]:
    """Put the process into a time zone, where the system can do that."""
    before = os.environ.get("TZ")
    set_zone = getattr(time, "tzset", lambda: None)
    os.environ["TZ"] = zone
    set_zone()
    try:
        yield
    finally:
        os.environ.pop("TZ", None)
        if before is not None:
            os.environ["TZ"] = before
        set_zone()
