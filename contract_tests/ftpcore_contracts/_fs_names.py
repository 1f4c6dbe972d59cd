"""Rules of names: which ones work, which may be refused, and that none is changed."""

from __future__ import annotations

import errno
from typing import Final

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileSystem
from ftpcore_contracts._contents import Holding
from ftpcore_contracts._refusals import NOT_FOUND, refused, snapshot
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import ROOT, STOCK, get, listing, put, tree
from ftpcore_contracts._verbs import LOOKING, MAKING, OPENING_UNIQUE, Verb, offered, verb_name

__all__ = ["Names"]

#: The longest name that every filesystem takes, in bytes.
_LONGEST: Final = 255

_PLAIN: Final = (
    pytest.param(" a  b ", id="blanks"),
    pytest.param('say "hi"; it\'s', id="quotes"),
    pytest.param("-la", id="leading dash"),
    pytest.param(".hidden", id="leading dot"),
    pytest.param("...", id="dots"),
    pytest.param("..x", id="leading dots"),
    pytest.param("x.", id="trailing dot"),
    pytest.param("*[a]?{b}", id="pattern"),
    pytest.param("100%25 #1?a=b&c+d", id="marks of URLs"),
    pytest.param("memory::a:b@c", id="colons"),
    pytest.param("C:\\dir\\..\\x", id="backslashes"),
    pytest.param("~$HOME|`x`;", id="marks of shells"),
    pytest.param("un \u00e9t\u00e9 \u65e5\u672c \U0001f600", id="UTF-8"),
    pytest.param("\u00e9", id="composed"),
    pytest.param("e\u0301", id="decomposed"),
    pytest.param("n" * _LONGEST, id="255 bytes"),
    pytest.param("\u00e9" * 127 + "n", id="255 bytes of UTF-8"),
)

_RAW: Final = (
    pytest.param("l\udce9on", id="bytes that are not UTF-8"),
    pytest.param("\udcff\udc80", id="bytes that are never UTF-8"),
    pytest.param("new\nline", id="line feed"),
    pytest.param("a\rb\tc", id="carriage return and tab"),
    pytest.param("\x01\x1b\x7f", id="control characters"),
)

#: What can't be a name anywhere.
_IMPOSSIBLE: Final = (
    pytest.param("n\0ul", id="NUL"),
    pytest.param("file\0", id="NUL behind a name that exists"),
    pytest.param("\ud800", id="lone surrogate"),
)

_REFUSALS: Final = (errno.EINVAL, errno.EILSEQ)


class Names:
    """names"""

    @pytest.mark.parametrize("name", _PLAIN)
    @rule("RFC 2640 2.1")
    def test_plain_names_are_kept(self, holding: Holding, name: str) -> None:
        """A file's plain name comes back from a listing and from `stat` as it was, and names the file to open."""
        path = join_path(ROOT, name)
        files = holding({path: b"named", f"{path[:-1]}_": b"other"})
        expect(set(listing(files)), {name, f"{name[:-1]}_"}, f"the listing of /, where there is {path!r}")
        expect(files.stat(path, follow=True).name, name, f"name in stat({path!r})")
        expect(get(files, path), b"named", f"content of {path!r}")

    @pytest.mark.parametrize("name", _PLAIN)
    @rule("RFC 2640 2.1")
    def test_plain_names_work_everywhere(self, files: FileSystem, name: str) -> None:
        """WRITE: files and directories of a plain name are made, entered, listed and removed."""
        needs(files, Capability.WRITE)
        _use_name(files, name)

    @pytest.mark.parametrize("name", _PLAIN)
    @rule("RFC 2640 2.1")
    def test_rename_takes_plain_names(self, stocked: FileSystem, name: str) -> None:
        """RENAME: a plain name can be given to a file, and taken from it again."""
        needs(stocked, Capability.WRITE | Capability.RENAME)
        path = join_path(ROOT, name)
        stocked.rename(VirtualPath("/file"), path)
        renamed = {path: data for path, data in STOCK.items() if path != "/file"} | {path: STOCK["/file"]}
        expect(tree(stocked), dict(sorted(renamed.items())), f"what is there after rename(/file, {path!r})")
        stocked.rename(path, VirtualPath("/file"))
        expect(tree(stocked), dict(STOCK), f"what is there after rename({path!r}, /file)")

    @pytest.mark.parametrize("name", _RAW)
    @rule("Capability.RAW_NAMES")
    def test_raw_names_work_everywhere(self, files: FileSystem, name: str) -> None:
        """RAW_NAMES: names that are not UTF-8, or have control characters, work as plain ones do."""
        needs(files, Capability.WRITE | Capability.RAW_NAMES)
        _use_name(files, name)

    @pytest.mark.parametrize("name", _RAW)
    @pytest.mark.parametrize("verb", MAKING, ids=verb_name)
    @rule("Capability.RAW_NAMES")
    def test_raw_names_are_kept_or_refused(self, stocked: FileSystem, verb: Verb, name: str) -> None:
        """A name that is not UTF-8, or has control characters, is kept as it is, or refused with EILSEQ or EINVAL."""
        needs(stocked, verb.needs)
        _keep_or_refuse(stocked, verb, name, _REFUSALS)

    @rule("Capability.EXACT_NAMES")
    def test_case_makes_another_name(self, files: FileSystem) -> None:
        """EXACT_NAMES: names that differ in case are of different files."""
        needs(files, Capability.WRITE | Capability.EXACT_NAMES)
        _keep_apart(files, ["name", "NAME", "Name"])

    @rule("Capability.EXACT_NAMES")
    def test_normal_forms_are_different_names(self, files: FileSystem) -> None:
        """EXACT_NAMES: names that differ in Unicode normalisation are of different files."""
        needs(files, Capability.WRITE | Capability.EXACT_NAMES)
        _keep_apart(files, ["\u00e9", "e\u0301", "\u212b", "\u00c5", "A\u030a"])

    @rule("VirtualPath")
    def test_blanks_make_another_name(self, files: FileSystem) -> None:
        """WRITE: nothing is stripped from a name: with blanks or dots around it, it is another name."""
        needs(files, Capability.WRITE)
        _keep_apart(files, ["a", " a", "a ", " a ", "a.", ".a", "a  "])

    @pytest.mark.parametrize("name", ["*", "fil?", "[f]ile", "%66ile", "fi\\le", "{file,other}", "file::other", "~"])
    @rule("VirtualPath")
    def test_names_stand_for_themselves(self, stocked: FileSystem, name: str) -> None:
        """A name is no pattern, and nothing in it is expanded, decoded or escaped: it is missing where no such is."""
        path = join_path(ROOT, name)
        with raises(FileNotFoundError, f"stat({path}), where there is no file of that name"):
            stocked.stat(path, follow=True)

    @pytest.mark.parametrize("name", ["*", "fil?", "[f]ile", "%66ile"])
    @rule("VirtualPath")
    def test_removing_takes_no_pattern(self, stocked: FileSystem, name: str) -> None:
        """WRITE: a file whose name looks like a pattern is removed alone."""
        needs(stocked, Capability.WRITE)
        path = join_path(ROOT, name)
        put(stocked, path, b"alone")
        stocked.remove_file(path)
        expect(tree(stocked), dict(STOCK), f"what is there after remove_file({path})")

    @rule("FileSystem")
    def test_a_name_too_long_is_not_found(self, stocked: FileSystem) -> None:
        """Looking up a name of more than 255 bytes raises ENAMETOOLONG or FileNotFoundError, and finds no shorter."""
        path = join_path(ROOT, "n" * (_LONGEST + 1))
        if Capability.WRITE in stocked.capabilities:
            put(stocked, VirtualPath(path[:-1]), b"shorter")
        for verb in offered(stocked, *LOOKING, OPENING_UNIQUE):
            with refused(stocked, FileNotFoundError, verb.of(path), errnos=(errno.ENAMETOOLONG,)):
                verb.call(stocked, path)

    @pytest.mark.parametrize("name", ["n" * (_LONGEST + 1), "\u00e9" * 128, "n" * 2000], ids=["256", "UTF-8", "2000"])
    @pytest.mark.parametrize("verb", MAKING, ids=verb_name)
    @rule("FileSystem")
    def test_a_name_too_long_is_kept_or_refused(self, stocked: FileSystem, verb: Verb, name: str) -> None:
        """A name of more than 255 bytes is kept whole, or refused with ENAMETOOLONG; it is never cut."""
        needs(stocked, verb.needs)
        _keep_or_refuse(stocked, verb, name, (errno.ENAMETOOLONG,))

    @rule("FileSystem")
    def test_a_path_too_long_is_not_found(self, stocked: FileSystem) -> None:
        """Looking up a path of 40,000 bytes raises ENAMETOOLONG or FileNotFoundError."""
        path = VirtualPath("/path" * 8_000)
        for verb in offered(stocked, *LOOKING, OPENING_UNIQUE):
            with refused(stocked, FileNotFoundError, verb.of(path), errnos=(errno.ENAMETOOLONG,)):
                verb.call(stocked, path)

    @pytest.mark.parametrize("name", _IMPOSSIBLE)
    @rule("FileSystem")
    def test_an_impossible_name_is_not_found(self, stocked: FileSystem, name: str) -> None:
        """Looking up a name with NUL or a lone surrogate raises OSError: EINVAL, EILSEQ or FileNotFoundError.

        It is never ValueError or UnicodeError, and no other name is found.
        """
        path = join_path(ROOT, name)
        for verb in offered(stocked, *LOOKING, OPENING_UNIQUE):
            with refused(stocked, NOT_FOUND, verb.of(repr(path)), errnos=_REFUSALS):
                verb.call(stocked, path)

    @pytest.mark.parametrize("name", _IMPOSSIBLE)
    @rule("FileSystem")
    def test_an_impossible_name_is_not_made(self, stocked: FileSystem, name: str) -> None:
        """WRITE: making a name with NUL or a lone surrogate raises OSError, EINVAL or EILSEQ, and makes nothing."""
        needs(stocked, Capability.WRITE)
        path = join_path(ROOT, name)
        for verb in offered(stocked, *MAKING):
            with refused(stocked, (), verb.of(repr(path)), errnos=_REFUSALS):
                verb.call(stocked, path)


def _use_name(files: FileSystem, name: str) -> None:
    """Do everything that can be done with a name, in a directory of that name, too."""
    path = join_path(ROOT, name)
    put(files, path, b"named")
    expect(set(listing(files)), {name}, f"the listing of /, where {path!r} was stored")
    expect(get(files, path), b"named", f"content of {path!r}")
    files.remove_file(path)
    expect(set(listing(files)), set(), f"the listing of / after remove_file({path!r})")
    files.make_dir(path)
    files.enter_dir(path)
    below = join_path(path, name)
    put(files, below, b"deep")
    expect(tree(files), {f"{path}/": b"", below: b"deep"}, f"what is there after make_dir({path!r}) and storing in it")
    files.remove_file(below)
    files.remove_dir(path)
    expect(tree(files), {}, f"what is there after remove_dir({path!r})")


def _keep_apart(files: FileSystem, names: list[str]) -> None:
    for name in names:
        put(files, join_path(ROOT, name), name.encode())
    expect(set(listing(files)), set(names), f"the listing of /, where files {names!r} were stored")
    contents = {name: get(files, join_path(ROOT, name)) for name in names}
    expect(contents, {name: name.encode() for name in names}, "contents of these files")
    files.remove_file(join_path(ROOT, names[0]))
    expect(set(listing(files)), set(names[1:]), f"the listing of / after {names[0]!r} was removed")


def _keep_or_refuse(files: FileSystem, verb: Verb, name: str, errnos: tuple[int, ...]) -> None:
    """Fail unless `verb` makes an entry of just that name, or makes nothing and raises OSError with one of `errnos`."""
    path = join_path(ROOT, name)
    what = verb.of(repr(path))
    before = snapshot(files)
    try:
        verb.call(files, path)
    except OSError as error:
        if error.errno not in errnos:
            names = " or ".join(f"OSError({errno.errorcode.get(number, number)})" for number in errnos)
            broken(what, expected=f"no exception, or {names}", came=f"{type(error).__name__}: {error}")
        expect(snapshot(files), before, f"what is there after {what} was refused")
        return
    new = set(listing(files)) - {path.strip("/") for path in STOCK}
    expect(new, {name}, f"what is new in the listing of / after {what}")
    expect(files.stat(path, follow=True).name, name, f"name in stat({path!r})")
