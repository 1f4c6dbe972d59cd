"""What the tests of seed-style filesystems share: a tree on disk, a call for each verb of the port, recorders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, FileSystem, OpenMode
from ftpcore_adapters.filesystems import AbstractedFS

__all__ = [
    "DIR",
    "FILE",
    "NEW",
    "ROOT",
    "VERBS",
    "Impersonator",
    "Recording",
    "make_tree",
    "read",
    "recording",
    "store",
]

T = TypeVar("T")

ROOT: Final = VirtualPath("/")
FILE: Final = VirtualPath("/file")
DIR: Final = VirtualPath("/dir")
NEW: Final = VirtualPath("/new")

VERBS: Final[dict[str, Callable[[FileSystem], object]]] = {
    "stat": lambda f: f.stat(FILE, follow=True),
    "scan_dir": lambda f: list(f.scan_dir(ROOT, follow=True)),
    "enter_dir": lambda f: f.enter_dir(DIR),
    "open_file": lambda f: f.open_file(FILE, OpenMode.READ).close(complete=True),
    "open_unique": lambda f: f.open_unique(DIR, "u")[1].close(complete=True),
    "make_dir": lambda f: f.make_dir(NEW),
    "set_mode": lambda f: f.set_mode(FILE, 0o600),
    "set_modified": lambda f: f.set_modified(FILE, 0.0),
    "rename": lambda f: f.rename(FILE, VirtualPath("/moved")),
    "remove_file": lambda f: f.remove_file(VirtualPath("/other")),
    "remove_dir": lambda f: f.remove_dir(VirtualPath("/empty")),
}


def make_tree(tmp_path: Path) -> Path:
    """Return a root with /file, /other, /dir/inner and /empty; beside it is /outside/secret."""
    root = tmp_path / "root"
    for directory in (root / "dir", root / "empty", tmp_path / "outside"):
        directory.mkdir(parents=True)
    (root / "file").write_bytes(b"0123456789")
    (root / "other").write_bytes(b"other")
    (root / "dir" / "inner").write_bytes(b"inner")
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return root


def read(files: FileSystem, path: VirtualPath = FILE) -> bytes:
    file = files.open_file(path, OpenMode.READ)
    data = file.read_at(0, 1 << 20)
    file.close(complete=True)
    return data


def store(files: FileSystem, path: VirtualPath, data: bytes) -> BinaryFile:
    """Do what STOR does."""
    file = files.open_file(path, OpenMode.WRITE)
    if not file.created:
        file.truncate(0)
    file.write_at(0, data)
    file.close(complete=True)
    return file


class Recording(AbstractedFS):
    """Notes the methods that are called; made below, one class for each method."""

    calls: list[str]


def recording(method: str) -> type[Recording]:
    def called(self: Recording, *arguments: Any, **keywords: Any) -> Any:
        self.calls.append(method)
        return getattr(AbstractedFS, method)(self, *arguments, **keywords)

    return type("Recorded", (Recording,), {"calls": [], method: called})


class Impersonator:
    """Knows whether somebody is impersonated right now."""

    active = False
    calls = 0

    def __call__(self, call: Callable[[], T], /) -> T:
        assert not self.active, "impersonation within impersonation"
        self.active, self.calls = True, self.calls + 1
        try:
            return call()
        finally:
            self.active = False
