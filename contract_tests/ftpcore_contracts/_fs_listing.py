"""Rules of listings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar, Final

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileInfo, FileKind, FileSystem
from ftpcore_contracts._contents import Holding
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, BELOW_FILE, DIR, EMPTY, FILE, INNER, ROOT, get, listing, put

__all__ = ["Listing"]

#: How many entries a session takes at once.
_PAGE: Final = 100

#: Entries of the directory that changes while it is listed: more than one page.
_SOME: Final = 250

FOLLOW: Final = pytest.mark.parametrize("follow", [True, False], ids=["following", "not following"])


class Listing:
    """listings"""

    many: ClassVar[int]

    @FOLLOW
    @rule("FileSystem.scan_dir")
    def test_a_listing_has_every_entry_once(self, stocked: FileSystem, follow: bool) -> None:
        """A listing has every entry of the directory once, with its kind, and a file's size."""
        found = [_facts(info) for info in stocked.scan_dir(ROOT, follow=follow)]
        expected = [
            ("dir", FileKind.DIRECTORY, None),
            ("empty", FileKind.DIRECTORY, None),
            ("file", FileKind.FILE, 10),
            ("other", FileKind.FILE, 5),
        ]
        expect(sorted(found, key=str), expected, f"name, kind, size in scan_dir(/, follow={follow})")

    @FOLLOW
    @rule("FileSystem.scan_dir")
    def test_a_listing_agrees_with_stat(self, stocked: FileSystem, follow: bool) -> None:
        """An entry of a listing is what `stat` says of its path."""
        for directory in (ROOT, DIR):
            for name, info in listing(stocked, directory, follow=follow).items():
                path = join_path(directory, name)
                expect(info, stocked.stat(path, follow=follow), f"scan_dir({directory}), compared with stat({path})")

    @rule("FileSystem.scan_dir")
    def test_a_listing_is_of_one_directory(self, stocked: FileSystem) -> None:
        """A listing has the entries of that directory, not those above, beside or below."""
        expect(set(listing(stocked, DIR)), {"inner"}, "the listing of /dir")
        expect(set(listing(stocked)), {"dir", "empty", "file", "other"}, "the listing of /")

    @FOLLOW
    @rule("FileSystem.scan_dir")
    def test_dot_and_dot_dot_are_left_out(self, stocked: FileSystem, follow: bool) -> None:
        """ "." and ".." are no entries, also of a directory without any."""
        for directory in (ROOT, EMPTY):
            names = {info.name for info in stocked.scan_dir(directory, follow=follow)}
            expect(names & {".", "..", "", "/"}, set(), f"dots in the listing of {directory}")

    @FOLLOW
    @rule("FileSystem.scan_dir")
    def test_dot_files_are_listed(self, holding: Holding, follow: bool) -> None:
        """Names that begin with a dot, or end in "~", are listed as all others."""
        files = holding({"/.file": b"x", "/.dir/": b"", "/.dir/...": b"x", "/#x#": b"x", "/x~": b"x", "/..x": b"x"})
        names = {info.name for info in files.scan_dir(ROOT, follow=follow)}
        expect(names, {".file", ".dir", "#x#", "x~", "..x"}, "the listing of /")
        expect(set(listing(files, VirtualPath("/.dir"), follow=follow)), {"..."}, "the listing of /.dir")

    @rule("FileSystem.scan_dir")
    def test_an_empty_directory_lists_nothing(self, stocked: FileSystem) -> None:
        """The listing of an empty directory ends at once, without an error."""
        expect(list(stocked.scan_dir(EMPTY, follow=True)), [], "the listing of /empty")

    @rule("FileSystem.scan_dir")
    def test_an_empty_root_lists_nothing(self, files: FileSystem) -> None:
        """The listing of an empty root ends at once, without an error."""
        needs(files, Capability.WRITE)
        expect(list(files.scan_dir(ROOT, follow=True)), [], "the listing of /, which is empty")

    @FOLLOW
    @rule("FileSystem.scan_dir")
    def test_a_file_has_no_listing(self, stocked: FileSystem, follow: bool) -> None:
        """`scan_dir` of a file raises NotADirectoryError by the call, before the first step."""
        with raises(NotADirectoryError, "the call of scan_dir(/file), which is a file"):
            stocked.scan_dir(FILE, follow=follow)

    @pytest.mark.parametrize("path", [ABSENT, BELOW_FILE])
    @rule("FileSystem.scan_dir")
    def test_a_missing_directory_has_no_listing(self, stocked: FileSystem, path: VirtualPath) -> None:
        """`scan_dir` of what is missing raises FileNotFoundError by the call; below a file, NotADirectoryError may."""
        kinds = FileNotFoundError if path == ABSENT else (FileNotFoundError, NotADirectoryError)
        with raises(kinds, f"the call of scan_dir({path}), which is missing"):
            stocked.scan_dir(path, follow=True)

    @rule("FileSystem.scan_dir")
    def test_a_listing_is_an_iterator(self, stocked: FileSystem) -> None:
        """A listing is an iterator: each `next` goes on from where it was, and after the end there is no more."""
        entries = stocked.scan_dir(ROOT, follow=True)
        if iter(entries) is not entries:
            broken("scan_dir(/)", expected="an iterator, which is its own iter()", came=type(entries).__name__)
        names = [next(entries).name]
        names += [info.name for info in islice(entries, 2)]
        names += [info.name for info in entries]
        expect(sorted(names), ["dir", "empty", "file", "other"], "1 + 2 + the other entries of scan_dir(/)")
        expect(list(entries), [], "what comes after the end of scan_dir(/)")

    @rule("FileSystem.scan_dir")
    def test_a_large_directory_is_listed_in_pages(self, holding: Holding) -> None:
        """Pages of 100 taken from one listing hold each of 10,000 entries once, whatever else is called in between."""
        names = [f"{number:05}" for number in range(self.many)]
        files = holding({"/many/": b"", "/other": b"other"} | {f"/many/{name}": b"" for name in names})
        entries = files.scan_dir(VirtualPath("/many"), follow=True)
        found: list[str] = []
        while page := [info.name for info in islice(entries, _PAGE)]:
            found += page
            if len(found) > len(names):
                break
            files.stat(VirtualPath("/other"), follow=True)
        same_names(found, names, f"the listing of a directory with {self.many} entries, in pages of {_PAGE}")

    @pytest.mark.parametrize("steps", [0, 1, 99], ids=["at once", "after one entry", "at its end"])
    @rule("FileSystem.scan_dir")
    def test_a_listing_may_be_given_up(self, stocked: FileSystem, steps: int) -> None:
        """`close`, where a listing has it, may be called at any time, and twice; nothing comes after it."""
        entries = stocked.scan_dir(ROOT, follow=True)
        expect(len(list(islice(entries, steps))), min(steps, 4), f"entries of / in {steps} steps")
        close = getattr(entries, "close", None)
        if close is None:
            pytest.skip("not offered: close of a listing")
        close()
        expect(list(entries), [], f"what comes after {steps} steps and close()")
        close()

    @rule("FileSystem.scan_dir")
    def test_listings_are_apart(self, stocked: FileSystem) -> None:
        """Two listings at a time, of one directory or of two, do not disturb each other."""
        one, two = stocked.scan_dir(ROOT, follow=True), stocked.scan_dir(ROOT, follow=True)
        inner = stocked.scan_dir(DIR, follow=True)
        found: tuple[list[str], list[str]] = ([], [])
        for _ in range(4):
            found[0].append(next(one).name)
            found[1].append(next(two).name)
        below = [info.name for info in inner]
        expected = ["dir", "empty", "file", "other"]
        expect((sorted(found[0]), sorted(found[1])), (expected, expected), "two listings of /, step by step")
        expect(below, ["inner"], "the listing of /dir, which was begun meanwhile")
        for entries in (one, two, inner):
            expect(list(entries), [], "what comes after the end")

    @rule("FileSystem.scan_dir")
    def test_a_listing_stays_with_its_directory(self, stocked: FileSystem) -> None:
        """A listing goes on in the directory that it began in, whatever is entered, read or listed meanwhile."""
        entries = stocked.scan_dir(ROOT, follow=True)
        first = next(entries).name
        stocked.enter_dir(DIR)
        get(stocked, INNER)
        listing(stocked, EMPTY)
        rest = [_facts(info) for info in entries]
        whole = [_facts(info) for info in listing(stocked).values() if info.name != first]
        expect(sorted(rest, key=str), sorted(whole, key=str), "the rest of scan_dir(/), after other calls")

    @FOLLOW
    @rule("FileSystem.scan_dir")
    def test_entries_that_vanish_do_not_end_a_listing(self, holding: Holding, follow: bool) -> None:
        """WRITE: an entry that was removed since the listing began is left out, or shown as it was.

        It is no error, and all that stay are listed once.
        """
        files = holding(_numbered())
        needs(files, Capability.WRITE)
        before = listing(files, DIR, follow=follow)
        entries = files.scan_dir(DIR, follow=follow)
        found = list(islice(entries, _PAGE))
        kept = {info.name for info in found} | {name for name in before if name.endswith("7")}
        for name in before.keys() - kept:
            files.remove_file(join_path(DIR, name))
        found += _bounded(entries)
        _listed_once(found, kept, before, "removed")

    @rule("FileSystem.scan_dir")
    def test_a_directory_that_vanishes_ends_its_listing(self, holding: Holding) -> None:
        """WRITE: a listing whose directory is removed comes to its end, without an error."""
        files = holding(_numbered())
        needs(files, Capability.WRITE)
        before = listing(files, DIR)
        entries = files.scan_dir(DIR, follow=True)
        found = list(islice(entries, _PAGE))
        for name in before:
            files.remove_file(join_path(DIR, name))
        files.remove_dir(DIR)
        found += _bounded(entries)
        _listed_once(found, {info.name for info in found[:_PAGE]}, before, "removed with its directory")

    @rule("FileSystem.scan_dir")
    def test_entries_that_come_do_not_disturb_a_listing(self, holding: Holding) -> None:
        """WRITE: what is made while a directory is listed may be shown or not; all that was there is listed once."""
        files = holding(_numbered())
        needs(files, Capability.WRITE)
        before = listing(files, DIR)
        entries = files.scan_dir(DIR, follow=True)
        found = list(islice(entries, _PAGE))
        new = {f"{number}.new" for number in range(_SOME)}
        for name in new:
            put(files, join_path(DIR, name), b"")
        found += _bounded(entries)
        same_names(
            [info.name for info in found if info.name not in new],
            list(before),
            f"the listing of a directory, to which {len(new)} files were added meanwhile",
        )
        names = [info.name for info in found]
        expect(len(names) - len(set(names)), 0, "entries that came twice")

    @rule("FileSystem.scan_dir")
    def test_each_listing_is_fresh(self, stocked: FileSystem) -> None:
        """WRITE: a listing that begins after a change shows it, also while an older one is under way."""
        needs(stocked, Capability.WRITE)
        older = stocked.scan_dir(ROOT, follow=True)
        next(older)
        put(stocked, ABSENT, b"new")
        stocked.remove_dir(EMPTY)
        expect(set(listing(stocked)), {"absent", "dir", "file", "other"}, "the listing of / after changes")
        _bounded(older)


def same_names(found: list[str], expected: list[str], what: str) -> None:
    """Fail unless both hold the same names, each as often; tell which are missing, foreign, or come twice."""
    __tracebackhide__ = True
    missing = sorted(set(expected) - set(found))
    foreign = sorted(set(found) - set(expected))
    twice = sorted({name for name in found if found.count(name) > 1}) if len(found) != len(set(found)) else []
    if missing or foreign or twice:
        came = f"{len(found)} names; missing {missing[:5]}, foreign {foreign[:5]}, more than once {twice[:5]}"
        broken(what, expected=f"{len(expected)} names, each once", came=came)


def _numbered() -> dict[str, bytes]:
    return {"/dir/": b""} | {f"/dir/{number}": str(number).encode() for number in range(_SOME)} | {"/file": b""}


def _bounded(entries: Iterator[FileInfo]) -> list[FileInfo]:
    """Return the rest of a listing that has an end, if it comes soon."""
    return list(islice(entries, 4 * _SOME))


def _listed_once(found: list[FileInfo], kept: set[str], before: dict[str, FileInfo], how: str) -> None:
    names = [info.name for info in found]
    same_names([name for name in names if name in kept], sorted(kept), f"what stays of entries that were {how}")
    expect(len(names) - len(set(names)), 0, "entries that came twice")
    for info in found:
        expect(info, before.get(info.name), f"what the listing shows of {info.name}, as it was before some were {how}")


def _facts(info: FileInfo) -> tuple[str, FileKind, int | None]:
    return info.name, info.kind, info.size if info.kind is FileKind.FILE else None
