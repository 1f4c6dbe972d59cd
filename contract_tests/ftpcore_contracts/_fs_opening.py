"""Rules of how files are opened: what each mode makes, empties and keeps, and what it says of the file."""

from __future__ import annotations

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileSystem, OpenMode
from ftpcore_contracts._contents import CONTENT, MAKING, mode_name, needs_mode
from ftpcore_contracts._refusals import refused
from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._trees import ABSENT, DIR, EMPTY, FILE, ROOT, STOCK, get, listing, opened, put, tree

__all__ = ["Opening"]


class Opening:
    """opening files"""

    @pytest.mark.parametrize("mode", OpenMode, ids=mode_name)
    @rule("BinaryFile.size")
    def test_open_tells_size_and_creation(self, stocked: FileSystem, mode: OpenMode) -> None:
        """An open file tells its `size` when it was opened, 0 in REPLACE mode; `created` is false for one that existed;
        `name`, for logs, is a text that is not empty.
        """
        needs_mode(stocked, mode)
        with opened(stocked, FILE, mode) as file:
            expect(file.size, 0 if mode is OpenMode.REPLACE else 10, f"size of open_file(/file, {mode.name})")
            expect(file.created, False, f"created of open_file(/file, {mode.name}), which exists")
            if not isinstance(file.name, str) or not file.name:
                broken(f"name of open_file(/file, {mode.name})", expected="a str that is not empty", came=file.name)

    @pytest.mark.parametrize("mode", MAKING, ids=mode_name)
    @rule("OpenMode")
    def test_open_makes_a_missing_file(self, stocked: FileSystem, mode: OpenMode) -> None:
        """WRITE, REPLACE and APPEND make a file that is missing, and `created` says so; it is empty, and there when it
        is closed, though nothing was written: at once, unless the filesystem is ATOMIC.
        """
        needs_mode(stocked, mode)
        with opened(stocked, ABSENT, mode) as file:
            expect((file.size, file.created), (0, True), f"size and created of open_file(/absent, {mode.name})")
            seen = "absent" in listing(stocked)
            atomic = Capability.ATOMIC in stocked.capabilities
            expect(seen, not atomic, "whether a new file is listed before it is closed; ATOMIC: not")
        made = dict(sorted({**STOCK, "/absent": b""}.items()))
        expect(tree(stocked), made, f"what is there after open_file(/absent, {mode.name}) and close(complete=True)")

    @pytest.mark.parametrize("mode", MAKING, ids=mode_name)
    @rule("BinaryFile.created")
    def test_open_makes_again_what_was_removed(self, stocked: FileSystem, mode: OpenMode) -> None:
        """`created` tells of this opening: true for a file that was removed before, false when it is opened again."""
        needs_mode(stocked, mode)
        stocked.remove_file(FILE)
        for created in (True, False):
            with opened(stocked, FILE, mode) as file:
                expect(file.created, created, f"created of open_file(/file, {mode.name}), removed before: {created}")
                expect(file.size, 0, f"size of open_file(/file, {mode.name}), which was removed")
        expect(get(stocked, FILE), b"", "content of a file that was removed and made again")

    @pytest.mark.parametrize("complete", [True, False], ids=["complete", "incomplete"])
    @pytest.mark.parametrize("mode", [OpenMode.WRITE, OpenMode.UPDATE, OpenMode.APPEND], ids=mode_name)
    @rule("OpenMode")
    def test_open_keeps_the_content(self, stocked: FileSystem, mode: OpenMode, complete: bool) -> None:
        """WRITE, UPDATE and APPEND keep what is in the file: opened and closed, it is as it was."""
        needs_mode(stocked, mode)
        stocked.open_file(FILE, mode).close(complete=complete)
        what = f"what is there after open_file(/file, {mode.name}) and close(complete={complete})"
        expect(tree(stocked), dict(STOCK), what)

    @rule("OpenMode.REPLACE")
    def test_open_to_replace_empties(self, stocked: FileSystem) -> None:
        """REPLACE empties the file: when it is opened, or if the filesystem is ATOMIC, when it is closed complete."""
        needs_mode(stocked, OpenMode.REPLACE)
        atomic = Capability.ATOMIC in stocked.capabilities
        with opened(stocked, FILE, OpenMode.REPLACE):
            came = get(stocked, FILE)
            expect(came, CONTENT if atomic else b"", "content of a file that is open to be replaced; ATOMIC: the old")
        expect(get(stocked, FILE), b"", "content of a file that was replaced, by nothing")
        expect(stocked.stat(FILE, follow=True).size, 0, "FileInfo.size of a file that was replaced, by nothing")

    @pytest.mark.parametrize("path", [DIR, EMPTY, ROOT], ids=["directory", "empty directory", "root"])
    @pytest.mark.parametrize("mode", OpenMode, ids=mode_name)
    @rule("OpenMode")
    def test_open_refuses_directories(self, stocked: FileSystem, mode: OpenMode, path: VirtualPath) -> None:
        """No mode opens a directory: IsADirectoryError, from `open_file` itself, and nothing is made beside it."""
        needs_mode(stocked, mode)
        with refused(stocked, IsADirectoryError, f"open_file({path}, {mode.name}), a directory"):
            stocked.open_file(path, mode).close(complete=True)

    @rule("OpenMode.UPDATE")
    def test_open_to_update_makes_nothing(self, files: FileSystem) -> None:
        """UPDATE takes a file that exists, and one that is made later does not count: FileNotFoundError until then."""
        needs_mode(files, OpenMode.UPDATE)
        with refused(files, FileNotFoundError, "open_file(/file, UPDATE), which is missing"):
            files.open_file(FILE, OpenMode.UPDATE).close(complete=True)
        put(files, FILE, CONTENT)
        with opened(files, FILE, OpenMode.UPDATE) as file:
            expect((file.size, file.created), (10, False), "size and created of open_file(/file, UPDATE)")
        files.remove_file(FILE)
        with refused(files, FileNotFoundError, "open_file(/file, UPDATE), which was removed"):
            files.open_file(FILE, OpenMode.UPDATE).close(complete=True)

    @rule("FileSystem.open_file")
    def test_open_disturbs_no_other_file(self, stocked: FileSystem) -> None:
        """A file that is written leaves those beside it as they were."""
        needs_mode(stocked, OpenMode.REPLACE)
        path = VirtualPath("/file2")
        put(stocked, path, b"first")
        put(stocked, path, b"second, longer")
        expect(tree(stocked), {**STOCK, "/file2": b"second, longer"}, "what is there after /file2 was stored twice")
        stocked.remove_file(path)
        expect(tree(stocked), dict(STOCK), "what is there after /file2 was removed")
