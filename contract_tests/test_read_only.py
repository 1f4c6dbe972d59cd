"""What `ReadOnly`, and every wrapper, promises beyond the port: what passes through it, and what is left of rights."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from quota_play import DIR, FILE, OTHER

from ftpcore import SendFile, UnsupportedOperation, VirtualPath
from ftpcore.ports import Capability, FileInfo, FileSystem, OpenMode
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.seed import filesystem_port
from ftpcore_adapters.wrappers import Quota, ReadOnly, Rooted

Wrap = Callable[[FileSystem], FileSystem]

_WRAPPERS = [
    pytest.param(ReadOnly, id="ReadOnly"),
    pytest.param(lambda files: Rooted(files, "/"), id="Rooted"),
    pytest.param(Quota, id="Quota"),
    pytest.param(lambda files: ReadOnly(Quota(Rooted(files, "/"))), id="all"),
]


class Formatted(AbstractedFS):
    """Makes the lines of listings itself."""

    def format_list(self, basedir: str, listing: object, ignore_err: bool = True) -> Iterator[bytes]:
        yield b"a line of its own\r\n"

    def format_mlsx(
        self, basedir: str, listing: object, perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        yield f"perm={perms}; name\r\n".encode()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda f: f.open_file(FILE, OpenMode.WRITE), id="WRITE"),
        pytest.param(lambda f: f.open_file(FILE, OpenMode.UPDATE), id="UPDATE"),
        pytest.param(lambda f: f.open_file(FILE, OpenMode.REPLACE), id="REPLACE"),
        pytest.param(lambda f: f.open_file(FILE, OpenMode.APPEND), id="APPEND"),
        pytest.param(lambda f: f.open_unique(DIR, "x"), id="open_unique"),
        pytest.param(lambda f: f.make_dir(OTHER), id="make_dir"),
        pytest.param(lambda f: f.remove_dir(DIR), id="remove_dir"),
        pytest.param(lambda f: f.remove_file(FILE), id="remove_file"),
        pytest.param(lambda f: f.rename(FILE, OTHER), id="rename"),
        pytest.param(lambda f: f.set_mode(FILE, 0), id="set_mode"),
        pytest.param(lambda f: f.set_modified(FILE, 0.0), id="set_modified"),
    ],
)
@pytest.mark.parametrize("there", [True, False], ids=["there", "missing"])
def test_whatever_changes_something_is_refused(call: Callable[[FileSystem], object], there: bool) -> None:
    """With EROFS, and whether there is something or not."""
    memory = MemoryFileSystem()
    if there:
        memory.write_bytes(FILE, b"file")
        memory.make_dir(DIR)
    before = memory.tree()
    for files in (ReadOnly(memory), Quota(ReadOnly(memory)), Rooted(ReadOnly(memory), "/x")):
        with pytest.raises(UnsupportedOperation) as caught:
            call(files)
        assert caught.value.errno == errno.EROFS
    assert memory.tree() == before


def test_what_holds_without_writing_is_declared() -> None:
    """Names, links, identifiers and confinement stay what they are."""
    kept = Capability.LINKS | Capability.UNIQUE_ID | Capability.CONFINED | Capability.RAW_NAMES | Capability.EXACT_NAMES
    assert ReadOnly(MemoryFileSystem()).capabilities == kept


def test_a_session_can_read_and_not_write() -> None:
    """Commands that change something are refused with 550, and the facts promise none of them."""
    memory = MemoryFileSystem()
    memory.write_bytes(FILE, b"file")
    host = ScriptedHost(SingleUser(ReadOnly(memory))).login()
    host.feed(b"MKD x\r\nDELE file\r\nRNFR file\r\nPASV\r\nSTOR file\r\nRETR file\r\n").connect()
    assert host.codes() == [550, 550, 550, 227, 550, 150, 226]
    assert host.downloaded == b"file"
    host.feed(b"OPTS MLST perm;\r\nMLST file\r\n")
    assert b"perm=r;" in host.take()


@pytest.mark.parametrize("wrap", _WRAPPERS)
def test_the_kernel_sends(tmp_path: Path, wrap: Wrap) -> None:
    """A file that the kernel may read below a wrapper, it may read through it."""
    (tmp_path / "file").write_bytes(b"0123")
    host = ScriptedHost(SingleUser(wrap(LocalFileSystem(tmp_path)))).login()
    host.feed(b"PASV\r\nRETR file\r\n").connect()
    assert (host.codes(), host.downloaded, len(host.performed(SendFile))) == ([227, 150, 226], b"0123", 1)


@pytest.mark.parametrize("wrap", _WRAPPERS)
def test_blocking_is_passed_on(tmp_path: Path, wrap: Wrap) -> None:
    assert (wrap(MemoryFileSystem()).blocking, wrap(LocalFileSystem(tmp_path)).blocking) == (False, True)


@pytest.mark.parametrize("wrap", _WRAPPERS)
def test_lines_of_its_own_are_passed_on(tmp_path: Path, wrap: Wrap) -> None:
    """A filesystem that makes the lines of listings itself does so below a wrapper; others still don't."""
    files = wrap(filesystem_port(Formatted(str(tmp_path), None)))
    rights = "elrw" if Capability.WRITE in files.capabilities else "elr"
    host = ScriptedHost(SingleUser(files, rights="elrw")).login()
    host.feed(b"PASV\r\nLIST\r\n").connect().feed(b"PASV\r\nMLSD\r\n").connect()
    assert host.downloads == [b"a line of its own\r\n", f"perm={rights}; name\r\n".encode()]
    host.take()
    assert f"perm={rights}; /".encode() in host.feed(b"MLST /\r\n").take()
    plain = ScriptedHost(SingleUser(wrap(MemoryFileSystem()))).login()
    plain.feed(b"PASV\r\nLIST\r\n").connect()
    assert plain.downloads == [b""]


class Asynchronous:
    capabilities = Capability.NONE
    blocking = False

    async def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        raise FileNotFoundError


@pytest.mark.parametrize("wrap", _WRAPPERS)
def test_an_asynchronous_filesystem_is_refused(wrap: Wrap) -> None:
    """At once, and not by a coroutine that nobody awaits."""
    with pytest.raises(TypeError, match="asynchronous"):
        wrap(Asynchronous())  # type: ignore[arg-type]  # the mistake
