"""Rules of what is written to open files, and where it goes."""

from __future__ import annotations

import pytest

from ftpcore import UnsupportedOperation, join_path
from ftpcore.ports import Capability, FileSystem, OpenMode
from ftpcore_contracts._contents import (
    ANY_BYTES,
    CONTENT,
    LARGE,
    LARGE_FILE,
    LAST_OFFSET,
    MAKING,
    WRITING,
    mode_name,
    needs_mode,
    numbered,
    same_content,
    write_blocks,
)
from ftpcore_contracts._rules import expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, FILE, ROOT, get, listing, opened, put, tree

__all__ = ["Writing"]

_IN_PLACE = [OpenMode.WRITE, OpenMode.UPDATE]


class Writing:
    """writing"""

    @pytest.mark.parametrize(
        ("offset", "data", "content"),
        [
            pytest.param(0, b"ab", b"ab23456789", id="at the start"),
            pytest.param(4, b"ab", b"0123ab6789", id="in the middle"),
            pytest.param(9, b"ab", b"012345678ab", id="over the end"),
            pytest.param(10, b"ab", b"0123456789ab", id="at the end"),
            pytest.param(12, b"ab", b"0123456789\0\0ab", id="behind the end"),
            pytest.param(0, b"abcdefghijkl", b"abcdefghijkl", id="all and more"),
        ],
    )
    @pytest.mark.parametrize("mode", _IN_PLACE, ids=mode_name)
    @rule("BinaryFile.write_at")
    def test_write_changes_only_its_place(
        self, stocked: FileSystem, mode: OpenMode, offset: int, data: bytes, content: bytes
    ) -> None:
        """RESUME: `write_at` writes at the offset; what is before, and behind, stays; a gap reads as zeros."""
        needs_mode(stocked, mode)
        with opened(stocked, FILE, mode) as file:
            file.write_at(offset, data)
        expect(get(stocked, FILE), content, f"content after write_at({offset}, {data!r}) in mode {mode.name}")

    @pytest.mark.parametrize("mode", _IN_PLACE, ids=mode_name)
    @rule("BinaryFile.write_at")
    def test_write_keeps_no_position(self, stocked: FileSystem, mode: OpenMode) -> None:
        """RESUME: one opening writes in any order, and twice to one place; the last one counts."""
        needs_mode(stocked, mode)
        with opened(stocked, FILE, mode) as file:
            for offset, data in ((8, b"yz"), (0, b"ab"), (4, b"--"), (4, b"ef"), (12, b"!")):
                file.write_at(offset, data)
        expect(get(stocked, FILE), b"ab23ef67yz\0\0!", "content after blocks were written at 8, 0, 4, 4 and 12")

    @pytest.mark.parametrize("mode", _IN_PLACE, ids=mode_name)
    @rule("BinaryFile.truncate")
    def test_truncate_cuts_and_extends(self, stocked: FileSystem, mode: OpenMode) -> None:
        """RESUME: `truncate` makes the file exactly as large as it says; what is new reads as zeros."""
        needs_mode(stocked, mode)
        for size, content in ((12, CONTENT + b"\0\0"), (10, CONTENT), (4, b"0123"), (6, b"0123\0\0"), (0, b"")):
            with opened(stocked, FILE, mode) as file:
                file.truncate(size)
            expect(get(stocked, FILE), content, f"content after truncate({size}) in mode {mode.name}")
            expect(stocked.stat(FILE, follow=True).size, size, f"FileInfo.size after truncate({size})")

    @rule("BinaryFile.truncate")
    def test_truncate_is_where_writing_goes_on(self, stocked: FileSystem) -> None:
        """RESUME: what was cut off is gone: bytes that are written behind the new end leave zeros before them."""
        needs_mode(stocked, OpenMode.WRITE)
        with opened(stocked, FILE, OpenMode.WRITE) as file:
            file.truncate(4)
            file.write_at(4, b"ab")
            file.write_at(8, b"cd")
            file.truncate(9)
        expect(get(stocked, FILE), b"0123ab\0\0c", "content after truncate(4), writing at 4 and at 8, truncate(9)")

    @rule("OpenMode.REPLACE")
    def test_replace_leaves_no_tail(self, stocked: FileSystem) -> None:
        """REPLACE: of the old content nothing is left, though the new one is shorter."""
        needs_mode(stocked, OpenMode.REPLACE)
        with opened(stocked, FILE, OpenMode.REPLACE) as file:
            file.write_at(0, b"new")
        expect(get(stocked, FILE), b"new", "content after 10 bytes were replaced by 3")
        expect(stocked.stat(FILE, follow=True).size, 3, "FileInfo.size after 10 bytes were replaced by 3")

    @rule("Capability.RESUME")
    def test_replace_elsewhere(self, stocked: FileSystem) -> None:
        """REPLACE: with RESUME bytes go to any offset; without, what does not follow what this opening wrote raises
        UnsupportedOperation and stores nothing, and the opening goes on where it stopped.
        """
        needs_mode(stocked, OpenMode.REPLACE)
        resume = Capability.RESUME in stocked.capabilities
        with opened(stocked, FILE, OpenMode.REPLACE) as file:
            file.write_at(0, b"ab")
            for offset in (0, 1, 3, 5):
                what = f"write_at({offset}, b'x') after 2 bytes were written, in mode REPLACE"
                if resume:
                    file.write_at(offset, b"x")
                else:
                    with raises(UnsupportedOperation, what):
                        file.write_at(offset, b"x")
            file.write_at(2, b"cd")
        content = b"xxcd\0x" if resume else b"abcd"
        expect(get(stocked, FILE), content, "content after writing at 0, 0, 1, 3, 5 and 2; without RESUME, at 0 and 2")

    @rule("Capability.RESUME")
    def test_replace_does_not_begin_elsewhere(self, stocked: FileSystem) -> None:
        """REPLACE: the first block may begin at any offset with RESUME; without, at 0 and nowhere else."""
        needs_mode(stocked, OpenMode.REPLACE)
        resume = Capability.RESUME in stocked.capabilities
        with opened(stocked, FILE, OpenMode.REPLACE) as file:
            if resume:
                file.write_at(10, b"x")
            else:
                with raises(UnsupportedOperation, "write_at(10, b'x'), the first block, in mode REPLACE"):
                    file.write_at(10, b"x")
        content = bytes(10) + b"x" if resume else b""
        expect(get(stocked, FILE), content, "content after the first block was written at 10; without RESUME refused")

    @rule("Capability.RESUME")
    def test_replace_and_truncate(self, stocked: FileSystem) -> None:
        """REPLACE: with RESUME `truncate` cuts; without, it raises UnsupportedOperation and does nothing."""
        needs_mode(stocked, OpenMode.REPLACE)
        resume = Capability.RESUME in stocked.capabilities
        with opened(stocked, FILE, OpenMode.REPLACE) as file:
            file.write_at(0, b"abcd")
            if resume:
                file.truncate(2)
            else:
                with raises(UnsupportedOperation, "truncate(2) in mode REPLACE"):
                    file.truncate(2)
        expect(get(stocked, FILE), b"ab" if resume else b"abcd", "content after truncate(2); without RESUME refused")

    @rule("OpenMode.APPEND")
    def test_append_goes_to_the_end(self, stocked: FileSystem) -> None:
        """APPEND: what is written goes behind what is there; `offset`, which counts what this opening wrote, moves
        nothing.
        """
        needs_mode(stocked, OpenMode.APPEND)
        for number in range(2):
            with opened(stocked, FILE, OpenMode.APPEND) as file:
                expect(file.size, 10 + 6 * number, "size of a file that is opened to append")
                file.write_at(0, b"abc")
                file.write_at(3, b"d")
                file.write_at(4, b"ef")
        expect(get(stocked, FILE), CONTENT + b"abcdef" * 2, "content after two openings appended 3, 1 and 2 bytes")

    @pytest.mark.parametrize("size", [4096, 65_537, 1 << 20, len(LARGE)])
    @rule("BinaryFile.write_at")
    def test_write_takes_every_byte(self, files: FileSystem, size: int) -> None:
        """`write_at` writes all of a block, however large; what was written in blocks of any size is one content."""
        needs_mode(files, OpenMode.REPLACE)
        with opened(files, LARGE_FILE, OpenMode.REPLACE) as file:
            write_blocks(file, LARGE, size)
        same_content(get(files, LARGE_FILE), LARGE, f"content that was written in blocks of {size} bytes")
        expect(files.stat(LARGE_FILE, follow=True).size, len(LARGE), "FileInfo.size of it")

    @pytest.mark.parametrize("mode", WRITING, ids=mode_name)
    @rule("BinaryFile.write_at")
    def test_write_takes_small_blocks(self, files: FileSystem, mode: OpenMode) -> None:
        """Blocks may be a few bytes: in any mode that writes, a thousand of them are all there, in order."""
        needs_mode(files, mode)
        put(files, FILE, b"")
        data = numbered(7000)
        with opened(files, FILE, mode) as file:
            write_blocks(file, data, 7)
        what = f"content of a file that was empty, after 1000 blocks of 7 bytes in mode {mode.name}"
        same_content(get(files, FILE), data, what)

    @pytest.mark.parametrize("mode", WRITING, ids=mode_name)
    @rule("RFC 959 3.1.1.3, image type")
    def test_write_changes_no_byte(self, files: FileSystem, mode: OpenMode) -> None:
        """Every byte is stored as it is: line ends, NUL and ^Z mean nothing here; TYPE A is the core's business."""
        needs_mode(files, mode)
        put(files, FILE, b"")
        with opened(files, FILE, mode) as file:
            file.write_at(0, ANY_BYTES)
        same_content(get(files, FILE), ANY_BYTES, f"content after every byte was written in mode {mode.name}")

    @pytest.mark.parametrize("mode", WRITING, ids=mode_name)
    @rule("BinaryFile.write_at")
    def test_write_of_nothing_changes_nothing(self, stocked: FileSystem, mode: OpenMode) -> None:
        """An empty block is no change: no byte, no gap before it, and the next block goes where it would have gone."""
        needs_mode(stocked, mode)
        with opened(stocked, FILE, mode) as file:
            file.write_at(0, b"")
            file.write_at(0, b"ab")
            file.write_at(2, b"")
            if mode in _IN_PLACE:
                file.write_at(99, b"")
            file.write_at(2, b"cd")
        content = {OpenMode.REPLACE: b"abcd", OpenMode.APPEND: CONTENT + b"abcd"}.get(mode, b"abcd456789")
        expect(get(stocked, FILE), content, f"content after b'', b'ab', b'', b'cd' were written in mode {mode.name}")

    @pytest.mark.parametrize("mode", [OpenMode.WRITE, OpenMode.REPLACE], ids=mode_name)
    @rule("BinaryFile.write_at")
    def test_write_out_of_range_is_refused(self, stocked: FileSystem, mode: OpenMode) -> None:
        """What the store can't hold raises OSError and nothing else, up to the largest offset that REST can name and
        beyond; nothing is written, and the file can still be written where it can.
        """
        needs_mode(stocked, mode)
        with opened(stocked, FILE, mode) as file:
            for offset in (LAST_OFFSET - 1, LAST_OFFSET, 2**63, 2**64):
                with raises(OSError, f"write_at({offset}, b'xx')"):
                    file.write_at(offset, b"xx")
            for size in (2**63, 2**64):
                with raises(OSError, f"truncate({size})"):
                    file.truncate(size)
            file.write_at(0, b"ab")
        content = b"ab" if mode is OpenMode.REPLACE else b"ab23456789"
        expect(get(stocked, FILE), content, "content after writing far away was refused, and b'ab' written at 0")

    @pytest.mark.parametrize("mode", WRITING, ids=mode_name)
    @rule("FileInfo.size")
    def test_write_is_seen_when_closed(self, stocked: FileSystem, mode: OpenMode) -> None:
        """After `close(complete=True)` everything that was written is seen at once: by `stat`, in the listing, and by
        whoever opens the file next.
        """
        needs_mode(stocked, mode)
        for data in (b"0123456789abc", b"0123456789defghi"):
            before = stocked.stat(FILE, follow=True).size if mode is OpenMode.APPEND else 0
            with opened(stocked, FILE, mode) as file:
                file.write_at(0, data)
            size = before + len(data)
            what = f"after {len(data)} bytes were written in mode {mode.name}, and the file closed"
            expect(stocked.stat(FILE, follow=True).size, size, f"FileInfo.size of stat {what}")
            expect(listing(stocked)["file"].size, size, f"FileInfo.size in the listing {what}")
            with opened(stocked, FILE, OpenMode.READ) as file:
                expect(file.size, size, f"size of open_file(/file, READ) {what}")
                expect(file.read_at(before, size), data, f"read_at({before}, {size}) {what}")

    @pytest.mark.parametrize("mode", WRITING, ids=mode_name)
    @rule("Capability.ATOMIC")
    def test_write_is_seen_when_the_filesystem_says(self, stocked: FileSystem, mode: OpenMode) -> None:
        """ATOMIC: nobody sees anything of an upload before it is closed, in any mode.  Else bytes are seen as they are
        written, by `stat`, in the listing and by readers.
        """
        needs_mode(stocked, mode)
        atomic = Capability.ATOMIC in stocked.capabilities
        for path in (FILE, ABSENT) if mode in MAKING else (FILE,):
            before = tree(stocked)
            content = b"" if mode is OpenMode.REPLACE else before.get(path, b"")
            with opened(stocked, path, mode) as file:
                offset = 0 if mode is OpenMode.APPEND else len(content)
                for block in (b"abc", b"def"):
                    file.write_at(offset, block)
                    offset += len(block)
                    content += block
                    what = f"while {path} is written in mode {mode.name}, after {block!r}"
                    seen = before if atomic else dict(sorted({**before, path: content}.items()))
                    expect(tree(stocked), seen, f"what is there {what}")
                    sizes = {join_path(ROOT, name): info.size for name, info in listing(stocked).items()}
                    expect(sizes.get(path), len(seen[path]) if path in seen else None, f"size in the listing {what}")
                    if path in seen:
                        expect(stocked.stat(path, follow=True).size, len(seen[path]), f"FileInfo.size of stat {what}")
                    else:
                        with raises(FileNotFoundError, f"stat({path}) {what}"):
                            stocked.stat(path, follow=True)
            expect(get(stocked, path), content, f"content of {path} after it was written in mode {mode.name}")

    @rule("Capability.RESUME")
    def test_update_goes_on_where_an_upload_stopped(self, stocked: FileSystem) -> None:
        """RESUME: an upload that was cut short is opened again, and goes on at its size: STOR after REST."""
        needs(stocked, Capability.WRITE | Capability.RESUME)
        data = numbered(10_000)
        with opened(stocked, ABSENT, OpenMode.REPLACE) as file:
            write_blocks(file, data[:6000], 4096)
        with opened(stocked, ABSENT, OpenMode.UPDATE) as file:
            expect(file.size, 6000, "size of the file that goes on")
            write_blocks(file, data[6000:], 4096, offset=6000)
        same_content(get(stocked, ABSENT), data, "content of an upload that went on at byte 6000")
