"""Open files of seed-style filesystems: what `open` and `mkstemp` may return, and what they are asked for."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import IO, Any

import pytest

from ftpcore import FilesystemError, UnsupportedOperation
from ftpcore.ports import OpenMode
from ftpcore_adapters._seed_filesystem import filesystem_port
from ftpcore_adapters.filesystems import AbstractedFS
from tests.adapters.seed_tree import DIR, FILE, NEW, make_tree, read, recording, store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


class Stored:
    """A file object with nothing but what the seed asks for."""

    def __init__(self, store: dict[str, bytes], path: str, mode: str) -> None:
        self.name = path
        self.closed = False
        self._store = store
        self._mode = mode
        self._data = bytearray(b"" if mode == "wb" else store[path])
        self._at = 0

    def read(self, size: int) -> bytes:
        block = bytes(self._data[self._at : self._at + min(size, 3)])  # in small pieces, as from a network
        self._at += len(block)
        return block

    def write(self, data: bytes) -> None:
        self._data += data

    def close(self) -> None:
        self.closed = True
        if self._mode != "rb":
            self._store[self.name] = bytes(self._data)


class Storing(AbstractedFS):
    """Keeps files in a dictionary."""

    def __init__(self, root: str, cmd_channel: object) -> None:
        super().__init__(root, cmd_channel)
        self.store: dict[str, bytes] = {}
        self.modes: list[str] = []

    def open(self, filename: str, mode: str) -> Any:
        self.modes.append(mode)
        if mode == "rb" and filename not in self.store:
            raise FileNotFoundError(errno.ENOENT, "not stored", filename)
        return Stored(self.store, filename, mode)

    def isfile(self, path: str) -> bool:
        return path in self.store

    def getsize(self, path: str) -> int:
        return len(self.store[path])


def test_objects_that_only_read_and_write_do(root: Path) -> None:
    """In sequence; jumping and cutting raise UnsupportedOperation, and the kernel is kept out."""
    fs = Storing(str(root), None)
    files = filesystem_port(fs)
    file = files.open_file(NEW, OpenMode.WRITE)
    assert (file.created, file.name, hasattr(file, "fileno")) == (True, str(root / "new"), False)
    file.write_at(0, b"01234")
    file.write_at(5, b"56789")
    with pytest.raises(UnsupportedOperation):
        file.write_at(0, b"x")
    with pytest.raises(UnsupportedOperation):
        file.truncate(3)
    file.close(complete=True)
    assert fs.store == {str(root / "new"): b"0123456789"}
    file = files.open_file(NEW, OpenMode.READ)
    assert (file.size, file.read_at(0, 4), file.read_at(4, 100), file.read_at(10, 5)) == (0, b"0123", b"456789", b"")
    with pytest.raises(UnsupportedOperation):
        file.read_at(0, 1)
    file.close(complete=True)
    assert files.stat(NEW, follow=True).size == 10


def test_a_plain_store_asks_for_wb_only(root: Path) -> None:
    """As the seed does: `open` may decide by the mode, and knows none that keeps what is there."""
    fs = Storing(str(root), None)
    files = filesystem_port(fs)
    store(files, NEW, b"one")
    assert not store(files, NEW, b"two").created
    assert (fs.modes, fs.store) == (["wb", "wb"], {str(root / "new"): b"two"})


def test_a_file_is_kept_until_data_can_come(root: Path) -> None:
    """STOR over a file whose data connection never comes up opens nothing."""
    fs = recording("open")(str(root), None)
    files = filesystem_port(fs)
    file = files.open_file(FILE, OpenMode.WRITE)
    assert (file.created, file.size, file.name) == (False, 10, str(root / "file"))
    file.close(complete=False)
    assert (fs.calls, (root / "file").read_bytes()) == ([], b"0123456789")
    with pytest.raises(OSError):
        file.truncate(0)
    assert fs.calls == []


def test_a_refusal_to_overwrite_holds(root: Path) -> None:
    class WriteOnce(AbstractedFS):
        def open(self, filename: str, mode: str) -> IO[bytes]:
            if "w" in mode and self.lexists(filename):
                raise FilesystemError("files are written once")
            return super().open(filename, mode)

    files = filesystem_port(WriteOnce(str(root), None))
    store(files, NEW, b"new")
    with pytest.raises(FilesystemError):
        store(files, FILE, b"new")
    assert (read(files, NEW), read(files)) == (b"new", b"0123456789")


@pytest.mark.parametrize("mode", [OpenMode.WRITE, OpenMode.REPLACE, OpenMode.APPEND], ids=str)
def test_a_directory_is_refused_before_open_is_asked(root: Path, mode: OpenMode) -> None:
    fs = recording("open")(str(root), None)
    with pytest.raises(IsADirectoryError):
        filesystem_port(fs).open_file(DIR, mode)
    assert fs.calls == []


@pytest.mark.parametrize(
    ("mode", "seed_mode"),
    [
        (OpenMode.READ, "rb"),
        (OpenMode.WRITE, "wb"),
        (OpenMode.UPDATE, "r+b"),
        (OpenMode.REPLACE, "wb"),
        (OpenMode.APPEND, "ab"),
    ],
    ids=str,
)
def test_modes_are_those_of_the_seed(root: Path, mode: OpenMode, seed_mode: str) -> None:
    fs = Storing(str(root), None)
    fs.store[str(root / "new")] = b""
    file = filesystem_port(fs).open_file(NEW, mode)
    if mode is OpenMode.WRITE:
        file.truncate(0)
    file.close(complete=True)
    assert fs.modes == [seed_mode]


def test_memory_files_seek_and_tell_their_size(root: Path) -> None:
    class InMemory(AbstractedFS):
        def open(self, filename: str, mode: str) -> Any:
            return io.BytesIO(b"0123456789")

    files = filesystem_port(InMemory(str(root), None))
    file = files.open_file(FILE, OpenMode.READ)
    assert (file.size, file.name, hasattr(file, "fileno")) == (10, str(root / "file"), False)
    assert (file.read_at(8, 5), file.read_at(0, 2), file.read_at(99, 1)) == (b"89", b"01", b"")
    file.close(complete=True)
    file = files.open_file(FILE, OpenMode.UPDATE)
    file.write_at(2, b"xx")
    file.truncate(12)
    assert file.read_at(0, 99) == b"01xx456789\0\0"
    file.close(complete=True)
    for call in (lambda: file.read_at(0, 1), lambda: file.write_at(0, b""), lambda: file.truncate(0)):
        with pytest.raises(OSError):
            call()


def test_the_kernel_and_writes_do_not_get_in_each_others_way(root: Path) -> None:
    """What `write_at` was given is in the file when it returns: the kernel may write before, between and behind."""
    files = filesystem_port(recording("open")(str(root), None))
    file: Any = files.open_file(FILE, OpenMode.UPDATE)
    os.pwrite(file.fileno(), b"AB", 0)
    file.write_at(2, b"cd")
    os.pwrite(file.fileno(), b"EF", 4)
    assert os.pread(file.fileno(), 99, 0) == b"ABcdEF6789"
    file.write_at(6, b"gh")
    file.write_at(1, b"b")
    os.pwrite(file.fileno(), b"IJ", 8)
    assert (root / "file").read_bytes() == b"AbcdEFghIJ"
    assert file.read_at(0, 99) == b"AbcdEFghIJ"
    file.close(complete=True)
    assert (root / "file").read_bytes() == b"AbcdEFghIJ"


class Counting:
    """A wrapper that counts what is written, and lends the descriptor of what it wraps."""

    written = 0

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        Counting.written += len(data)
        return self._file.write(data)


class Wrapping(AbstractedFS):
    def open(self, filename: str, mode: str) -> Any:
        return Counting(super().open(filename, mode))


def test_the_kernel_reads_what_has_a_descriptor_and_writes_only_plain_files(root: Path) -> None:
    """A `write` of a user's own is never passed by."""
    files = filesystem_port(Wrapping(str(root), None))
    reader: Any = files.open_file(FILE, OpenMode.READ)
    assert os.pread(reader.fileno(), 99, 8) == b"89"
    assert (reader.size, reader.name) == (10, str(root / "file"))
    reader.close(complete=True)
    for mode in (OpenMode.UPDATE, OpenMode.REPLACE, OpenMode.APPEND):
        writer = files.open_file(FILE, mode)
        assert not hasattr(writer, "fileno")
        writer.write_at(0, b"abc")
        writer.close(complete=True)
    assert Counting.written == 9
    assert (root / "file").read_bytes() == b"abcabc"


def test_a_pipe_has_no_descriptor_for_the_kernel(root: Path) -> None:
    class Piping(AbstractedFS):
        def open(self, filename: str, mode: str) -> IO[bytes]:
            reader, writer = os.pipe()
            os.write(writer, b"made on the way")
            os.close(writer)
            return os.fdopen(reader, "rb")

    file = filesystem_port(Piping(str(root), None)).open_file(FILE, OpenMode.READ)
    assert (file.size, hasattr(file, "fileno"), file.name) == (0, False, str(root / "file"))
    assert (file.read_at(0, 4), file.read_at(4, 99), file.read_at(15, 1)) == (b"made", b" on the way", b"")
    file.close(complete=True)


def test_raw_files_that_write_little_are_given_the_rest(root: Path) -> None:
    class Slow(io.FileIO):
        def write(self, data: Any, /) -> int:
            return super().write(bytes(data)[:3])

    class Opening(AbstractedFS):
        def open(self, filename: str, mode: str) -> Any:
            return Slow(filename, mode)

    files = filesystem_port(Opening(str(root), None))
    store(files, NEW, b"0123456789")
    assert (root / "new").read_bytes() == b"0123456789"


@pytest.mark.parametrize("complete", [True, False], ids=["complete", "incomplete"])
def test_an_error_of_close_counts_for_a_complete_file(root: Path, complete: bool) -> None:
    class Full(io.BytesIO):
        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, "full")

    class Opening(AbstractedFS):
        def open(self, filename: str, mode: str) -> Any:
            return Full()

    file = filesystem_port(Opening(str(root), None)).open_file(NEW, OpenMode.REPLACE)
    if complete:
        with pytest.raises(OSError, match="full"):
            file.close(complete=True)
    else:
        file.close(complete=False)


def test_unique_files_are_made_by_an_overridden_mkstemp(root: Path) -> None:
    class Numbered(AbstractedFS):
        def mkstemp(self, suffix: str = "", prefix: str = "", dir: str | None = None, mode: str = "wb") -> IO[bytes]:
            return open(f"{dir}/{prefix}1{suffix}", mode)

    name, file = filesystem_port(Numbered(str(root), None)).open_unique(DIR, "ftpd.")
    file.write_at(0, b"x")
    file.close(complete=True)
    assert (name, file.created, file.name) == ("ftpd.1", True, str(root / "dir" / "ftpd.1"))
    assert (root / "dir" / "ftpd.1").read_bytes() == b"x"
