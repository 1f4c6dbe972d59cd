"""Rules of symbolic links: when they are followed, and what is done to a link itself."""

from __future__ import annotations

import errno
from typing import Final

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileKind, FileSystem, OpenMode
from ftpcore_contracts._contents import mode_name, needs_mode
from ftpcore_contracts._refusals import refused, unchanged
from ftpcore_contracts._rules import expect, needs, raises, rule
from ftpcore_contracts._trees import (
    ABSENT,
    DIR,
    EMPTY,
    FILE,
    INNER,
    LINK,
    OTHER,
    ROOT,
    STOCK,
    Link,
    get,
    listing,
    opened,
    put,
    tree,
)

__all__ = ["Links"]

_CHANGED: Final = Capability.WRITE | Capability.LINKS
_TARGETS: Final = pytest.mark.parametrize("target", ["file", "dir", "absent", "link"])
_LOST: Final = pytest.mark.parametrize("target", ["absent", "dir/absent", "absent/x", "file/x"])

#: Links in a row that every system follows.  POSIX, _POSIX_SYMLOOP_MAX.
_IN_A_ROW: Final = 8


class Links:
    """links"""

    @_TARGETS
    @rule("Capability.LINKS")
    def test_a_link_is_told_as_a_link(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: without `follow` a link is a LINK, whatever it leads to, in `stat` and in a listing alike."""
        needs(stocked, Capability.LINKS)
        link(LINK, target)
        info = stocked.stat(LINK, follow=False)
        expect((info.name, info.kind), ("link", FileKind.LINK), f"name and kind in stat(/link -> {target})")
        expect(info.target in (target, f"/{target}", None), True, f"FileInfo.target, {info.target!r}, of -> {target}")
        expect(listing(stocked).get("link"), info, f"/link -> {target} in scan_dir, compared with stat")

    @pytest.mark.parametrize("target", ["file", "dir"])
    @rule("FileSystem.stat")
    def test_a_followed_link_is_what_it_leads_to(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: with `follow` a link is told as what it leads to, under its own name."""
        needs(stocked, Capability.LINKS)
        link(LINK, target)
        expected = stocked.stat(VirtualPath(f"/{target}"), follow=True)._replace(name="link")
        expect(stocked.stat(LINK, follow=True), expected, f"stat(/link -> {target}, follow=True)")
        expect(listing(stocked, follow=True).get("link"), expected, f"/link -> {target} in scan_dir(/, follow=True)")

    @rule("FileSystem.open_file")
    def test_a_link_is_read_through(self, stocked: FileSystem, link: Link) -> None:
        """LINKS: opening a link to a file opens the file."""
        needs(stocked, Capability.LINKS)
        link(LINK, "file")
        expect(get(stocked, LINK), STOCK["/file"], "content of /link -> file")

    @rule("FileSystem.enter_dir")
    def test_a_link_to_a_directory_is_one(self, stocked: FileSystem, link: Link) -> None:
        """LINKS: a link to a directory is entered and listed, and its entries are looked up, as that directory."""
        needs(stocked, Capability.LINKS)
        link(LINK, "dir")
        stocked.enter_dir(LINK)
        below = join_path(LINK, "inner")
        for follow in (True, False):
            expect(listing(stocked, LINK, follow=follow), listing(stocked, DIR), f"scan_dir(/link -> dir, {follow=})")
            expect(stocked.stat(below, follow=follow), stocked.stat(INNER, follow=True), f"stat({below}, {follow=})")
        expect(get(stocked, below), b"inner", f"content of {below}, where /link -> dir")

    @pytest.mark.parametrize("target", ["dir", "./dir//", "dir/../dir/.", "empty/up/dir", "links/0"])
    @rule("Capability.LINKS")
    def test_links_lead_through_others(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: a target may hold ".", ".." and blank components, and lead through links, 8 in a row at least."""
        needs(stocked, _CHANGED)
        stocked.make_dir(VirtualPath("/links"))
        link(VirtualPath("/empty/up"), "..")
        link(VirtualPath(f"/links/{_IN_A_ROW - 2}"), "../dir")
        for number in range(_IN_A_ROW - 2):
            link(VirtualPath(f"/links/{number}"), str(number + 1))
        link(LINK, target)
        expect(get(stocked, join_path(LINK, "inner")), b"inner", f"content of /link/inner, where /link -> {target}")

    @pytest.mark.parametrize("target", ["inner", "../file", "../dir/inner"])
    @rule("Capability.LINKS")
    def test_targets_count_from_the_link(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: a relative target counts from the directory that the link is in."""
        needs(stocked, Capability.LINKS)
        path = join_path(DIR, "link")
        link(path, target)
        expected = STOCK["/file" if target.endswith("file") else "/dir/inner"]
        expect(get(stocked, path), expected, f"content of {path} -> {target}")
        expect(listing(stocked, DIR, follow=True)["link"].size, len(expected), f"size of {path} in scan_dir(/dir)")

    @pytest.mark.parametrize("mode", [OpenMode.REPLACE, OpenMode.WRITE, OpenMode.UPDATE], ids=mode_name)
    @rule("FileSystem.open_file")
    def test_a_link_is_written_through(self, stocked: FileSystem, link: Link, mode: OpenMode) -> None:
        """LINKS: storing to a link stores to the file that it leads to, and the link stays one."""
        needs(stocked, Capability.LINKS)
        needs_mode(stocked, mode)
        link(LINK, "file")
        with opened(stocked, LINK, mode) as file:
            expect(file.created, False, f"BinaryFile.created of /link -> file, opened in mode {mode.name}")
            file.write_at(0, b"abcdefghijkl")
        expect(get(stocked, FILE), b"abcdefghijkl", "content of /file, written through /link")
        expect(stocked.stat(LINK, follow=False).kind, FileKind.LINK, "kind of /link, which was written through")

    @rule("FileSystem.open_file")
    def test_a_file_is_made_through_a_link(self, stocked: FileSystem, link: Link) -> None:
        """LINKS: storing to a link to what is missing makes the file there, as `open` of POSIX; the link stays one."""
        needs(stocked, _CHANGED)
        link(LINK, "dir/new")
        with opened(stocked, LINK, OpenMode.REPLACE) as file:
            expect(file.created, True, "BinaryFile.created of /link -> dir/new, which is missing")
            file.write_at(0, b"new")
        expect(get(stocked, join_path(DIR, "new")), b"new", "content of /dir/new, stored through /link")
        expect(stocked.stat(LINK, follow=False).kind, FileKind.LINK, "kind of /link, which was stored through")

    @rule("FileSystem.make_dir")
    def test_changes_go_through_links(self, stocked: FileSystem, link: Link) -> None:
        """LINKS: what is made, renamed and removed below a link to a directory is in that directory."""
        needs(stocked, _CHANGED)
        link(LINK, "dir")
        stocked.make_dir(join_path(LINK, "made"))
        put(stocked, join_path(LINK, "stored"), b"stored")
        name, file = stocked.open_unique(LINK, "unique")
        file.close(complete=True)
        stocked.remove_file(join_path(LINK, "inner"))
        expect(set(listing(stocked, DIR)), {"made", "stored", name}, "the listing of /dir, changed through /link")
        if Capability.RENAME in stocked.capabilities:
            stocked.rename(FILE, join_path(LINK, "made/moved"))
            expect(set(listing(stocked, join_path(DIR, "made"))), {"moved"}, "/dir/made, into which a file was renamed")
            stocked.rename(join_path(LINK, "made/moved"), FILE)
        stocked.remove_dir(join_path(LINK, "made"))
        expect(set(listing(stocked, DIR)), {"stored", name}, "the listing of /dir, changed through /link")

    @_LOST
    @rule("Capability.LINKS")
    def test_a_link_that_leads_nowhere(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: following a link to what is missing raises FileNotFoundError, or NotADirectoryError below a file."""
        needs(stocked, Capability.LINKS)
        link(LINK, target)
        kinds = (FileNotFoundError, NotADirectoryError) if target == "file/x" else (FileNotFoundError,)
        below = join_path(LINK, "x")
        with refused(stocked, kinds, f"stat(/link -> {target}, follow=True)"):
            stocked.stat(LINK, follow=True)
        with refused(stocked, kinds, f"scan_dir(/link -> {target})"):
            stocked.scan_dir(LINK, follow=True)
        with refused(stocked, kinds, f"enter_dir(/link -> {target})"):
            stocked.enter_dir(LINK)
        with refused(stocked, kinds, f"open_file(/link -> {target}, READ)"):
            stocked.open_file(LINK, OpenMode.READ)
        with refused(stocked, kinds, f"stat({below}, follow=False), where /link -> {target}"):
            stocked.stat(below, follow=False)

    @pytest.mark.parametrize("target", ["absent", "dir/absent", "file/x", "link", "loop"])
    @rule("FileSystem.scan_dir")
    def test_lost_links_are_left_out_when_followed(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: a listing with `follow` leaves out links that lead nowhere, and goes on; without, they are shown."""
        needs(stocked, Capability.LINKS)
        link(VirtualPath("/loop"), "link")
        link(LINK, target)
        names = {"dir", "empty", "file", "other"}
        expect(set(listing(stocked, follow=True)), names, f"scan_dir(/, follow=True), where /link -> {target}")
        expect(set(listing(stocked)), names | {"link", "loop"}, f"scan_dir(/, follow=False), where /link -> {target}")

    @pytest.mark.parametrize("target", ["link", "loop", "link/x", "dir/../link"])
    @rule("Capability.LINKS")
    def test_loops_of_links_end(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: links that lead to themselves raise OSError(ELOOP) or FileNotFoundError, at once."""
        needs(stocked, Capability.LINKS)
        link(VirtualPath("/loop"), "link")
        link(LINK, target)
        errnos = (errno.ELOOP,)
        for path in (LINK, join_path(LINK, "x")):
            with raises(FileNotFoundError, f"stat({path}, follow=True), a loop", errnos=errnos):
                stocked.stat(path, follow=True)
            with raises(FileNotFoundError, f"enter_dir({path}), a loop", errnos=errnos):
                stocked.enter_dir(path)
            with raises(FileNotFoundError, f"open_file({path}, READ), a loop", errnos=errnos):
                stocked.open_file(path, OpenMode.READ)

    @_TARGETS
    @rule("FileSystem.remove_file")
    def test_remove_file_removes_the_link(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: `remove_file` removes a link, never what it leads to."""
        needs(stocked, _CHANGED)
        link(LINK, target)
        stocked.remove_file(LINK)
        expect(tree(stocked), dict(STOCK), f"what is there after remove_file(/link -> {target})")

    @pytest.mark.parametrize("target", ["empty", "file", "absent"])
    @rule("FileSystem.remove_dir")
    def test_remove_dir_refuses_links(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: a link is no directory: `remove_dir` raises NotADirectoryError, and the link and its target stay."""
        needs(stocked, _CHANGED)
        link(LINK, target)
        with refused(stocked, NotADirectoryError, f"remove_dir(/link -> {target})"):
            stocked.remove_dir(LINK)

    @_TARGETS
    @rule("FileSystem.rename")
    def test_rename_renames_the_link(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: `rename` moves a link as it is, never what it leads to."""
        needs(stocked, _CHANGED | Capability.RENAME)
        link(LINK, target)
        before = stocked.stat(LINK, follow=False)
        stocked.rename(LINK, VirtualPath("/moved"))
        expect(tree(stocked), dict(sorted({**STOCK, "/moved": b""}.items())), f"what is there after /link -> {target}")
        after = stocked.stat(VirtualPath("/moved"), follow=False)
        expect((after.kind, after.target), (FileKind.LINK, before.target), "kind and target of the link that moved")

    @pytest.mark.parametrize("target", ["other", "empty", "absent"])
    @rule("FileSystem.rename")
    def test_rename_replaces_the_link(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS, REPLACE: what is renamed over a link takes its place, and what it led to stays as it was."""
        needs(stocked, _CHANGED | Capability.RENAME | Capability.REPLACE)
        link(LINK, target)
        stocked.rename(FILE, LINK)
        expect(stocked.stat(LINK, follow=False).kind, FileKind.FILE, f"kind of /link -> {target} after rename over it")
        expected = {path: data for path, data in STOCK.items() if path != "/file"} | {"/link": STOCK["/file"]}
        expect(tree(stocked), dict(sorted(expected.items())), f"what is there after rename over /link -> {target}")

    @_TARGETS
    @rule("FileSystem.make_dir")
    def test_make_dir_refuses_links(self, stocked: FileSystem, link: Link, target: str) -> None:
        """LINKS: `make_dir` of a link raises FileExistsError, also of one that leads nowhere, and makes nothing."""
        needs(stocked, _CHANGED)
        link(LINK, target)
        with refused(stocked, FileExistsError, f"make_dir(/link -> {target})"):
            stocked.make_dir(LINK)

    @rule("FileInfo.unique")
    def test_a_link_has_the_identifier_of_its_target(self, stocked: FileSystem, link: Link) -> None:
        """LINKS, UNIQUE_ID: one object has one identifier by all its names; the link itself is another object."""
        needs(stocked, Capability.LINKS | Capability.UNIQUE_ID)
        for path, target in ((LINK, FILE), (VirtualPath("/to_dir"), DIR)):
            link(path, target[1:])
            unique = stocked.stat(target, follow=True).unique
            expect(stocked.stat(path, follow=True).unique, unique, f"unique of {path} -> {target[1:]}, followed")
            expect(stocked.stat(path, follow=False).unique != unique, True, f"{path}, not followed, is another object")

    @rule("FileSystem.set_mode")
    def test_set_mode_goes_through_links(self, stocked: FileSystem, link: Link) -> None:
        """LINKS, MODE: the mode of what a link leads to is set."""
        needs(stocked, _CHANGED | Capability.MODE)
        link(LINK, "other")
        stocked.set_mode(LINK, 0o640)
        mode = stocked.stat(OTHER, follow=True).mode
        expect(mode and mode & 0o7777, 0o640, "mode of /other after set_mode(/link -> other, 0o640)")

    @rule("FileSystem.set_modified")
    def test_set_modified_goes_through_links(self, stocked: FileSystem, link: Link) -> None:
        """LINKS, TIMES: the time of what a link leads to is set."""
        needs(stocked, _CHANGED | Capability.TIMES)
        link(LINK, "other")
        stocked.set_modified(LINK, 1_000_000_000.0)
        modified = stocked.stat(OTHER, follow=True).modified
        expect(modified, 1_000_000_000.0, "time of /other after set_modified(/link -> other)")

    @rule("Capability.LINKS")
    def test_a_link_outlives_its_target(self, stocked: FileSystem, link: Link) -> None:
        """LINKS: removing what a link leads to leaves the link, which leads nowhere until there is something again."""
        needs(stocked, _CHANGED)
        link(LINK, "file")
        stocked.remove_file(FILE)
        expect(stocked.stat(LINK, follow=False).kind, FileKind.LINK, "kind of /link, whose target was removed")
        with raises(FileNotFoundError, "stat(/link, follow=True), whose target was removed"):
            stocked.stat(LINK, follow=True)
        put(stocked, FILE, b"again")
        expect(stocked.stat(LINK, follow=False).kind, FileKind.LINK, "kind of /link, whose target was made again")
        expect(len(tree(stocked)), len(STOCK) + 1, "entries when the target was made again")

    @rule("Capability.LINKS")
    def test_looking_at_links_changes_nothing(self, stocked: FileSystem, link: Link) -> None:
        """LINKS: looking at links, followed or not, changes neither them nor what they lead to."""
        needs(stocked, Capability.LINKS)
        link(LINK, "file")
        link(ABSENT, "nowhere")
        with unchanged(stocked, "looking at links"):
            for follow in (True, False):
                listing(stocked, ROOT, follow=follow)
                listing(stocked, EMPTY, follow=follow)
            stocked.stat(ABSENT, follow=False)
