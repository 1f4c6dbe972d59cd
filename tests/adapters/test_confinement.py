"""How directories below a root are opened where the system lacks or forbids something, and what that may cost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from ftpcore import VirtualPath
from ftpcore_adapters._openat2 import open_linkless
from ftpcore_adapters.local import Confinement, LocalFileSystem

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

#: Forbids `openat2` to the process by a filter of system calls, as some containers do.
FORBID: Final = """
import ctypes, struct
def forbid(number):
    libc = ctypes.CDLL(None)
    program = b"".join([
        struct.pack("=HBBI", 0x20, 0, 0, 0),  # load the number of the call
        struct.pack("=HBBI", 0x15, 0, 1, 437),  # openat2?
        struct.pack("=HBBI", 0x06, 0, 0, 0x00050000 | number),  # an error
        struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000),  # allowed
    ])
    buffer = ctypes.create_string_buffer(program)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer)), 0, 0) == 0
"""

#: Uses the root that is the first argument through every method.
USE: Final = """
import sys
from ftpcore import VirtualPath as V
from ftpcore.ports import OpenMode
from ftpcore_adapters._openat2 import open_linkless
from ftpcore_adapters.local import LocalFileSystem
def use(root):
    files = LocalFileSystem(root)
    def read(path):
        file = files.open_file(V(path), OpenMode.READ)
        try:
            return file.read_at(0, 99)
        finally:
            file.close(complete=True)
    assert read("/dir/inner") == read("/link/inner") == b"inner"
    files.open_file(V("/dir/inner"), OpenMode.REPLACE).close(complete=True)
    files.set_mode(V("/link/inner"), 0o600)
    files.set_modified(V("/dir/inner"), 7.0)
    info = files.stat(V("/dir/inner"), follow=True)
    assert (info.size, info.mode & 0o777, info.modified) == (0, 0o600, 7.0), info
    files.make_dir(V("/dir/new"))
    files.rename(V("/dir/inner"), V("/dir/new/moved"))
    files.enter_dir(V("/dir/new"))
    assert [entry.name for entry in files.scan_dir(V("/dir/new"), follow=True)] == ["moved"]
    files.remove_file(V("/dir/new/moved"))
    files.remove_dir(V("/dir/new"))
    for path in ("/fifo", "/leaving", "/leaving/secret"):
        for mode in OpenMode:
            try:
                files.open_file(V(path), mode)
            except (FileNotFoundError, PermissionError, IsADirectoryError):
                pass
            else:
                raise AssertionError(path)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with /dir/inner, /link to dir, /leaving to a directory outside, and /fifo."""
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    (root / "dir" / "inner").write_bytes(b"inner")
    (root / "link").symlink_to("dir")
    (tmp_path / "outside").mkdir()
    (root / "leaving").symlink_to("../outside")
    os.mkfifo(root / "fifo")
    return root


def run(script: str, root: Path) -> None:
    """Run a script on its own: what it does to its process can't be undone."""
    subprocess.run([sys.executable, "-c", script, str(root)], check=True, timeout=60)


@linux
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM], ids=["ENOSYS", "EPERM"])
@pytest.mark.parametrize("when", ["before", "later"])
def test_a_forbidden_call_is_replaced_by_the_walk(root: Path, number: int, when: str) -> None:
    """An old kernel says ENOSYS, a filter of system calls EPERM, and one may be put in place at any time."""
    first = "assert open_linkless('/', 0) >= 0" if when == "later" else ""
    run(f"{FORBID}{USE}\n{first}\nforbid({number})\nassert open_linkless('/', 0) == -{number}\nuse(sys.argv[1])", root)


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root of a process")
def test_everything_works_without_proc(root: Path) -> None:
    """In a bare chroot there is no /proc: files are opened and changed by name, under the same rules."""
    preload = "import grp, pwd, encodings.idna, ctypes; LocalFileSystem('/').stat(V('/'), follow=True)"
    run(f"{USE}\n{preload}\nimport os; os.chroot(sys.argv[1] + '/..'); os.chdir('/'); use('/root')", root)


@linux
def test_the_call_itself_refuses_links(root: Path) -> None:
    """Links anywhere on the way are -ELOOP, errors are negative numbers, and no descriptor is inherited."""
    descriptor = open_linkless(f"{root.resolve()}/dir", os.O_RDONLY | os.O_DIRECTORY)
    if descriptor == -errno.ENOSYS:
        pytest.skip("needs Linux 5.6")
    assert os.listdir(descriptor) == ["inner"]
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    real = root.resolve()
    found = [open_linkless(f"{real}/{name}", os.O_RDONLY) for name in ("link/inner", "link", "absent", "dir/inner/x")]
    assert found == [-errno.ELOOP, -errno.ELOOP, -errno.ENOENT, -errno.ENOTDIR]


@pytest.mark.parametrize("confinement", Confinement, ids=lambda found: found.value)
def test_a_costly_link_is_given_up(root: Path, confinement: Confinement) -> None:
    """A link of 4 KiB that goes down and up again, and names itself in the end, raises ELOOP in a moment."""
    deep = root
    for _ in range(100):
        deep = deep / "d"
        deep.mkdir()
    (root / "bad").symlink_to("d/" * 100 + "../d/" * 700 + "../" * 100 + "bad")
    files = LocalFileSystem(root, confinement=confinement)
    started = time.monotonic()
    with pytest.raises(OSError) as caught:
        files.stat(VirtualPath("/bad"), follow=True)
    assert caught.value.errno == errno.ELOOP
    assert time.monotonic() - started < 10


def test_no_descriptor_is_held(root: Path) -> None:
    """A filesystem holds none between calls, and a call that fails leaves none."""
    before = sorted(os.listdir("/dev/fd"))
    for confinement in Confinement:
        files = LocalFileSystem(root, confinement=confinement)
        files.stat(VirtualPath("/link/inner"), follow=True)
        for path in ("/absent/x", "/leaving/secret", "/dir/inner/x", "/fifo"):
            with pytest.raises(OSError):
                files.set_mode(VirtualPath(path), 0o600)
            with pytest.raises(OSError):
                files.scan_dir(VirtualPath(path), follow=True)
        assert sorted(os.listdir("/dev/fd")) == before
