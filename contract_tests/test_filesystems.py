"""The rules for names, directories and errors that every synchronous filesystem port keeps.

Open files have their rules in `test_filesystem_files.py`.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

from ftpcore import UnsupportedOperation, VirtualPath, base_name, join_path
from ftpcore.ports import Capability, FileInfo, FileKind, FileSystem, OpenMode
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem

ROOT: Final = VirtualPath("/")
ABSENT: Final = VirtualPath("/absent")
FILE: Final = VirtualPath("/file")
BELOW_FILE: Final = VirtualPath("/file/x")
OTHER: Final = VirtualPath("/other")
DIR: Final = VirtualPath("/dir")
INNER: Final = VirtualPath("/dir/inner")
EMPTY: Final = VirtualPath("/empty")
LONG: Final = VirtualPath("/" + "n" * 256)
NUL: Final = VirtualPath("/n\0ul")
SURROGATE: Final = VirtualPath("/\ud800")


@pytest.fixture(params=["local", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    return LocalFileSystem(tmp_path) if request.param == "local" else MemoryFileSystem()


@pytest.fixture
def stocked(files: FileSystem) -> FileSystem:
    put(files, FILE, b"file")
    put(files, OTHER, b"other")
    files.make_dir(DIR)
    put(files, INNER, b"inner")
    files.make_dir(EMPTY)
    return files


def put(files: FileSystem, path: VirtualPath, data: bytes) -> None:
    file = files.open_file(path, OpenMode.REPLACE)
    file.write_at(0, data)
    file.close(complete=True)


def get(files: FileSystem, path: VirtualPath) -> bytes:
    file = files.open_file(path, OpenMode.READ)
    data = file.read_at(0, 1 << 20)
    file.close(complete=True)
    return data


def scan(files: FileSystem, path: VirtualPath = ROOT) -> dict[str, FileInfo]:
    return {info.name: info for info in files.scan_dir(path, follow=False)}


def tree(files: FileSystem, path: VirtualPath = ROOT) -> dict[str, bytes]:
    """Return all contents below `path`; a directory is "name/": b""."""
    found: dict[str, bytes] = {}
    for info in files.scan_dir(path, follow=False):
        below = join_path(path, info.name)
        if info.kind is FileKind.DIRECTORY:
            found |= {f"{below}/": b""} | tree(files, below)
        else:
            found[below] = get(files, below)
    return found


STOCK: Final = {"/file": b"file", "/other": b"other", "/dir/": b"", "/dir/inner": b"inner", "/empty/": b""}


def needs(files: FileSystem, capability: Capability) -> None:
    if capability not in files.capabilities:
        pytest.skip(f"{capability} is not declared")


def test_an_empty_filesystem_has_a_root(files: FileSystem) -> None:
    """The root is a directory named "/", and may be entered."""
    files.enter_dir(ROOT)
    info = files.stat(ROOT, follow=True)
    assert (info.name, info.kind) == ("/", FileKind.DIRECTORY)
    assert scan(files) == {}


def test_stat_tells_kind_name_and_size(stocked: FileSystem) -> None:
    """`stat` names the last component and tells a directory from a file; the size of a file is in bytes."""
    info = stocked.stat(INNER, follow=True)
    assert (info.name, info.kind, info.size, info.target) == ("inner", FileKind.FILE, 5, None)
    assert stocked.stat(DIR, follow=True).kind is FileKind.DIRECTORY


def test_a_new_file_was_modified_now(files: FileSystem) -> None:
    """Times are in seconds since 1970-01-01 UTC."""
    put(files, FILE, b"x")
    assert files.stat(FILE, follow=True).modified == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize("follow", [True, False], ids=["following", "not following"])
def test_a_listing_agrees_with_stat(stocked: FileSystem, follow: bool) -> None:
    """An entry of a listing equals what `stat` says of its path."""
    listed = {info.name: info for info in stocked.scan_dir(ROOT, follow=follow)}
    assert listed == {name: stocked.stat(join_path(ROOT, name), follow=follow) for name in listed}
    assert set(listed) == {"file", "other", "dir", "empty"}


def test_identifiers_are_of_objects_not_names(stocked: FileSystem) -> None:
    """UNIQUE_ID: different for different objects, kept when one is renamed, without blanks and semicolons."""
    needs(stocked, Capability.UNIQUE_ID | Capability.RENAME)
    before = [info.unique for info in scan(stocked).values()]
    assert len(set(before)) == len(before) == 4
    assert all(unique is not None and unique.isalnum() for unique in before)
    unique = stocked.stat(FILE, follow=True).unique
    stocked.rename(FILE, VirtualPath("/dir/renamed"))
    assert stocked.stat(VirtualPath("/dir/renamed"), follow=True).unique == unique


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("l\udce9on \udcff\udc80", id="bytes that are not UTF-8"),
        pytest.param("un été", id="UTF-8"),
        pytest.param("e\u0301", id="decomposed"),
        pytest.param(" a  b ", id="blanks"),
        pytest.param('say "hi"; it\'s', id="quotes"),
        pytest.param("new\nline\r\t", id="control characters"),
        pytest.param("-la", id="leading dash"),
        pytest.param("...", id="dots"),
        pytest.param(".hidden", id="leading dot"),
        pytest.param("*[a]?", id="pattern"),
        pytest.param("C:\\dir\\..\\x", id="backslashes"),
        pytest.param("n" * 255, id="255 bytes"),
        pytest.param("é" * 127 + "n", id="255 bytes of UTF-8"),
    ],
)
def test_any_name_survives_every_operation(files: FileSystem, name: str) -> None:
    """A name comes back byte for byte from a listing, and what the listing said can be opened, renamed and removed."""
    path = join_path(ROOT, name)
    put(files, path, b"x")
    assert list(scan(files)) == [name]
    assert get(files, path) == b"x"
    files.remove_file(path)
    files.make_dir(path)
    put(files, join_path(path, name), b"deep")
    assert tree(files) == {f"{path}/": b"", join_path(path, name): b"deep"}
    files.rename(join_path(path, name), FILE)
    files.remove_dir(path)
    assert tree(files) == {FILE: b"deep"}


def test_names_differ_by_case_and_form(files: FileSystem) -> None:
    """Nothing folds case and nothing normalises: such names are of different files."""
    names = ["name", "NAME", "\u00e9", "e\u0301"]
    for name in names:
        put(files, join_path(ROOT, name), name.encode())
    assert {name: get(files, join_path(ROOT, name)) for name in scan(files)} == {name: name.encode() for name in names}


def test_a_large_directory_is_listed_in_pages(files: FileSystem) -> None:
    """Pages taken from one iterator hold each entry once; changes elsewhere in between do not disturb it."""
    for number in range(3000):
        put(files, join_path(ROOT, f"{number:04}"), b"")
    entries = files.scan_dir(ROOT, follow=True)
    names: list[str] = []
    while page := [info.name for info in islice(entries, 200)]:
        names += page
        files.stat(ROOT, follow=True)
    assert sorted(names) == [f"{number:04}" for number in range(3000)]
    assert list(entries) == []


def test_a_listing_given_up_is_closed(stocked: FileSystem) -> None:
    """`close`, where there is one, may be called before, during and after the iteration; nothing comes after it."""
    for steps in (0, 1, 99):
        entries = stocked.scan_dir(ROOT, follow=True)
        assert len(list(islice(entries, steps))) == min(steps, 4)
        close = getattr(entries, "close", None)
        if close is not None:
            close()
            assert list(entries) == []


def test_entries_that_vanish_are_left_out(files: FileSystem) -> None:
    """An entry removed after the listing began is left out, and the listing goes on."""
    for number in range(20):
        put(files, join_path(ROOT, f"{number}"), b"")
    entries = files.scan_dir(ROOT, follow=True)
    first = next(entries).name
    for number in range(20):
        if f"{number}" not in (first, "7"):
            files.remove_file(join_path(ROOT, f"{number}"))
    assert {first} | {info.name for info in entries} == {first, "7"}


Call = Callable[[FileSystem], object]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param(lambda f: f.stat(ABSENT, follow=True), FileNotFoundError, id="stat, missing"),
        pytest.param(lambda f: f.stat(ABSENT, follow=False), FileNotFoundError, id="stat, missing, not following"),
        pytest.param(lambda f: f.stat(BELOW_FILE, follow=True), NotADirectoryError, id="stat, below a file"),
        pytest.param(lambda f: f.stat(LONG, follow=True), errno.ENAMETOOLONG, id="stat, name too long"),
        pytest.param(lambda f: f.stat(NUL, follow=True), errno.EINVAL, id="stat, NUL"),
        pytest.param(lambda f: f.scan_dir(ABSENT, follow=True), FileNotFoundError, id="scan, missing"),
        pytest.param(lambda f: f.scan_dir(FILE, follow=True), NotADirectoryError, id="scan, a file"),
        pytest.param(lambda f: f.enter_dir(ABSENT), FileNotFoundError, id="enter, missing"),
        pytest.param(lambda f: f.enter_dir(FILE), NotADirectoryError, id="enter, a file"),
        pytest.param(lambda f: f.enter_dir(BELOW_FILE), NotADirectoryError, id="enter, below a file"),
        pytest.param(lambda f: f.make_dir(DIR), FileExistsError, id="mkdir, a directory"),
        pytest.param(lambda f: f.make_dir(FILE), FileExistsError, id="mkdir, a file"),
        pytest.param(lambda f: f.make_dir(ROOT), FileExistsError, id="mkdir, the root"),
        pytest.param(lambda f: f.make_dir(join_path(ABSENT, "x")), FileNotFoundError, id="mkdir, no parent"),
        pytest.param(lambda f: f.make_dir(BELOW_FILE), NotADirectoryError, id="mkdir, below a file"),
        pytest.param(lambda f: f.make_dir(LONG), errno.ENAMETOOLONG, id="mkdir, name too long"),
        pytest.param(lambda f: f.make_dir(SURROGATE), errno.EILSEQ, id="mkdir, no encoding"),
        pytest.param(lambda f: f.remove_dir(ABSENT), FileNotFoundError, id="rmdir, missing"),
        pytest.param(lambda f: f.remove_dir(FILE), NotADirectoryError, id="rmdir, a file"),
        pytest.param(lambda f: f.remove_dir(DIR), errno.ENOTEMPTY, id="rmdir, not empty"),
        pytest.param(lambda f: f.remove_dir(ROOT), PermissionError, id="rmdir, the root"),
        pytest.param(lambda f: f.remove_file(ABSENT), FileNotFoundError, id="remove, missing"),
        pytest.param(lambda f: f.remove_file(EMPTY), (IsADirectoryError, PermissionError), id="remove, a directory"),
        pytest.param(lambda f: f.remove_file(ROOT), (IsADirectoryError, PermissionError), id="remove, the root"),
        pytest.param(lambda f: f.rename(ABSENT, OTHER), FileNotFoundError, id="rename, missing"),
        pytest.param(lambda f: f.rename(FILE, join_path(ABSENT, "x")), FileNotFoundError, id="rename, to no directory"),
        pytest.param(lambda f: f.rename(OTHER, BELOW_FILE), NotADirectoryError, id="rename, to below a file"),
        pytest.param(lambda f: f.rename(FILE, EMPTY), IsADirectoryError, id="rename, file over directory"),
        pytest.param(lambda f: f.rename(DIR, FILE), NotADirectoryError, id="rename, directory over file"),
        pytest.param(lambda f: f.rename(EMPTY, DIR), errno.ENOTEMPTY, id="rename, over a directory in use"),
        pytest.param(lambda f: f.rename(DIR, join_path(DIR, "x")), errno.EINVAL, id="rename, into itself"),
        pytest.param(lambda f: f.rename(ROOT, ABSENT), PermissionError, id="rename, the root"),
        pytest.param(lambda f: f.rename(EMPTY, ROOT), PermissionError, id="rename, over the root"),
        pytest.param(lambda f: f.rename(FILE, LONG), errno.ENAMETOOLONG, id="rename, name too long"),
        pytest.param(lambda f: f.set_mode(ABSENT, 0o600), FileNotFoundError, id="chmod, missing"),
        pytest.param(lambda f: f.set_modified(ABSENT, 0.0), FileNotFoundError, id="set_modified, missing"),
    ],
)
def test_errors_are_of_their_kind(stocked: FileSystem, call: Call, expected: type[OSError] | int) -> None:
    """What can't be done raises the `OSError` that POSIX gives for it, at once, and changes nothing."""
    number = expected if isinstance(expected, int) else None
    with pytest.raises(OSError if isinstance(expected, int) else expected) as caught:
        call(stocked)
    assert number in (None, caught.value.errno)
    assert tree(stocked) == STOCK


@pytest.mark.parametrize(
    ("source", "target", "gone", "new"),
    [
        pytest.param(FILE, ABSENT, {"/file"}, {"/absent": b"file"}, id="file to a new name"),
        pytest.param(FILE, VirtualPath("/dir/x"), {"/file"}, {"/dir/x": b"file"}, id="file into another directory"),
        pytest.param(FILE, OTHER, {"/file"}, {"/other": b"file"}, id="file over a file"),
        pytest.param(FILE, FILE, set(), {}, id="file to itself"),
        pytest.param(DIR, DIR, set(), {}, id="directory to itself"),
        pytest.param(
            DIR, ABSENT, {"/dir/", "/dir/inner"}, {"/absent/": b"", "/absent/inner": b"inner"}, id="directory"
        ),
        pytest.param(
            DIR, EMPTY, {"/dir/", "/dir/inner"}, {"/empty/inner": b"inner"}, id="directory over an empty directory"
        ),
    ],
)
def test_rename_moves_and_replaces(
    stocked: FileSystem, source: VirtualPath, target: VirtualPath, gone: set[str], new: dict[str, bytes]
) -> None:
    """RENAME moves files and whole directories; with REPLACE an existing file, or empty directory, gives way."""
    needs(stocked, Capability.RENAME | Capability.REPLACE)
    stocked.rename(source, target)
    assert tree(stocked) == {path: data for path, data in STOCK.items() if path not in gone} | new


def test_what_was_moved_can_be_used_in_its_new_place(stocked: FileSystem) -> None:
    """A directory that was moved takes new entries, moves again, and its old name is free."""
    needs(stocked, Capability.RENAME)
    stocked.rename(DIR, VirtualPath("/empty/dir"))
    stocked.make_dir(DIR)
    stocked.rename(VirtualPath("/empty/dir"), VirtualPath("/dir/moved"))
    put(stocked, VirtualPath("/dir/moved/new"), b"new")
    assert get(stocked, VirtualPath("/dir/moved/inner")) == b"inner"
    assert set(scan(stocked, VirtualPath("/dir/moved"))) == {"inner", "new"}


@pytest.mark.parametrize("path", [FILE, DIR], ids=base_name)
def test_set_mode_shows(stocked: FileSystem, path: VirtualPath) -> None:
    """MODE: `set_mode` sets the permission bits and nothing else; `FileInfo.mode` has them and the type."""
    needs(stocked, Capability.MODE)
    before = stocked.stat(path, follow=True)
    stocked.set_mode(path, 0o741)
    after = stocked.stat(path, follow=True)
    assert before.mode is not None
    assert after == before._replace(mode=before.mode & ~0o7777 | 0o741)


@pytest.mark.parametrize("path", [FILE, DIR], ids=base_name)
@pytest.mark.parametrize("seconds", [0.0, 1_000_000_000.0, 4_000_000_000.0, -1.0], ids=str)
def test_set_modified_shows(stocked: FileSystem, path: VirtualPath, seconds: float) -> None:
    """TIMES: `set_modified` takes whole seconds before and after 1970, and changes nothing else."""
    needs(stocked, Capability.TIMES)
    before = stocked.stat(path, follow=True)
    stocked.set_modified(path, seconds)
    assert stocked.stat(path, follow=True) == before._replace(modified=seconds)


@pytest.mark.parametrize("seconds", [1e30, -1e30, float("nan"), float("inf")], ids=str)
def test_a_time_out_of_range_is_an_error_of_the_family(stocked: FileSystem, seconds: float) -> None:
    """TIMES: what the store can't hold raises OSError, and nothing else."""
    needs(stocked, Capability.TIMES)
    with pytest.raises(OSError):
        stocked.set_modified(FILE, seconds)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda f: f.open_file(FILE, OpenMode.WRITE), id="WRITE"),
        pytest.param(lambda f: f.open_file(FILE, OpenMode.UPDATE), id="UPDATE"),
        pytest.param(lambda f: f.open_file(FILE, OpenMode.APPEND), id="APPEND"),
        pytest.param(lambda f: f.rename(FILE, ABSENT), id="rename"),
        pytest.param(lambda f: f.set_mode(FILE, 0o600), id="set_mode"),
        pytest.param(lambda f: f.set_modified(FILE, 0.0), id="set_modified"),
    ],
)
def test_what_is_not_declared_is_unsupported(call: Call) -> None:
    """An operation whose capability is missing raises UnsupportedOperation and does nothing."""
    bare = MemoryFileSystem(capabilities=Capability.WRITE, now=lambda: 7.0)
    put(bare, FILE, b"file")
    before = scan(bare)
    with pytest.raises(UnsupportedOperation):
        call(bare)
    assert (scan(bare), tree(bare)) == (before, {"/file": b"file"})


def test_rename_without_replace_refuses_an_existing_target() -> None:
    """RENAME without REPLACE: FileExistsError, and both stay."""
    files = MemoryFileSystem(capabilities=Capability.WRITE | Capability.RENAME)
    put(files, FILE, b"file")
    put(files, OTHER, b"other")
    with pytest.raises(FileExistsError):
        files.rename(FILE, OTHER)
    assert tree(files) == {"/file": b"file", "/other": b"other"}
