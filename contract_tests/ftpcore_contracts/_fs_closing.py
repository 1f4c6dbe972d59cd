"""Rules of `BinaryFile.close`: commit and abort, exactly once, and nothing stays open."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import BinaryFile, Capability, FileSystem, OpenMode
from ftpcore_contracts._contents import CONTENT, MAKING, WRITING, held, mode_name, needs_mode, numbered, offers
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, BELOW_FILE, DIR, EMPTY, FILE, ROOT, STOCK, get, opened, put, tree

__all__ = ["ROOM", "Closing"]

#: Bytes that the fixture `small` has room for.
ROOM: Final = 1000

#: What a store says that is full, or whose owner may not store more.
_FULL: Final = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))

_BOTH: Final = pytest.mark.parametrize("complete", [True, False], ids=["complete", "incomplete"])

#: What an upload of b"abc" makes of `CONTENT`.
_UPLOADED: Final = {
    OpenMode.WRITE: b"abc3456789",
    OpenMode.UPDATE: b"abc3456789",
    OpenMode.REPLACE: b"abc",
    OpenMode.APPEND: CONTENT + b"abc",
}


class Closing:
    """closing"""

    @pytest.mark.parametrize("mode", WRITING, ids=mode_name)
    @rule("BinaryFile.close")
    def test_incomplete_upload_of_an_existing_file(self, stocked: FileSystem, mode: OpenMode) -> None:
        """ATOMIC: `close(complete=False)` leaves what was there before.  Else the upload stays as far as it came.
        Nothing is left beside it, and the next upload is like any other.
        """
        needs_mode(stocked, mode)
        with held(stocked.open_file(FILE, mode)) as file:
            file.write_at(0, b"abc")
            file.close(complete=False)
        content = CONTENT if Capability.ATOMIC in stocked.capabilities else _UPLOADED[mode]
        what = f"what is there after write_at(0, b'abc') in mode {mode.name} and close(complete=False)"
        expect(tree(stocked), {**STOCK, FILE: content}, what)
        put(stocked, FILE, CONTENT)
        with opened(stocked, FILE, mode) as file:
            file.write_at(0, b"abc")
        expect(get(stocked, FILE), _UPLOADED[mode], f"content after that in mode {mode.name} and close(complete=True)")

    @pytest.mark.parametrize("data", [b"", b"abc"], ids=["nothing written", "written"])
    @pytest.mark.parametrize("mode", MAKING, ids=mode_name)
    @rule("BinaryFile.close")
    def test_incomplete_upload_of_a_new_file(self, stocked: FileSystem, mode: OpenMode, data: bytes) -> None:
        """ATOMIC: after `close(complete=False)` a file that this opening made is not there.  Else it stays as far as it
        came: what happens to it is for the core to decide.
        """
        needs_mode(stocked, mode)
        with held(stocked.open_file(ABSENT, mode)) as file:
            file.write_at(0, data)
            file.close(complete=False)
        made = {} if Capability.ATOMIC in stocked.capabilities else {"/absent": data}
        what = f"what is there after a new file was written in mode {mode.name}, and close(complete=False)"
        expect(tree(stocked), dict(sorted({**STOCK, **made}.items())), what)

    @rule("Capability.ATOMIC")
    def test_incomplete_replacement_by_nothing(self, stocked: FileSystem) -> None:
        """ATOMIC: a file that was opened to be replaced, and closed incomplete before any byte came, is as it was."""
        needs_mode(stocked, OpenMode.REPLACE)
        stocked.open_file(FILE, OpenMode.REPLACE).close(complete=False)
        content = CONTENT if Capability.ATOMIC in stocked.capabilities else b""
        what = "what is there after open_file(/file, REPLACE) and close(complete=False); not ATOMIC: emptied"
        expect(tree(stocked), {**STOCK, FILE: content}, what)

    @_BOTH
    @pytest.mark.parametrize("again", [True, False], ids=["then complete", "then incomplete"])
    @pytest.mark.parametrize("mode", OpenMode, ids=mode_name)
    @rule("BinaryFile.close")
    def test_close_counts_once(self, stocked: FileSystem, mode: OpenMode, complete: bool, again: bool) -> None:
        """A second `close` raises OSError(EBADF), and neither stores nor takes back anything: what others have stored
        since stays.
        """
        needs_mode(stocked, mode)
        with held(stocked.open_file(FILE, mode)) as file:
            if mode is not OpenMode.READ:
                file.write_at(0, b"abc")
            file.close(complete=complete)
        since = dict(STOCK)
        if Capability.WRITE in stocked.capabilities:
            put(stocked, FILE, b"stored since")
            since[FILE] = b"stored since"
        _expect_closed(file, f"close(complete={again}) after close(complete={complete}), mode {mode.name}", again)
        expect(tree(stocked), since, f"what is there after close(complete={complete}), close(complete={again})")

    @_BOTH
    @pytest.mark.parametrize("mode", OpenMode, ids=mode_name)
    @rule("BinaryFile.close")
    def test_closed_file_is_closed(self, stocked: FileSystem, mode: OpenMode, complete: bool) -> None:
        """After `close` every call raises OSError and touches nothing: not the file, nor another one opened since."""
        needs_mode(stocked, mode)
        file = stocked.open_file(FILE, mode)
        file.close(complete=complete)
        before = tree(stocked)
        # It may have been given the same descriptor.
        with opened(stocked, VirtualPath("/other"), OpenMode.READ) as other:
            calls: dict[str, Callable[[], object]] = {
                "read_at(0, 4)": lambda: file.read_at(0, 4),
                "write_at(0, b'x')": lambda: file.write_at(0, b"x"),
                "write_at(10, b'x')": lambda: file.write_at(10, b"x"),
                "truncate(0)": lambda: file.truncate(0),
            }
            for text, call in calls.items():
                with raises(OSError, f"{text} of a file of mode {mode.name} after close(complete={complete})"):
                    call()
            expect(other.read_at(0, 9), b"other", "read_at of a file that was opened after the other was closed")
        expect(tree(stocked), before, "what is there after calls of a closed file")

    @rule("BinaryFile.close")
    def test_closed_file_leaves_other_uploads_alone(self, stocked: FileSystem) -> None:
        """Calls of a closed file, `close` among them, don't reach an upload that was begun since."""
        needs_mode(stocked, OpenMode.REPLACE)
        with held(stocked.open_file(FILE, OpenMode.REPLACE)) as file:
            file.write_at(0, b"first")
            file.close(complete=True)
        with opened(stocked, FILE, OpenMode.REPLACE) as other:
            other.write_at(0, b"sec")
            with raises(OSError, "write_at of a file that was closed before another was opened"):
                file.write_at(3, b"xxx")
            _expect_closed(file, "close(complete=False) of a file that was closed", complete=False)
            other.write_at(3, b"ond")
        expect(tree(stocked), {**STOCK, FILE: b"second"}, "what is there after a second upload")

    @_BOTH
    @pytest.mark.parametrize("mode", OpenMode, ids=mode_name)
    @rule("BinaryFile.close")
    def test_close_gives_the_handle_back(
        self, stocked: FileSystem, handles: Callable[[], int], mode: OpenMode, complete: bool
    ) -> None:
        """`close` gives back what the file held, complete or not, whether anything was read or written or not."""
        needs_mode(stocked, mode)
        before = handles()
        for used in (False, True, True):
            file = stocked.open_file(FILE, mode)
            if used and mode is OpenMode.READ:
                file.read_at(0, 4)
            elif used:
                file.write_at(0, b"abc")
            file.close(complete=complete)
            expect(handles(), before, f"open handles after open_file(/file, {mode.name}), close(complete={complete})")
        expect(handles(), before, "open handles after three openings")

    @pytest.mark.parametrize("mode", OpenMode, ids=mode_name)
    @rule("FileSystem.open_file")
    def test_failed_opening_leaves_no_handle(
        self, stocked: FileSystem, handles: Callable[[], int], mode: OpenMode
    ) -> None:
        """When `open_file` raises, nothing stays open: there is nothing that could be closed."""
        needs_mode(stocked, mode)
        before = handles()
        for path in (
            DIR,
            ROOT,
            BELOW_FILE,
            join_path(ABSENT, "x"),
            VirtualPath(f"/{'n' * 300}"),
            VirtualPath("/n\0ul"),
        ):
            with suppress(OSError):
                stocked.open_file(path, mode).close(complete=False)
            expect(handles(), before, f"open handles after open_file({path[:20]!r}, {mode.name}), which fails")

    @rule("BinaryFile.close")
    def test_failed_calls_leave_no_handle(self, stocked: FileSystem, handles: Callable[[], int]) -> None:
        """A file can be closed after a call of it has failed, and nothing stays open."""
        before = handles()
        for mode in OpenMode:
            if not offers(stocked, mode):
                continue
            file = stocked.open_file(FILE, mode)
            with suppress(OSError):
                file.write_at(2**64, b"x")
            with suppress(OSError):
                file.truncate(2**64)
            with suppress(OSError):
                file.read_at(0, 1)
            file.close(complete=False)
            expect(handles(), before, f"open handles after calls in mode {mode.name} that fail, and close")

    @rule("FileSystem.scan_dir")
    def test_listing_given_up_leaves_no_handle(self, stocked: FileSystem, handles: Callable[[], int]) -> None:
        """A listing gives back what it held at its end, and when it is given up by `close`; one of what is no directory
        holds nothing.
        """
        before = handles()
        list(stocked.scan_dir(ROOT, follow=True))
        expect(handles(), before, "open handles after a listing came to its end")
        for steps in (0, 1):
            entries = stocked.scan_dir(ROOT, follow=True)
            for _ in range(steps):
                next(entries)
            close = getattr(entries, "close", None)
            if close is not None:
                close()
            del entries
            expect(handles(), before, f"open handles after a listing was given up after {steps} steps")
        for path in (FILE, ABSENT):
            with raises(OSError, f"scan_dir({path})"):
                stocked.scan_dir(path, follow=True)
            expect(handles(), before, f"open handles after scan_dir({path}), which fails")

    @rule("BinaryFile.close")
    def test_close_says_whether_it_stored_below_a_lost_directory(self, stocked: FileSystem) -> None:
        """ATOMIC: when the directory was removed during the upload, `close(complete=True)` either raises OSError and
        stores nothing, or stores the file, in a directory that is seen; closed it is in both cases.
        """
        needs(stocked, Capability.WRITE | Capability.ATOMIC)
        path = join_path(EMPTY, "new")
        without = {name: data for name, data in STOCK.items() if name != "/empty/"}
        with held(stocked.open_file(path, OpenMode.REPLACE)) as file:
            file.write_at(0, b"new")
            stocked.remove_dir(EMPTY)
            stored = _close(file)
        expected = {**STOCK, path: b"new"} if stored else without
        what = f"what is there after remove_dir(/empty) during an upload to {path}, whose close "
        expect(tree(stocked), dict(sorted(expected.items())), what + ("raised nothing" if stored else "raised"))
        _expect_closed(file, "a second close", complete=True)

    @rule("BinaryFile.close")
    def test_close_says_whether_it_stored_over_a_directory(self, stocked: FileSystem) -> None:
        """ATOMIC: when a directory was made at its name during the upload, `close(complete=True)` raises OSError and
        stores nothing: a name is a file's or a directory's, never both.
        """
        needs(stocked, Capability.WRITE | Capability.ATOMIC)
        with held(stocked.open_file(ABSENT, OpenMode.REPLACE)) as file:
            file.write_at(0, b"new")
            stocked.make_dir(ABSENT)
            with raises(OSError, "close(complete=True) of an upload to what is a directory by now"):
                file.close(complete=True)
        made = dict(sorted({**STOCK, "/absent/": b""}.items()))
        expect(tree(stocked), made, "what is there after a directory was made during an upload to its name")
        _expect_closed(file, "a second close", complete=True)

    @rule("Capability.WRITE")
    def test_full_store_says_so(self, small: FileSystem, handles: Callable[[], int]) -> None:
        """What does not fit raises OSError, ENOSPC, EDQUOT or EFBIG, from `write_at` or `close(complete=True)`, and the
        file can be closed.  ATOMIC: nothing is stored; else what fits may be.  What fits exactly is stored.
        """
        before = handles()
        data = numbered(ROOM + 1)
        for block in (ROOM + 1, 100):
            file = small.open_file(FILE, OpenMode.REPLACE)
            with raises((), f"storing {ROOM + 1} bytes in {ROOM}, in blocks of {block}", errnos=_FULL):
                try:
                    for start in range(0, len(data), block):
                        file.write_at(start, data[start : start + block])
                except OSError:
                    file.close(complete=False)
                    raise
                file.close(complete=True)
            _expect_closed(file, "a second close, after the store was full", complete=False)
            expect(handles(), before, "open handles after the store was full")
            found = tree(small)
            if Capability.ATOMIC in small.capabilities:
                expect(found, {}, "what is there after an upload that did not fit; ATOMIC")
            elif found and not data.startswith(found[FILE]):
                broken("what is there after an upload that did not fit", expected="as much as fitted", came=found)
            if found:
                small.remove_file(FILE)
        put(small, FILE, data[:ROOM])
        expect(tree(small), {FILE: data[:ROOM]}, f"what is there after {ROOM} bytes were stored in a room for {ROOM}")

    @rule("Capability.WRITE")
    def test_full_store_takes_again_what_was_freed(self, small: FileSystem) -> None:
        """Room comes back when a file is removed, and when one is replaced."""
        data = numbered(ROOM)
        for number in range(3):
            put(small, FILE, data[number:])
            small.remove_file(FILE)
        put(small, FILE, data)
        if Capability.ATOMIC not in small.capabilities:  # which may need room for both until the new one is complete
            put(small, FILE, data[::-1])
            data = data[::-1]
        with raises((), "storing a byte more than there is room for", errnos=_FULL):
            put(small, ABSENT, b"x")
        expect(get(small, FILE), data, "content of a file that takes all the room, after another did not fit")
        small.remove_file(FILE)
        put(small, ABSENT, data)
        expect(get(small, ABSENT), data, "content of a file that takes the room of one that was removed")


def _close(file: BinaryFile) -> bool:
    try:
        file.close(complete=True)
    except OSError:
        return False
    return True


def _expect_closed(file: BinaryFile, what: str, complete: bool) -> None:
    with raises((), what, errnos=(errno.EBADF,)):
        file.close(complete=complete)
