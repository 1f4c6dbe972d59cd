"""Rules of `open` and `mkstemp`."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._seed_tree import (
    ABSENT,
    DIR,
    FILE,
    STOCK,
    SeedStyleFileSystem,
    content,
    names,
    real,
    refused,
    stored,
    tree,
)

__all__ = ["Files"]

#: Every byte, and what text modes and old systems take for a sign: line ends, ^Z, NUL.
_ANY_BYTES = bytes(range(256)) + b"\r\n\n\r\r\n\x1a\0\0\xff\xfe"

_MODES = ["rb", "wb", "ab", "r+b"]


class Files:
    """files"""

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [("wb", b"ab"), ("ab", b"0123456789ab"), ("r+b", b"ab23456789")],
        ids=["wb", "ab", "r+b"],
    )
    @rule("AbstractedFS.open")
    def test_open_an_existing_file(self, stocked: SeedStyleFileSystem, mode: str, expected: bytes) -> None:
        """ "wb" empties a file, "ab" writes behind its end, "r+b" keeps it and writes at its start."""
        with stocked.open(real(stocked, FILE), mode) as file:
            file.write(b"ab")
        expect(tree(stocked), {**STOCK, FILE: expected}, f"what is there after a file was opened as {mode!r}")

    @pytest.mark.parametrize("mode", ["wb", "ab"])
    @rule("AbstractedFS.open")
    def test_open_makes_a_missing_file(self, stocked: SeedStyleFileSystem, mode: str) -> None:
        """ "wb" and "ab" make a file that is missing."""
        with stocked.open(real(stocked, ABSENT), mode) as file:
            file.write(b"new")
        expect(tree(stocked), dict(sorted({**STOCK, ABSENT: b"new"}.items())), f"what is there, opened as {mode!r}")

    @pytest.mark.parametrize("mode", ["rb", "r+b"])
    @rule("AbstractedFS.open")
    def test_open_does_not_make_what_is_read(self, stocked: SeedStyleFileSystem, mode: str) -> None:
        """ "rb" and "r+b" raise for a file that is missing, and make none."""
        with refused(stocked, f"open of a missing file as {mode!r}", FileNotFoundError):
            stocked.open(real(stocked, ABSENT), mode)

    @pytest.mark.parametrize("mode", _MODES)
    @pytest.mark.parametrize("path", [DIR, "absent/x", "file/x"], ids=["directory", "no parent", "below a file"])
    @rule("AbstractedFS.open")
    def test_open_refuses_what_is_no_file(self, stocked: SeedStyleFileSystem, path: str, mode: str) -> None:
        """In no mode is a directory opened, or something in what is no directory; nothing is made."""
        with refused(stocked, f"open({path!r}, {mode!r})"):
            stocked.open(real(stocked, path), mode)

    @pytest.mark.parametrize("mode", _MODES)
    @rule("AbstractedFS.open")
    def test_open_files_tell_name_and_state(self, stocked: SeedStyleFileSystem, mode: str) -> None:
        """A file has `name`, its real path, which callbacks and logs are told, and `closed`, which is true once
        `close()` was called and false before.
        """
        path = real(stocked, FILE)
        file = stocked.open(path, mode)
        try:
            expect(file.name, path, f"name of a file opened as {mode!r}")
            expect(bool(file.closed), False, f"closed, of an open file opened as {mode!r}")
        finally:
            file.close()
        expect(bool(file.closed), True, f"closed, of a closed file opened as {mode!r}")

    @pytest.mark.parametrize("size", [1, 4, 10, 11, 65536], ids=str)
    @rule("AbstractedFS.open")
    def test_read_returns_bytes_to_the_end(self, stocked: SeedStyleFileSystem, size: int) -> None:
        """`read(n)` returns bytes, `n` at most, in order, and b"" at the end."""
        with stocked.open(real(stocked, FILE), "rb") as file:
            blocks = list(iter(lambda: file.read(size), b""))
        expect(b"".join(blocks), STOCK[FILE], f"content, read in blocks of {size} bytes")
        expect(max(map(len, blocks)) <= size, True, f"no block is longer than {size} bytes: {blocks}")

    @pytest.mark.parametrize("mode", ["rb", "r+b"])
    @rule("AbstractedFS.open")
    def test_seek_begins_elsewhere(self, stocked: SeedStyleFileSystem, mode: str) -> None:
        """`seek(n)` moves to byte `n`, for REST."""
        with stocked.open(real(stocked, FILE), mode) as file:
            file.seek(4)
            if mode == "rb":
                expect(file.read(3), b"456", "read(3) after seek(4)")
            else:
                file.write(b"abc")
        if mode != "rb":
            expect(content(stocked, FILE), b"0123abc789", "content after seek(4) and write(b'abc')")

    @rule("AbstractedFS.open")
    def test_no_byte_is_changed(self, fs: SeedStyleFileSystem) -> None:
        """What is read is what was written, byte for byte: there is no text mode."""
        stored(fs, "bytes", _ANY_BYTES)
        expect(content(fs, "bytes"), _ANY_BYTES, "content of a file with every byte in it")

    @rule("AbstractedFS.open")
    def test_fileno_is_of_the_same_file(self, stocked: SeedStyleFileSystem) -> None:
        """Where a file has `fileno()`, the kernel sends what the descriptor leads to instead of calling `read`: it is
        a plain file with the same content.
        """
        with stocked.open(real(stocked, FILE), "rb") as file:
            try:
                descriptor = file.fileno()
            except (AttributeError, OSError):
                pytest.skip("not offered: a descriptor that the kernel may read")
            status = os.fstat(descriptor)
            expect(stat.S_ISREG(status.st_mode), True, "the descriptor is of a plain file")
            expect(os.pread(descriptor, 100, 0), STOCK[FILE], "what the kernel reads")

    @rule("AbstractedFS.mkstemp")
    def test_mkstemp_makes_a_file(self, stocked: SeedStyleFileSystem) -> None:
        """`mkstemp` makes and opens an empty file in `dir`, whose name begins with `prefix` and ends in `suffix`; its
        `name` is the whole real path.
        """
        directory = real(stocked, DIR)
        with stocked.mkstemp(suffix=".part", prefix="ftpd.", dir=directory) as file:
            file.write(b"unique")
            path = file.name
        parent, name = os.path.split(path)
        expect(parent, directory, "directory in the name of the file that mkstemp made")
        expect((name[:5], name[-5:], len(name) > 10), ("ftpd.", ".part", True), f"start, end and middle of {name!r}")
        expected = dict(sorted({**STOCK, f"dir/{name}": b"unique"}.items()))
        expect(tree(stocked), expected, "what is there after mkstemp")

    @rule("AbstractedFS.mkstemp")
    def test_mkstemp_makes_another_each_time(self, stocked: SeedStyleFileSystem) -> None:
        """Whoever calls it, and however many at once, never shares a file with another."""

        def make(number: int) -> str:
            with stocked.mkstemp(prefix="x", dir=real(stocked, DIR)) as file:
                file.write(b"%d" % number)
                return os.path.basename(file.name)

        one_by_one = [make(number) for number in range(8)]
        with ThreadPoolExecutor(8) as threads:
            made = [*one_by_one, *threads.map(make, range(8, 40))]
        came = sorted(int(content(stocked, f"dir/{name}")) for name in made)
        expect(came, list(range(40)), "contents of 40 files that mkstemp made")
        expect(names(stocked, DIR), sorted([*made, "inner"]), "names in the directory after 40 calls of mkstemp")

    @rule("AbstractedFS.mkstemp")
    def test_mkstemp_raises_without_a_directory(self, stocked: SeedStyleFileSystem) -> None:
        """In a directory that is missing, or is none, `mkstemp` raises at once and makes nothing."""
        for path in (ABSENT, FILE):
            with refused(stocked, f"mkstemp in {path!r}"):
                stocked.mkstemp(prefix="x", dir=real(stocked, path)).close()

    @rule("AbstractedFS.mkstemp")
    def test_mkstemp_keeps_existing_files(self, stocked: SeedStyleFileSystem) -> None:
        """A file that was there is never the one that is made, whatever prefix asks for it."""
        before = tree(stocked)
        made = stocked.mkstemp(prefix=FILE, dir=real(stocked))
        made.close()
        name = os.path.basename(made.name)
        if name in before:
            broken("mkstemp with the name of a file as its prefix", expected="a file that was not there", came=name)
        expect(tree(stocked), dict(sorted({**before, name: b""}.items())), "what is there after mkstemp")
