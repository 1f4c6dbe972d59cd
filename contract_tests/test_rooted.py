"""What `Rooted` promises beyond the port: where links lead, what is declared, and what the operator is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileKind, OpenMode
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.seed import filesystem_port
from ftpcore_adapters.wrappers import Rooted

ROOT = VirtualPath("/")
LINK = VirtualPath("/link")
BASE = "/some/base"


@pytest.fixture
def memory() -> MemoryFileSystem:
    """Memory with /some/base/dir/file, and /some/baseline/secret beside it."""
    memory = MemoryFileSystem()
    memory.write_bytes("/some/base/dir/file", b"file")
    memory.write_bytes("/some/baseline/secret", b"secret")
    return memory


@pytest.mark.parametrize(
    "target", ["dir", "dir/../dir", "/some/base/dir", "//some/./base//dir/", "/some/base/x/../dir", "second"]
)
def test_links_inside_are_followed(memory: MemoryFileSystem, target: str) -> None:
    """Relative ones, and absolute ones that name the root as it was given."""
    memory.make_dir(VirtualPath("/some/base/x"))
    memory.make_link("/some/base/second", "/some/base/dir")
    memory.make_link("/some/base/link", target)
    files = Rooted(memory, BASE)
    files.enter_dir(LINK)
    assert [info.name for info in files.scan_dir(LINK, follow=True)] == ["file"]
    assert files.stat(LINK, follow=True)._replace(name="dir") == files.stat(VirtualPath("/dir"), follow=True)
    files.rename(VirtualPath("/link/file"), VirtualPath("/link/moved"))
    assert memory.read_bytes("/some/base/dir/moved") == b"file"


@pytest.mark.parametrize(
    "target",
    ["..", "../base/dir", "../baseline", "/", "/some", "/some/baseline", "/some/base/../base/dir", "/dir", "second"],
)
def test_links_outside_lead_nowhere(memory: MemoryFileSystem, target: str) -> None:
    """Also those that would come back, or are inside by another name; nothing is told of where they lead."""
    memory.make_link("/some/base/second", "/some/base/..")
    memory.make_link("/some/base/link", target)
    files = Rooted(memory, BASE)
    before = memory.tree()
    for path in (LINK, VirtualPath("/link/secret"), VirtualPath("/link/dir")):
        with pytest.raises(FileNotFoundError):
            files.stat(path, follow=True)
        with pytest.raises(FileNotFoundError):
            files.open_file(path, OpenMode.REPLACE)
        with pytest.raises(FileNotFoundError):
            files.enter_dir(path)
    with pytest.raises(FileNotFoundError):
        files.make_dir(VirtualPath("/link/new"))
    with pytest.raises(FileNotFoundError):
        files.rename(VirtualPath("/dir"), VirtualPath("/link/new"))
    assert memory.tree() == before
    assert {info.name for info in files.scan_dir(ROOT, follow=True)} == {"dir"}
    files.remove_file(LINK)
    assert files.stat(VirtualPath("/dir/file"), follow=True).size == 4


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("dir/file", "dir/file"),
        ("../dir", "../dir"),
        ("../../base", None),
        ("/some/base/dir", "/dir"),
        ("/some/base", "/"),
        ("/some/baseline", None),
        ("/some/base/../secret", None),
        ("/dir", None),
    ],
)
def test_targets_are_shown_from_the_root_on(memory: MemoryFileSystem, target: str, shown: str | None) -> None:
    """A client learns no path outside of its root."""
    memory.make_link("/some/base/dir/link", target)
    files = Rooted(memory, BASE)
    info = files.stat(VirtualPath("/dir/link"), follow=False)
    assert (info.kind, info.target) == (FileKind.LINK, shown)
    assert info in list(files.scan_dir(VirtualPath("/dir"), follow=False))


def test_a_way_of_many_links_ends(memory: MemoryFileSystem) -> None:
    """Targets that name one another again and again are given up, however short each of them is."""
    memory.make_link("/some/base/0", "dir")
    for number in range(1, 12):
        memory.make_link(f"/some/base/{number}", "/../".join([str(number - 1)] * 3))
    with pytest.raises(OSError):
        Rooted(memory, BASE).enter_dir(VirtualPath("/11"))


@pytest.mark.parametrize(
    ("offered", "root", "confined"),
    [
        pytest.param(Capability.LINKS | Capability.CONFINED, BASE, False, id="links, confined"),
        pytest.param(Capability.LINKS | Capability.CONFINED, "/", True, id="the whole"),
        pytest.param(Capability.CONFINED, BASE, True, id="confined"),
        pytest.param(Capability.LINKS, BASE, False, id="links"),
        pytest.param(Capability.WRITE, BASE, False, id="neither"),
    ],
)
def test_confinement_is_declared_where_it_holds_against_races(offered: Capability, root: str, confined: bool) -> None:
    """Where links can be renamed between the look and the call, it is not; all else stays as it was declared."""
    files = Rooted(MemoryFileSystem(capabilities=offered), root)
    assert files.capabilities & ~Capability.CONFINED == offered & ~Capability.CONFINED
    assert (Capability.CONFINED in files.capabilities) is confined


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without"])
def test_paths_made_by_hand_stay_inside(memory: MemoryFileSystem, links: bool) -> None:
    """ ".." in a path never leads above the root, whatever is declared."""
    if not links:
        memory.capabilities &= ~Capability.LINKS
    files = Rooted(memory, BASE)
    for path in ("/../baseline/secret", "/dir/../../baseline/secret", "/..", "../baseline"):
        with pytest.raises(FileNotFoundError):
            files.stat(VirtualPath(path), follow=True)
        with pytest.raises(FileNotFoundError):
            files.remove_file(VirtualPath(path))
    assert files.stat(VirtualPath("/dir/.././dir"), follow=True).kind is FileKind.DIRECTORY


def test_the_root_need_not_exist_yet() -> None:
    """Until it does, nothing is there; making it is for whoever has the whole filesystem."""
    memory = MemoryFileSystem()
    files = Rooted(memory, BASE)
    for call in (files.enter_dir, files.make_dir, files.remove_file):
        with pytest.raises(OSError):
            call(ROOT)
    with pytest.raises(FileNotFoundError):
        files.make_dir(VirtualPath("/new"))
    memory.write_bytes("/some/base/file", b"x")
    assert [info.name for info in files.scan_dir(ROOT, follow=True)] == ["file"]


def test_the_root_may_be_reached_through_a_link(memory: MemoryFileSystem) -> None:
    """The operator's own links are followed by the filesystem; in targets, the root counts by the name it was given."""
    memory.make_link("/alias", "/some/base")
    memory.make_link("/some/base/in", "/alias/dir")
    memory.make_link("/some/base/out", "/some/base/dir")
    files = Rooted(memory, "/alias")
    assert files.stat(VirtualPath("/in/file"), follow=True).size == 4
    with pytest.raises(FileNotFoundError):
        files.stat(VirtualPath("/out/file"), follow=True)


@pytest.mark.parametrize("root", ["", "base", "./base"])
def test_the_root_is_an_absolute_path(root: str) -> None:
    with pytest.raises(ValueError):
        Rooted(MemoryFileSystem(), root)


@pytest.mark.parametrize("root", ["/some/base/", "//some//base", "/some/x/../base"])
def test_the_root_is_made_normal(memory: MemoryFileSystem, root: str) -> None:
    assert Rooted(memory, root).stat(VirtualPath("/dir/file"), follow=True).size == 4


def test_rooted_in_rooted(memory: MemoryFileSystem) -> None:
    """Each keeps links inside of its own root."""
    memory.make_link("/some/base/dir/up", "..")
    memory.make_link("/some/base/dir/inside", "/some/base/dir/file")
    files = Rooted(Rooted(memory, BASE), "/dir")
    assert files.stat(VirtualPath("/inside"), follow=True).size == 4
    assert files.stat(VirtualPath("/inside"), follow=False).target == "/file"
    with pytest.raises(FileNotFoundError):
        files.enter_dir(VirtualPath("/up"))


def test_operators_see_where_files_are(tmp_path: Path) -> None:
    """Hooks and logs are told the path of the whole; authorizers that give rights to real paths get these."""
    (tmp_path / "base").mkdir()
    whole = LocalFileSystem(tmp_path)
    file = Rooted(whole, "/base").open_file(VirtualPath("/file"), OpenMode.REPLACE)
    file.close(complete=True)
    assert os.path.samefile(file.name, tmp_path / "base" / "file")
    assert Rooted(whole, "/base").real_path is None
    real_path = Rooted(filesystem_port(AbstractedFS(str(tmp_path), None)), "/base").real_path
    assert real_path is not None
    assert real_path(VirtualPath("/file")) == str(tmp_path / "base" / "file")


def test_a_listing_given_up_is_closed(tmp_path: Path) -> None:
    """Its `close` gives back the directory below, also before the first step."""
    (tmp_path / "base").mkdir()
    files = Rooted(LocalFileSystem(tmp_path), "/base")
    before = len(os.listdir("/proc/self/fd"))
    entries = files.scan_dir(ROOT, follow=True)
    close = getattr(entries, "close", None)
    assert close is not None
    close()
    assert len(os.listdir("/proc/self/fd")) == before
