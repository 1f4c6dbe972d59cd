"""What a seed-style filesystem tells of files: by `listdir`, by `stat` and its kin, and by lines of its own."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ftpcore import FilesystemError, VirtualPath
from ftpcore.ports import FileKind
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters._seed_filesystem import filesystem_port
from ftpcore_adapters.filesystems import AbstractedFS
from tests.adapters.seed_tree import DIR, FILE, ROOT, Impersonator, make_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


class Generating(AbstractedFS):
    """Lists by a generator, with names that lead nowhere."""

    closed = False

    def listdir(self, path: str) -> Iterator[str]:
        try:
            yield from (".", "..", "file", "absent", "dir")
        finally:
            self.closed = True


def test_a_generator_lists(root: Path) -> None:
    fs = Generating(str(root), None)
    assert [info.name for info in filesystem_port(fs).scan_dir(ROOT, follow=True)] == ["file", "dir"]
    assert fs.closed


def test_a_generator_given_up_is_closed(root: Path) -> None:
    fs = Generating(str(root), None)
    entries: Any = filesystem_port(fs).scan_dir(ROOT, follow=True)
    assert next(entries).name == "file"
    entries.close()
    assert fs.closed


def test_a_generator_that_refuses_does_so_at_once(root: Path) -> None:
    class Refusing(AbstractedFS):
        def listdir(self, path: str) -> Iterator[str]:
            raise FilesystemError("closed today")
            yield ""

    with pytest.raises(FilesystemError):
        filesystem_port(Refusing(str(root), None)).scan_dir(ROOT, follow=True)


def test_entries_that_refuse_are_left_out(root: Path) -> None:
    class Shy(AbstractedFS):
        def stat(self, path: str) -> os.stat_result:
            if path.endswith("file"):
                raise FilesystemError("not this one")
            return super().stat(path)

    files = filesystem_port(Shy(str(root), None))
    assert {info.name for info in files.scan_dir(ROOT, follow=True)} == {"other", "dir", "empty"}


class Virtual(AbstractedFS):
    """Holds /remote/data, which no disk knows."""

    def isdir(self, path: str) -> bool:
        return path.endswith("remote") or super().isdir(path)

    def isfile(self, path: str) -> bool:
        return path.endswith("data") or super().isfile(path)

    def listdir(self, path: str) -> Iterable[str]:
        return ["data", "absent"] if path.endswith("remote") else [*super().listdir(path), "remote"]

    def getsize(self, path: str) -> int:
        return 1000 if path.endswith("data") else super().getsize(path)

    def stat(self, path: str) -> os.stat_result:
        if path.endswith("remote"):
            raise FileNotFoundError(errno.ENOENT, "not on disk", path)
        return super().stat(path)


def test_files_that_no_stat_knows_are_told_of_by_the_other_methods(root: Path) -> None:
    class Timed(Virtual):
        def getmtime(self, path: str) -> float:
            return 7.0

        def stat(self, path: str) -> os.stat_result:
            return AbstractedFS.stat(self, path)

    files = filesystem_port(Timed(str(root), None))
    info = files.stat(VirtualPath("/remote/data"), follow=True)
    assert info[:4] == ("data", FileKind.FILE, 1000, 7.0)
    assert files.stat(VirtualPath("/remote"), follow=True).kind is FileKind.DIRECTORY
    assert "remote" in {entry.name for entry in files.scan_dir(ROOT, follow=False)}
    assert files.stat(FILE, follow=True)[1:4] == (FileKind.FILE, 10, 7.0)
    with pytest.raises(FileNotFoundError):
        files.stat(VirtualPath("/absent"), follow=True)


def test_methods_that_contradict_stat_are_believed(root: Path) -> None:
    class Packed(AbstractedFS):
        """Shows archives as directories, and sizes unpacked."""

        def isdir(self, path: str) -> bool:
            return path.endswith("other") or super().isdir(path)

        def getsize(self, path: str) -> int:
            return super().getsize(path) * 2

    files = filesystem_port(Packed(str(root), None))
    info = files.stat(VirtualPath("/other"), follow=True)
    assert (info.kind, info.mode) == (FileKind.DIRECTORY, stat.S_IMODE((root / "other").stat().st_mode))
    assert files.stat(FILE, follow=True).size == 20


def test_a_status_may_have_few_attributes(root: Path) -> None:
    class Few:
        st_mode, st_size, st_mtime = stat.S_IFREG | 0o644, 3, 1.0

    class Bare(AbstractedFS):
        def stat(self, path: str) -> Any:
            return Few()

    info = filesystem_port(Bare(str(root), None)).stat(FILE, follow=True)
    assert info == ("file", FileKind.FILE, 3, 1.0, Few.st_mode, 1, "owner", "group", None, None, None, None)


def test_overridden_names_of_owners_are_shown(root: Path) -> None:
    class Masked(AbstractedFS):
        def get_user_by_uid(self, uid: int) -> str | int:
            return uid + 1

        def get_group_by_gid(self, gid: int) -> str | int:
            return "ftp"

    info = filesystem_port(Masked(str(root), None)).stat(FILE, follow=True)
    assert (info.owner, info.group) == (str((root / "file").stat().st_uid + 1), "ftp")


class Shouting(AbstractedFS):
    def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
        return (f"{name.upper()}\r\n".encode() for name in listing)

    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Sequence[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        for name in listing:
            yield f"{','.join(facts)}:{perms} {name.upper()}\r\n".encode()


def test_lines_come_from_a_class_that_formats_them(root: Path) -> None:
    files = filesystem_port(Shouting(str(root), None))
    assert (files.formats_list, files.formats_facts) == (True, True)
    assert list(files.list_lines(ROOT)) == [b"DIR\r\n", b"EMPTY\r\n", b"FILE\r\n", b"OTHER\r\n"]
    assert list(files.list_lines(FILE)) == [b"FILE\r\n"]
    assert list(files.fact_lines(DIR, facts=("type", "perm"), rights="el")) == [b"type,perm:el INNER\r\n"]
    assert files.fact_line(DIR, facts=(), rights="") == b": DIR\r\n"
    with pytest.raises(NotADirectoryError):
        files.fact_lines(FILE, facts=(), rights="")
    plain = filesystem_port(AbstractedFS(str(root), None))
    assert (plain.formats_list, plain.formats_facts) == (False, False)
    assert list(plain.list_lines(DIR)) == list(AbstractedFS("", None).format_list(str(root / "dir"), ["inner"]))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(b"LIST", b"DIR\r\nEMPTY\r\nFILE\r\nOTHER\r\n", id="LIST"),
        pytest.param(b"LIST file", b"FILE\r\n", id="LIST of a file"),
        pytest.param(b"MLSD dir", b"modify,perm,size,type,unique:elr INNER\r\n", id="MLSD"),
    ],
)
def test_a_session_sends_the_lines_of_such_a_class(root: Path, command: bytes, expected: bytes) -> None:
    host = ScriptedHost(SingleUser(filesystem_port(Shouting(str(root), None)), rights="elr")).login()
    host.feed(b"PASV\r\n" + command + b"\r\n").connect()
    assert host.downloaded == expected
    assert host.codes() == [227, 150, 226]


def test_lines_are_made_within_the_wrapper(root: Path) -> None:
    wrap = Impersonator()
    seen: list[bool] = []

    class Looking(Shouting):
        def format_list(self, basedir: str, listing: Iterable[str], ignore_err: bool = True) -> Iterator[bytes]:
            for name in listing:
                seen.append(wrap.active)
                yield name.encode()

    assert len(list(filesystem_port(Looking(str(root), None), wrap).list_lines(ROOT))) == 4
    assert seen == [True] * 4


def test_a_wrapped_listing_given_up_is_closed(root: Path) -> None:
    fs = Generating(str(root), None)
    entries: Any = filesystem_port(fs, Impersonator()).scan_dir(ROOT, follow=True)
    assert next(entries).name == "file"
    entries.close()
    assert fs.closed
