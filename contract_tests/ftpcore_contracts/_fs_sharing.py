"""Rules of one filesystem that several sessions use, in one thread and in many."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ftpcore.ports import Capability, FileSystem, OpenMode
from ftpcore_contracts._contents import CONTENT, needs_mode, needs_no_commit, numbered, offers, same_content
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, EMPTY, FILE, OTHER, ROOT, STOCK, get, listing, opened, put, tree

__all__ = ["Sharing"]

#: More than any reader holds ready.
_SIZE: Final = 3_000_000


class Sharing:
    """sharing"""

    @rule("BinaryFile.read_at")
    def test_readers_of_one_file_do_not_move_each_other(self, stocked: FileSystem) -> None:
        """Each opening reads where it says, whoever else has the file open, and goes on when another is closed."""
        with opened(stocked, FILE, OpenMode.READ) as one:
            with opened(stocked, FILE, OpenMode.READ) as two:
                came = [file.read_at(offset, 2) for file, offset in ((one, 0), (two, 8), (one, 2), (two, 0))]
                expect(came, [b"01", b"89", b"23", b"01"], "what two openings read in turns, at 0, 8, 2 and 0")
            expect(one.read_at(4, 9), b"456789", "read_at(4, 9) of one opening after the other was closed")

    @rule("Capability.ATOMIC")
    def test_reader_sees_what_is_written(self, stocked: FileSystem) -> None:
        """Not ATOMIC: a file that is open to read shows what others write to it, also behind what was its end."""
        mode = OpenMode.APPEND if offers(stocked, OpenMode.APPEND) else OpenMode.WRITE
        needs_mode(stocked, mode)
        needs_no_commit(stocked)
        with opened(stocked, FILE, OpenMode.READ) as reader, opened(stocked, FILE, mode) as writer:
            expect(reader.read_at(8, 9), b"89", "read_at(8, 9) before anything is written")
            for offset in (0, 2):
                writer.write_at(offset if mode is OpenMode.APPEND else 10 + offset, b"ab")
            expect(reader.read_at(8, 9), b"89abab", "read_at(8, 9) after 4 bytes were added through another opening")
            expect(reader.size, 10, "size of the file that is open to read, which is what it was when it was opened")

    @rule("Capability.ATOMIC")
    def test_reader_gets_one_content(self, files: FileSystem) -> None:
        """ATOMIC: a file that is replaced or removed while it is read gives its old bytes to the end, or OSError; it
        never goes on with other bytes, nor ends early.
        """
        needs(files, Capability.WRITE | Capability.ATOMIC)
        old = numbered(_SIZE)
        changes: dict[str, Callable[[], object]] = {
            "replaced by other bytes": lambda: put(files, FILE, old[::-1]),
            "replaced by fewer bytes": lambda: put(files, FILE, b"short"),
            "removed": lambda: files.remove_file(FILE),
        }
        for text, change in changes.items():
            put(files, FILE, old)
            with opened(files, FILE, OpenMode.READ) as file:
                expect(file.read_at(0, 1000), old[:1000], "read_at(0, 1000)")
                change()
                for offset in (1000, _SIZE // 2, _SIZE - 10, _SIZE):
                    with suppress(OSError):
                        came = file.read_at(offset, 1000)
                        same_content(
                            came, old[offset : offset + 1000], f"read_at({offset}, 1000) of a file {text} since"
                        )

    @rule("OpenMode.REPLACE")
    def test_two_replacements_at_once(self, stocked: FileSystem) -> None:
        """Two uploads to one name disturb each other no more than they must.  ATOMIC: each is whole, and the one
        that is closed last counts.  Else each goes on where it stopped, whatever the other wrote.
        """
        needs_mode(stocked, OpenMode.REPLACE)
        atomic = Capability.ATOMIC in stocked.capabilities
        with opened(stocked, FILE, OpenMode.REPLACE) as one:
            one.write_at(0, b"aaaa")
            with opened(stocked, FILE, OpenMode.REPLACE) as two:
                two.write_at(0, b"bb")
                one.write_at(4, b"AA")
            if atomic:
                expect(get(stocked, FILE), b"bb", "content when the second of two uploads is closed, the first open")
        content = b"aaaaAA" if atomic else b"bb\0\0AA"
        if atomic or Capability.RESUME in stocked.capabilities:
            expect(get(stocked, FILE), content, "content after b'aaaa', b'bb' at 0 by another, and b'AA' at 4")

    @rule("OpenMode.APPEND")
    def test_appenders_take_turns(self, stocked: FileSystem) -> None:
        """APPEND: each block goes behind what is there when it is written, also behind what another opening appended.
        ATOMIC: behind what was there, and of two at once the one that is closed last is there whole.
        """
        needs_mode(stocked, OpenMode.APPEND)
        with opened(stocked, FILE, OpenMode.APPEND) as one, opened(stocked, FILE, OpenMode.APPEND) as two:
            one.write_at(0, b"a")
            two.write_at(0, b"b")
            one.write_at(1, b"c")
        came = get(stocked, FILE)
        what = "content after b'a' and b'c' were appended by one opening and b'b' by another"
        if Capability.ATOMIC not in stocked.capabilities:
            expect(came, CONTENT + b"abc", what)
        elif came not in (CONTENT + b"ac", CONTENT + b"bac"):
            broken(what, expected=[CONTENT + b"ac", CONTENT + b"bac"], came=came)

    @rule("FileSystem.remove_file")
    def test_open_file_survives_its_name(self, stocked: FileSystem) -> None:
        """Not ATOMIC: a file that is removed while it is open is read and written to its end, and a new one of that
        name is another.
        """
        mode = OpenMode.WRITE if offers(stocked, OpenMode.WRITE) else OpenMode.REPLACE
        needs_mode(stocked, mode)
        needs_no_commit(stocked)
        with opened(stocked, FILE, mode) as writer, opened(stocked, FILE, OpenMode.READ) as reader:
            writer.write_at(0, CONTENT)
            stocked.remove_file(FILE)
            with raises(FileNotFoundError, "stat of a file that was removed while it is open"):
                stocked.stat(FILE, follow=True)
            writer.write_at(10, b"+")
            expect(reader.read_at(8, 9), b"89+", "read_at(8, 9) of a file that was removed, after b'+' was added")
            with opened(stocked, FILE, mode) as new:
                expect((new.created, new.size), (True, 0), "created and size of a new file at the name of one removed")
                new.write_at(0, b"new")
                writer.write_at(11, b"-")
            expect(reader.read_at(8, 9), b"89+-", "read_at(8, 9) of a file that was removed")
        expect(tree(stocked), {**STOCK, FILE: b"new"}, "what is there after a removed file was written and closed")

    @rule("FileSystem.rename")
    def test_open_file_survives_its_renaming(self, stocked: FileSystem) -> None:
        """RENAME, not ATOMIC: what is written to a file that was renamed is in the file, under its new name."""
        mode = OpenMode.WRITE if offers(stocked, OpenMode.WRITE) else OpenMode.REPLACE
        needs_mode(stocked, mode)
        needs(stocked, Capability.RENAME)
        needs_no_commit(stocked)
        with opened(stocked, FILE, mode) as writer, opened(stocked, OTHER, OpenMode.READ) as reader:
            writer.write_at(0, CONTENT)
            stocked.rename(FILE, ABSENT)
            writer.write_at(10, b"+")
            expect(get(stocked, ABSENT), CONTENT + b"+", "content of a file that was renamed while it is written")
            if Capability.REPLACE in stocked.capabilities:
                stocked.rename(ABSENT, OTHER)
                expect(reader.read_at(0, 99), b"other", "read_at of a file that another was renamed over")
            else:
                stocked.remove_file(OTHER)
                stocked.rename(ABSENT, OTHER)
            writer.write_at(11, b"-")
        left = {name: data for name, data in STOCK.items() if name != FILE}
        expect(tree(stocked), {**left, OTHER: CONTENT + b"+-"}, "what is there after all files were closed")

    @rule("BinaryFile.close")
    def test_upload_outlives_a_removal(self, stocked: FileSystem) -> None:
        """ATOMIC: an upload stores its file when it is closed, though somebody has removed what was there."""
        needs(stocked, Capability.WRITE | Capability.ATOMIC)
        with opened(stocked, FILE, OpenMode.REPLACE) as file:
            file.write_at(0, b"ne")
            stocked.remove_file(FILE)
            file.write_at(2, b"w")
        expect(tree(stocked), {**STOCK, FILE: b"new"}, "what is there after /file was removed during an upload to it")

    @rule("FileSystem")
    def test_sessions_see_each_other(self, stocked: FileSystem) -> None:
        """WRITE: what one session makes, replaces and removes, another that holds files and listings open sees next."""
        needs(stocked, Capability.WRITE)
        with opened(stocked, FILE, OpenMode.READ) as file:
            entries = stocked.scan_dir(ROOT, follow=True)
            next(entries)
            put(stocked, ABSENT, b"new")
            put(stocked, OTHER, b"replaced")
            stocked.remove_dir(EMPTY)
            expect(file.read_at(0, 10), CONTENT, "read_at(0, 10) of a file that nobody changed")
            list(entries)
            sizes = {name: info.size for name, info in listing(stocked).items() if name in ("absent", "file", "other")}
            expect(sizes, {"absent": 3, "file": 10, "other": 8}, "sizes in a listing that was begun after the changes")
            expect("empty" in listing(stocked), False, "whether a directory that was removed is listed")
        expect(get(stocked, OTHER), b"replaced", "content of a file that another session replaced")
