"""Rules of `format_mlsx`, which makes the lines of MLSD and MLST.  RFC 3659 7."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._seed_lines import dropped_or_raised
from ftpcore_contracts._seed_tree import DIR, FILE, REFUSALS, MakeLink, SeedStyleFileSystem, names, real, stored

__all__ = ["Facts"]

#: The permission letters of all commands.
_ALL_RIGHTS = "elradfmwMT"

_USUAL = ["type", "perm", "size", "modify"]


class Facts:
    """lines of MLSD"""

    @rule("AbstractedFS.format_mlsx")
    def test_facts_are_sorted(self, stocked: SeedStyleFileSystem) -> None:
        """A line is each fact that is asked for and there is, "name=value;", in the order of their names, then a blank,
        the name and CR LF.
        """
        stocked.utime(real(stocked, FILE), 1_000_000_000)
        came = list(stocked.format_mlsx(real(stocked), [FILE], "r", _USUAL))
        expect(came, [b"modify=20010909014640;perm=r;size=10;type=file; file\r\n"], f"lines with the facts {_USUAL}")

    @rule("RFC 3659 7.2")
    def test_without_facts_a_line_begins_with_a_blank(self, stocked: SeedStyleFileSystem) -> None:
        """A line without facts is a blank, the name and CR LF."""
        expect(list(stocked.format_mlsx(real(stocked), [FILE], "elr", [])), [b" file\r\n"], "line without facts")

    @rule("AbstractedFS.format_mlsx")
    def test_only_facts_asked_for_are_told(self, stocked: SeedStyleFileSystem) -> None:
        """Nothing else is told; a fact that nobody knows is left out."""
        for facts in (["size"], ["type"], ["perm", "type"], ["x.unknown", "size"]):
            came = _facts(stocked, FILE, facts=facts)
            expect(sorted(came), sorted(set(facts) - {"x.unknown"}), f"facts told when {facts} are asked for")

    @rule("AbstractedFS.format_mlsx")
    def test_each_entry_has_a_line(self, stocked: SeedStyleFileSystem) -> None:
        """There is one line for each name, in the order of the names: hidden ones, too."""
        for listing in (["file", ".hidden", "empty", "dir"], ["dir"], []):
            lines = stocked.format_mlsx(real(stocked), listing, "elr", ["type"])
            came = [line.partition(b" ")[2].decode().removesuffix("\r\n") for line in lines]
            expect(came, listing, f"names in the lines of {listing}")

    @rule("RFC 3659 7.5.1")
    def test_types_are_told(self, stocked: SeedStyleFileSystem) -> None:
        """A file is "file" and a directory "dir"."""
        came = {name: _facts(stocked, name, facts=["type"])["type"] for name in names(stocked)}
        expect(came, {".hidden": "file", "dir": "dir", "empty": "dir", "file": "file"}, "types of all entries")

    @pytest.mark.parametrize("seconds", [0, 1_000_000_000, 1_709_210_096, 4_000_000_000], ids=str)
    @rule("RFC 3659 7.5.3")
    def test_times_are_in_gmt(self, stocked: SeedStyleFileSystem, seconds: int) -> None:
        """`modify` is YYYYMMDDHHMMSS in GMT, unless the handler says otherwise."""
        stocked.utime(real(stocked, FILE), seconds)
        came = _facts(stocked, FILE, facts=["modify"])["modify"]
        expect(came, time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds)), f"modify of a file of {seconds} s")

    @pytest.mark.parametrize(
        ("rights", "file", "directory"),
        [
            pytest.param("", "", "", id="none"),
            pytest.param("elr", "r", "el", id="to read"),
            pytest.param("d", "d", "dp", id="d"),
            pytest.param("w", "w", "c", id="w"),
            pytest.param("a", "a", "c", id="a"),
            pytest.param("f", "f", "cf", id="f"),
            pytest.param("m", "", "m", id="m"),
            pytest.param(_ALL_RIGHTS, "adfrw", "cdeflmp", id="all"),
        ],
    )
    @rule("RFC 3659 7.5.5")
    def test_perm_tells_what_may_be_done(
        self, stocked: SeedStyleFileSystem, rights: str, file: str, directory: str
    ) -> None:
        """`perm` has the letters of rights that mean something for a file, or for a directory: "c" where files can be
        made in it, "p" where they can be deleted.
        """
        for name, expected in ((FILE, file), (DIR, directory)):
            came = _facts(stocked, name, rights=rights, facts=["perm"])["perm"]
            expect(sorted(came), sorted(expected), f"letters of perm of {name!r} for the rights {rights!r}")

    @rule("RFC 3659 7.5.2")
    def test_unique_is_of_the_object(self, stocked: SeedStyleFileSystem, link: MakeLink) -> None:
        """`unique`, where it is told, is the same for two names of one object, kept when it is renamed, and another for
        each other object.
        """
        found = {name: _facts(stocked, name, facts=["unique"]).get("unique") for name in names(stocked)}
        if None in found.values():
            pytest.skip("not offered: UNIQUE_ID")
        expect(len(set(found.values())), len(found), f"different ones among {found}")
        link(real(stocked, "link"), "file")
        expect(_facts(stocked, "link", facts=["unique"])["unique"], found[FILE], "unique of a link to 'file'")
        stocked.rename(real(stocked, FILE), real(stocked, "moved"))
        expect(_facts(stocked, "moved", facts=["unique"])["unique"], found[FILE], "unique of 'file' after rename")

    @rule("AbstractedFS.format_mlsx")
    def test_mode_is_octal(self, stocked: SeedStyleFileSystem) -> None:
        """`unix.mode`, where it is told, is the permission bits as octal digits."""
        try:
            stocked.chmod(real(stocked, FILE), 0o640)
        except NotImplementedError:
            pytest.skip("not offered: MODE")
        came = _facts(stocked, FILE, facts=["unix.mode"]).get("unix.mode")
        if came is None:
            pytest.skip("not offered: the fact unix.mode")
        expect(re.fullmatch("[0-7]+", came) and int(came, 8), 0o640, f"unix.mode, {came!r}, of a file of mode 0640")

    @rule("AbstractedFS.format_mlsx")
    def test_links_are_followed(self, stocked: SeedStyleFileSystem, link: MakeLink) -> None:
        """A link is told as what it leads to; one that leads nowhere has no line."""
        link(real(stocked, "link"), "file")
        link(real(stocked, "lost"), "absent")
        came = list(stocked.format_mlsx(real(stocked), ["link", "lost"], "elr", ["size", "type"]))
        expect(came, [b"size=10;type=file; link\r\n"], "lines of a link to a file of 10 bytes, and of one to nothing")

    @rule("AbstractedFS.format_mlsx")
    def test_errors_of_entries_have_no_facts(self, stocked: SeedStyleFileSystem) -> None:
        """With `ignore_err`, which is the default, an entry that can't be looked at has no line; without, its error is
        raised.
        """

        def lines(*rest: bool) -> Iterator[bytes]:
            return stocked.format_mlsx(real(stocked), ["absent", "file"], "elr", _USUAL, *rest)

        dropped_or_raised(lines, "format_mlsx")

    @rule("AbstractedFS.format_mlsx")
    def test_a_name_has_no_facts_of_its_own(self, fs: SeedStyleFileSystem) -> None:
        """A name with CR or LF in it can't make a client see a file that is not there."""
        name = "x\r\ntype=file;size=1; forged"
        try:
            stored(fs, name, b"")
        except (*REFUSALS, UnicodeError):
            pytest.skip("not offered: RAW_NAMES")
        lines = b"".join(fs.format_mlsx(real(fs), [name], "elr", ["type"])).split(b"\n")
        forged = [line for line in lines if line.startswith(b"type=file;size=1; forged")]
        expect(forged, [], "lines of a file that is not there, made by the name of another")


def _facts(fs: SeedStyleFileSystem, name: str, *, facts: list[str], rights: str = "elr") -> dict[str, str]:
    lines = list(fs.format_mlsx(real(fs), [name], rights, facts))
    expect(len(lines), 1, f"lines of format_mlsx for {name!r}")
    if not isinstance(lines[0], bytes):
        broken("a line of format_mlsx", expected="bytes", came=lines[0])
    text, _, rest = lines[0].decode("utf8", "surrogateescape").partition(" ")
    expect(rest, f"{name}\r\n", f"what is behind the first blank in the line of {name!r}")
    pairs = [fact.partition("=") for fact in text.split(";")[:-1]]
    return {fact: value for fact, _, value in pairs}
