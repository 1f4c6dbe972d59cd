"""What calls of `Quota` wait for one another, and which don't: seen from the filesystem that it is put around."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, Event
from typing import NamedTuple

import pytest
from mutants.delegation import Delegate, DelegateFile
from quota_play import FILE, OTHER, put

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, FileInfo, OpenMode
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import Quota

NEW = VirtualPath("/new")

#: Seconds that a call is given to come while another is under way.
PATIENCE = 0.1


class Meeting:
    """Where two calls meet that are under way at the same time."""

    def __init__(self) -> None:
        self.open = False
        self.first_came = Event()
        self.met = False
        self._barrier = Barrier(2, timeout=PATIENCE)

    def come(self) -> None:
        """Wait a while for another call."""
        if self.open:
            self.first_came.set()
            try:
                self._barrier.wait()
            except BrokenBarrierError:
                return
            self.met = True


class MeetingFile(DelegateFile):
    def __init__(self, file: BinaryFile, mode: OpenMode, meeting: Meeting) -> None:
        super().__init__(file, mode)
        self.meeting = meeting

    def write_at(self, offset: int, data: bytes, /) -> None:
        self.meeting.come()
        super().write_at(offset, data)

    def close(self, *, complete: bool) -> None:
        super().close(complete=complete)
        self.meeting.come()


class MeetingFileSystem(Delegate):
    """Memory in which calls wait a while for others to come."""

    def __init__(self) -> None:
        super().__init__(MemoryFileSystem())
        self.meeting = Meeting()

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        self.meeting.come()
        return MeetingFile(self.files.open_file(path, mode), mode, self.meeting)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        self.meeting.come()
        return super().scan_dir(path, follow=follow)

    def remove_file(self, path: VirtualPath, /) -> None:
        self.meeting.come()
        super().remove_file(path)


class Openings(NamedTuple):
    quota: Quota
    one: BinaryFile
    two: BinaryFile
    """Of the same file."""
    other: BinaryFile


Call = Callable[[Openings], object]


def replace(openings: Openings) -> None:
    openings.quota.open_file(FILE, OpenMode.REPLACE).close(complete=True)


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        pytest.param(lambda o: o.one.write_at(0, b"x"), lambda o: o.two.write_at(0, b"y"), False, id="one file"),
        pytest.param(lambda o: o.one.write_at(0, b"x"), lambda o: o.other.write_at(0, b"y"), True, id="two files"),
        pytest.param(lambda o: o.one.write_at(0, b"x"), replace, False, id="write, replace"),
        pytest.param(lambda o: o.one.write_at(0, b"x"), lambda o: o.quota.count(), False, id="write, count"),
        pytest.param(lambda o: o.one.write_at(0, b"x"), lambda o: o.quota.remove_file(OTHER), True, id="write, remove"),
        # An identifier that a file gives back when it is closed may be that of the next one made.
        pytest.param(lambda o: o.one.close(complete=True), lambda o: put(o.quota, NEW, b""), False, id="close, make"),
        pytest.param(
            lambda o: o.one.close(complete=True), lambda o: o.quota.remove_file(OTHER), False, id="close, remove"
        ),
        pytest.param(
            lambda o: o.one.close(complete=True), lambda o: o.other.write_at(0, b"y"), True, id="close, write"
        ),
    ],
)
def test_calls_wait_for_those_that_they_could_disturb(first: Call, second: Call, meet: bool) -> None:
    """What changes the size of one file, or finds, makes and removes files, goes one after the other; the rest not."""
    files = MeetingFileSystem()
    quota = Quota(files, max_bytes=100)
    openings = Openings(quota, *(quota.open_file(path, OpenMode.WRITE) for path in (FILE, FILE, OTHER)))
    files.meeting.open = True
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first, openings)
        assert files.meeting.first_came.wait(10)
        two = threads.submit(second, openings)
        one.result()
        two.result()
    files.meeting.open = False
    assert files.meeting.met is meet
    assert quota.usage() == quota.count()
