"""A machine that makes random calls of a filesystem and of the reference, and compares what comes of them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import ClassVar, Final, NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    precondition,
)
from hypothesis.stateful import (
    rule as step,
)

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileKind, FileSystem, OpenMode
from ftpcore_contracts._contents import offers
from ftpcore_contracts._reference import DirectoryNode, FileNode, Node, OpenReference, Path, Reference, Refused
from ftpcore_contracts._rules import ContractBroken, broken, expect, raises
from ftpcore_contracts._trees import get

__all__ = ["STEPS", "Machine"]

T = TypeVar("T")

#: Few, so that the same is met again and again; one begins as another does, one is hidden.
_NAMES: Final = ("a", "b", "ab", ".c")
_PATHS: Final[st.SearchStrategy[Path]] = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3).map(tuple)
_OFFSETS: Final = st.integers(0, 12)
_BLOCKS: Final = st.binary(max_size=8)

#: An offset that stands for where the last block ended.
_ON: Final = -1
_WRITES: Final = st.lists(st.tuples(st.just(_ON) | _OFFSETS, _BLOCKS), max_size=3)

#: Files that are open at once.
_OPEN: Final = 4

#: Calls in one sequence.
STEPS: Final = 40


class _Opened(NamedTuple):
    """One file, open in both."""

    number: int
    real: BinaryFile
    reference: OpenReference


class Machine(RuleBasedStateMachine):
    """Makes each call on the implementation and on the reference, and compares."""

    opened = Bundle("opened")
    closed = Bundle("closed")

    files: ClassVar[FileSystem]
    numbers: ClassVar[Iterator[int]]
    """Names of directories, one for each sequence of calls."""

    def __init__(self) -> None:
        super().__init__()
        self._files = self.files
        self._base = VirtualPath(f"/{next(self.numbers)}")
        self._reference = Reference(self.files.capabilities)
        self._modes = [mode for mode in OpenMode if offers(self.files, mode)]
        self._open: dict[int, _Opened] = {}
        self._numbers = count(1)
        self._calls: list[str] = []
        self._sound = True

    @initialize()
    def begin(self) -> None:
        self._files.make_dir(self._base)

    @step(draw=st.data(), verb=st.sampled_from(["stat", "scan_dir", "enter_dir"]))
    def look(self, draw: st.DataObject, verb: str) -> None:
        path = self._some_path(draw)
        match verb:
            case "stat":
                self._compare(f"stat({_text(path)}, follow=True)", lambda: self._told(path), lambda: self._seen(path))
            case "scan_dir":
                expected = lambda: sorted(self._reference.find_dir(path).entries)
                self._compare(f"scan_dir({_text(path)})", expected, lambda: self._names(path))
            case _:
                entered = lambda: self._reference.enter_dir(path)
                self._compare(f"enter_dir({_text(path)})", entered, lambda: self._files.enter_dir(self._path(path)))

    @step(draw=st.data(), verb=st.sampled_from(["make_dir", "make_dir", "remove_dir", "remove_file"]))
    def change(self, draw: st.DataObject, verb: str) -> None:
        path = self._some_path(draw)
        if not self._busy(path):
            reference, real = getattr(self._reference, verb), getattr(self._files, verb)
            self._compare(f"{verb}({_text(path)})", lambda: reference(path), lambda: real(self._path(path)))

    @precondition(lambda self: Capability.RENAME in self._files.capabilities)
    @step(draw=st.data())
    def rename(self, draw: st.DataObject) -> None:
        old, new = self._some_path(draw), self._some_path(draw)
        if not self._busy(old) and not self._busy(new):
            self._compare(
                f"rename({_text(old)}, {_text(new)})",
                lambda: self._reference.rename(old, new),
                lambda: self._files.rename(self._path(old), self._path(new)),
            )

    @step(draw=st.data(), choice=st.integers(0, 99), writes=_WRITES, complete=st.booleans())
    def store(self, draw: st.DataObject, choice: int, writes: list[tuple[int, bytes]], complete: bool) -> None:
        """Open, write and close at once, so that much is stored."""
        modes = [mode for mode in self._modes if mode is not OpenMode.READ]
        file = self._begin(self._some_path(draw, file=True), modes[choice % len(modes)])
        if file is not None:
            for offset, data in writes:
                self._write(file, offset, data)
            self._end(file, complete)

    @step(draw=st.data(), choice=st.integers(0, 99), target=opened)
    def open_file(self, draw: st.DataObject, choice: int) -> _Opened | MultipleResults[_Opened]:
        file = self._begin(self._some_path(draw, file=True), self._modes[choice % len(self._modes)])
        return multiple() if file is None else file

    @step(draw=st.data(), data=_BLOCKS, complete=st.booleans())
    def open_unique(self, draw: st.DataObject, data: bytes, complete: bool) -> None:
        path = self._some_path(draw)
        what = f"open_unique({_text(path)}, 'a'), write {data!r}, close(complete={complete})"
        with self._told_by(what):
            try:
                directory = self._reference.find_dir(path)
            except Refused as refused:
                with raises(refused.kinds, what, errnos=refused.errnos):
                    self._files.open_unique(self._path(path), "a")[1].close(complete=False)
                return
            name, file = self._files.open_unique(self._path(path), "a")
            if not name.startswith("a") or name in directory.entries:
                broken(f"the name that {what} returned", expected="one that begins with 'a' and is free", came=name)
            file.write_at(0, data)
            file.close(complete=complete)
            if complete or not self._reference.atomic:
                directory.entries[name] = FileNode(data)

    @step(file=opened, offset=_OFFSETS, size=st.integers(0, 16))
    def read_at(self, file: _Opened, offset: int, size: int) -> None:
        if file.reference.mode is not OpenMode.READ:
            return  # what then comes is not ruled
        what = f"{file.number}: read_at({offset}, {size})"
        with self._told_by(what):
            try:
                came = file.real.read_at(offset, size)
            except OSError:
                if self._reference.atomic and file.reference.stale:
                    return
                raise
            if not file.reference.replaced:
                expect(came, file.reference.read_at(offset, size), what)

    @step(file=opened, writes=_WRITES)
    def write_at(self, file: _Opened, writes: list[tuple[int, bytes]]) -> None:
        for offset, data in writes:
            self._write(file, offset, data)

    @step(file=opened, size=_OFFSETS)
    def truncate(self, file: _Opened, size: int) -> None:
        if file.reference.mode is not OpenMode.APPEND:  # what then comes is not ruled
            call = f"{file.number}: truncate({size})"
            self._compare(call, lambda: file.reference.truncate(size), lambda: file.real.truncate(size))

    @step(file=consumes(opened), complete=st.booleans(), target=closed)
    def close(self, file: _Opened, complete: bool) -> _Opened:
        self._end(file, complete)
        return file

    @step(file=closed, complete=st.booleans())
    def close_again(self, file: _Opened, complete: bool) -> None:
        what = f"{file.number}: close(complete={complete}), again"
        with self._told_by(what), raises((), what, errnos=(errno.EBADF,)):
            file.real.close(complete=complete)

    @precondition(lambda self: Capability.TIMES in self._files.capabilities)
    @step(draw=st.data(), seconds=st.integers(0, 2**31))
    def set_modified(self, draw: st.DataObject, seconds: int) -> None:
        path = self._some_path(draw, file=True)

        def reference() -> None:
            node = self._reference.find(path)
            if isinstance(node, FileNode):
                node.modified = None if self._written(node) else seconds

        real = self._path(path)
        call = f"set_modified({_text(path)}, {seconds})"
        self._compare(call, reference, lambda: self._files.set_modified(real, seconds))

    @precondition(lambda self: Capability.MODE in self._files.capabilities)
    @step(draw=st.data(), mode=st.sampled_from([0o600, 0o640, 0o755]))
    def set_mode(self, draw: st.DataObject, mode: int) -> None:
        path = self._some_path(draw, file=True)
        node = self._reference.at(path)
        if isinstance(node, FileNode):
            with self._told_by(f"set_mode({_text(path)}, {mode:#o})"):
                self._files.set_mode(self._path(path), mode)
                node.mode = mode

    @step()
    def look_at_everything(self) -> None:
        with self._told_by("look at everything"):
            self._check_tree((), self._reference.root)

    def teardown(self) -> None:
        try:
            if self._sound:
                self.look_at_everything()
        finally:
            for file in self._open.values():
                with suppress(OSError):  # the tree was looked at; they are only to be closed
                    file.real.close(complete=False)

    def _begin(self, path: Path, mode: OpenMode) -> _Opened | None:
        """Open on both; None: it was refused, or not tried."""
        if len(self._open) == _OPEN or (mode is not OpenMode.READ and self._busy(path)):
            return None
        number = next(self._numbers)
        what = f"{number}: open_file({_text(path)}, {mode.name})"
        with self._told_by(what):
            try:
                reference = self._reference.open(path, mode)
            except Refused as refused:
                with raises(refused.kinds, what, errnos=refused.errnos):
                    self._files.open_file(self._path(path), mode).close(complete=False)
                return None
            file = self._open[number] = _Opened(number, self._files.open_file(self._path(path), mode), reference)
            came = (file.real.size, file.real.created)
            expect(came, (reference.size, reference.created), f"size and created of {what}")
        return file

    def _write(self, file: _Opened, offset: int, data: bytes) -> None:
        if not data and file.reference.mode is OpenMode.READ:
            return  # whether writing nothing is writing is not ruled
        if offset == _ON:
            offset = file.reference.end
        self._compare(
            f"{file.number}: write_at({offset}, {data!r})",
            lambda: file.reference.write_at(offset, data),
            lambda: file.real.write_at(offset, data),
        )

    def _end(self, file: _Opened, complete: bool) -> None:
        del self._open[file.number]
        self._compare(
            f"{file.number}: close(complete={complete})",
            lambda: file.reference.close(complete),
            lambda: file.real.close(complete=complete),
        )

    def _names(self, path: Path) -> list[str]:
        return sorted(info.name for info in self._files.scan_dir(self._path(path), follow=True))

    def _some_path(self, draw: st.DataObject, *, file: bool = False) -> Path:
        """Return a path, most often of what is there; `file`: most often of a file."""
        there = [
            path
            for path, node in self._reference.walk()
            # What `open_unique` named is not the same when the calls are made again.
            if set(path) <= set(_NAMES) and (not file or isinstance(node, FileNode))
        ]
        return draw.draw(st.sampled_from(there) | st.sampled_from(there) | _PATHS if there else _PATHS)

    def _compare(self, what: str, reference: Callable[[], T], real: Callable[[], T]) -> None:
        """Make one call on both; the reference comes first, and changes nothing when it refuses."""
        with self._told_by(what):
            try:
                expected = reference()
            except Refused as refused:
                with raises(refused.kinds, what, errnos=refused.errnos):
                    real()
            else:
                expect(real(), expected, what)

    @contextmanager
    def _told_by(self, call: str) -> Iterator[None]:
        """Have what is broken tell the calls that led to it, `call` the last of them."""
        self._calls.append(call)
        try:
            yield
        except Exception as error:
            self._sound = False
            if not isinstance(error, ContractBroken):
                came = f"{type(error).__name__}: {error}"
                raise ContractBroken(self._story(call), expected="no exception", came=came) from error
            error.what = self._story(error.what)
            raise

    def _story(self, what: str) -> str:
        return "\n    ".join(["these calls, in a fresh directory:", *self._calls]) + f"\n  {what}"

    def _path(self, path: Path) -> VirtualPath:
        return VirtualPath("/".join((self._base, *path)))

    def _busy(self, path: Path) -> bool:
        """Tell whether a file is being written at, above or below `path`, and it is not ruled what then happens to it.

        ATOMIC: an upload may belong to its path or to its directory.  Without RESUME: there are no holes to leave.
        """
        if self._reference.resume and not self._reference.atomic:
            return False
        writing = [file.reference.path for file in self._open.values() if file.reference.mode is not OpenMode.READ]
        return any(path[: len(other)] == other[: len(path)] for other in writing)

    def _written(self, node: Node) -> bool:
        return any(
            file.reference.node is node and file.reference.mode is not OpenMode.READ for file in self._open.values()
        )

    def _told(self, path: Path) -> FileInfo:
        node = self._reference.find(path)
        if isinstance(node, DirectoryNode):
            return FileInfo(path[-1], FileKind.DIRECTORY)
        return FileInfo(path[-1], FileKind.FILE, len(node.content), node.modified or 0, node.mode)

    def _seen(self, path: Path) -> FileInfo:
        """Return what `stat` says, without what the reference does not know."""
        info = self._files.stat(self._path(path), follow=True)
        node = self._reference.at(path)
        if not isinstance(node, FileNode):
            return FileInfo(info.name, info.kind)
        modified = 0 if node.modified is None else int(info.modified)
        mode = None if node.mode is None or info.mode is None else info.mode & 0o7777
        return FileInfo(info.name, info.kind, info.size, modified, mode)

    def _check_tree(self, path: Path, node: Node) -> None:
        if isinstance(node, FileNode):
            expect(get(self._files, self._path(path)), node.content, f"content of {_text(path)}")
            return
        expect(self._names(path), sorted(node.entries), f"names in the listing of {_text(path)}")
        for name, below in node.entries.items():
            expect(self._seen((*path, name)), self._told((*path, name)), f"stat({_text((*path, name))}, follow=True)")
            self._check_tree((*path, name), below)


def _text(path: Path) -> str:
    return f"/{'/'.join(path)}"
