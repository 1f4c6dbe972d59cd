"""`Quota` on filesystems that store a file when it is complete."""

from __future__ import annotations

from mutants.atomic import AtomicFileSystem
from quota_play import FILE, OTHER, get, names, put, refused
from quota_stores import Staging

from ftpcore import VirtualPath
from ftpcore.ports import OpenMode
from ftpcore_adapters.wrappers import Quota, Usage


def test_an_upload_counts_beside_what_it_replaces() -> None:
    """ATOMIC: until it is closed both are there; then one of them is."""
    quota = Quota(AtomicFileSystem(), max_bytes=10, max_files=1)
    put(quota, FILE, b"1234")
    file = quota.open_file(FILE, OpenMode.REPLACE)
    with refused():
        file.write_at(0, b"0123456789")
    assert quota.usage() == Usage(size=10, files=1)
    file.close(complete=False)
    assert (quota.usage(), get(quota, FILE)) == (Usage(size=4, files=1), b"1234")
    put(quota, FILE, b"123456")
    assert quota.usage() == quota.count() == Usage(size=6, files=1)


def test_an_upload_to_a_new_name_is_a_file_at_once() -> None:
    """ATOMIC: two uploads can't both become the last file; one that is given up makes room for another."""
    quota = Quota(AtomicFileSystem(), max_bytes=10, max_files=1)
    first = quota.open_file(FILE, OpenMode.REPLACE)
    with refused():
        quota.open_file(OTHER, OpenMode.REPLACE)
    with refused():
        quota.open_unique(VirtualPath("/"), "x")
    first.close(complete=False)
    put(quota, OTHER, b"123")
    assert quota.usage() == quota.count() == Usage(size=3, files=1)


def test_an_upload_fits_beside_what_was_stored_meanwhile() -> None:
    """ATOMIC: what an upload was to replace is gone, and a file in its place: it becomes a file too many, or not."""
    quota = Quota(AtomicFileSystem(), max_files=1)
    put(quota, FILE, b"1")
    upload = quota.open_file(FILE, OpenMode.REPLACE)
    upload.write_at(0, b"2")
    quota.remove_file(FILE)
    put(quota, OTHER, b"3")
    with refused():
        upload.close(complete=True)
    assert (names(quota), quota.usage()) == ({"other"}, Usage(size=1, files=1))


def test_two_uploads_of_one_file_leave_one() -> None:
    """ATOMIC: the later one replaces what the earlier one stored."""
    quota = Quota(AtomicFileSystem(), max_bytes=10)
    one, two = quota.open_file(FILE, OpenMode.REPLACE), quota.open_file(FILE, OpenMode.REPLACE)
    one.write_at(0, b"123")
    two.write_at(0, b"12345")
    assert quota.usage() == Usage(size=8, files=2)
    one.close(complete=True)
    two.close(complete=True)
    assert quota.usage() == quota.count() == Usage(size=5, files=1)


def test_an_upload_that_goes_on_counts_what_it_adds() -> None:
    """What it begins with is there already, and gives way to the whole when that is stored."""
    store = Staging()
    store.memory.write_bytes(FILE, b"12345678")
    quota = Quota(store, max_bytes=10, max_files=1)
    file = quota.open_file(FILE, OpenMode.APPEND)
    with refused():
        file.write_at(0, b"abc")
    assert quota.usage() == Usage(size=10, files=1)
    file.close(complete=True)
    assert (get(quota, FILE), quota.usage()) == (b"12345678ab", Usage(size=10, files=1))


def test_an_upload_that_went_on_fits_beside_what_was_stored_meanwhile() -> None:
    """What it began with was removed, and something else stored in its place: it would be too much."""
    store = Staging()
    store.memory.write_bytes(FILE, b"12345678")
    quota = Quota(store, max_bytes=10)
    file = quota.open_file(FILE, OpenMode.APPEND)
    file.write_at(0, b"a")
    quota.remove_file(FILE)
    put(quota, OTHER, b"12345")
    with refused():
        file.close(complete=True)
    assert (names(quota), quota.usage()) == ({"other"}, Usage(size=5, files=1))


def test_whoever_reads_what_was_replaced_holds_it() -> None:
    """With identifiers, the old content counts until its last reader has closed it."""
    store = Staging()
    quota = Quota(store, max_bytes=10)
    put(quota, FILE, b"1234")
    reader = quota.open_file(FILE, OpenMode.READ)
    quota.remove_file(FILE)
    put(quota, FILE, b"123456")
    assert quota.usage() == Usage(size=10, files=2)
    reader.close(complete=True)
    assert quota.usage() == Usage(size=6, files=1)
