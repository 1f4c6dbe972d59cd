"""What `LocalFileSystem` promises of symbolic links beyond the port: absolute ones, what is shown, how many are
followed, and one error for all that is outside.

It holds for every way to open a directory: in one system call, one below the other, and by path.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileKind, OpenMode
from ftpcore_adapters.local import Confinement, FollowSymlinks, LocalFileSystem

ROOT: Final = VirtualPath("/")
LINK: Final = VirtualPath("/link")
FILE: Final = VirtualPath("/file")

Call = Callable[[LocalFileSystem], object]


@pytest.fixture(params=Confinement, ids=lambda confinement: confinement.value)
def local(request: pytest.FixtureRequest) -> Callable[..., LocalFileSystem]:
    return partial(LocalFileSystem, confinement=request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with /file and /dir/inner; beside it /outside/secret and, with a name that starts alike, /root2/secret."""
    root = tmp_path / "root"
    for directory in (root / "dir", tmp_path / "outside", tmp_path / "root2"):
        directory.mkdir(parents=True)
    (root / "file").write_bytes(b"file")
    (root / "dir" / "inner").write_bytes(b"inner")
    for directory in (tmp_path / "outside", tmp_path / "root2"):
        (directory / "secret").write_bytes(b"secret")
    return root


@pytest.fixture
def files(root: Path, local: Callable[..., LocalFileSystem]) -> LocalFileSystem:
    return local(root)


def read(files: LocalFileSystem, path: VirtualPath) -> bytes:
    file = files.open_file(path, OpenMode.READ)
    data = file.read_at(0, 1 << 20)
    file.close(complete=True)
    return data


def inside_targets(root: Path) -> dict[str, str]:
    return {
        "absolute": str(root / "dir"),
        "absolute with blanks": str(root).replace("/", "//") + "/./dir/",
        "chain of absolute": "third",
    }


def outside_targets(root: Path) -> dict[str, str]:
    return {
        "parent": "..",
        "relative": "../outside",
        "out and back in": "../root/dir",
        "absolute": str(root.parent / "outside"),
        "absolute, parent": str(root / ".." / "outside"),
        "begins alike": str(root.parent / "root2"),
        "relative, begins alike": "../root2",
        "root of the host": "/",
        "chain": "leaving",
        "nothing there": "../absent",
    }


KINDS_INSIDE: Final = list(inside_targets(Path("/")))
KINDS_OUTSIDE: Final = list(outside_targets(Path("/")))


@pytest.mark.parametrize("kind", KINDS_INSIDE)
def test_absolute_links_inside_the_root_are_followed(root: Path, files: LocalFileSystem, kind: str) -> None:
    """A link that names the root of the host's path, and stays below it, is used wherever a directory may be."""
    (root / "second").symlink_to("dir")
    (root / "third").symlink_to(root / "second")
    (root / "link").symlink_to(inside_targets(root)[kind])
    files.enter_dir(LINK)
    assert read(files, VirtualPath("/link/inner")) == b"inner"
    assert [info.name for info in files.scan_dir(LINK, follow=True)] == ["inner"]
    name, file = files.open_unique(LINK, "u")
    file.close(complete=True)
    files.make_dir(VirtualPath("/link/new"))
    files.rename(VirtualPath("/link/inner"), VirtualPath("/link/new/moved"))
    assert {path.name for path in (root / "dir").rglob("*")} == {name, "new", "moved"}
    assert files.stat(LINK, follow=True).kind is FileKind.DIRECTORY
    assert files.stat(LINK, follow=True).unique == files.stat(VirtualPath("/dir"), follow=True).unique


@pytest.mark.parametrize("kind", KINDS_OUTSIDE)
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda f: f.stat(LINK, follow=True), id="stat"),
        pytest.param(lambda f: f.stat(VirtualPath("/link/secret"), follow=True), id="stat below"),
        pytest.param(lambda f: f.stat(VirtualPath("/link/secret"), follow=False), id="lstat below"),
        pytest.param(lambda f: f.scan_dir(LINK, follow=True), id="scan"),
        pytest.param(lambda f: f.scan_dir(VirtualPath("/link/outside"), follow=True), id="scan below"),
        pytest.param(lambda f: f.enter_dir(LINK), id="enter"),
        pytest.param(lambda f: f.open_file(VirtualPath("/link/secret"), OpenMode.READ), id="READ"),
        pytest.param(lambda f: f.open_file(VirtualPath("/link/secret"), OpenMode.REPLACE), id="REPLACE"),
        pytest.param(lambda f: f.open_file(VirtualPath("/link/new"), OpenMode.WRITE), id="WRITE"),
        pytest.param(lambda f: f.open_file(LINK, OpenMode.APPEND), id="APPEND to the link"),
        pytest.param(lambda f: f.open_unique(LINK, "u"), id="unique"),
        pytest.param(lambda f: f.make_dir(VirtualPath("/link/new")), id="mkdir"),
        pytest.param(lambda f: f.remove_dir(VirtualPath("/link/outside")), id="rmdir"),
        pytest.param(lambda f: f.remove_file(VirtualPath("/link/secret")), id="remove"),
        pytest.param(lambda f: f.rename(VirtualPath("/link/secret"), VirtualPath("/stolen")), id="rename from"),
        pytest.param(lambda f: f.rename(FILE, VirtualPath("/link/new")), id="rename to"),
        pytest.param(lambda f: f.set_mode(LINK, 0o777), id="chmod the link"),
        pytest.param(lambda f: f.set_mode(VirtualPath("/link/secret"), 0o777), id="chmod"),
        pytest.param(lambda f: f.set_modified(LINK, 0.0), id="utime the link"),
        pytest.param(lambda f: f.set_modified(VirtualPath("/link/secret"), 0.0), id="utime"),
    ],
)
def test_links_out_of_the_root_lead_nowhere(root: Path, files: LocalFileSystem, kind: str, call: Call) -> None:
    """Whatever is out there, or is not, every method raises the same FileNotFoundError and changes nothing."""
    (root / "leaving").symlink_to("../outside")
    (root / "link").symlink_to(outside_targets(root)[kind])
    before = snapshot(root.parent)
    with pytest.raises(FileNotFoundError) as caught:
        call(files)
    assert caught.value.errno == errno.ENOENT
    assert snapshot(root.parent) == before


def snapshot(top: Path) -> dict[Path, tuple[int, int, float]]:
    found = {}
    for path in [top, *top.rglob("*")]:
        status = path.lstat()
        found[path] = (status.st_mode, status.st_size, status.st_mtime)
    return found


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("file", "file"),
        ("./dir//inner", "./dir//inner"),
        ("../file", "../file"),
        ("../absent/../x", "../absent/../x"),
        ("../..", None),
        ("../../root/file", None),
        ("../dir/../../root/file", None),
        ("{root}", "/"),
        ("{root}/dir/inner", "/dir/inner"),
        ("{root}/./dir/..//absent", "/absent"),
        ("{root}/../root/file", None),
        ("{root}2/secret", None),
        ("/etc/passwd", None),
        ("/", None),
    ],
)
@pytest.mark.parametrize("directory", ["/dir", "/a/b/c/up"], ids=["as it is", "through links"])
def test_targets_are_shown_as_the_client_sees_them(
    root: Path, files: LocalFileSystem, directory: str, target: str, shown: str | None
) -> None:
    """A relative target as stored, an absolute one as a virtual path, none that names what is outside.

    How many ".." lead out is counted from where the link is, not from how the client got there.
    """
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "b" / "c" / "up").symlink_to("../../../dir")
    (root / "dir" / "link").symlink_to(target.format(root=root))
    (found,) = (info for info in files.scan_dir(VirtualPath(directory), follow=False) if info.kind is FileKind.LINK)
    assert found.target == shown
    assert files.stat(VirtualPath(f"{directory}/link"), follow=False) == found


def test_loops_of_links_end(root: Path, files: LocalFileSystem) -> None:
    """40 links on one way are followed, one more raises OSError(ELOOP), as does a loop."""
    (root / "link0").symlink_to("file")
    for number in range(41):
        (root / f"link{number + 1}").symlink_to(f"link{number}")
    assert read(files, VirtualPath("/link39")) == b"file"
    (root / "loop").symlink_to("loop")
    for path in ("/link40", "/loop", "/loop/x"):
        with pytest.raises(OSError) as caught:
            files.stat(VirtualPath(path), follow=True)
        assert caught.value.errno == errno.ELOOP


def test_no_link_is_followed_if_none_shall_be(root: Path, local: Callable[..., LocalFileSystem]) -> None:
    """FollowSymlinks.NEVER: links are seen, renamed and removed, but lead nowhere."""
    files = local(root, follow_symlinks=FollowSymlinks.NEVER)
    (root / "link").symlink_to("dir")
    (root / "file_link").symlink_to("file")
    assert files.stat(LINK, follow=False).target == "dir"
    for call in (
        lambda: files.stat(LINK, follow=True),
        lambda: files.enter_dir(LINK),
        lambda: files.open_file(VirtualPath("/link/inner"), OpenMode.READ),
        lambda: files.open_file(VirtualPath("/file_link"), OpenMode.REPLACE),
    ):
        with pytest.raises(FileNotFoundError):
            call()
    assert {info.name for info in files.scan_dir(ROOT, follow=True)} == {"dir", "file"}
    files.remove_file(LINK)


def test_the_root_itself_may_be_reached_through_a_link(root: Path, local: Callable[..., LocalFileSystem]) -> None:
    """Absolute links may name the root in the operator's words or by its real path."""
    (root.parent / "alias").symlink_to("root")
    (root / "link").symlink_to(root.parent / "alias" / "dir")
    (root / "real").symlink_to(root / "dir")
    files = local(root.parent / "alias")
    assert read(files, VirtualPath("/link/inner")) == read(files, VirtualPath("/real/inner")) == b"inner"
    assert files.stat(ROOT, follow=False).kind is FileKind.DIRECTORY


def test_the_whole_host_can_be_the_root(root: Path, local: Callable[..., LocalFileSystem]) -> None:
    """Below "/" everything is inside, and ".." at "/" stays there, as for the kernel."""
    files = local("/")
    (root / "link").symlink_to("../" * 50 + str(root / "dir")[1:])
    assert read(files, VirtualPath(f"{root}/link/inner")) == b"inner"
    (root / "absolute").symlink_to(root / "dir")
    assert files.stat(VirtualPath(f"{root}/absolute"), follow=False).target == str(root / "dir")
    assert files.stat(ROOT, follow=True).unique == f"{os.stat('/').st_dev:x}g{os.stat('/').st_ino:x}"


def test_dots_in_a_path_are_taken_by_their_meaning(files: LocalFileSystem) -> None:
    """A `VirtualPath` has none; in one that was made by hand ".." is the directory above, below the root only."""
    assert files.stat(VirtualPath("/dir/../file"), follow=True).size == 4
    for path in ("/../outside/secret", "/dir/../../outside/secret", "/..", "../outside", "2/secret"):
        with pytest.raises(FileNotFoundError):
            files.stat(VirtualPath(path), follow=True)


def test_the_root_is_looked_up_by_each_call(root: Path, files: LocalFileSystem) -> None:
    """A directory that was put in the place of the root is the root; a link there is refused."""
    root.rename(root.parent / "old")
    with pytest.raises(FileNotFoundError):
        files.make_dir(VirtualPath("/dir"))
    root.mkdir()
    files.make_dir(VirtualPath("/new"))
    assert [info.name for info in files.scan_dir(ROOT, follow=True)] == ["new"]


@pytest.mark.parametrize("confinement", [Confinement.KERNEL, Confinement.WALK], ids=lambda found: found.value)
def test_a_link_in_place_of_the_root_is_refused(root: Path, confinement: Confinement) -> None:
    files = LocalFileSystem(root, confinement=confinement)
    root.rename(root.parent / "old")
    root.symlink_to("outside")
    for call in (
        lambda: files.stat(VirtualPath("/secret"), follow=True),
        lambda: files.open_file(VirtualPath("/secret"), OpenMode.READ),
        lambda: files.scan_dir(ROOT, follow=True),
        lambda: files.make_dir(VirtualPath("/new")),
    ):
        with pytest.raises(NotADirectoryError):
            call()
