"""No byte and no effect outside the root, while another process swaps directories and files for links out of it.

Below the root, `dir` and `dir.link` are exchanged all the time, where the link leads to a directory outside with
entries of the same names; so are `file` and `file.link`, `pipe` (a FIFO) and `plain`, and `deep/moved` and `high`, two
directories at different depths, past which the link `up` goes with "..".  Each method of the port is called in a
loop on paths through these.  What was outside must be the same afterwards, to the nanosecond of its times.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import FileInfo, OpenMode
from ftpcore_adapters.local import Confinement, LocalFileSystem
from tests.adapters.swapping import swapping
from tests.conftest import SCALE

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")

#: Seconds of calls in a full run, shared by all tests here but that of the mutant.
SECONDS: Final = 20.0 * SCALE
#: Seconds that a mutant may stay undetected, which usually takes some milliseconds.
PATIENCE: Final = 60.0

SECRET: Final = b"secret"
FIFO: Final = VirtualPath("/pipe")
SWAPPED: Final = ("dir", "dir.link", "file", "file.link", "pipe", "plain", "deep/moved", "high")
#: Ways to a directory that holds `file`, `victim`, `empty` and `sub`: some entries of the root, links to them, and
#: those below.
DIRECTORIES: Final = tuple(map(VirtualPath, ("/dir", "/dir/sub", "/relative", "/absolute", "/up/dir", "/")))


#: Status, times and content by path.
Snapshot = dict[Path, tuple[tuple[int, ...], tuple[int, int], bytes]]


class Escaped(AssertionError):
    """Something outside the root was seen."""


class Arena:
    """A root, what lies around it, and checks that the one knows nothing of the other."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.root = top / "root"
        for directory in (self.root, self.root / "dir", self.root / "dir" / "sub"):
            _stock(directory, b"inside")
        for directory in (top / "outside", top / "outside" / "sub", top / "dir", top / "dir" / "sub", top):
            _stock(directory, SECRET)
            (directory / "only-outside").mkdir()
        (self.root / "dir.link").symlink_to("../outside")
        (self.root / "file.link").symlink_to(top / "outside" / "file")
        (self.root / "plain").write_bytes(b"inside")
        os.mkfifo(self.root / "pipe")
        (self.root / "deep" / "moved").mkdir(parents=True)
        (self.root / "high").mkdir()
        (self.root / "relative").symlink_to("dir")
        (self.root / "absolute").symlink_to(self.root / "dir")
        (self.root / "up").symlink_to("deep/moved/../..")
        # The directories that are inside, whatever their names are by now.
        self.inside = {path: os.open(self.root / _place(path), os.O_RDONLY) for path in DIRECTORIES}
        self.ids = {f"{status.st_dev:x}g{status.st_ino:x}" for status in map(os.lstat, self.outside())}

    def close(self) -> None:
        for descriptor in self.inside.values():
            os.close(descriptor)

    def outside(self) -> Snapshot:
        """Return everything around the root, with contents and all times but those of reading."""
        found: Snapshot = {}
        for directory, names, file_names in os.walk(self.top):
            if directory == str(self.top):
                names.remove("root")
            for path in map(Path(directory).joinpath, (".", *file_names)):
                status = path.lstat()
                content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
                found[path] = (status[:7], (status.st_mtime_ns, status.st_ctime_ns), content)
        return found

    def check(self, before: Snapshot) -> None:
        if self.outside() != before:
            raise Escaped("something outside was changed")

    def check_info(self, info: FileInfo) -> None:
        if info.unique in self.ids or info.name == "only-outside" or "outside" in (info.target or ""):
            raise Escaped(f"told of {info}")


def _stock(directory: Path, content: bytes) -> None:
    directory.mkdir(exist_ok=True)
    for name in ("file", "victim"):
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o640)
    (directory / "empty").mkdir()


def _place(path: VirtualPath) -> str:
    """Return where a directory is while nothing is swapped."""
    name = path.removeprefix("/up")[1:]
    return "dir" if name in ("relative", "absolute") else name or "."


Verb = Callable[[Arena, LocalFileSystem, VirtualPath], None]


def put_back(arena: Arena, path: VirtualPath, *names: str) -> None:
    """Remove what a call made, and make what it removed, where it should have."""
    directory = arena.inside[path]
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
    os.close(os.open("victim", os.O_CREAT | os.O_WRONLY, 0o640, dir_fd=directory))


def read(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    file = files.open_file(join_path(path, "file"), OpenMode.READ)
    try:
        if file.read_at(0, 100) == SECRET:
            raise Escaped("read")
    finally:
        file.close(complete=True)


def write(arena: Arena, files: LocalFileSystem, path: VirtualPath, *, mode: OpenMode) -> None:
    file = files.open_file(join_path(path, "file"), mode)
    try:
        file.write_at(0, b"written")
        file.truncate(7)
    finally:
        file.close(complete=True)


def make_through(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    """Store under a new name."""
    try:
        files.open_file(join_path(path, "new"), OpenMode.WRITE).close(complete=True)
    finally:
        put_back(arena, path, "new")


def unique(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    name, file = files.open_unique(path, "u")
    file.close(complete=True)
    put_back(arena, path, name)


def make_dir(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    files.make_dir(join_path(path, "made"))
    os.rmdir("made", dir_fd=arena.inside[path])


def remove_dir(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    files.remove_dir(join_path(path, "empty"))
    os.mkdir("empty", dir_fd=arena.inside[path])


def remove_file(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    files.remove_file(join_path(path, "victim"))
    put_back(arena, path)


def rename_from(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    files.rename(join_path(path, "victim"), VirtualPath("/taken"))
    put_back(arena, path)


def rename_to(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    (arena.root / "given").touch()
    files.rename(VirtualPath("/given"), join_path(path, "victim"))


def set_mode(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    files.set_mode(join_path(path, "file"), 0o600)
    files.set_mode(path, 0o700)


def set_modified(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    files.set_modified(join_path(path, "file"), 1.0)
    files.set_modified(path, 1.0)


def scan(arena: Arena, files: LocalFileSystem, path: VirtualPath, *, follow: bool) -> None:
    listing = files.scan_dir(path, follow=follow)
    try:
        for info in listing:
            arena.check_info(info)
    finally:
        listing.close()


def tell(arena: Arena, files: LocalFileSystem, path: VirtualPath, *, follow: bool) -> None:
    arena.check_info(files.stat(path, follow=follow))
    arena.check_info(files.stat(join_path(path, "file"), follow=follow))


def enter(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    files.enter_dir(join_path(path, "empty"))
    try:
        files.enter_dir(join_path(path, "only-outside"))
    except FileNotFoundError:
        return
    raise Escaped("entered")


def special(arena: Arena, files: LocalFileSystem, path: VirtualPath) -> None:
    """A FIFO that takes turns with a plain file: one is refused at once, the other is opened."""
    for mode in OpenMode:
        files.open_file(FIFO, mode).close(complete=True)
    files.set_mode(FIFO, 0o600)


VERBS: Final[Mapping[str, Verb]] = {
    "RETR": read,
    "STOR": partial(write, mode=OpenMode.REPLACE),
    "STOR after REST": partial(write, mode=OpenMode.UPDATE),
    "STOR, new": make_through,
    "APPE": partial(write, mode=OpenMode.APPEND),
    "STOU": unique,
    "MKD": make_dir,
    "RMD": remove_dir,
    "DELE": remove_file,
    "RNFR": rename_from,
    "RNTO": rename_to,
    "SITE CHMOD": set_mode,
    "MFMT": set_modified,
    "LIST": partial(scan, follow=False),
    "MLSD": partial(scan, follow=True),
    "LIST of one": partial(tell, follow=False),
    "MLST": partial(tell, follow=True),
    "CWD": enter,
    "FIFO": special,
}
SAFE: Final = (Confinement.KERNEL, Confinement.WALK)
SHARE: Final = SECONDS / (len(VERBS) * len(SAFE))


def hammer(arena: Arena, files: LocalFileSystem, verb: Verb, seconds: float) -> None:
    """Call `verb` for some time, at least until it was seen to work and to fail."""
    works = fails = False
    deadline = time.monotonic() + seconds
    while not (works and fails) or time.monotonic() < deadline:
        for path in DIRECTORIES:
            try:
                verb(arena, files, path)
            except OSError:
                fails = True
            else:
                works = True


@contextmanager
def swapped_arena(top: Path) -> Iterator[Arena]:
    arena = Arena(top)
    try:
        with swapping(*(arena.root / name for name in SWAPPED)):
            yield arena
    finally:
        arena.close()


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with swapped_arena(tmp_path_factory.mktemp("arena")) as arena:
        yield arena


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("confinement", SAFE, ids=lambda confinement: confinement.value)
@pytest.mark.timeout(120 + 2 * SHARE)
def test_nothing_leaves_the_root(arena: Arena, confinement: Confinement, verb: str) -> None:
    files = LocalFileSystem(arena.root, confinement=confinement)
    before = arena.outside()
    descriptors = open_descriptors()
    hammer(arena, files, VERBS[verb], SHARE)
    arena.check(before)
    assert open_descriptors() == descriptors


def open_descriptors() -> list[str]:
    return sorted(os.listdir("/dev/fd"))


@pytest.mark.parametrize("verb", ["RETR", "STOR", "DELE", "SITE CHMOD", "MLST"])
def test_these_tests_catch_paths_that_are_resolved_first(tmp_path: Path, verb: str) -> None:
    """The mutant: what holds for the others fails for a filesystem that resolves a path and uses it then."""
    with swapped_arena(tmp_path) as arena:
        files = LocalFileSystem(arena.root, confinement=Confinement.PATH)
        before = arena.outside()
        with pytest.raises(Escaped):
            hammer_until(arena, files, VERBS[verb], before)


def hammer_until(arena: Arena, files: LocalFileSystem, verb: Verb, before: Snapshot) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        hammer(arena, files, verb, 0.05)
        arena.check(before)
