"""The rules for open files that every synchronous filesystem port keeps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from ftpcore import UnsupportedOperation, VirtualPath, join_path
from ftpcore.ports import BinaryFile, Capability, FileSystem, OpenMode
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem

FILE: Final = VirtualPath("/file")
ABSENT: Final = VirtualPath("/absent")
DIR: Final = VirtualPath("/dir")
LAST_OFFSET: Final = 2**63 - 1

WRITING: Final = [mode for mode in OpenMode if mode is not OpenMode.READ]
MAKING: Final = [OpenMode.WRITE, OpenMode.REPLACE, OpenMode.APPEND]
NEEDS: Final = {
    OpenMode.WRITE: Capability.RESUME,
    OpenMode.UPDATE: Capability.RESUME,
    OpenMode.APPEND: Capability.APPEND,
}


@pytest.fixture(params=["local", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    """A filesystem with the file "/file", which holds "0123456789", and the empty directory "/dir"."""
    files: FileSystem = LocalFileSystem(tmp_path) if request.param == "local" else MemoryFileSystem()
    with opened(files, FILE, OpenMode.REPLACE) as file:
        file.write_at(0, b"0123456789")
    files.make_dir(DIR)
    return files


@contextmanager
def opened(files: FileSystem, path: VirtualPath, mode: OpenMode) -> Iterator[BinaryFile]:
    if NEEDS.get(mode, Capability.NONE) not in files.capabilities:
        pytest.skip(f"{NEEDS[mode]} is not declared")
    file = files.open_file(path, mode)
    try:
        yield file
    finally:
        file.close(complete=True)


def content(files: FileSystem, path: VirtualPath = FILE) -> bytes:
    with opened(files, path, OpenMode.READ) as file:
        return file.read_at(0, 1 << 22)


def names(files: FileSystem) -> set[str]:
    return {info.name for info in files.scan_dir(VirtualPath("/"), follow=False)}


@pytest.mark.parametrize(
    ("offset", "size", "expected"),
    [
        pytest.param(0, 10, b"0123456789", id="all"),
        pytest.param(3, 4, b"3456", id="a part"),
        pytest.param(8, 100, b"89", id="to the end"),
        pytest.param(0, 0, b"", id="nothing"),
        pytest.param(10, 4, b"", id="at the end"),
        pytest.param(11, 4, b"", id="behind the end"),
        pytest.param(LAST_OFFSET, 65536, b"", id="at the last offset"),
    ],
)
def test_reading_is_short_only_at_the_end(files: FileSystem, offset: int, size: int, expected: bytes) -> None:
    """`read_at` returns what is there from `offset`; b"" says that there is no more, however far behind the end."""
    with opened(files, FILE, OpenMode.READ) as file:
        assert file.read_at(offset, size) == expected


def test_reading_keeps_no_position(files: FileSystem) -> None:
    """Blocks may be read in any order, and twice."""
    with opened(files, FILE, OpenMode.READ) as file:
        assert [file.read_at(offset, 2) for offset in (8, 0, 4, 0)] == [b"89", b"01", b"45", b"01"]


@pytest.mark.parametrize(
    ("offset", "data", "expected"),
    [
        pytest.param(0, b"ab", b"ab23456789", id="at the start"),
        pytest.param(4, b"ab", b"0123ab6789", id="in the middle"),
        pytest.param(9, b"ab", b"012345678ab", id="over the end"),
        pytest.param(10, b"ab", b"0123456789ab", id="at the end"),
        pytest.param(12, b"ab", b"0123456789\0\0ab", id="behind the end"),
        pytest.param(4, b"", b"0123456789", id="nothing"),
        pytest.param(99, b"", b"0123456789", id="nothing behind the end"),
    ],
)
@pytest.mark.parametrize("mode", [OpenMode.WRITE, OpenMode.UPDATE])
def test_writing_changes_only_its_place(
    files: FileSystem, mode: OpenMode, offset: int, data: bytes, expected: bytes
) -> None:
    """RESUME: opening keeps the content; what is before, and behind, the written bytes stays; a gap reads as zeros."""
    with opened(files, FILE, mode) as file:
        file.write_at(offset, data)
    assert content(files) == expected


def test_replacing_empties_the_file_at_once(files: FileSystem) -> None:
    """REPLACE: the old content is gone when the file is open, and no tail of it comes back."""
    with opened(files, FILE, OpenMode.REPLACE) as file:
        assert content(files) == b""
        file.write_at(0, b"new")
    assert content(files) == b"new"


def test_appending_goes_to_the_end(files: FileSystem) -> None:
    """APPEND: data goes behind what is there now; `offset`, which counts what this opening wrote, moves nothing."""
    with opened(files, FILE, OpenMode.APPEND) as one, opened(files, FILE, OpenMode.APPEND) as two:
        one.write_at(0, b"a")
        two.write_at(0, b"b")
        one.write_at(1, b"c")
    assert content(files) == b"0123456789abc"


def test_blocks_appended_at_once_are_all_there(files: FileSystem) -> None:
    """APPEND: nothing is lost or mixed when several threads append, each to its own opening."""
    blocks = [bytes([number]) * 4096 for number in range(64)]

    def append(block: bytes) -> None:
        with opened(files, ABSENT, OpenMode.APPEND) as file:
            file.write_at(0, block)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(append, blocks))
    data = content(files, ABSENT)
    assert sorted(data[start : start + 4096] for start in range(0, len(data), 4096)) == blocks


@pytest.mark.parametrize("mode", OpenMode, ids=str)
def test_an_opening_tells_size_and_creation(files: FileSystem, mode: OpenMode) -> None:
    """`size` is that of the file when it was opened (REPLACE: emptied), `created` is false for one that existed."""
    with opened(files, FILE, mode) as file:
        assert (file.size, file.created) == (0 if mode is OpenMode.REPLACE else 10, False)
        assert file.name


@pytest.mark.parametrize("mode", MAKING, ids=str)
def test_a_missing_file_is_made_empty(files: FileSystem, mode: OpenMode) -> None:
    """WRITE, REPLACE and APPEND make a missing file, at once and empty, and `created` says so."""
    with opened(files, ABSENT, mode) as file:
        assert (file.size, file.created) == (0, True)
        assert content(files, ABSENT) == b""
    assert content(files, ABSENT) == b""


@pytest.mark.parametrize("mode", [OpenMode.READ, OpenMode.UPDATE], ids=str)
def test_a_missing_file_is_not_made(files: FileSystem, mode: OpenMode) -> None:
    """READ and UPDATE raise FileNotFoundError and make nothing."""
    with pytest.raises(FileNotFoundError):
        files.open_file(ABSENT, mode)
    assert names(files) == {"file", "dir"}


def test_one_of_many_creates(files: FileSystem) -> None:
    """`created` is exact: of several openings at once, one made the file."""

    def create(_: int) -> bool:
        with opened(files, ABSENT, OpenMode.WRITE) as file:
            return file.created

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(create, range(64))) == 1


def test_removing_at_the_same_time_disturbs_no_maker(files: FileSystem) -> None:
    """A mode that makes a missing file never says that there is none, whoever removes it meanwhile."""

    def remove(_: int) -> None:
        with suppress(FileNotFoundError):
            files.remove_file(ABSENT)

    with ThreadPoolExecutor(4) as threads:
        removals = threads.map(remove, range(400))
        for _ in range(200):
            with opened(files, ABSENT, OpenMode.WRITE) as file:
                assert file.size == 0
        list(removals)


@pytest.mark.parametrize("mode", OpenMode, ids=str)
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(DIR, IsADirectoryError, id="a directory"),
        pytest.param(VirtualPath("/"), IsADirectoryError, id="the root"),
        pytest.param(VirtualPath("/file/x"), NotADirectoryError, id="below a file"),
        pytest.param(VirtualPath("/absent/x"), FileNotFoundError, id="no parent"),
    ],
)
def test_only_files_are_opened(files: FileSystem, mode: OpenMode, path: VirtualPath, expected: type[OSError]) -> None:
    """In any mode a directory is refused, and so is what has no directory; nothing is made."""
    with pytest.raises(expected):
        files.open_file(path, mode)
    assert names(files) == {"file", "dir"}


@pytest.mark.parametrize("size", [0, 4, 10, 12], ids=str)
def test_truncate_cuts_and_extends(files: FileSystem, size: int) -> None:
    """RESUME: `truncate` makes the file exactly `size` bytes long; what is new reads as zeros."""
    with opened(files, FILE, OpenMode.WRITE) as file:
        file.truncate(size)
    assert content(files) == b"0123456789\0\0"[:size]
    assert files.stat(FILE, follow=True).size == size


@pytest.mark.parametrize("mode", [OpenMode.WRITE, OpenMode.REPLACE], ids=str)
def test_an_offset_out_of_range_is_an_error_of_the_family(files: FileSystem, mode: OpenMode) -> None:
    """What the store can't hold raises OSError, up to the largest restart offset and beyond; nothing is written."""
    with opened(files, FILE, mode) as file:
        before = content(files)
        for offset in (LAST_OFFSET - 1, LAST_OFFSET, 2**63, 2**64):
            with pytest.raises(OSError):
                file.write_at(offset, b"xx")
        for size in (2**63, 2**64):
            with pytest.raises(OSError):
                file.truncate(size)
        assert content(files) == before


def test_a_file_opened_to_read_is_not_written(files: FileSystem) -> None:
    """READ: writing and cutting raise OSError and change nothing."""
    with opened(files, FILE, OpenMode.READ) as file:
        with pytest.raises(OSError):
            file.write_at(0, b"x")
        with pytest.raises(OSError):
            file.truncate(0)
    assert content(files) == b"0123456789"


@pytest.mark.parametrize("mode", WRITING, ids=str)
def test_what_is_written_is_seen_by_others(files: FileSystem, mode: OpenMode) -> None:
    """A port that does not store aside shows bytes as they are written, and `stat` counts them."""
    with opened(files, FILE, mode) as file:
        size = files.stat(FILE, follow=True).size
        file.write_at(size, b"new")
        assert content(files)[size:] == b"new"
        assert files.stat(FILE, follow=True).size == size + 3


@pytest.mark.parametrize("complete", [True, False], ids=["complete", "incomplete"])
def test_an_upload_stays_as_far_as_it_came(files: FileSystem, complete: bool) -> None:
    """A port that does not store aside keeps what was written also after `close(complete=False)`."""
    file = files.open_file(ABSENT, OpenMode.REPLACE)
    file.write_at(0, b"half")
    file.close(complete=complete)
    assert content(files, ABSENT) == b"half"


@pytest.mark.parametrize("mode", OpenMode, ids=str)
def test_a_closed_file_is_closed(files: FileSystem, mode: OpenMode) -> None:
    """After `close` every operation raises OSError and touches nothing, not even another file opened since."""
    with opened(files, FILE, mode) as file:
        pass
    with opened(files, ABSENT, OpenMode.REPLACE) as other:
        with pytest.raises(OSError):
            file.read_at(0, 1)
        with pytest.raises(OSError):
            file.write_at(0, b"x")
        with pytest.raises(OSError):
            file.truncate(1)
        with pytest.raises(OSError):
            file.close(complete=True)
        other.write_at(0, b"other")
    assert content(files, ABSENT) == b"other"


def test_an_open_file_survives_its_name(files: FileSystem) -> None:
    """A file that is renamed, replaced or removed while it is open can be read, and written, to its end."""
    with opened(files, FILE, OpenMode.READ) as reader, opened(files, FILE, OpenMode.WRITE) as writer:
        files.rename(FILE, ABSENT)
        writer.write_at(10, b"+")
        assert content(files, ABSENT) == b"0123456789+"
        files.remove_file(ABSENT)
        writer.write_at(11, b"+")
        assert reader.read_at(8, 9) == b"89++"
        assert names(files) == {"dir"}
        with opened(files, FILE, OpenMode.WRITE) as new:
            assert (new.created, new.size) == (True, 0)
    assert content(files) == b""


def test_unique_files_are_new_and_named(files: FileSystem) -> None:
    """`open_unique` makes a file whose name, a single component, starts with the prefix and was not taken."""
    found = set()
    for number in range(5):
        name, file = files.open_unique(DIR, "ftpd.")
        assert (name.startswith("ftpd."), "/" in name, file.created, file.size) == (True, False, True, 0)
        file.write_at(0, str(number).encode())
        file.close(complete=True)
        assert content(files, join_path(DIR, name)) == str(number).encode()
        found.add(name)
    assert found == {info.name for info in files.scan_dir(DIR, follow=False)}
    assert len(found) == 5


def test_unique_files_made_at_once_differ(files: FileSystem) -> None:
    """Two callers never share a file of `open_unique`."""

    def make(_: int) -> str:
        name, file = files.open_unique(DIR, "x")
        file.close(complete=True)
        return name

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(make, range(64)))) == 64


@pytest.mark.parametrize(
    ("directory", "prefix", "expected"),
    [
        pytest.param(ABSENT, "x", FileNotFoundError, id="missing directory"),
        pytest.param(FILE, "x", NotADirectoryError, id="a file"),
        pytest.param(DIR, "../x", OSError, id="prefix that leads out"),
        pytest.param(DIR, "n" * 255, OSError, id="prefix too long"),
        pytest.param(DIR, "n\0", OSError, id="prefix with NUL"),
    ],
)
def test_unique_files_stay_in_their_directory(
    files: FileSystem, directory: VirtualPath, prefix: str, expected: type[OSError]
) -> None:
    """`open_unique` raises for what is no directory, and for a prefix that is no part of a name; nothing is made."""
    with pytest.raises(expected):
        files.open_unique(directory, prefix)
    assert names(files) == {"file", "dir"}


def test_without_resume_a_file_is_written_from_start_to_end() -> None:
    """RESUME not declared: REPLACE works block after block; jumping and `truncate` raise UnsupportedOperation."""
    files = MemoryFileSystem(capabilities=Capability.WRITE)
    with opened(files, FILE, OpenMode.REPLACE) as file:
        file.write_at(0, b"ab")
        file.write_at(2, b"cd")
        for offset in (0, 3, 5):
            with pytest.raises(UnsupportedOperation):
                file.write_at(offset, b"x")
        with pytest.raises(UnsupportedOperation):
            file.truncate(0)
    assert content(files) == b"abcd"
