"""Rules of one filesystem that is used from several threads at once, as sessions on worker threads do."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Final

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileSystem, OpenMode
from ftpcore_contracts._contents import MAKING, held, mode_name, needs_mode, needs_no_commit, numbered, same_content
from ftpcore_contracts._rules import broken, expect, needs, rule
from ftpcore_contracts._threads import at_once
from ftpcore_contracts._trees import ABSENT, DIR, EMPTY, FILE, OTHER, get, listing, opened, put

__all__ = ["Threads"]

#: Threads that do the same at once, and how often each of them does it.
_THREADS: Final = 8
_ROUNDS: Final = 6


class Threads:
    """threads"""

    @rule("FileSystem")
    def test_threads_read_at_once(self, stocked: FileSystem) -> None:
        """Any number of threads may open and read at once: each gets the bytes that it asks for."""
        if Capability.WRITE in stocked.capabilities:
            put(stocked, FILE, numbered(200_000))
        content = get(stocked, FILE)

        def read(number: int) -> None:
            for round_ in range(_ROUNDS):
                offset = (number * 7919 + round_ * 104_729) % len(content)
                with opened(stocked, FILE, OpenMode.READ) as file:
                    came = file.read_at(offset, 5000)
                same_content(came, content[offset : offset + 5000], f"read_at({offset}, 5000), one of many at once")
                expect(get(stocked, OTHER), b"other", "content of /other, read while others read /file")

        at_once([partial(read, number) for number in range(_THREADS)])

    @rule("FileSystem")
    def test_threads_write_their_own_files(self, stocked: FileSystem) -> None:
        """Any number of threads may store at once: each file holds what was written to it and nothing else."""
        needs_mode(stocked, OpenMode.REPLACE)

        def write(number: int) -> None:
            path = join_path(DIR, f"upload {number}")
            for round_ in range(_ROUNDS):
                with opened(stocked, path, OpenMode.REPLACE) as file:
                    for start in range(0, 5000, 1000):
                        file.write_at(start, bytes([number * 16 + round_]) * 1000)
                content = bytes([number * 16 + round_]) * 5000
                same_content(get(stocked, path), content, f"content of {path}, stored while others were")

        at_once([partial(write, number) for number in range(_THREADS)])
        names = {"inner", *(f"upload {number}" for number in range(_THREADS))}
        expect(set(listing(stocked, DIR)), names, "names in the listing after all were stored at once")

    @rule("Capability.ATOMIC")
    def test_readers_never_see_half_a_replacement(self, stocked: FileSystem) -> None:
        """ATOMIC: whoever opens a file while it is replaced again and again sees one of its contents, whole."""
        needs(stocked, Capability.WRITE | Capability.ATOMIC)
        contents = [bytes([number]) * 5000 for number in range(_ROUNDS)]
        put(stocked, FILE, contents[0])

        def write() -> None:
            for content in contents:
                put(stocked, FILE, content)

        def read() -> None:
            for _ in range(_ROUNDS):
                with suppress(OSError):  # replaced between two blocks
                    came = get(stocked, FILE)
                    if came not in contents:
                        broken("content of a file that is being replaced", expected="one that was stored", came=came)
                expect(stocked.stat(FILE, follow=True).size, 5000, "FileInfo.size while a file is being replaced")

        at_once([write, read, read, read])
        expect(get(stocked, FILE), contents[-1], "content of the file after the last replacement")

    @rule("OpenMode.APPEND")
    def test_threads_append_whole_blocks(self, stocked: FileSystem) -> None:
        """APPEND, not ATOMIC: nothing is lost or mixed when threads append at once, each to its own opening."""
        needs_mode(stocked, OpenMode.APPEND)
        needs_no_commit(stocked)
        blocks = [bytes([number]) * 4096 for number in range(_THREADS * _ROUNDS)]

        def append(first: int) -> None:
            for block in blocks[first::_THREADS]:
                with opened(stocked, ABSENT, OpenMode.APPEND) as file:
                    file.write_at(0, block)

        at_once([partial(append, first) for first in range(_THREADS)])
        data = get(stocked, ABSENT)
        found = sorted(data[start : start + 4096] for start in range(0, len(data), 4096))
        same_content(b"".join(found), b"".join(blocks), "content that threads appended at once, its blocks sorted")

    @pytest.mark.parametrize("mode", MAKING, ids=mode_name)
    @rule("BinaryFile.created")
    def test_one_of_many_creates(self, stocked: FileSystem, mode: OpenMode) -> None:
        """Not ATOMIC: `created` is exact: of several openings of a missing file at once, one says that it made it."""
        needs_mode(stocked, mode)
        needs_no_commit(stocked)

        def create(path: VirtualPath) -> bool:
            with opened(stocked, path, mode) as file:
                return file.created

        for round_ in range(_ROUNDS):
            path = join_path(EMPTY, f"{round_}")
            created = at_once([partial(create, path)] * _THREADS)
            expect(created.count(True), 1, f"openings in mode {mode.name} that say created, of {_THREADS} at once")

    @pytest.mark.parametrize("mode", MAKING, ids=mode_name)
    @rule("OpenMode")
    def test_removal_disturbs_no_maker(self, stocked: FileSystem, mode: OpenMode) -> None:
        """A mode that makes a missing file never says that there is none, whoever removes it at the same time."""
        needs_mode(stocked, mode)

        def remove() -> None:
            for _ in range(_ROUNDS * 8):
                with suppress(FileNotFoundError):
                    stocked.remove_file(ABSENT)

        def make() -> None:
            for _ in range(_ROUNDS * 4):
                with opened(stocked, ABSENT, mode):
                    pass

        at_once([remove, make, remove, make])

    @rule("FileSystem.make_dir")
    def test_threads_make_one_directory(self, stocked: FileSystem) -> None:
        """WRITE: of several that make one directory at once, one at least succeeds and the others get FileExistsError;
        it is one directory, listed once, and takes entries.
        """
        needs(stocked, Capability.WRITE)

        def make(path: VirtualPath) -> bool:
            try:
                stocked.make_dir(path)
            except FileExistsError:
                return False
            return True

        for round_ in range(_ROUNDS):
            path = join_path(EMPTY, f"{round_}")
            if not any(at_once([partial(make, path)] * _THREADS)):
                broken(f"make_dir({path}), {_THREADS} at once", expected="one that succeeds", came="FileExistsError")
            put(stocked, join_path(path, "x"), b"x")
        names = [info.name for info in stocked.scan_dir(EMPTY, follow=True)]
        expect(sorted(names), [f"{round_}" for round_ in range(_ROUNDS)], "names that were listed")

    @rule("FileSystem.scan_dir")
    def test_listing_while_threads_change_it(self, stocked: FileSystem) -> None:
        """WRITE: a listing that is read while others make and remove entries raises nothing, and has every entry once
        that was there all the time.
        """
        needs(stocked, Capability.WRITE)
        stay = {f"stays {number}" for number in range(5)}
        for name in stay:
            put(stocked, join_path(EMPTY, name), b"")

        def change(number: int) -> None:
            for round_ in range(_ROUNDS):
                path = join_path(EMPTY, f"{number} {round_}")
                put(stocked, path, b"x")
                stocked.remove_file(path)

        def look() -> None:
            for _ in range(_ROUNDS):
                names = [info.name for info in stocked.scan_dir(EMPTY, follow=True)]
                found = sorted(name for name in names if name.startswith("stays"))
                expect(found, sorted(stay), "names listed that were there all the time, while others come and go")

        at_once([lambda: change(0), lambda: change(1), look, look])
        expect(set(listing(stocked, EMPTY)), stay, "names in the listing when the others are gone")

    @rule("FileSystem.open_unique")
    def test_threads_open_unique_files(self, stocked: FileSystem) -> None:
        """WRITE: two callers of `open_unique` never get the same file, however close together they call."""
        needs(stocked, Capability.WRITE)

        def make() -> list[str]:
            names = []
            for _ in range(_ROUNDS):
                name, file = stocked.open_unique(EMPTY, "x")
                with held(file):
                    file.write_at(0, name.encode())
                    file.close(complete=True)
                names.append(name)
            return names

        names = [name for made in at_once([make] * _THREADS) for name in made]
        expect(len(set(names)), _THREADS * _ROUNDS, f"different names that {_THREADS} threads got at once")
        found = {name: get(stocked, join_path(EMPTY, name)) for name in listing(stocked, EMPTY)}
        expect(found, {name: name.encode() for name in sorted(names)}, "contents of the unique files, their names")
