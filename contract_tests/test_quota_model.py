"""What `Quota` accounts for, compared with what is really stored, after each of many random calls."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from quota_stores import Anonymous, Staging

from ftpcore import VirtualPath, join_path
from ftpcore.ports import BinaryFile, Capability, FileSystem, OpenMode
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import Quota, Rooted, Usage

MAX_BYTES: Final = 40
MAX_FILES: Final = 4

_DIRECTORIES: Final = [VirtualPath("/"), VirtualPath("/d")]
_FILES: Final = [join_path(directory, name) for directory in _DIRECTORIES for name in ("a", "b")]
_SIZES: Final = st.integers(0, 25)
_OFFSETS: Final = st.just(0) | st.integers(0, 45)

#: Sequences of calls for each store.
_EXAMPLES: Final = max(1, round(1500 * float(os.environ.get("FTPCORE_SCALE", "0.1"))))


class Store(NamedTuple):
    """What a quota is put around, and the same without what it hides."""

    files: FileSystem
    below: FileSystem
    fails: bool = False
    """It may get full: how much a file without a name then holds, nobody can tell."""


class Opened(NamedTuple):
    """A file that was opened through the quota."""

    file: BinaryFile
    unique: str | None = None
    probe: BinaryFile | None = None
    """The same object, opened to be read below; None: it is not counted once it has no name."""


class Machine(RuleBasedStateMachine):
    """Makes random calls; the sums are right, and within the limits, after each."""

    opened = Bundle("opened")
    make: ClassVar[Callable[[], Store]]

    def __init__(self) -> None:
        super().__init__()
        files, self._below, self._fails = type(self).make()
        self._quota = Quota(files, max_bytes=MAX_BYTES, max_files=MAX_FILES)
        self._atomic = Capability.ATOMIC in files.capabilities
        self._sees_readers = Capability.UNIQUE_ID in files.capabilities
        self._open: list[Opened] = []
        self._new_uploads: set[int] = set()

    @initialize(sizes=st.lists(st.integers(0, 8), min_size=2, max_size=MAX_FILES))
    def begin(self, sizes: list[int]) -> None:
        for directory in _DIRECTORIES[1:]:
            self._below.make_dir(directory)
        for path, size in zip(_FILES, sizes, strict=False):
            file = self._below.open_file(path, OpenMode.REPLACE)
            with suppress(OSError):  # it is full already
                file.write_at(0, bytes(size))
            file.close(complete=True)
        self._quota.count()

    @rule(target=opened, path=st.sampled_from(_FILES), mode=st.sampled_from(OpenMode))
    def open_file(self, path: VirtualPath, mode: OpenMode) -> Opened | MultipleResults[Opened]:
        try:
            file = self._quota.open_file(path, mode)
        except OSError:
            return multiple()
        return self._kept(path, file, mode)

    @rule(target=opened, directory=st.sampled_from(_DIRECTORIES))
    def open_unique(self, directory: VirtualPath) -> Opened | MultipleResults[Opened]:
        try:
            name, file = self._quota.open_unique(directory, "u")
        except OSError:
            return multiple()
        return self._kept(join_path(directory, name), file, OpenMode.REPLACE)

    @rule(opened=opened, start=_OFFSETS, sizes=st.lists(_SIZES, min_size=1, max_size=3))
    def write(self, opened: Opened, start: int, sizes: list[int]) -> None:
        with suppress(OSError):
            for size in sizes:
                opened.file.write_at(start, b"x" * size)
                start += size

    @rule(opened=opened, size=_OFFSETS)
    def truncate(self, opened: Opened, size: int) -> None:
        with suppress(OSError):
            opened.file.truncate(size)

    @rule(opened=consumes(opened), complete=st.booleans())
    def close(self, opened: Opened, complete: bool) -> None:
        self._open.remove(opened)
        self._give_back(opened, complete=complete)

    @rule(path=st.sampled_from(_FILES))
    def remove_file(self, path: VirtualPath) -> None:
        with suppress(OSError):
            self._quota.remove_file(path)

    @rule(old=st.sampled_from(_FILES + _DIRECTORIES), new=st.sampled_from(_FILES + _DIRECTORIES))
    def rename(self, old: VirtualPath, new: VirtualPath) -> None:
        with suppress(OSError):
            self._quota.rename(old, new)

    @rule(path=st.sampled_from(_DIRECTORIES[1:]))
    def make_dir(self, path: VirtualPath) -> None:
        with suppress(OSError):
            self._quota.make_dir(path)

    @rule()
    def count(self) -> None:
        """Counting again finds the same."""
        before = self._quota.usage()
        assert self._quota.count() == before

    @invariant()
    def the_sums_are_right(self) -> None:
        usage, named, nameless = self._quota.usage(), self._named(), self._nameless()
        if self._fails and nameless.files:
            assert usage.size >= named.size + nameless.size
        else:
            assert usage.size == named.size + nameless.size
        assert usage.files == named.files + nameless.files
        assert usage.size <= MAX_BYTES
        assert usage.files <= MAX_FILES

    def teardown(self) -> None:
        for opened in self._open:
            self._give_back(opened, complete=False)
        assert self._quota.usage() == self._named()

    def _named(self) -> Usage:
        return Quota(self._below).count()

    def _nameless(self) -> Usage:
        """Return what is open and has no name: no more, or not yet."""
        named = {self._below.stat(path, follow=False).unique for path in self._paths(_DIRECTORIES[0])}
        probes = {opened.unique: opened.probe for opened in self._open if opened.unique not in named}
        sizes = [len(probe.read_at(0, 1 << 20)) for probe in probes.values() if probe is not None]
        if isinstance(self._below, Staging):
            sizes += [upload.added for upload in self._below.uploads]
        return Usage(sum(sizes), sum(probe is not None for probe in probes.values()) + len(self._new_uploads))

    def _paths(self, directory: VirtualPath) -> list[VirtualPath]:
        found = [join_path(directory, info.name) for info in self._below.scan_dir(directory, follow=False)]
        return found + [below for path in found for below in self._paths_below(path)]

    def _paths_below(self, path: VirtualPath) -> list[VirtualPath]:
        try:
            return self._paths(path)
        except NotADirectoryError:
            return []

    def _kept(self, path: VirtualPath, file: BinaryFile, mode: OpenMode) -> Opened:
        if self._atomic and mode is not OpenMode.READ:
            opened = Opened(file)
            if file.created:
                self._new_uploads.add(id(file))
        elif mode is not OpenMode.READ or self._sees_readers:
            unique = self._below.stat(path, follow=True).unique
            opened = Opened(file, unique, self._below.open_file(path, OpenMode.READ))
        else:
            opened = Opened(file)
        self._open.append(opened)
        return opened

    def _give_back(self, opened: Opened, *, complete: bool) -> None:
        self._new_uploads.discard(id(opened.file))
        with suppress(OSError):
            opened.file.close(complete=complete)
        if opened.probe is not None:
            opened.probe.close(complete=True)


def memory() -> Store:
    files = MemoryFileSystem()
    return Store(files, files)


def small_memory() -> Store:
    """Memory that gets full before the quota says so."""
    files = MemoryFileSystem(limit=30)
    return Store(files, files, fails=True)


def anonymous() -> Store:
    files = MemoryFileSystem()
    return Store(Anonymous(files), files)


def rooted() -> Store:
    inner = MemoryFileSystem()
    inner.write_bytes("/outside", b"not counted")
    inner.make_dir(VirtualPath("/base"))
    files = Rooted(inner, "/base")
    return Store(files, files)


def staging() -> Store:
    files = Staging()
    return Store(files, files)


@pytest.mark.parametrize("make", [memory, small_memory, anonymous, rooted, staging, "local"])
def test_what_is_accounted_for_is_stored(make: Callable[[], Store] | str, tmp_path: Path) -> None:
    """Whatever is opened, written, cut, closed, given up, renamed and removed, in any order, the sums are exact."""
    numbers = count(1)

    def local() -> Store:
        root = tmp_path / str(next(numbers))
        root.mkdir()
        files = LocalFileSystem(root)
        return Store(files, files)

    chosen = local if isinstance(make, str) else make
    run_state_machine_as_test(
        type("Machine", (Machine,), {"make": staticmethod(chosen)}),
        settings=settings(
            max_examples=_EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
