"""`Quota` as sessions and threads share it: 552 at the byte, and totals that are exact."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from quota_play import FILE, OTHER, OVER, get, names, put, refused

from ftpcore import ReceiveFile, SendFile, VirtualPath
from ftpcore.ports import FileSystem, OpenMode
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import Quota


@pytest.fixture(params=["memory", "local"])
def inner(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    return MemoryFileSystem() if request.param == "memory" else LocalFileSystem(tmp_path)


@pytest.fixture
def restless() -> Iterator[None]:
    """Has threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# -- sessions ----------------------------------------------------------------------------------------------------------


def session(files: FileSystem) -> ScriptedHost:
    return ScriptedHost(SingleUser(files)).login()


@pytest.mark.parametrize("command", ["STOR file", "APPE file"])
@pytest.mark.parametrize("size", [9, 10, 11, 5000], ids=str)
def test_a_session_is_told_552_at_the_byte(inner: FileSystem, command: str, size: int) -> None:
    """Up to the last byte 226; beyond it 552, and what fits is stored."""
    host = session(Quota(inner, max_bytes=10))
    host.feed(f"PASV\r\n{command}\r\n".encode()).connect().upload(b"x" * size).finish()
    assert host.codes() == [227, 150, 226 if size <= 10 else 552]
    assert get(inner, FILE) == b"x" * min(size, 10)
    host.feed(b"DELE file\r\nPASV\r\nSTOR other\r\n").connect().upload(b"x" * 10).finish()
    assert host.codes() == [250, 227, 150, 226]


def test_a_session_is_told_552_for_a_file_too_many(inner: FileSystem) -> None:
    """Before the 1yz, so that nothing is sent in vain; the data connection serves the next command."""
    host = session(Quota(inner, max_files=1))
    put(inner, FILE, b"")
    host.feed(b"PASV\r\nSTOR other\r\nSTOU\r\nSTOR file\r\n").connect().upload(b"x").finish()
    assert host.codes() == [227, 552, 552, 150, 226]
    assert (names(inner), get(inner, FILE)) == ({"file"}, b"x")


def test_a_restarted_upload_counts_what_it_adds(inner: FileSystem) -> None:
    """REST and STOR overwrite the part that is there, and have the room behind it."""
    put(inner, FILE, b"01234567")
    host = session(Quota(inner, max_bytes=10))
    host.feed(b"REST 5\r\nPASV\r\nSTOR file\r\n").connect().upload(b"abcde").finish()
    assert host.codes() == [350, 227, 150, 226]
    assert get(inner, FILE) == b"01234abcde"


def test_two_sessions_share_the_room(inner: FileSystem) -> None:
    """What one stores, the other can't."""
    quota = Quota(inner, max_bytes=10)
    one, two = session(quota), session(quota)
    one.feed(b"PASV\r\nSTOR file\r\n").connect().upload(b"1234567")
    two.feed(b"PASV\r\nSTOR other\r\n").connect().upload(b"abcdefg").finish()
    one.upload(b"8").finish()
    assert (one.codes(), two.codes()) == ([227, 150, 552], [227, 150, 552])
    assert (get(inner, FILE), get(inner, OTHER)) == (b"1234567", b"abc")


def test_the_kernel_stores_nothing_uncounted(tmp_path: Path) -> None:
    """Downloads go by sendfile; uploads pass through this process."""
    host = session(Quota(LocalFileSystem(tmp_path)))
    host.feed(b"PASV\r\nSTOR file\r\n").connect().upload(b"0123").finish()
    host.feed(b"PASV\r\nRETR file\r\n").connect()
    assert (host.codes(), host.downloaded) == ([227, 150, 226, 227, 150, 226], b"0123")
    assert (len(host.performed(ReceiveFile)), len(host.performed(SendFile))) == (0, 1)


# -- threads -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("shared", [True, False], ids=["one file", "a file each"])
def test_threads_fill_the_room_exactly(inner: FileSystem, shared: bool) -> None:
    """However many store at once, what is stored in the end is `max_bytes`, not one byte more or less."""
    quota = Quota(inner, max_bytes=100_003)

    def fill(number: int) -> None:
        file = quota.open_file(FILE if shared else VirtualPath(f"/{number}"), OpenMode.APPEND)
        try:
            with refused():
                for _ in range(100_003):
                    file.write_at(0, b"0123456789abc")
        finally:
            file.close(complete=True)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fill, range(8)))
    stored = sum(info.size for info in inner.scan_dir(VirtualPath("/"), follow=False))
    assert stored == quota.usage().size == quota.count().size == 100_003


@pytest.mark.usefixtures("restless")
def test_threads_make_no_file_too_many(inner: FileSystem) -> None:
    """Of many that make files at once, as many succeed as there is room for."""
    quota = Quota(inner, max_files=5)

    def make(number: int) -> bool:
        try:
            put(quota, VirtualPath(f"/{number}"), b"")
        except OSError as error:
            if error.errno != OVER:
                raise
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(make, range(40))) == 5
    assert len(names(inner)) == 5


@pytest.mark.usefixtures("restless")
def test_counting_disturbs_nobody(inner: FileSystem) -> None:
    """`count` in the midst of everything finds what is there, and what comes after is counted on top of it."""
    quota = Quota(inner, max_bytes=1 << 20)

    def store(number: int) -> None:
        path, moved = VirtualPath(f"/{number}"), VirtualPath(f"/{number}m")
        for turn in range(15):
            put(quota, path, b"x" * (number * 10 + turn), OpenMode.WRITE)
            quota.rename(path, moved)
            put(quota, moved, b"yz", OpenMode.APPEND)
            quota.count()
            if turn % 3:
                quota.remove_file(moved)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store, range(8)))
    assert quota.usage() == quota.count() == Quota(inner).count()
