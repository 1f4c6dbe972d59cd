"""Rules of the methods that look: `listdir`, `stat` and `lstat`, and those that ask one question."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator

import pytest

from ftpcore import FilesystemError
from ftpcore_contracts._rules import broken, expect, raises, rule
from ftpcore_contracts._seed_tree import (
    ABSENT,
    DIR,
    FILE,
    INNER,
    MakeLink,
    SeedStyleFileSystem,
    names,
    real,
    stored,
)

__all__ = ["Questions"]

#: More entries than one page of any listing.
_MANY = 1_000

#: A number that is nobody's.
_NOBODY = 4_294_900_001


class Questions:
    """questions"""

    @rule("AbstractedFS.listdir")
    def test_listdir_returns_every_name(self, stocked: SeedStyleFileSystem) -> None:
        """`listdir` returns a list or an iterator of texts: each name once, those that begin with a dot among them,
        "." and ".." not.
        """
        came = list(stocked.listdir(real(stocked)))
        expect(sorted(came), [".hidden", "dir", "empty", "file"], "names from listdir")
        expect(list(stocked.listdir(real(stocked, "empty"))), [], "names in an empty directory")

    @rule("AbstractedFS.listdir")
    def test_listdir_of_a_large_directory(self, fs: SeedStyleFileSystem) -> None:
        """However many there are, each name comes once."""
        expected = sorted(str(number) for number in range(_MANY))
        for name in expected:
            fs.open(real(fs, name), "wb").close()
        came = names(fs)
        expect((len(came), came == expected), (_MANY, True), f"names, and whether they are right, of {_MANY} files")

    @pytest.mark.parametrize("path", [ABSENT, FILE], ids=["missing", "file"])
    @rule("AbstractedFS.listdir")
    def test_listdir_is_refused(self, stocked: SeedStyleFileSystem, path: str) -> None:
        """What is no directory raises, by the call or by the first step: it is not an empty one."""
        with raises((FileNotFoundError, NotADirectoryError, FilesystemError), f"listdir({path!r})"):
            list(stocked.listdir(real(stocked, path)))

    @rule("AbstractedFS.listdirinfo")
    def test_listdirinfo_is_listdir(self, stocked: SeedStyleFileSystem) -> None:
        """`listdirinfo` returns what `listdir` does: old handlers call it."""
        expect(sorted(stocked.listdirinfo(real(stocked))), names(stocked), "names from listdirinfo, and from listdir")

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            pytest.param(FILE, (True, False, False, True), id="file"),
            pytest.param(INNER, (True, False, False, True), id="file in a directory"),
            pytest.param(DIR, (False, True, False, True), id="directory"),
            pytest.param("", (False, True, False, True), id="where it starts"),
            pytest.param(ABSENT, (False, False, False, False), id="missing"),
            pytest.param("absent/x", (False, False, False, False), id="no parent"),
            pytest.param("file/x", (False, False, False, False), id="below a file"),
        ],
    )
    @rule("AbstractedFS.isfile")
    def test_questions_are_answered(
        self, stocked: SeedStyleFileSystem, path: str, expected: tuple[bool, bool, bool, bool]
    ) -> None:
        """`isfile`, `isdir`, `islink` and `lexists` return what is true, and raise for nothing that is missing."""
        expect(_answers(stocked, path), expected, f"isfile, isdir, islink, lexists of {path!r}")

    @pytest.mark.parametrize(
        ("target", "expected"),
        [
            pytest.param("file", (True, False, True, True), id="to a file"),
            pytest.param("dir", (False, True, True, True), id="to a directory"),
            pytest.param("absent", (False, False, True, True), id="to nothing"),
            pytest.param("link", (False, False, True, True), id="to itself"),
        ],
    )
    @rule("AbstractedFS.islink")
    def test_questions_follow_links(
        self, stocked: SeedStyleFileSystem, link: MakeLink, target: str, expected: tuple[bool, bool, bool, bool]
    ) -> None:
        """`isfile` and `isdir` tell of what a link leads to; `islink` and `lexists` of the link, lost or not."""
        link(real(stocked, "link"), target)
        expect(_answers(stocked, "link"), expected, f"isfile, isdir, islink, lexists of a link that holds {target!r}")

    @rule("AbstractedFS.stat")
    def test_stat_tells_what_is_there(self, stocked: SeedStyleFileSystem) -> None:
        """`stat` and `lstat` tell type, size and time of a file and of a directory."""
        for look in (stocked.stat, stocked.lstat):
            status = look(real(stocked, FILE))
            came = (stat.S_ISREG(status.st_mode), status.st_size, abs(status.st_mtime - time.time()) < 600)
            expect(came, (True, 10, True), f"plain file, size, modified now: {look.__name__} of a file just made")
            expect(stat.S_ISDIR(look(real(stocked, DIR)).st_mode), True, f"{look.__name__} of a directory")

    @pytest.mark.parametrize("path", [ABSENT, "absent/x", "file/x"])
    @rule("AbstractedFS.stat")
    def test_stat_raises_for_what_is_missing(self, stocked: SeedStyleFileSystem, path: str) -> None:
        """`stat`, `lstat`, `getsize` and `getmtime` raise: there is nothing to tell."""
        for look in (stocked.stat, stocked.lstat, stocked.getsize, stocked.getmtime):
            with raises((FileNotFoundError, NotADirectoryError, FilesystemError), f"{look.__name__}({path!r})"):
                look(real(stocked, path))

    @rule("AbstractedFS.stat")
    def test_stat_follows_links(self, stocked: SeedStyleFileSystem, link: MakeLink) -> None:
        """`stat` tells of what a link leads to, and raises if that is nothing; `lstat` tells of the link."""
        link(real(stocked, "link"), "file")
        link(real(stocked, "lost"), "absent")
        expect(stocked.stat(real(stocked, "link")).st_size, 10, "st_size in stat of a link to a file of 10 bytes")
        with raises((FileNotFoundError, FilesystemError), "stat of a link to nothing"):
            stocked.stat(real(stocked, "lost"))
        for name in ("link", "lost"):
            mode = stocked.lstat(real(stocked, name)).st_mode
            expect(stat.S_ISLNK(mode), True, f"lstat of {name!r}, a link, tells of a link")

    @rule("AbstractedFS.readlink")
    def test_readlink_returns_what_is_stored(self, stocked: SeedStyleFileSystem, link: MakeLink) -> None:
        """`readlink`, where there is one, returns what a link holds, unresolved, and raises for what is no link."""
        readlink = getattr(stocked, "readlink", None)
        if readlink is None:
            pytest.skip("not offered: LINKS")
        for target in ("file", "dir/../file", "absent"):
            link(real(stocked, "link"), target)
            expect(readlink(real(stocked, "link")), target, f"readlink of a link that holds {target!r}")
            stocked.remove(real(stocked, "link"))
        with raises((OSError, FilesystemError), "readlink of a file"):
            readlink(real(stocked, FILE))

    @rule("AbstractedFS.getsize")
    def test_sizes_and_times_agree_with_stat(self, stocked: SeedStyleFileSystem, link: MakeLink) -> None:
        """`getsize` and `getmtime` return what `stat` does, of what a link leads to."""
        stocked.utime(real(stocked, FILE), 1_000_000_000)
        link(real(stocked, "link"), "file")
        for name in (FILE, "link"):
            status = stocked.stat(real(stocked, name))
            came = (stocked.getsize(real(stocked, name)), int(stocked.getmtime(real(stocked, name))))
            expect(came, (status.st_size, int(status.st_mtime)), f"getsize and getmtime of {name!r}, and stat")

    @rule("AbstractedFS.getsize")
    def test_a_size_is_that_of_now(self, stocked: SeedStyleFileSystem) -> None:
        """What was stored, or made longer or shorter, has its new size once it is closed."""
        for data in (b"longer than before", b"short", b""):
            path = stored(stocked, FILE, data)
            came = (stocked.getsize(path), stocked.stat(path).st_size)
            expect(came, (len(data), len(data)), f"getsize, and st_size, after {len(data)} bytes were stored")

    @rule("AbstractedFS.get_user_by_uid")
    def test_owners_have_names_or_numbers(self, stocked: SeedStyleFileSystem) -> None:
        """`get_user_by_uid` and `get_group_by_gid` return a name, or the number of one who has none: never an error,
        and nothing that would be two columns of a listing.
        """
        status = stocked.stat(real(stocked, FILE))
        for look, number in (
            (stocked.get_user_by_uid, getattr(status, "st_uid", 0)),
            (stocked.get_group_by_gid, getattr(status, "st_gid", 0)),
            (stocked.get_user_by_uid, _NOBODY),
            (stocked.get_group_by_gid, _NOBODY),
        ):
            came = look(number)
            if (
                not isinstance(came, (str, int))
                or len(str(came).split()) != 1
                or (came != number and came == str(number))
            ):
                broken(f"{look.__name__}({number})", expected=f"a name without blanks, or {number}", came=came)
            if number == _NOBODY and isinstance(came, int):
                expect(came, _NOBODY, f"{look.__name__}({_NOBODY}), whom nobody is")

    @rule("AbstractedFS.listdir")
    def test_looking_changes_nothing(self, stocked: SeedStyleFileSystem) -> None:
        """Two looks find the same, and a generator that was given up disturbs nothing."""
        entries = iter(stocked.listdir(real(stocked)))
        next(entries)
        if isinstance(entries, Iterator) and hasattr(entries, "close"):
            entries.close()
        first = (names(stocked), _answers(stocked, FILE), _answers(stocked, DIR))
        expect((names(stocked), _answers(stocked, FILE), _answers(stocked, DIR)), first, "two looks at the same")


def _answers(fs: SeedStyleFileSystem, path: str) -> tuple[bool, bool, bool, bool]:
    found = real(fs, path)
    return fs.isfile(found), fs.isdir(found), fs.islink(found), fs.lexists(found)
