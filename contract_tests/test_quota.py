"""The limits of `Quota`: to the byte and to the file, on memory, on a disk, and on what stores when it is complete."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from quota_play import DIR, FILE, OTHER, get, names, put, refused
from quota_stores import Anonymous

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem, OpenMode
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import Quota, Usage


@pytest.fixture(params=["memory", "local"])
def inner(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    return MemoryFileSystem() if request.param == "memory" else LocalFileSystem(tmp_path)


# -- bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [OpenMode.REPLACE, OpenMode.WRITE, OpenMode.APPEND], ids=str)
def test_what_fits_is_stored_and_the_next_byte_refused(inner: FileSystem, mode: OpenMode) -> None:
    """The last byte that there is room for is stored; of a block that is too long, as much as fits."""
    quota = Quota(inner, max_bytes=10)
    file = quota.open_file(FILE, mode)
    file.write_at(0, b"0123456")
    with refused():
        file.write_at(7, b"789abc")
    with refused():
        file.write_at(10, b"x")
    file.close(complete=False)
    assert get(inner, FILE) == b"0123456789"
    assert quota.usage() == Usage(size=10, files=1)


def test_what_was_there_counts(inner: FileSystem) -> None:
    """Files below directories, too; those that were there before the quota was."""
    inner.make_dir(DIR)
    put(inner, FILE, b"four")
    put(inner, VirtualPath("/dir/inner"), b"three")
    quota = Quota(inner, max_bytes=12)
    assert quota.count() == Usage(size=9, files=2)
    with refused():
        put(quota, OTHER, b"abcd")
    assert get(inner, OTHER) == b"abc"


def test_counting_comes_before_the_first_change(inner: FileSystem) -> None:
    """What others store until then counts; what they store afterwards does when it is counted again."""
    quota = Quota(inner, max_bytes=100)
    put(inner, FILE, b"12345")
    put(quota, OTHER, b"67")
    assert quota.usage() == Usage(size=7, files=2)
    put(inner, FILE, b"1234567")
    assert quota.usage() == Usage(size=7, files=2)
    assert quota.count() == Usage(size=9, files=2)


def test_too_much_already_refuses_growth_alone(inner: FileSystem) -> None:
    """Where more is stored than may be, files can be overwritten, cut, moved and removed, but nothing grows."""
    put(inner, FILE, b"0123456789")
    quota = Quota(inner, max_bytes=5)
    file = quota.open_file(FILE, OpenMode.WRITE)
    file.write_at(2, b"ab")
    with refused():
        file.write_at(9, b"cd")
    file.truncate(6)
    with refused():
        file.write_at(6, b"x")
    file.truncate(4)
    file.write_at(4, b"x")
    file.close(complete=True)
    quota.rename(FILE, OTHER)
    assert get(inner, OTHER) == b"01abx"
    quota.remove_file(OTHER)
    assert quota.usage() == Usage(size=0, files=0)


@pytest.mark.parametrize(
    ("offset", "data", "expected"),
    [
        pytest.param(8, b"ab", b"0123\0\0\0\0ab", id="to the last byte"),
        pytest.param(9, b"ab", b"0123\0\0\0\0\0a", id="over it"),
        pytest.param(10, b"ab", b"0123", id="behind it"),
        pytest.param(2**62, b"ab", b"0123", id="far behind it"),
        pytest.param(10, b"", b"0123", id="nothing behind it"),
    ],
)
def test_a_hole_counts(inner: FileSystem, offset: int, data: bytes, expected: bytes) -> None:
    """A gap counts as the zeros that it reads as; if nothing behind it fits, nothing is stored."""
    put(inner, FILE, b"0123")
    quota = Quota(inner, max_bytes=10)
    file = quota.open_file(FILE, OpenMode.WRITE)
    if offset + len(data) > 10 and data:
        with refused():
            file.write_at(offset, data)
    else:
        file.write_at(offset, data)
    file.close(complete=True)
    assert get(inner, FILE) == expected
    assert quota.usage() == Usage(size=len(expected), files=1)


def test_truncating_to_more_than_fits_changes_nothing(inner: FileSystem) -> None:
    """Extending by `truncate` is done as a whole, or not."""
    put(inner, FILE, b"0123")
    quota = Quota(inner, max_bytes=10)
    file = quota.open_file(FILE, OpenMode.WRITE)
    with refused():
        file.truncate(11)
    assert (get(inner, FILE), quota.usage().size) == (b"0123", 4)
    file.truncate(10)
    file.truncate(0)
    assert quota.usage().size == 0
    file.close(complete=True)


def test_all_that_gives_room_gives_it(inner: FileSystem) -> None:
    """Replacing, cutting, removing, and renaming over: each makes room for as much as it took away."""
    quota = Quota(inner, max_bytes=10, max_files=3)
    for name in ("a", "b", "c"):
        put(quota, VirtualPath(f"/{name}"), b"123")
    put(quota, VirtualPath("/a"), b"1")
    assert quota.usage() == Usage(size=7, files=3)
    quota.rename(VirtualPath("/a"), VirtualPath("/b"))
    assert quota.usage() == Usage(size=4, files=2)
    quota.rename(VirtualPath("/b"), VirtualPath("/b"))
    assert quota.usage() == Usage(size=4, files=2)
    quota.remove_file(VirtualPath("/c"))
    assert quota.usage() == Usage(size=1, files=1)
    put(quota, OTHER, b"123456789")
    assert quota.usage() == Usage(size=10, files=2)


@pytest.mark.parametrize("opening", [OpenMode.READ, OpenMode.WRITE], ids=str)
def test_an_open_file_counts_until_it_is_closed(inner: FileSystem, opening: OpenMode) -> None:
    """Removed or replaced, what is open is still there for whoever has it open, and takes room."""
    quota = Quota(inner, max_bytes=10)
    put(quota, FILE, b"1234")
    file = quota.open_file(FILE, opening)
    quota.remove_file(FILE)
    assert quota.usage() == Usage(size=4, files=1)
    put(quota, FILE, b"12")
    put(quota, OTHER, b"1")
    quota.rename(OTHER, FILE)
    assert quota.usage() == Usage(size=5, files=2)
    if opening is OpenMode.WRITE:
        with refused():
            file.write_at(0, b"0123456789")
        assert quota.usage() == Usage(size=10, files=2)
        file.truncate(0)
        assert quota.usage() == Usage(size=1, files=2)
    file.close(complete=True)
    assert quota.usage() == Usage(size=1, files=1)
    assert names(quota) == {"file"}


def test_openings_of_one_file_count_once(inner: FileSystem) -> None:
    """Whoever overwrites what another opening wrote takes no more room; who empties it gives back what is there."""
    quota = Quota(inner, max_bytes=10)
    one, two = quota.open_file(FILE, OpenMode.WRITE), quota.open_file(FILE, OpenMode.WRITE)
    one.write_at(0, b"12345")
    two.write_at(2, b"abcdef")
    assert quota.usage() == Usage(size=8, files=1)
    three = quota.open_file(FILE, OpenMode.REPLACE)
    assert quota.usage() == Usage(size=0, files=1)
    one.write_at(5, b"67")
    assert quota.usage() == Usage(size=7, files=1)
    for file in (one, two, three):
        file.close(complete=True)
    assert (quota.count(), get(inner, FILE)) == (Usage(size=7, files=1), b"\0\0\0\0\x0067")


def test_names_of_one_file_count_once(tmp_path: Path) -> None:
    """A file with two names is stored once, and is there until the last of them is gone."""
    (tmp_path / "file").write_bytes(b"1234")
    os.link(tmp_path / "file", tmp_path / "other")
    quota = Quota(LocalFileSystem(tmp_path), max_bytes=10)
    assert quota.count() == Usage(size=4, files=1)
    one, two = quota.open_file(FILE, OpenMode.WRITE), quota.open_file(OTHER, OpenMode.APPEND)
    one.write_at(4, b"56")
    two.write_at(0, b"78")
    assert quota.usage() == Usage(size=8, files=1)
    quota.remove_file(FILE)
    one.close(complete=True)
    two.close(complete=True)
    assert quota.usage() == Usage(size=8, files=1)
    quota.remove_file(OTHER)
    assert quota.usage() == Usage(size=0, files=0)


def test_links_are_no_files(tmp_path: Path) -> None:
    """Neither a link nor what it leads to counts again, whatever is done to the link."""
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("file")
    quota = Quota(LocalFileSystem(tmp_path), max_bytes=10, max_files=1)
    put(quota, VirtualPath("/link"), b"56", OpenMode.APPEND)
    assert quota.usage() == Usage(size=6, files=1)
    quota.rename(VirtualPath("/link"), OTHER)
    quota.rename(FILE, OTHER)
    assert quota.usage() == quota.count() == Usage(size=6, files=1)


def test_an_open_file_is_known_by_its_new_name() -> None:
    """Also where objects have no identifiers: what is renamed, or is below what is, stays the file that is open."""
    quota = Quota(Anonymous(MemoryFileSystem()), max_bytes=20)
    quota.make_dir(DIR)
    below, beside = quota.open_file(VirtualPath("/dir/x"), OpenMode.WRITE), quota.open_file(FILE, OpenMode.WRITE)
    quota.rename(DIR, VirtualPath("/moved"))
    quota.rename(FILE, OTHER)
    put(quota, FILE, b"12")
    below.write_at(0, b"123")
    beside.write_at(0, b"1234")
    quota.remove_file(VirtualPath("/moved/x"))
    quota.remove_file(OTHER)
    assert quota.usage() == Usage(size=9, files=3)
    below.close(complete=True)
    beside.close(complete=True)
    assert quota.usage() == Usage(size=2, files=1)


def test_an_open_file_that_others_changed_is_counted_again(inner: FileSystem) -> None:
    """What is written from then on counts from the size that was found."""
    quota = Quota(inner, max_bytes=20)
    file = quota.open_file(FILE, OpenMode.WRITE)
    file.write_at(0, b"12")
    put(inner, FILE, b"123456", OpenMode.WRITE)
    assert quota.count() == Usage(size=6, files=1)
    file.write_at(2, b"abcdef")
    file.close(complete=True)
    assert quota.usage() == quota.count() == Usage(size=8, files=1)


def test_a_failure_counts_what_was_stored() -> None:
    """Where the filesystem gets full first, what it took counts, and what it did not take does not."""
    memory = MemoryFileSystem(limit=6)
    quota = Quota(memory, max_bytes=100)
    file = quota.open_file(FILE, OpenMode.REPLACE)
    with pytest.raises(OSError) as caught:
        file.write_at(0, b"0123456789")
    assert (caught.value.errno, quota.usage().size) == (errno.ENOSPC, 6)
    with pytest.raises(OSError):
        file.truncate(50)
    file.close(complete=True)
    assert quota.usage() == quota.count() == Usage(size=6, files=1)


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_too_many_is_not_made(inner: FileSystem) -> None:
    """One that exists can be opened in every mode, renamed and replaced; a directory is no file."""
    quota = Quota(inner, max_files=2)
    put(quota, FILE, b"x")
    put(quota, OTHER, b"y")
    for mode in (OpenMode.REPLACE, OpenMode.WRITE, OpenMode.APPEND):
        with refused():
            quota.open_file(VirtualPath("/third"), mode)
        put(quota, FILE, b"z", mode)
    with refused():
        quota.open_unique(VirtualPath("/"), "third")
    quota.make_dir(DIR)
    quota.rename(FILE, VirtualPath("/dir/moved"))
    assert names(inner) == {"other", "dir"}
    quota.remove_file(OTHER)
    name, file = quota.open_unique(DIR, "third")
    file.close(complete=True)
    assert quota.usage().files == 2
    quota.remove_file(VirtualPath(f"/dir/{name}"))
    assert quota.usage().files == 1


@pytest.mark.parametrize("full", [True, False], ids=["full", "with room"])
def test_other_errors_come_first(inner: FileSystem, full: bool) -> None:
    """That a directory is missing, or is none, is said whether there is room or not."""
    quota = Quota(inner, max_files=1 if full else 2)
    put(quota, FILE, b"")
    with pytest.raises(FileNotFoundError):
        quota.open_file(VirtualPath("/absent/x"), OpenMode.REPLACE)
    with pytest.raises(NotADirectoryError):
        quota.open_file(VirtualPath("/file/x"), OpenMode.REPLACE)
    with pytest.raises(FileNotFoundError):
        quota.open_unique(VirtualPath("/absent"), "x")
    with pytest.raises(FileNotFoundError):
        quota.open_file(OTHER, OpenMode.UPDATE)
    assert quota.usage().files == 1


def test_too_many_entries_are_not_counted(inner: FileSystem) -> None:
    """Beyond `most_entries` nothing that is stored could be trusted to fit: nothing is."""
    for name in ("a", "b", "c"):
        put(inner, VirtualPath(f"/{name}"), b"")
    quota = Quota(inner, max_bytes=100, most_entries=2)
    with refused():
        quota.count()
    with refused():
        put(quota, FILE, b"x")
    assert get(quota, VirtualPath("/a")) == b""
    inner.remove_file(VirtualPath("/c"))
    put(quota, FILE, b"x")
    assert quota.usage() == Usage(size=1, files=3)


@pytest.mark.parametrize("limits", [{"max_bytes": -1}, {"max_files": -1}], ids=str)
def test_a_limit_is_no_number_below_zero(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Quota(MemoryFileSystem(), **limits)
