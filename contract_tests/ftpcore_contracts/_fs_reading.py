"""Rules of files that are open to read."""

from __future__ import annotations

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem, OpenMode
from ftpcore_contracts._contents import ANY_BYTES, CONTENT, LARGE, LARGE_FILE, LAST_OFFSET, Holding, same_content
from ftpcore_contracts._rules import broken, expect, raises, rule
from ftpcore_contracts._trees import ABSENT, BELOW_FILE, DIR, FILE, OTHER, ROOT, STOCK, get, opened, tree

__all__ = ["Reading"]


class Reading:
    """reading"""

    @pytest.mark.parametrize(
        ("offset", "size", "content"),
        [
            pytest.param(0, 10, CONTENT, id="all"),
            pytest.param(3, 4, b"3456", id="a part"),
            pytest.param(0, 1, b"0", id="the first byte"),
            pytest.param(9, 1, b"9", id="the last byte"),
            pytest.param(8, 100, b"89", id="to the end"),
            pytest.param(1, 1 << 20, b"123456789", id="all but one"),
            pytest.param(0, 0, b"", id="nothing"),
        ],
    )
    @rule("BinaryFile.read_at")
    def test_read_returns_what_is_at_the_offset(
        self, stocked: FileSystem, offset: int, size: int, content: bytes
    ) -> None:
        """`read_at` returns the bytes from `offset` on, `size` of them, or as many as are left."""
        with opened(stocked, FILE, OpenMode.READ) as file:
            expect(file.read_at(offset, size), content, f"read_at({offset}, {size}) of a file that holds {CONTENT!r}")

    @pytest.mark.parametrize("size", [1, 65_536])
    @pytest.mark.parametrize("offset", [10, 11, 1 << 20, 1 << 32, LAST_OFFSET - 1, LAST_OFFSET])
    @rule("BinaryFile.read_at")
    def test_read_at_or_behind_the_end_is_empty(self, stocked: FileSystem, offset: int, size: int) -> None:
        """`read_at` returns b"" at the end and behind it, however far: REST takes any offset, and a store that knows
        ranges must not make an error of one that can't be satisfied.
        """
        with opened(stocked, FILE, OpenMode.READ) as file:
            expect(file.read_at(offset, size), b"", f"read_at({offset}, {size}) of a file of 10 bytes")
            expect(file.read_at(0, 10), CONTENT, "read_at(0, 10) after that")

    @pytest.mark.parametrize("size", [4096, 65_537, 1 << 20, 1 << 23])
    @rule("BinaryFile.read_at")
    def test_read_is_short_only_at_the_end(self, holding: Holding, size: int) -> None:
        """`read_at` returns fewer bytes than were asked for only at the end of the file; whoever copies a file takes
        a short block for its last.
        """
        # Small blocks where a short one would be: at the start, in the middle, and where the file ends.
        middle = len(LARGE) // 2
        with opened(holding({LARGE_FILE: LARGE}), LARGE_FILE, OpenMode.READ) as file:
            for first in (0, middle, len(LARGE) - 2 * size):
                for offset in range(max(first, 0), max(first, 0) + 3 * size, size):
                    what = f"read_at({offset}, {size}) of a file of {len(LARGE)} bytes"
                    same_content(file.read_at(offset, size), LARGE[offset : offset + size], what)

    @rule("BinaryFile.read_at")
    def test_read_keeps_no_position(self, stocked: FileSystem) -> None:
        """Blocks may be read in any order, and twice: `offset` alone says where from."""
        with opened(stocked, FILE, OpenMode.READ) as file:
            for offset in (8, 0, 4, 4, 0, 10, 2):
                expect(file.read_at(offset, 2), CONTENT[offset : offset + 2], f"read_at({offset}, 2), out of order")

    @rule("BinaryFile.read_at")
    def test_read_is_of_its_own_file(self, stocked: FileSystem) -> None:
        """Files that are open together do not move each other: what is read is of the file that was asked."""
        with opened(stocked, FILE, OpenMode.READ) as file, opened(stocked, OTHER, OpenMode.READ) as other:
            for offset in (3, 1, 5):
                expect(other.read_at(offset - 1, 2), b"other"[offset - 1 : offset + 1], "read_at of the other file")
                expect(file.read_at(offset, 3), CONTENT[offset : offset + 3], f"read_at({offset}, 3) of /file")

    @rule("BinaryFile.read_at")
    def test_read_returns_bytes(self, stocked: FileSystem) -> None:
        """`read_at` returns `bytes`, which nobody can change, also for a block that is empty."""
        with opened(stocked, FILE, OpenMode.READ) as file:
            for offset in (0, 10):
                expect(type(file.read_at(offset, 4)), bytes, f"the type of what read_at({offset}, 4) returned")

    @rule("RFC 959 3.1.1.3, image type")
    def test_read_changes_no_byte(self, holding: Holding) -> None:
        """Every byte comes as it was stored: line ends, NUL and ^Z mean nothing here; TYPE A is the core's business."""
        files = holding({FILE: ANY_BYTES})
        same_content(get(files, FILE), ANY_BYTES, f"what was read of {FILE}, which holds every byte")
        expect(files.stat(FILE, follow=True).size, len(ANY_BYTES), f"FileInfo.size of {FILE}")

    @rule("BinaryFile.size")
    def test_read_open_tells_of_the_file(self, stocked: FileSystem) -> None:
        """A file that was opened to read tells its `size`, which is what `stat` says; `created` is false; `name`, for
        logs, is a text that is not empty.
        """
        for path, size in ((FILE, 10), (VirtualPath("/dir/inner"), 5)):
            with opened(stocked, path, OpenMode.READ) as file:
                expect(file.size, size, f"size of open_file({path}, READ)")
                expect(file.created, False, f"created of open_file({path}, READ)")
                if not isinstance(file.name, str) or not file.name:
                    broken(f"name of open_file({path}, READ)", expected="a str that is not empty", came=file.name)
            expect(stocked.stat(path, follow=True).size, size, f"FileInfo.size of {path}")

    @rule("BinaryFile.size")
    def test_read_of_an_empty_file(self, holding: Holding) -> None:
        """A file may hold nothing: it is opened, is 0 bytes long, and the first read is the end."""
        with opened(holding({FILE: b""}), FILE, OpenMode.READ) as file:
            expect(file.size, 0, "size of an empty file")
            expect(file.read_at(0, 10), b"", "read_at(0, 10) of an empty file")

    @rule("OpenMode.READ")
    def test_read_open_refuses_to_write(self, stocked: FileSystem) -> None:
        """READ: `write_at` and `truncate` raise OSError and change nothing."""
        with opened(stocked, FILE, OpenMode.READ) as file:
            with raises(OSError, "write_at of a file that is open to read"):
                file.write_at(0, b"x")
            with raises(OSError, "write_at at the end of a file that is open to read"):
                file.write_at(10, b"x")
            with raises(OSError, "truncate of a file that is open to read"):
                file.truncate(0)
        expect(tree(stocked), dict(STOCK), "what is there after that")

    @rule("OpenMode.READ")
    def test_read_changes_nothing(self, stocked: FileSystem) -> None:
        """Reading leaves everything as it was, the modification time too, however the file is closed."""
        before = stocked.stat(FILE, follow=True)
        for complete in (True, False):
            file = stocked.open_file(FILE, OpenMode.READ)
            file.read_at(0, 4)
            file.close(complete=complete)
            expect(stocked.stat(FILE, follow=True), before, f"stat after reading and close(complete={complete})")
        expect(tree(stocked), dict(STOCK), "what is there after reading")

    @pytest.mark.parametrize(
        ("path", "kinds"),
        [
            pytest.param(ABSENT, (FileNotFoundError,), id="missing"),
            pytest.param(VirtualPath("/absent/x"), (FileNotFoundError,), id="in a missing directory"),
            pytest.param(BELOW_FILE, (NotADirectoryError, FileNotFoundError), id="below a file"),
            pytest.param(DIR, (IsADirectoryError,), id="a directory"),
            pytest.param(ROOT, (IsADirectoryError,), id="the root"),
        ],
    )
    @rule("OpenMode.READ")
    def test_read_open_refuses_what_is_no_file(
        self, stocked: FileSystem, path: VirtualPath, kinds: tuple[type[OSError], ...]
    ) -> None:
        """READ opens files: what is missing is FileNotFoundError, a directory is IsADirectoryError, a path below a
        file NotADirectoryError or FileNotFoundError.  `open_file` itself says so, not the first read; nothing is made.
        """
        with raises(kinds, f"open_file({path}, READ)"):
            stocked.open_file(path, OpenMode.READ).close(complete=True)
        expect(tree(stocked), dict(STOCK), "what is there after that")
