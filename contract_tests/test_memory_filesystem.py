"""What `MemoryFileSystem` promises beyond the port: room, times, links, and the means to set it up."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import count

import pytest

from ftpcore import UnsupportedOperation, VirtualPath
from ftpcore.ports import Capability, FileKind, OpenMode
from ftpcore_adapters.memory import MemoryFileSystem

ROOT = VirtualPath("/")
FILE = VirtualPath("/file")
OTHER = VirtualPath("/other")
LINK = VirtualPath("/link")


def write(files: MemoryFileSystem, path: VirtualPath, mode: OpenMode, offset: int, data: bytes) -> None:
    file = files.open_file(path, mode)
    try:
        file.write_at(offset, data)
    finally:
        file.close(complete=False)


def test_a_tree_is_set_up_and_read_back() -> None:
    """`write_bytes` makes what directories it needs and replaces files; `tree` shows everything, sorted."""
    files = MemoryFileSystem()
    files.write_bytes("/b/c/file", b"old")
    files.write_bytes("/b/c/file", b"new")
    files.write_bytes("/a", b"")
    files.make_link("/b/link", "c/file")
    assert list(files.tree().items()) == [
        ("/a", b""),
        ("/b/", b""),
        ("/b/c/", b""),
        ("/b/c/file", b"new"),
        ("/b/link -> c/file", b""),
    ]
    assert files.read_bytes("/b/link") == b"new"


@pytest.mark.parametrize("path", ["/file/x", "/"])
def test_setting_up_over_the_wrong_kind_raises(path: str) -> None:
    """`write_bytes` neither replaces a file by a directory nor the other way round."""
    files = MemoryFileSystem()
    files.write_bytes("/file", b"x")
    with pytest.raises((NotADirectoryError, IsADirectoryError)):
        files.write_bytes(path, b"y")
    assert files.tree() == {"/file": b"x"}


def test_what_fits_is_written_before_the_error() -> None:
    """At the limit the bytes that fit are stored, and OSError(ENOSPC) comes after them."""
    files = MemoryFileSystem(limit=6)
    files.write_bytes("/file", b"1234")
    with pytest.raises(OSError) as caught:
        write(files, OTHER, OpenMode.REPLACE, 0, b"abc")
    assert caught.value.errno == errno.ENOSPC
    assert files.tree() == {"/file": b"1234", "/other": b"ab"}


@pytest.mark.parametrize(
    ("mode", "offset", "data", "expected"),
    [
        pytest.param(OpenMode.WRITE, 0, b"abcd", b"abcd", id="overwriting needs no room"),
        pytest.param(OpenMode.WRITE, 3, b"abc", b"123abc", id="to the last byte"),
        pytest.param(OpenMode.WRITE, 3, b"abcd", b"123abc", id="over the last byte"),
        pytest.param(OpenMode.WRITE, 5, b"abc", b"1234\0a", id="behind a gap"),
        pytest.param(OpenMode.WRITE, 6, b"a", b"1234", id="a gap and nothing behind it"),
        pytest.param(OpenMode.WRITE, 10**15, b"a", b"1234", id="far away"),
        pytest.param(OpenMode.APPEND, 0, b"abc", b"1234ab", id="appending"),
        pytest.param(OpenMode.REPLACE, 0, b"abcdefg", b"abcdef", id="replacing"),
    ],
)
def test_the_limit_holds_at_the_byte(mode: OpenMode, offset: int, data: bytes, expected: bytes) -> None:
    """However a file grows, it ends at the limit, and only a write that lost something raises ENOSPC."""
    files = MemoryFileSystem(limit=6)
    files.write_bytes("/file", b"1234")
    if expected.endswith(data) or expected.startswith(data):
        write(files, FILE, mode, offset, data)
    else:
        with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}"):
            write(files, FILE, mode, offset, data)
    assert files.read_bytes("/file") == expected


def test_extending_beyond_the_limit_changes_nothing() -> None:
    """`truncate` has no part that fits: ENOSPC, and the size stays."""
    files = MemoryFileSystem(limit=6)
    file = files.open_file(FILE, OpenMode.REPLACE)
    file.truncate(6)
    with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}"):
        file.truncate(7)
    file.close(complete=True)
    assert files.read_bytes("/file") == bytes(6)


def test_room_comes_back_when_the_last_holder_is_gone() -> None:
    """Removing, replacing and cutting files frees their room; that of a removed file when it is closed too."""
    files = MemoryFileSystem(limit=4)
    files.write_bytes("/file", b"1234")
    file = files.open_file(FILE, OpenMode.READ)
    files.remove_file(FILE)
    with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}"):
        files.write_bytes("/file", b"x")
    file.close(complete=True)
    files.write_bytes("/file", b"12")
    files.write_bytes("/other", b"34")
    files.rename(FILE, OTHER)
    files.write_bytes("/file", b"56")
    files.write_bytes("/file", b"78")
    assert files.tree() == {"/file": b"78", "/other": b"12"}


def test_times_come_from_the_clock() -> None:
    """Changes take the time of the injected clock, for a directory too; reading changes no time."""
    moments: Iterator[float] = map(float, count(100))
    files = MemoryFileSystem(now=lambda: next(moments))
    assert files.stat(ROOT, follow=True).modified == 100.0
    files.write_bytes("/file", b"x")
    made, root = files.stat(FILE, follow=True).modified, files.stat(ROOT, follow=True).modified
    write(files, FILE, OpenMode.WRITE, 0, b"y")
    assert files.read_bytes("/file") == b"y"
    assert files.stat(FILE, follow=True).modified > made
    assert files.stat(ROOT, follow=True).modified == root > 100.0


@pytest.mark.parametrize(
    "target", ["dir/inner", "/dir/inner", "../../dir/inner", "./dir/../dir//inner", "dir/up/inner"]
)
def test_links_lead_below_the_root(target: str) -> None:
    """A link is followed from its directory, or from the root; ".." at the root stays there."""
    files = MemoryFileSystem()
    files.write_bytes("/dir/inner", b"inner")
    files.make_link("/dir/up", "../dir")
    files.make_link("/link", target)
    assert files.read_bytes("/link") == b"inner"
    assert files.stat(LINK, follow=True)[:3] == ("link", FileKind.FILE, 5)
    assert files.stat(LINK, follow=False)[:3] == ("link", FileKind.LINK, len(target))
    assert files.stat(LINK, follow=False).target == target


def test_what_vanishes_is_left_out_at_once() -> None:
    """A listing looks again at each entry: what was removed since it began is not shown."""
    files = MemoryFileSystem()
    for number in range(5):
        files.write_bytes(f"/{number}", b"")
    entries = files.scan_dir(ROOT, follow=True)
    assert next(entries).name == "0"
    files.remove_file(VirtualPath("/2"))
    assert [info.name for info in entries] == ["1", "3", "4"]


@pytest.mark.parametrize("seconds", [-1.0, 0.5, 4e9])
def test_any_time_is_kept(seconds: float) -> None:
    """Times are kept as they are given, before 1970 and after 2038 too."""
    files = MemoryFileSystem()
    files.write_bytes("/file", b"")
    files.set_modified(FILE, seconds)
    assert files.stat(FILE, follow=True).modified == seconds


def test_links_are_a_capability() -> None:
    """LINKS not declared: none can be made."""
    with pytest.raises(UnsupportedOperation):
        MemoryFileSystem(capabilities=Capability.NONE).make_link("/link", "x")
