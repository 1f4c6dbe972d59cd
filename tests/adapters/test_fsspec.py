"""What the contract does not ask of `FsspecFileSystem`: URLs, declarations, odd archives, libraries' errors, forks."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import fsspec
import pytest

from ftpcore import FilesystemError, UnsupportedOperation, VirtualPath
from ftpcore.ports import Capability, FileKind, OpenMode
from ftpcore_adapters import _fsspec_tree
from ftpcore_adapters._fsspec_errors import port_error
from ftpcore_adapters.fsspec import FsspecFileSystem
from tests.adapters.forking import needs_fork, read_in_forks
from tests.adapters.port_files import get, listing, put, stat

SRC = str(Path(__file__).resolve().parents[2])

NAMES = Capability.RAW_NAMES | Capability.EXACT_NAMES


def memory() -> fsspec.AbstractFileSystem:
    """Return what everybody shares, empty."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    return memory


def archive(*names: str) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        for name in names:
            writer.writestr(zipfile.ZipInfo(name, (2001, 2, 3, 4, 5, 6)), b"" if name.endswith("/") else name.encode())
    return file


def run(code: str, *arguments: str) -> str:
    """Return what a new interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=SRC, check=True, capture_output=True, text=True, timeout=60).stdout


def test_what_is_known_of_a_backend_is_declared(tmp_path: Path) -> None:
    assert FsspecFileSystem(memory()).capabilities == Capability.WRITE | Capability.CONFINED | NAMES
    local = FsspecFileSystem(fsspec.filesystem("file"), str(tmp_path))
    assert local.capabilities == Capability.WRITE | Capability.RESUME | Capability.APPEND | NAMES
    zipped = FsspecFileSystem(fsspec.filesystem("zip", fo=archive("x")))
    assert zipped.capabilities == Capability.CONFINED | Capability.EXACT_NAMES


def test_a_backend_that_is_not_known_can_be_read() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as writer:
        entry = tarfile.TarInfo("dir/x")
        entry.size = 3
        writer.addfile(entry, io.BytesIO(b"tar"))
    file.seek(0)
    files = FsspecFileSystem(fsspec.filesystem("tar", fo=file))
    assert files.capabilities is Capability.NONE
    assert listing(files)["dir"].kind is FileKind.DIRECTORY
    assert get(files, "/dir/x") == b"tar"
    with pytest.raises(UnsupportedOperation) as refused:
        files.make_dir(VirtualPath("/new"))
    assert refused.value.errno == errno.EROFS


def test_a_backend_that_is_not_known_does_what_its_owner_declares() -> None:
    inner = memory()
    inner.mkdir("/root")
    files = FsspecFileSystem(fsspec.filesystem("dir", path="/root", fs=inner), capabilities=Capability.WRITE)
    files.make_dir(VirtualPath("/new"))
    put(files, "/new/x", b"by its owner")
    assert inner.cat_file("/root/new/x") == b"by its owner"
    assert get(files, "/new/x") == b"by its owner"


@pytest.mark.parametrize(
    "capability", [Capability.MODE, Capability.TIMES, Capability.LINKS, Capability.UNIQUE_ID, Capability.REPLACE]
)
def test_what_no_backend_can_do_is_not_declared(capability: Capability) -> None:
    with pytest.raises(ValueError, match="leave it out"):
        FsspecFileSystem(memory(), capabilities=Capability.WRITE | capability)


def test_copying_is_not_declared_as_renaming() -> None:
    with pytest.raises(ValueError, match="copies"):
        FsspecFileSystem(memory(), capabilities=Capability.WRITE | Capability.RENAME)


def test_the_whole_disk_is_not_served_by_default() -> None:
    with pytest.raises(ValueError, match="root"):
        FsspecFileSystem(fsspec.filesystem("file"))


def test_an_archive_to_write_is_refused() -> None:
    with pytest.raises(ValueError, match="open to read"):
        FsspecFileSystem(fsspec.filesystem("zip", fo=io.BytesIO(), mode="w"))


def test_what_is_no_backend_is_refused() -> None:
    with pytest.raises(TypeError, match="from_url"):
        FsspecFileSystem("s3://bucket")  # type: ignore[arg-type]  # as somebody might


def test_a_url_is_a_root(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"disk")
    (tmp_path / "a.zip").write_bytes(archive("d/x").getvalue())
    assert get(FsspecFileSystem.from_url(f"file://{tmp_path}"), "/x") == b"disk"
    assert get(FsspecFileSystem.from_url(f"zip://::{tmp_path}/a.zip"), "/d/x") == b"d/x"
    assert get(FsspecFileSystem.from_url(f"zip://d::{tmp_path}/a.zip"), "/x") == b"d/x"
    assert get(FsspecFileSystem.from_url(str(tmp_path), capabilities=Capability.NONE), "/x") == b"disk"


def test_a_missing_library_is_named() -> None:
    code = "import sys; sys.modules['fsspec'] = None\ntry:\n    import ftpcore_adapters.fsspec\n"
    code += "except ImportError as error:\n    print(error)"
    assert "pip install ftpcore[fsspec]" in run(code)


def test_the_library_is_not_shadowed() -> None:
    code = "import ftpcore_adapters.fsspec, fsspec; print(fsspec.AbstractFileSystem.__module__)"
    assert run(code) == "fsspec.spec\n"


def test_s3fs_is_imported_for_s3_only() -> None:
    code = "import sys; from ftpcore_adapters.fsspec import FsspecFileSystem as F; F.from_url('memory://')\n"
    code += "print('s3fs' in sys.modules)"
    assert run(code) == "False\n"


def test_what_an_archive_calls_so_that_no_path_names_it_is_not_listed() -> None:
    names = ["ok", "/absolute", "../up", "d/../z", "d//double", "./dot", "d/x", "only/"]
    files = FsspecFileSystem(fsspec.filesystem("zip", fo=archive(*names)))
    found = {path: set(listing(files, path)) for path in ("/", "/d")}
    assert {"ok", "d", "only"} <= found["/"]
    for directory, entries in found.items():
        for name in entries:
            assert stat(files, f"{directory.rstrip('/')}/{name}").name == name
    assert get(files, "/d/x") == b"d/x"


def test_an_archive_does_not_take_a_name_for_another() -> None:
    files = FsspecFileSystem(fsspec.filesystem("zip", fo=archive("x", "zip::x")))
    assert get(files, "/x") == b"x"
    with pytest.raises(OSError, match="zip::x") as refused:
        files.open_file(VirtualPath("/zip::x"), OpenMode.READ)
    assert refused.value.errno == errno.EINVAL


def test_an_archive_tells_when_its_entries_were_made() -> None:
    files = FsspecFileSystem(fsspec.filesystem("zip", fo=archive("x")))
    assert stat(files, "/x").modified == 981173106.0


def test_a_damaged_archive_is_an_error_of_the_disk() -> None:
    data = bytearray(archive("x" * 50).getvalue())
    data[90:100] = bytes(10)
    file = FsspecFileSystem(fsspec.filesystem("zip", fo=io.BytesIO(data))).open_file(
        VirtualPath("/" + "x" * 50), OpenMode.READ
    )
    with pytest.raises(OSError, match="xxx") as failed:
        file.read_at(0, 100)
    file.close(complete=True)
    assert failed.value.errno == errno.EIO


def test_a_listing_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fsspec_tree, "LISTING_LIMIT", 3)
    files = FsspecFileSystem(memory())
    for number in range(3):
        put(files, f"/{number}", b"")
    assert set(listing(files)) == {"0", "1", "2"}
    put(files, "/3", b"")
    with pytest.raises(FilesystemError, match="3 entries"):
        files.scan_dir(VirtualPath("/"), follow=True)


def test_links_of_the_disk_are_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dir").symlink_to("..")
    (tmp_path / "dangling").symlink_to("nowhere")
    files = FsspecFileSystem(fsspec.filesystem("file"), str(tmp_path))
    found = {name: (info.kind, info.size) for name, info in listing(files).items() if name != "dir"}
    assert found == {"file": (FileKind.FILE, 5), "link": (FileKind.FILE, 5)}
    assert listing(files)["dir"].kind is FileKind.DIRECTORY
    assert Capability.CONFINED not in files.capabilities


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    files = FsspecFileSystem(fsspec.filesystem("file"), str(tmp_path))
    for mode in OpenMode:
        with pytest.raises(PermissionError):
            files.open_file(VirtualPath("/fifo"), mode)
    assert listing(files)["fifo"].kind is FileKind.OTHER


def test_an_error_of_the_disk_does_not_tell_the_real_path(tmp_path: Path) -> None:
    files = FsspecFileSystem(fsspec.filesystem("file"), str(tmp_path))
    with pytest.raises(OSError, match="/n") as failed:
        files.make_dir(VirtualPath("/" + "n" * 300))
    assert failed.value.errno == errno.ENAMETOOLONG
    assert str(tmp_path) not in str(failed.value)


def test_backends_in_memory_share_their_lock() -> None:
    """They share the store, whoever made them: with separate locks two sessions would take turns at one position."""
    one, two = fsspec.filesystem("memory"), fsspec.filesystem("memory", skip_instance_cache=True)
    from ftpcore_adapters._fsspec_backend import lock_of

    assert one is not two
    assert lock_of(one) is lock_of(two)
    assert lock_of(one) is not lock_of(fsspec.filesystem("zip", fo=archive("x")))


def test_a_file_that_nobody_closes_is_told_of() -> None:
    files = FsspecFileSystem(memory())
    put(files, "/x", b"x")
    file = files.open_file(VirtualPath("/x"), OpenMode.READ)
    with pytest.warns(ResourceWarning, match="memory:"):
        del file


@needs_fork
def test_a_forked_process_opens_the_archive_anew(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive("x").getvalue())
    assert read_in_forks(f"zip://::{tmp_path}/a.zip") == ["x True", "x False", "x True"]


@pytest.mark.parametrize(
    ("raised", "number"),
    [
        pytest.param(FileNotFoundError("s3://bucket/x"), errno.ENOENT, id="no errno"),
        pytest.param(PermissionError("Access Denied"), errno.EACCES, id="access denied"),
        pytest.param(OSError(errno.ENOTEMPTY, "told otherwise"), errno.ENOTEMPTY, id="errno"),
        pytest.param(OSError("ZipFS can only be ..."), errno.EIO, id="text only"),
        pytest.param(OSError(getattr(errno, "EREMOTEIO", 121), "InternalError"), errno.EIO, id="remote"),
        pytest.param(OSError(errno.EMSGSIZE, "EntityTooLarge"), errno.EFBIG, id="too large"),
        pytest.param(OSError(errno.EBUSY, "SlowDown"), errno.EBUSY, id="slow down"),
        pytest.param(ConnectionResetError(errno.ECONNRESET, "reset by peer"), errno.EIO, id="connection"),
        pytest.param(OSError(errno.ECONNREFUSED, "refused"), errno.EIO, id="connection by errno"),
        pytest.param(OSError(-2, "Name or service not known"), errno.EIO, id="name look-up"),
        pytest.param(TimeoutError(), errno.EIO, id="timeout"),
        pytest.param(Exception("Unable to locate credentials"), errno.EIO, id="library"),
        pytest.param(KeyError("x"), errno.EIO, id="archive"),
        pytest.param(zipfile.BadZipFile("bad"), errno.EIO, id="bad archive"),
        pytest.param(RuntimeError("password required"), errno.EIO, id="encrypted"),
        pytest.param(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), errno.EILSEQ, id="encoding"),
        pytest.param(MemoryError(), errno.ENOMEM, id="memory"),
    ],
)
def test_errors_of_libraries_become_those_of_ports(raised: Exception, number: int) -> None:
    came = port_error(raised, "/path")
    assert isinstance(came, OSError)
    assert type(came) is type(OSError(number, ""))
    assert (came.errno, came.strerror, came.filename) == (number, os.strerror(number), "/path")
    assert not isinstance(came, (ConnectionError, TimeoutError))


@pytest.mark.parametrize(
    "raised",
    [NotImplementedError(), io.UnsupportedOperation("seek"), OSError(errno.ENOSYS, "NotImplemented")],
    ids=repr,
)
def test_what_a_backend_can_not_do_is_unsupported(raised: Exception) -> None:
    came = port_error(raised, "/path")
    assert isinstance(came, UnsupportedOperation)
    assert came.errno is None


def test_errors_of_ports_stay() -> None:
    for error in (OSError(errno.ENOENT, "none", "/path"), UnsupportedOperation(), FilesystemError("text")):
        assert port_error(error, "/path") is error
