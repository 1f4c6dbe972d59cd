"""Seed-style filesystems behind the port: what is overridden is asked, the rest goes to the disk.

The rules of the port itself are in the contract suites; listings and open files are in modules of their own.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from ftpcore import FilesystemError, UnsupportedOperation, VirtualPath
from ftpcore.ports import Capability, FileSystem, OpenMode
from ftpcore_adapters._seed_filesystem import SeedFileSystem, filesystem_port
from ftpcore_adapters.filesystems import AbstractedFS, UnixFilesystem
from tests.adapters.seed_tree import DIR, FILE, NEW, ROOT, VERBS, Impersonator, make_tree, read, recording, store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


@pytest.mark.parametrize(
    ("method", "verbs"),
    [
        ("stat", {"stat", "scan_dir"}),
        ("lstat", set()),
        ("isdir", {"stat", "scan_dir"}),
        ("get_user_by_uid", {"stat", "scan_dir"}),
        ("listdir", {"scan_dir"}),
        ("chdir", {"enter_dir"}),
        ("open", {"open_file"}),
        ("mkstemp", {"open_unique"}),
        ("mkdir", {"make_dir"}),
        ("rmdir", {"remove_dir"}),
        ("remove", {"remove_file"}),
        ("rename", {"rename"}),
        ("chmod", {"set_mode"}),
        ("utime", {"set_modified"}),
        ("ftp2fs", set(VERBS)),
        ("ftpnorm", set(VERBS)),
        ("validpath", set(VERBS)),
        ("realpath", set(VERBS)),
    ],
)
def test_what_is_overridden_is_called(root: Path, method: str, verbs: set[str]) -> None:
    """By the verbs that rest on it, and by these alone; whatever says where paths lead, by all of them."""
    fs = recording(method)(str(root), None)
    called = set()
    for verb, call in VERBS.items():
        fs.calls.clear()
        call(filesystem_port(fs))
        if fs.calls:
            called.add(verb)
    assert called == verbs


def test_a_plain_class_is_served_by_the_disk(root: Path) -> None:
    """With its confinement: a way out of the root and back in is none."""
    (root / "link").symlink_to("../root/dir")
    files = filesystem_port(AbstractedFS(str(root), None))
    with pytest.raises(FileNotFoundError):
        files.enter_dir(VirtualPath("/link"))
    assert Capability.CONFINED in files.capabilities
    SeedFileSystem(AbstractedFS(str(root), None)).enter_dir(VirtualPath("/link"))


def test_a_subclass_without_changes_is_plain(root: Path) -> None:
    class Named(AbstractedFS):
        def __init__(self, root: str, cmd_channel: object) -> None:
            super().__init__(root, cmd_channel)
            self.colour = "green"

        def of_its_own(self) -> None: ...

    (root / "link").symlink_to("../root/dir")
    with pytest.raises(FileNotFoundError):
        filesystem_port(Named(str(root), None)).enter_dir(VirtualPath("/link"))


def test_a_changed_root_is_honoured(root: Path) -> None:
    fs = AbstractedFS(str(root / "empty"), None)
    files = filesystem_port(fs)
    assert list(files.scan_dir(ROOT, follow=True)) == []
    fs.root = str(root / "dir")
    assert read(files, VirtualPath("/inner")) == b"inner"
    assert files.real_path(VirtualPath("/inner")) == str(root / "dir" / "inner")


@pytest.mark.parametrize("make", [filesystem_port, SeedFileSystem])
def test_entering_a_directory_moves_the_seed_too(root: Path, make: Callable[[AbstractedFS], SeedFileSystem]) -> None:
    """User code asks `fs.cwd`; the process stays where it is."""
    fs, before = AbstractedFS(str(root), None), os.getcwd()
    make(fs).enter_dir(DIR)
    assert (fs.cwd, os.getcwd()) == ("/dir", before)
    with pytest.raises(NotADirectoryError):
        make(fs).enter_dir(FILE)
    assert fs.cwd == "/dir"


@pytest.mark.parametrize("make", [filesystem_port, SeedFileSystem])
def test_files_are_named_as_the_path_leads_there(root: Path, make: Callable[[AbstractedFS], SeedFileSystem]) -> None:
    """Links are not resolved in what hooks and logs are told."""
    (root / "link").symlink_to("dir")
    files = make(AbstractedFS(str(root), None))
    file = files.open_file(VirtualPath("/link/inner"), OpenMode.READ)
    file.close(complete=True)
    name, unique = files.open_unique(VirtualPath("/link"), "u")
    unique.close(complete=True)
    assert (file.name, unique.name) == (str(root / "link" / "inner"), str(root / "link" / name))


def test_the_unix_filesystem_is_the_whole_disk(root: Path) -> None:
    (root / "link").symlink_to("../outside")
    fs = UnixFilesystem(str(root), None)
    files = filesystem_port(fs)
    assert Capability.CONFINED not in files.capabilities
    assert read(files, VirtualPath(f"{root}/link/secret")) == b"secret"
    files.enter_dir(VirtualPath(str(root.parent)))
    assert fs.cwd == str(root.parent)


def test_a_subclass_of_the_unix_filesystem_is_asked(root: Path) -> None:
    class Silent(UnixFilesystem):
        def remove(self, path: str) -> None:
            raise FilesystemError(f"{path} stays")

    files = filesystem_port(Silent(str(root), None))
    with pytest.raises(FilesystemError):
        files.remove_file(VirtualPath(f"{root}/file"))
    assert read(files, VirtualPath(f"{root}/file")) == b"0123456789"


# -- paths -------------------------------------------------------------------------------------------------------------


class Upper(AbstractedFS):
    """Shows /UP as /dir."""

    def ftp2fs(self, ftppath: str) -> str:
        return super().ftp2fs(ftppath.replace("/UP", "/dir"))


def test_an_overridden_mapping_holds_everywhere(root: Path) -> None:
    files = filesystem_port(Upper(str(root), None))
    assert read(files, VirtualPath("/UP/inner")) == b"inner"
    assert files.stat(VirtualPath("/UP"), follow=True).name == "UP"
    assert [info.name for info in files.scan_dir(VirtualPath("/UP"), follow=True)] == ["inner"]
    store(files, VirtualPath("/UP/new"), b"x")
    files.rename(VirtualPath("/UP/new"), VirtualPath("/UP/newer"))
    assert (root / "dir" / "newer").read_bytes() == b"x"
    assert files.real_path(VirtualPath("/UP")) == str(root / "dir")


class NoDots(AbstractedFS):
    def validpath(self, path: str) -> bool:
        return super().validpath(path) and not os.path.basename(path).startswith(".")


@pytest.mark.parametrize("name", [".hidden", ".absent", ".dir", ".link", ".out"])
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda f, p: f.stat(p, follow=True), id="stat"),
        pytest.param(lambda f, p: f.stat(p, follow=False), id="stat, not following"),
        pytest.param(lambda f, p: f.scan_dir(p, follow=True), id="scan"),
        pytest.param(lambda f, p: f.enter_dir(p), id="enter"),
        pytest.param(lambda f, p: f.open_file(p, OpenMode.READ), id="READ"),
        pytest.param(lambda f, p: f.open_file(p, OpenMode.WRITE), id="WRITE"),
        pytest.param(lambda f, p: f.open_unique(p, "x"), id="unique"),
        pytest.param(lambda f, p: f.make_dir(p), id="mkdir"),
        pytest.param(lambda f, p: f.remove_dir(p), id="rmdir"),
        pytest.param(lambda f, p: f.remove_file(p), id="remove"),
        pytest.param(lambda f, p: f.rename(p, NEW), id="rename from"),
        pytest.param(lambda f, p: f.rename(FILE, p), id="rename to"),
        pytest.param(lambda f, p: f.set_mode(p, 0o600), id="chmod"),
        pytest.param(lambda f, p: f.set_modified(p, 0.0), id="utime"),
    ],
)
def test_what_validpath_refuses_does_not_exist(
    root: Path, name: str, call: Callable[[FileSystem, VirtualPath], object]
) -> None:
    """The error is the same whatever is there, and names the path of the client."""
    (root / ".hidden").touch()
    (root / ".dir").mkdir()
    (root / ".link").symlink_to("file")
    (root / ".out").symlink_to("../outside/secret")
    path = VirtualPath(f"/{name}")
    with pytest.raises(FileNotFoundError) as caught:
        call(filesystem_port(NoDots(str(root), None)), path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, path)


@pytest.mark.parametrize("target", ["../outside", "../outside/secret", "../absent"])
def test_a_link_that_leads_out_is_only_a_link(root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    files, link = SeedFileSystem(AbstractedFS(str(root), None)), VirtualPath("/link")
    for call in (
        lambda: files.stat(link, follow=True),
        lambda: files.open_file(link, OpenMode.REPLACE),
        lambda: files.stat(VirtualPath("/link/secret"), follow=False),
        lambda: files.remove_file(VirtualPath("/link/secret")),
    ):
        with pytest.raises(FileNotFoundError):
            call()
    assert "link" not in {info.name for info in files.scan_dir(ROOT, follow=True)}
    assert files.stat(link, follow=False).target == target
    files.rename(link, NEW)
    files.remove_file(NEW)
    assert (root.parent / "outside" / "secret").read_bytes() == b"secret"


def test_names_that_are_not_utf8_reach_the_methods(root: Path) -> None:
    name = "l\udce9on"
    fs = recording("open")(str(root), None)
    files = filesystem_port(fs)
    store(files, VirtualPath(f"/{name}"), b"x")
    assert os.fsencode(name) in os.listdir(os.fsencode(root))
    assert read(files, VirtualPath(f"/{name}")) == b"x"
    assert fs.calls == ["open", "open"]


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "verb"),
    [
        ("stat", "stat"),
        ("isdir", "scan_dir"),
        ("listdir", "scan_dir"),
        ("chdir", "enter_dir"),
        ("open", "open_file"),
        ("mkstemp", "open_unique"),
        ("mkdir", "make_dir"),
        ("rmdir", "remove_dir"),
        ("remove", "remove_file"),
        ("rename", "rename"),
        ("chmod", "set_mode"),
        ("utime", "set_modified"),
        ("ftp2fs", "stat"),
        ("validpath", "open_file"),
    ],
)
@pytest.mark.parametrize("error", [FilesystemError("no"), OSError(errno.EDQUOT, "no"), PermissionError(1, "no")])
def test_errors_of_the_methods_come_out(root: Path, method: str, verb: str, error: Exception) -> None:
    def failing(self: AbstractedFS, *arguments: object, **keywords: object) -> object:
        raise error

    files = filesystem_port(type("Failing", (AbstractedFS,), {method: failing})(str(root), None))
    with pytest.raises(type(error)) as caught:
        VERBS[verb](files)
    assert caught.value is error


def test_what_is_not_implemented_is_unsupported(root: Path) -> None:
    class Bare(AbstractedFS):
        def chmod(self, path: str, mode: int) -> None:
            raise NotImplementedError

    with pytest.raises(UnsupportedOperation):
        filesystem_port(Bare(str(root), None)).set_mode(FILE, 0o600)


# -- impersonation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("seed", [True, False], ids=["by methods", "by the disk"])
def test_every_call_goes_through_the_wrapper(root: Path, verb: str, seed: bool) -> None:
    wrap = Impersonator()
    fs = AbstractedFS(str(root), None)
    VERBS[verb](SeedFileSystem(fs, wrap=wrap) if seed else filesystem_port(fs, wrap))
    assert wrap.calls > 0
    assert not wrap.active


def test_methods_run_within_the_wrapper(root: Path) -> None:
    wrap = Impersonator()
    seen: list[bool] = []

    class Looking(AbstractedFS):
        def stat(self, path: str) -> os.stat_result:
            seen.append(wrap.active)
            return super().stat(path)

        def open(self, filename: str, mode: str) -> IO[bytes]:
            seen.append(wrap.active)
            return super().open(filename, mode)

    files = filesystem_port(Looking(str(root), None), wrap)
    assert len(list(files.scan_dir(ROOT, follow=True))) == 4
    store(files, FILE, b"x")
    assert len(seen) >= 6
    assert all(seen)
