"""Rules of `FileSystem.open_unique`."""

from __future__ import annotations

import errno
import re

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileSystem
from ftpcore_contracts._contents import held, numbered, same_content, write_blocks
from ftpcore_contracts._refusals import NOT_FOUND, refused, unchanged
from ftpcore_contracts._rules import broken, expect, needs, rule
from ftpcore_contracts._trees import ABSENT, BELOW_FILE, DIR, EMPTY, FILE, ROOT, get, listing, put, tree

__all__ = ["Unique"]

#: Names in a row that might follow one that was given.
_NEXT = 20


class Unique:
    """unique names"""

    @pytest.mark.parametrize("directory", [EMPTY, DIR, ROOT], ids=["empty directory", "directory", "root"])
    @rule("FileSystem.open_unique")
    def test_unique_file_is_new_and_named(self, stocked: FileSystem, directory: VirtualPath) -> None:
        """WRITE: `open_unique` makes an empty file in the directory, and returns its name, one component that starts
        with the prefix.  It is there under this name, and only there, once it is closed: at once, unless ATOMIC.
        """
        needs(stocked, Capability.WRITE)
        before = tree(stocked)
        name, file = stocked.open_unique(directory, "ftpd.")
        path = join_path(directory, name)
        with held(file):
            _check_name(name, "ftpd.")
            expect((file.size, file.created), (0, True), f"size and created of open_unique({directory}, 'ftpd.')")
            if not isinstance(file.name, str) or not file.name:
                broken("name of what open_unique opened", expected="a str that is not empty", came=file.name)
            seen = name in listing(stocked, directory)
            atomic = Capability.ATOMIC in stocked.capabilities
            expect(seen, not atomic, "whether a file of open_unique is listed before it is closed; ATOMIC: not")
            file.write_at(0, b"unique")
            file.close(complete=True)
        expect(tree(stocked), dict(sorted({**before, path: b"unique"}.items())), f"what is there, with {path} new")

    @rule("RFC 959 4.1.3, STOU")
    def test_unique_names_differ(self, stocked: FileSystem) -> None:
        """WRITE: each call makes another file, and none touches what is there."""
        needs(stocked, Capability.WRITE)
        made: dict[str, bytes] = {}
        for number in range(_NEXT):
            name, file = stocked.open_unique(DIR, "x")
            with held(file):
                file.write_at(0, b"%d" % number)
                file.close(complete=True)
            if name in made or name == "inner":
                broken("a name that open_unique returned", expected="one that was not taken", came=name)
            made[name] = b"%d" % number
        found = {name: get(stocked, join_path(DIR, name)) for name in listing(stocked, DIR)}
        expect(found, {**made, "inner": b"inner"}, f"contents of {len(made)} unique files, and what was there")

    @rule("RFC 959 4.1.3, STOU")
    def test_unique_names_differ_while_open(self, stocked: FileSystem) -> None:
        """WRITE: two files that are open at once have different names, also while nobody sees them."""
        needs(stocked, Capability.WRITE)
        (one_name, one), (two_name, two) = (stocked.open_unique(EMPTY, "x") for _ in range(2))
        with held(one), held(two):
            if one_name == two_name:
                broken("names of two files of open_unique, both open", expected="two names", came=one_name)
            one.write_at(0, b"one")
            two.write_at(0, b"two")
            one.write_at(3, b"one")
            two.close(complete=True)
            one.close(complete=True)
        found = {name: get(stocked, join_path(EMPTY, name)) for name in listing(stocked, EMPTY)}
        expect(found, dict(sorted({one_name: b"oneone", two_name: b"two"}.items())), "contents of two unique files")

    @rule("FileSystem.open_unique")
    def test_unique_file_replaces_nothing(self, stocked: FileSystem) -> None:
        """WRITE: a name that somebody else has taken is passed over, whatever is there; it keeps its content."""
        needs(stocked, Capability.WRITE)
        given, file = stocked.open_unique(EMPTY, "x")
        file.close(complete=True)
        taken = {"x", *_followers(given)}
        for name in taken:
            put(stocked, join_path(EMPTY, name), b"taken")
        given, file = stocked.open_unique(EMPTY, "d")
        file.close(complete=True)
        directories = {"d", *_followers(given)}
        for name in directories:
            stocked.make_dir(join_path(EMPTY, name))
        with unchanged(stocked, "open_unique where names are taken, apart from what it makes,"):
            for prefix in "xd":
                names = []
                for _ in range(4):
                    name, file = stocked.open_unique(EMPTY, prefix)
                    file.close(complete=True)
                    names.append(name)
                    if name in taken | directories:
                        broken("a name that open_unique returned", expected="one that was not taken", came=name)
                for name in names:
                    stocked.remove_file(join_path(EMPTY, name))

    @rule("BinaryFile.write_at")
    def test_unique_file_is_written_as_any_other(self, files: FileSystem) -> None:
        """WRITE: the file of `open_unique` takes blocks one behind the other, and all are there when it is closed."""
        needs(files, Capability.WRITE)
        data = numbered(300_001)
        name, file = files.open_unique(ROOT, "upload")
        with held(file):
            write_blocks(file, data, 65_536)
            file.close(complete=True)
        same_content(get(files, join_path(ROOT, name)), data, "content of a unique file, written in blocks")

    @rule("BinaryFile.close")
    def test_unique_file_that_is_incomplete(self, stocked: FileSystem) -> None:
        """WRITE: closed incomplete, the file of `open_unique` is not there if the filesystem is ATOMIC; else it stays
        as far as it came.
        """
        needs(stocked, Capability.WRITE)
        before = tree(stocked)
        name, file = stocked.open_unique(EMPTY, "x")
        with held(file):
            file.write_at(0, b"half")
            file.close(complete=False)
        path = join_path(EMPTY, name)
        after = before if Capability.ATOMIC in stocked.capabilities else {**before, path: b"half"}
        expect(tree(stocked), dict(sorted(after.items())), "what is there after close(complete=False)")

    @pytest.mark.parametrize("prefix", ["", "x", "two words", "-la", ".hidden", "...", "un été.", "*[a]?", "n" * 200])
    @rule("FileSystem.open_unique")
    def test_unique_name_keeps_its_prefix(self, files: FileSystem, prefix: str) -> None:
        """WRITE: any plain text may be a prefix, nothing too, and comes back unchanged at the start of the name."""
        needs(files, Capability.WRITE)
        name, file = files.open_unique(ROOT, prefix)
        file.close(complete=True)
        _check_name(name, prefix)
        expect(tree(files), {join_path(ROOT, name): b""}, f"what is there after open_unique(/, {prefix!r})")

    @pytest.mark.parametrize("prefix", ["../x", "/x", "a/b", "x/", "/", "dir/"])
    @rule("FileSystem.open_unique")
    def test_unique_prefix_is_one_component(self, stocked: FileSystem, prefix: str) -> None:
        """WRITE: a prefix with "/" in it is OSError(EINVAL), and nothing is made, here or elsewhere."""
        needs(stocked, Capability.WRITE)
        for directory in (ROOT, EMPTY):
            what = f"open_unique({directory}, {prefix!r})"
            with refused(stocked, (), what, errnos=(errno.EINVAL,)):
                stocked.open_unique(directory, prefix)[1].close(complete=True)

    @pytest.mark.parametrize("prefix", ["n\0", "\ud800"], ids=["NUL", "lone surrogate"])
    @rule("FileSystem.open_unique")
    def test_unique_prefix_that_no_name_has(self, stocked: FileSystem, prefix: str) -> None:
        """WRITE: a prefix that can't be part of a name is OSError, EINVAL or EILSEQ, and nothing is made."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, (), f"open_unique(/, {prefix!r})", errnos=(errno.EINVAL, errno.EILSEQ)):
            stocked.open_unique(ROOT, prefix)[1].close(complete=True)

    @pytest.mark.parametrize("size", [255, 256, 5000])
    @rule("FileSystem.open_unique")
    def test_unique_name_that_is_too_long(self, stocked: FileSystem, size: int) -> None:
        """WRITE: when prefix and what makes it unique are over 255 bytes, the name works as it was returned, or
        `open_unique` raises OSError(ENAMETOOLONG) and makes nothing; it never cuts the prefix.
        """
        needs(stocked, Capability.WRITE)
        prefix = "n" * size
        try:
            name, file = stocked.open_unique(EMPTY, prefix)
        except OSError as error:
            expect(error.errno, errno.ENAMETOOLONG, f"errno of open_unique with a prefix of {size} bytes")
            expect(listing(stocked, EMPTY), {}, "the listing of a directory in which no unique file was made")
            return
        file.close(complete=True)
        _check_name(name, prefix)
        expect(set(listing(stocked, EMPTY)), {name}, "names in the listing after open_unique")

    @pytest.mark.parametrize(
        ("directory", "kinds"),
        [
            pytest.param(ABSENT, (FileNotFoundError,), id="missing"),
            pytest.param(join_path(ABSENT, "x"), (FileNotFoundError,), id="in a missing one"),
            pytest.param(FILE, (NotADirectoryError,), id="a file"),
            pytest.param(BELOW_FILE, NOT_FOUND, id="below a file"),
        ],
    )
    @rule("FileSystem.open_unique")
    def test_unique_file_needs_a_directory(
        self, stocked: FileSystem, directory: VirtualPath, kinds: tuple[type[OSError], ...]
    ) -> None:
        """WRITE: `open_unique` makes no directory: FileNotFoundError, or NotADirectoryError for a file."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, kinds, f"open_unique({directory}, 'x')"):
            stocked.open_unique(directory, "x")[1].close(complete=True)


def _check_name(name: str, prefix: str) -> None:
    if not isinstance(name, str) or not name.startswith(prefix) or name in ("", ".", "..") or "/" in name:
        expected = f"one component that starts with {prefix!r}"
        broken(f"the name that open_unique(..., {prefix!r}) returned", expected=expected, came=repr(name))


def _followers(name: str) -> list[str]:
    """Return names that would come next, should names be counted: in decimal, and in hexadecimal digits."""
    found: list[str] = []
    for digits, base, form in (("[0-9]+$", 10, "d"), ("[0-9a-f]+$", 16, "x")):
        match = re.search(digits, name)
        if match:
            first, width = int(match[0], base), len(match[0])
            found += [f"{name[: match.start()]}{first + step:0{width}{form}}" for step in range(1, _NEXT)]
    return found
