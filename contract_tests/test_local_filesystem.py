"""What `LocalFileSystem` promises beyond the port: special files, rights, descriptors and errors of the disk.

Its rules for links are in `test_local_filesystem_links.py`.
"""

from __future__ import annotations

import errno
import os
import resource
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileKind, OpenMode
from ftpcore_adapters.local import LocalFileSystem

ROOT: Final = VirtualPath("/")
LINK: Final = VirtualPath("/link")
FILE: Final = VirtualPath("/file")

not_as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")

Call = Callable[[LocalFileSystem], object]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with /file and /dir/inner."""
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    (root / "file").write_bytes(b"file")
    (root / "dir" / "inner").write_bytes(b"inner")
    return root


@pytest.fixture
def files(root: Path) -> LocalFileSystem:
    return LocalFileSystem(root)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.mark.parametrize("make", [fifo, socket, device])
@pytest.mark.parametrize("mode", OpenMode, ids=str)
def test_special_files_are_refused_and_block_nobody(
    root: Path, files: LocalFileSystem, make: Callable[[Path], None], mode: OpenMode
) -> None:
    """FIFOs, sockets and devices are listed as OTHER and can be removed; opening one raises PermissionError at once."""
    make(root / "link")
    assert files.stat(LINK, follow=True).kind is FileKind.OTHER
    raised: list[OSError] = []

    def attempt() -> None:
        try:
            files.open_file(LINK, mode)
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert [type(error) for error in raised] == [PermissionError]
    files.remove_file(LINK)


@pytest.fixture
def locked(root: Path) -> Iterator[Path]:
    """A directory that nobody but root may use, with a file in it."""
    directory = root / "dir"
    directory.chmod(0)
    (root / "file").chmod(0)
    yield directory
    directory.chmod(0o755)


@not_as_root
@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda f: f.enter_dir(VirtualPath("/dir")), id="enter"),
        pytest.param(lambda f: f.scan_dir(VirtualPath("/dir"), follow=True), id="scan"),
        pytest.param(lambda f: f.stat(VirtualPath("/dir/inner"), follow=True), id="stat"),
        pytest.param(lambda f: f.open_file(FILE, OpenMode.READ), id="READ"),
        pytest.param(lambda f: f.open_file(FILE, OpenMode.WRITE), id="WRITE"),
        pytest.param(lambda f: f.open_unique(VirtualPath("/dir"), "u"), id="unique"),
        pytest.param(lambda f: f.make_dir(VirtualPath("/dir/x")), id="mkdir"),
        pytest.param(lambda f: f.remove_file(VirtualPath("/dir/inner")), id="remove"),
    ],
)
def test_rights_of_the_process_hold(files: LocalFileSystem, call: Call) -> None:
    """What the system forbids raises PermissionError."""
    with pytest.raises(PermissionError):
        call(files)


@not_as_root
def test_a_directory_that_may_not_be_searched_is_not_entered(root: Path, files: LocalFileSystem) -> None:
    """Reading a directory is not enough to make it the current one; its entries can't be looked at and are left out."""
    (root / "dir").chmod(0o600)
    with pytest.raises(PermissionError):
        files.enter_dir(VirtualPath("/dir"))
    assert list(files.scan_dir(VirtualPath("/dir"), follow=True)) == []


def test_modes_of_new_files(root: Path, files: LocalFileSystem) -> None:
    """New files and directories get what the umask leaves; unique files are the owner's alone, as of `mkstemp`."""
    mask = os.umask(0)
    os.umask(mask)
    files.open_file(VirtualPath("/new"), OpenMode.WRITE).close(complete=True)
    files.make_dir(VirtualPath("/newdir"))
    name, file = files.open_unique(ROOT, "u")
    file.close(complete=True)
    modes = [stat.S_IMODE((root / path).stat().st_mode) for path in ("new", "newdir", name)]
    assert modes == [0o666 & ~mask, 0o777 & ~mask, 0o600]


def test_unique_names_give_up(root: Path) -> None:
    """After 50 names that are taken `open_unique` raises FileExistsError; a dangling link takes a name, too."""
    tried: list[str] = []

    def number() -> str:
        tried.append(f"{len(tried)}")
        return tried[-1]

    files = LocalFileSystem(root, unique_part=number)
    for name in range(51):
        (root / f"u{name}").symlink_to("../outside/new")
    with pytest.raises(FileExistsError):
        files.open_unique(ROOT, "u")
    assert len(tried) == 50
    assert not (root.parent / "outside" / "new").exists()


def test_the_kernel_can_use_the_descriptor(root: Path, files: LocalFileSystem) -> None:
    """`fileno` names a descriptor of the plain file that is not inherited; `name` is the real path."""
    file = files.open_file(FILE, OpenMode.READ)
    assert os.pread(file.fileno(), 99, 1) == b"ile"
    assert not os.get_inheritable(file.fileno())
    assert file.name == str(root / "file")
    file.close(complete=True)


@pytest.mark.parametrize("complete", [True, False], ids=["complete", "incomplete"])
def test_an_error_of_close_counts_for_a_complete_file(files: LocalFileSystem, complete: bool) -> None:
    """close(complete=True) raises what the system says; an upload that failed already has its error."""
    file = files.open_file(FILE, OpenMode.WRITE)
    os.close(file.fileno())
    if complete:
        with pytest.raises(OSError) as caught:
            file.close(complete=True)
        assert caught.value.errno == errno.EBADF
    else:
        file.close(complete=False)


@pytest.mark.parametrize("mode", [OpenMode.WRITE, OpenMode.APPEND], ids=str)
def test_what_fits_is_written_before_the_error(files: LocalFileSystem, mode: OpenMode) -> None:
    """A write that the system cuts short is continued, so that its error comes out: here a limit to the size."""
    file = files.open_file(VirtualPath("/new"), mode)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError) as caught:
            file.write_at(0, bytes(1500))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        file.close(complete=False)
    assert caught.value.errno == errno.EFBIG
    assert files.stat(VirtualPath("/new"), follow=True).size == 1000


def test_what_is_left_open_is_told(files: LocalFileSystem) -> None:
    """A file, or a listing, that nobody closed is closed with a ResourceWarning."""
    left = [files.open_file(FILE, OpenMode.READ).fileno]
    with pytest.warns(ResourceWarning, match="unclosed file"):
        left.clear()
    listing = [files.scan_dir(ROOT, follow=False)]
    with pytest.warns(ResourceWarning, match="unclosed directory"):
        listing.clear()


def test_what_vanishes_is_left_out_at_once(root: Path, files: LocalFileSystem) -> None:
    """Each entry of a listing is looked at when its turn comes: what was removed since it began is not shown."""
    for number in range(20):
        (root / f"{number}").touch()
    entries = files.scan_dir(ROOT, follow=True)
    first = next(entries).name
    for number in range(20):
        if f"{number}" not in (first, "7"):
            (root / f"{number}").unlink()
    assert {first} | {info.name for info in entries} == {first, "7", "dir", "file"}


@pytest.mark.parametrize("seconds", [-1.0, 4e9])
def test_times_before_1970_and_after_2038_are_kept(files: LocalFileSystem, seconds: float) -> None:
    """What the disk holds, `set_modified` sets."""
    files.set_modified(FILE, seconds)
    assert files.stat(FILE, follow=True).modified == seconds


def test_two_names_of_one_file_have_one_identifier(root: Path, files: LocalFileSystem) -> None:
    """Hard links share `unique`, which is device and inode in hexadecimal, and count as `links`."""
    (root / "hard").hardlink_to(root / "file")
    one, two = (files.stat(VirtualPath(path), follow=True) for path in ("/file", "/hard"))
    status = (root / "file").stat()
    assert one.unique == two.unique == f"{status.st_dev:x}g{status.st_ino:x}"
    assert (one.links, two.links) == (2, 2)


def test_owners_are_shown_by_name(root: Path, files: LocalFileSystem) -> None:
    """`owner` and `group` are names where the system has them, else the numbers."""
    info = files.stat(FILE, follow=True)
    assert (info.owner, info.group) == ((root / "file").owner(), (root / "file").group())
    if os.geteuid() == 0:
        os.chown(root / "file", 54321, 54322)
        assert files.stat(FILE, follow=True)[6:10] == ("54321", "54322", 54321, 54322)
