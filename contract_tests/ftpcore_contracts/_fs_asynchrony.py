"""Rules that only asynchronous filesystems have: of awaiting, of the loop, and of cancellation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

import anyio
import pytest
from anyio.from_thread import BlockingPortal

from ftpcore import join_path
from ftpcore.ports import AsyncBinaryFile, AsyncFileSystem, Capability, FileSystem, OpenMode
from ftpcore_contracts._async_view import AsyncView
from ftpcore_contracts._contents import CONTENT, LARGE_FILE, Holding, mode_name, numbered, offers, same_content
from ftpcore_contracts._loop import all_at_once, cancelled_after, in_a_task, stood_still
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, DIR, EMPTY, FILE, INNER, OTHER, ROOT, STOCK, get, listing, put, tree

__all__ = ["Asynchrony"]

#: Rounds of the loop that a call is given before it is cancelled: at its first pause, and later and later ones.
_ROUNDS: Final = (0, 1, 2, 3, 5, 8, 16, 32, 64, 256)

#: Seconds that a call may keep the loop waiting.
_STILL: Final = 0.001

#: Calls at once, and tries of one call.
_CALLS: Final = 16
_TRIES: Final = 20


class Asynchrony:
    """asynchrony"""

    @rule("AsyncFileSystem")
    def test_every_method_is_awaited(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal
    ) -> None:
        """Every method, of the filesystem and of its files, returns something to await."""
        capabilities = stocked.capabilities

        async def call() -> None:
            for text, (needed, begin) in _EVERY.items():
                if needed in capabilities:
                    await _awaited(begin(implementation), text)
            file = await implementation.open_file(FILE, OpenMode.READ)
            await _awaited(file.read_at(0, 4), "read_at of a file")
            await _awaited(file.close(complete=True), "close of a file that was read")
            if Capability.WRITE in capabilities:
                file = await implementation.open_file(ABSENT, OpenMode.REPLACE)
                await _awaited(file.write_at(0, b"new"), "write_at of a file")
                with suppress(OSError):  # without RESUME
                    await _awaited(file.truncate(3), "truncate of a file")
                await _awaited(file.close(complete=True), "close of a file that was written")

        portal.call(call)
        if Capability.WRITE in capabilities:
            expect(get(stocked, ABSENT), b"new", "content of a file that was written with every call awaited")

    @rule("AsyncFileSystem.scan_dir")
    def test_scan_is_awaited_for_an_iterator(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal
    ) -> None:
        """`scan_dir` is awaited for an asynchronous iterator; errors of the directory are raised by then, not by the
        first step.
        """

        async def call() -> list[str]:
            entries = await implementation.scan_dir(ROOT, follow=True)
            if not isinstance(entries, AsyncIterator):
                broken("what scan_dir(/) was awaited for", expected="an asynchronous iterator", came=repr(entries))
            for path in (FILE, ABSENT):
                with raises((NotADirectoryError, FileNotFoundError), f"awaiting scan_dir({path})"):
                    await implementation.scan_dir(path, follow=True)
            return [info.name async for info in entries]

        expect(sorted(portal.call(call)), ["dir", "empty", "file", "other"], "names that were listed")

    @pytest.mark.parametrize("steps", [0, 1, 4, 99], ids=["before", "in it", "at the end", "after"])
    @rule("AsyncFileSystem.scan_dir")
    def test_scan_is_given_up(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal, steps: int
    ) -> None:
        """`aclose`, where the iterator has one, may be called at any time, by any task, and twice; nothing comes after
        it, and the filesystem is as it was.
        """

        async def step(entries: AsyncIterator[object]) -> bool:
            return await anext(entries, None) is not None

        entries = portal.call(partial(implementation.scan_dir, ROOT, follow=True))
        for _ in range(steps):
            if not portal.call(step, entries):
                break
        close = getattr(entries, "aclose", None)
        if close is not None:
            portal.call(close)
            portal.call(close)
            expect(portal.call(step, entries), False, "whether anything comes after aclose")
        expect(tree(stocked), dict(STOCK), f"what is there after a listing was given up after {steps} steps")

    @rule("AsyncBinaryFile")
    def test_calls_come_from_any_task(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal
    ) -> None:
        """A file, and a listing, is opened, used and closed by tasks of their own, each with a deadline of its own, and
        some of them over by then.
        """

        async def call() -> None:
            file = await in_a_task(lambda: implementation.open_file(FILE, OpenMode.READ))
            expect(await in_a_task(lambda: file.read_at(0, 4)), b"0123", "read_at(0, 4), called by another task")
            expect(await in_a_task(lambda: file.read_at(4, 99)), b"456789", "read_at(4, 99), called by a third")
            await in_a_task(lambda: file.close(complete=True))
            entries = await in_a_task(lambda: implementation.scan_dir(ROOT, follow=True))
            names = []
            while (info := await in_a_task(lambda: anext(entries, None))) is not None:
                names.append(info.name)
            expect(sorted(names), ["dir", "empty", "file", "other"], "names listed, each by another task")
            if Capability.WRITE in implementation.capabilities:
                new = await in_a_task(lambda: implementation.open_file(ABSENT, OpenMode.REPLACE))
                await in_a_task(lambda: new.write_at(0, b"ab"))
                await in_a_task(lambda: new.write_at(2, b"cd"))
                await in_a_task(lambda: new.close(complete=True))

        portal.call(call)
        made = dict(STOCK)
        if Capability.WRITE in stocked.capabilities:
            made = {ABSENT: b"abcd", **STOCK}
        expect(tree(stocked), made, "what is there after calls from many tasks")

    @rule("AsyncFileSystem")
    def test_calls_at_once_are_apart(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal
    ) -> None:
        """Calls that are under way at once, on one filesystem and on one loop, get each their own answers."""
        writable = Capability.WRITE in stocked.capabilities

        async def use(number: int) -> None:
            info = await implementation.stat(OTHER if number % 2 else FILE, follow=True)
            expect((info.name, info.size), ("other", 5) if number % 2 else ("file", 10), "stat, one of many at once")
            data = numbered(10_000 + number)
            path = join_path(DIR, f"{number}") if writable else FILE
            if writable:
                file = await implementation.open_file(path, OpenMode.REPLACE)
                for start in range(0, len(data), 3000):
                    await file.write_at(start, data[start : start + 3000])
                await file.close(complete=True)
            expected = data if writable else CONTENT
            file = await implementation.open_file(path, OpenMode.READ)
            came = await file.read_at(0, 20_000)
            await file.close(complete=True)
            same_content(came, expected, f"content of {path}, used while others were")

        portal.call(all_at_once, [partial(use, number) for number in range(_CALLS)])
        if writable:
            names = {"inner", *(f"{number}" for number in range(_CALLS))}
            expect(set(listing(stocked, DIR)), names, "names in the listing after many were stored at once")

    @rule("AsyncFileSystem")
    def test_calls_leave_the_loop_free(self, holding: Holding, portal: BlockingPortal) -> None:
        """A call that waits, for a network, a disk or a lock, lets the loop do other work: it never waits in the loop's
        thread, where every session would wait with it.
        """
        data = numbered(1 << 20)
        files = holding({LARGE_FILE: data, FILE: CONTENT})
        assert isinstance(files, AsyncView)
        implementation = files.filesystem

        async def scan() -> None:
            async for _ in await implementation.scan_dir(ROOT, follow=True):
                pass

        async def read() -> None:
            file = await implementation.open_file(LARGE_FILE, OpenMode.READ)
            await file.read_at(0, 1 << 20)
            await file.close(complete=True)

        async def write() -> None:
            file = await implementation.open_file(FILE, OpenMode.REPLACE)
            await file.write_at(0, data)
            await file.close(complete=True)

        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "stat": partial(implementation.stat, FILE, follow=True),
            "reading a directory": scan,
            "reading a file of 1 MiB": read,
        }
        if Capability.WRITE in files.capabilities:
            calls["storing a file of 1 MiB"] = write
        for text, call in calls.items():
            # What comes between by chance does not come between each time.
            still = min(portal.call(stood_still, call) for _ in range(_TRIES))
            if still > _STILL:
                came = f"at least {still * 1000:.1f} ms of waiting in the thread of the loop, each time"
                broken(f"what else the loop does during {text}", expected="all there is", came=came)

    @rule("AsyncFileSystem")
    def test_cancelled_calls_do_no_harm(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal
    ) -> None:
        """A call may be cancelled wherever it waits: nothing stays open, nothing is half done, and the filesystem
        serves the next call as if nothing had been.
        """
        for text, call in _LOOKING.items():
            for rounds in _ROUNDS:
                ended = portal.call(cancelled_after, rounds, partial(call, implementation))
                what = f"what is there after {text} was cancelled, {rounds} rounds of the loop after it began"
                expect(tree(stocked), dict(STOCK), what)
                if ended:
                    break
        if Capability.WRITE not in stocked.capabilities:
            return
        for rounds in _ROUNDS:
            ended = portal.call(cancelled_after, rounds, partial(implementation.make_dir, ABSENT))
            with suppress(FileExistsError):
                stocked.make_dir(ABSENT)
            stocked.remove_dir(ABSENT)
            what = f"what is there after make_dir was cancelled after {rounds} rounds, called again, and taken back"
            expect(tree(stocked), dict(STOCK), what)
            if ended:
                break

    @pytest.mark.parametrize("mode", [OpenMode.REPLACE, OpenMode.WRITE, OpenMode.APPEND], ids=mode_name)
    @rule("AsyncBinaryFile.close")
    def test_cancelled_write_can_be_closed(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal, mode: OpenMode
    ) -> None:
        """A file of which `write_at` was cancelled can be closed incomplete.  ATOMIC: what was there before is there;
        else as much of the data as came.
        """
        if not offers(stocked, mode):
            needs(stocked, Capability.WRITE | Capability.RESUME if mode is OpenMode.WRITE else Capability.APPEND)
        data = numbered(3_000_000)
        old = CONTENT if mode is OpenMode.APPEND else b""
        for rounds in _ROUNDS:
            put(stocked, FILE, CONTENT)
            file = portal.call(implementation.open_file, FILE, mode)
            portal.call(file.write_at, 0, data[:1000])
            ended = portal.call(cancelled_after, rounds, partial(_write, file, data))
            portal.call(partial(file.close, complete=False))
            found = tree(stocked)
            what = f"after write_at was cancelled, {rounds} rounds after it began, and the file closed incomplete"
            if Capability.ATOMIC in stocked.capabilities:
                expect(found, dict(STOCK), f"what is there {what}")
            else:
                same_content(found[FILE], (old + data)[: len(found[FILE])], f"content {what}")
            if ended:
                break

    @rule("AsyncBinaryFile.close")
    def test_cancelled_close_stores_all_or_nothing(
        self, stocked: FileSystem, implementation: AsyncFileSystem, portal: BlockingPortal
    ) -> None:
        """ATOMIC: when `close(complete=True)` is cancelled, the file is there as it was before, or as it was written,
        and it can be stored again.
        """
        needs(stocked, Capability.WRITE | Capability.ATOMIC)
        data = numbered(300_000)
        for rounds in _ROUNDS:
            put(stocked, FILE, CONTENT)
            file = portal.call(implementation.open_file, FILE, OpenMode.REPLACE)
            portal.call(file.write_at, 0, data)
            ended = portal.call(cancelled_after, rounds, partial(file.close, complete=True))
            with suppress(OSError):  # closed, which is for the implementation to say
                portal.call(partial(file.close, complete=False))
            came = get(stocked, FILE)
            if came not in (CONTENT, data):
                expected = "the content from before, or the one that was written"
                broken(f"content after close was cancelled after {rounds} rounds", expected=expected, came=came)
            if ended:
                expect(came == data, True, "whether a file was stored whose close was not cancelled any more")
                break


async def _awaited(result: object, what: str) -> None:
    if not isinstance(result, Awaitable):
        broken(f"what {what} returned", expected="something to await", came=repr(result))
    value = await result
    for part in value if isinstance(value, tuple) else (value,):
        if hasattr(part, "close"):
            await part.close(complete=False)
        elif hasattr(part, "aclose"):
            await part.aclose()


async def _write(file: AsyncBinaryFile, data: bytes) -> None:
    """Go on behind the first 1000 bytes of `data`."""
    for start in range(1000, len(data), 65_536):
        await file.write_at(start, data[start : start + 65_536])


async def _look(files: AsyncFileSystem) -> None:
    await files.stat(FILE, follow=True)


async def _enter(files: AsyncFileSystem) -> None:
    await files.enter_dir(DIR)


async def _scan(files: AsyncFileSystem) -> None:
    entries = await files.scan_dir(ROOT, follow=True)
    try:
        async for _ in entries:
            pass
    finally:
        close = getattr(entries, "aclose", None)
        if close is not None:
            with anyio.CancelScope(shield=True):
                await close()


async def _read(files: AsyncFileSystem) -> None:
    file = await files.open_file(FILE, OpenMode.READ)
    try:
        await file.read_at(0, 99)
    finally:
        with anyio.CancelScope(shield=True):
            await file.close(complete=False)


#: Whole pieces of work that change nothing.
_LOOKING: Final[Mapping[str, Callable[[AsyncFileSystem], Awaitable[None]]]] = {
    "stat(/file)": _look,
    "enter_dir(/dir)": _enter,
    "reading the directory /": _scan,
    "reading /file": _read,
}

_NEW: Final = join_path(EMPTY, "new")
_NEWER: Final = join_path(EMPTY, "newer")

#: Every method of a filesystem, in an order in which each has something to work on.
_EVERY: Final[Mapping[str, tuple[Capability, Callable[[AsyncFileSystem], object]]]] = {
    "stat": (Capability.NONE, lambda files: files.stat(FILE, follow=True)),
    "scan_dir": (Capability.NONE, lambda files: files.scan_dir(ROOT, follow=True)),
    "enter_dir": (Capability.NONE, lambda files: files.enter_dir(DIR)),
    "open_file": (Capability.NONE, lambda files: files.open_file(FILE, OpenMode.READ)),
    "open_unique": (Capability.WRITE, lambda files: files.open_unique(DIR, "x")),
    "set_mode": (Capability.MODE, lambda files: files.set_mode(FILE, 0o640)),
    "set_modified": (Capability.TIMES, lambda files: files.set_modified(FILE, 1.0)),
    "make_dir": (Capability.WRITE, lambda files: files.make_dir(_NEW)),
    "rename": (Capability.WRITE | Capability.RENAME, lambda files: files.rename(OTHER, _NEWER)),
    "remove_dir": (Capability.WRITE, lambda files: files.remove_dir(_NEW)),
    "remove_file": (Capability.WRITE, lambda files: files.remove_file(INNER)),
}
