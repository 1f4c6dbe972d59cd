"""Rules of `format_list`, which makes the lines of LIST."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from ftpcore import FilesystemError
from ftpcore_contracts._rules import broken, expect, raises, rule
from ftpcore_contracts._seed_tree import (
    DIR,
    FILE,
    REFUSALS,
    MakeLink,
    SeedStyleFileSystem,
    names,
    real,
    stored,
)

__all__ = ["Lines", "dropped_or_raised"]

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: Mode, links, owner, group, size, date, name.
_LINE: Final = re.compile(
    rb"([-bcdlps][-rwxsStT]{9}) +(\d+) (\S+) +(\S+) +(\d+) "
    rb"((?:%b) \d\d (?:\d\d:\d\d| \d{4})) (.*)\r\n" % "|".join(_MONTHS).encode()
)

#: Seconds after which a date is shown with its year.
_HALF_A_YEAR: Final = 180 * 86400


class Lines:
    """lines of LIST"""

    @rule("AbstractedFS.format_list")
    def test_lines_look_as_those_of_ls(self, stocked: SeedStyleFileSystem) -> None:
        """`format_list` yields lines of bytes, each with CR LF: mode, links, owner, group, size, date and name."""
        for line in stocked.format_list(real(stocked), names(stocked)):
            if not isinstance(line, bytes) or not _LINE.fullmatch(line):
                broken("a line of format_list", expected="mode links owner group size Mon DD HH:MM name", came=line)

    @rule("AbstractedFS.format_list")
    def test_every_name_has_a_line(self, stocked: SeedStyleFileSystem) -> None:
        """There is one line for each name, in the order of the names: hidden ones, too."""
        for listing in (["file", ".hidden", "empty", "dir"], ["dir", "file"], ["file"], []):
            came = [_parsed(line)[-1].decode() for line in stocked.format_list(real(stocked), listing)]
            expect(came, listing, f"names in the lines of {listing}")

    @rule("AbstractedFS.format_list")
    def test_names_may_come_one_by_one(self, stocked: SeedStyleFileSystem) -> None:
        """The names may be a generator, and the lines are made as they are asked for: a large listing is not held."""
        taken: list[str] = []

        def coming() -> Iterator[str]:
            for name in names(stocked):
                taken.append(name)
                yield name

        lines = iter(stocked.format_list(real(stocked), coming()))
        first = _parsed(next(lines))[-1]
        expect(first, b".hidden", "the first of the lines")
        if len(taken) == 4:
            broken("names taken for the first line of four", expected="not all of them", came=taken)
        expect(len(list(lines)), 3, "lines after the first of four")

    @rule("AbstractedFS.format_list")
    def test_lines_tell_type_and_size(self, stocked: SeedStyleFileSystem) -> None:
        """The first letter is the type, "-" of a file and "d" of a directory; sizes are in bytes."""
        file, directory = map(_parsed, stocked.format_list(real(stocked), [FILE, DIR]))
        expect((file[0][:1], file[4]), (b"-", b"10"), "type and size in the line of a file of 10 bytes")
        expect(directory[0][:1], b"d", "type in the line of a directory")
        expect(int(file[1]) > 0, True, "the number of links is 1 at least")

    @pytest.mark.parametrize("target", ["file", "dir", "absent", "dir/../file"])
    @rule("AbstractedFS.format_list")
    def test_links_show_what_they_hold(self, stocked: SeedStyleFileSystem, link: MakeLink, target: str) -> None:
        """A link is shown as such, whether it leads somewhere or not: "l", and "name -> target" with what it holds."""
        link(real(stocked, "link"), target)
        lines = list(stocked.format_list(real(stocked), ["link"]))
        expect(len(lines), 1, f"lines for a link that holds {target!r}")
        parsed = _parsed(lines[0])
        expect((parsed[0][:1], parsed[-1]), (b"l", f"link -> {target}".encode()), "type and name of a link")

    @pytest.mark.parametrize(
        ("age", "pattern"),
        [
            pytest.param(3600, "%b %d %H:%M", id="an hour ago"),
            pytest.param(_HALF_A_YEAR - 3600, "%b %d %H:%M", id="nearly half a year ago"),
            pytest.param(_HALF_A_YEAR + 3600, "%b %d  %Y", id="more than half a year ago"),
            pytest.param(20 * _HALF_A_YEAR, "%b %d  %Y", id="ten years ago"),
            pytest.param(-86400, "%b %d %H:%M", id="tomorrow"),
        ],
    )
    @rule("AbstractedFS.format_list")
    def test_dates_have_the_time_or_the_year(self, stocked: SeedStyleFileSystem, age: int, pattern: str) -> None:
        """What is older than 180 days is shown with its year, all else with the time of day; in English, and in GMT
        unless the handler says otherwise.
        """
        seconds = int(time.time()) - age
        stocked.utime(real(stocked, FILE), seconds)
        came = _parsed(next(iter(stocked.format_list(real(stocked), [FILE]))))[5].decode()
        expect(came, _english(pattern, seconds), f"date of what was modified {age} s ago")

    @rule("AbstractedFS.format_list")
    def test_errors_of_entries_are_dropped_or_raised(self, stocked: SeedStyleFileSystem) -> None:
        """With `ignore_err`, which is the default, an entry that can't be looked at has no line; without, its error is
        raised.
        """
        dropped_or_raised(lambda *rest: stocked.format_list(real(stocked), ["absent", "file"], *rest), "format_list")

    @pytest.mark.parametrize("name", ["un été", "\udce9\udcff", "a  b", "->"], ids=ascii)
    @rule("AbstractedFS.format_list")
    def test_names_are_encoded_as_the_handler_says(self, fs: SeedStyleFileSystem, name: str) -> None:
        """Names are in `encoding`, and what is not goes by `unicode_errors`: a name that is not UTF-8 is listed as the
        bytes that it is.
        """
        try:
            stored(fs, name, b"")
        except (*REFUSALS, UnicodeError):
            pytest.skip("not offered: RAW_NAMES")
        came = _parsed(next(iter(fs.format_list(real(fs), [name]))))[-1]
        expect(came, name.encode("utf8", "surrogateescape"), f"name of {name!r} in its line")

    @rule("AbstractedFS.format_list")
    def test_a_name_makes_no_line_of_its_own(self, fs: SeedStyleFileSystem) -> None:
        """A name with CR or LF in it can't make a client see a file that is not there."""
        name = "x\r\n-rw-r--r--   1 root     root           30 Nov 22 10:35 forged"
        try:
            stored(fs, name, b"")
        except (*REFUSALS, UnicodeError):
            pytest.skip("not offered: RAW_NAMES")
        lines = b"".join(fs.format_list(real(fs), [name])).split(b"\n")
        forged = [line for line in lines if line.startswith(b"-rw-r--r--   1 root     root           30 Nov 22")]
        expect(forged, [], "lines of a file that is not there, made by the name of another")


def _parsed(line: bytes) -> tuple[bytes, ...]:
    match = _LINE.fullmatch(line)
    if match is None:
        broken("a line of format_list", expected="mode links owner group size Mon DD HH:MM name", came=line)
    return match.groups()


def _english(pattern: str, seconds: int) -> str:
    moment = time.gmtime(seconds)
    return time.strftime(pattern.replace("%b", _MONTHS[moment.tm_mon - 1]), moment)


def dropped_or_raised(lines: Callable[..., Iterator[bytes]], what: str) -> None:
    expect(len(list(lines())), 1, f"lines of {what} for a name that is missing and one that is not")
    expect(len(list(lines(True))), 1, f"lines of {what} with ignore_err=True, for one of two that is missing")
    with raises((FileNotFoundError, FilesystemError), f"{what} with ignore_err=False, for a name that is missing"):
        list(lines(False))
