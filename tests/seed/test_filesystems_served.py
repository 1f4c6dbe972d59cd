"""Filesystems of user code behind a server: which method a command reaches, and what the client is told."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.filesystems import AbstractedFS, FilesystemError, UnixFilesystem
from tests.adapters.serving import Client, received
from tests.seed.noted import Noting, Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites()
one_loop = sites("IOLoop")


def listing(client: Client, command: str) -> list[str]:
    return client.retrieve(command).decode().splitlines()


class TellingFS(AbstractedFS):
    """Tells of each call of a method that is overridden, and does as ever."""

    cmd_channel: Noting


def told(name: str) -> Callable[..., Any]:
    def method(self: TellingFS, *args: Any, **keywords: Any) -> Any:
        self.cmd_channel.note(name, *(os.path.basename(each) for each in args if isinstance(each, str)))
        return getattr(AbstractedFS, name)(self, *args, **keywords)

    return method


@pytest.mark.parametrize(
    ("method", "commands", "call"),
    [
        ("open", ["RETR file"], "open file rb"),
        ("open", ["STOR file"], "open file wb"),
        ("open", ["STOR new"], "open new wb"),
        ("open", ["APPE file"], "open file ab"),
        ("open", ["REST 1|STOR file"], "open file r+b"),
        ("mkstemp", ["STOU"], "mkstemp"),
        ("chdir", ["CWD dir"], "chdir dir"),
        ("chdir", ["CWD dir|CDUP"], "chdir home"),
        ("mkdir", ["MKD made"], "mkdir made"),
        ("rmdir", ["RMD dir"], "rmdir dir"),
        ("remove", ["DELE file"], "remove file"),
        ("rename", ["RNFR file|RNTO other"], "rename file other"),
        ("chmod", ["SITE CHMOD 644 file"], "chmod file"),
        ("utime", ["MFMT 20200101000000 file"], "utime file"),
        ("stat", ["MLST file"], "stat file"),
        ("stat", ["MLSD"], "stat file"),
        ("lstat", ["LIST"], "lstat file"),
        ("readlink", ["LIST"], "readlink link"),
        ("listdir", ["LIST"], "listdir home"),
        ("listdir", ["NLST"], "listdir home"),
        ("listdir", ["MLSD"], "listdir home"),
        ("listdir", ["STAT ."], "listdir home"),
        ("isdir", ["LIST"], "isdir home"),
        ("isfile", ["RETR file|SIZE file"], "isfile file"),
        ("getsize", ["SIZE file"], "getsize file"),
        ("getmtime", ["MDTM file"], "getmtime file"),
        ("get_user_by_uid", ["LIST"], "get_user_by_uid"),
        ("get_group_by_gid", ["LIST"], "get_group_by_gid"),
        ("format_list", ["LIST"], "format_list home"),
        ("format_mlsx", ["MLSD"], "format_mlsx home elradfmwMT"),
        ("format_mlsx", ["MLST file"], "format_mlsx home elradfmwMT"),
        ("validpath", ["DELE file"], "validpath file"),
        ("ftp2fs", ["DELE file"], "ftp2fs file"),
        ("realpath", ["DELE file"], "realpath file"),
    ],
)
def test_the_command_that_reaches_a_method(one_loop: Site, method: str, commands: list[str], call: str) -> None:
    site = one_loop
    (site.home / "file").write_bytes(b"content")
    (site.home / "dir").mkdir()
    (site.home / "link").symlink_to("file")
    client = site.serve(abstracted_fs=type("Fs", (TellingFS,), {method: told(method)})).login()
    for command in commands[0].split("|"):
        if command.split()[0] in ("RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD"):
            with client.data() as data:
                assert client.command(command) == 150
                if command[:2] in ("ST", "AP"):
                    data.close()
                else:
                    received(data)
            assert client.code() == 226
        else:
            assert client.command(command) < 400
    assert call in [line.rstrip() for line in site.lines()], site.lines()


class MadeUpFS(AbstractedFS):
    """Files that are nowhere: all of it is made up, and the paths are names in a dictionary."""

    cmd_channel: Noting
    files = {"/made": None, "/made/one.txt": b"first", "/made/two.txt": b"second file"}

    def ftp2fs(self, ftppath: str) -> str:
        return self.ftpnorm(ftppath)

    def fs2ftp(self, fspath: str) -> str:
        return fspath

    def validpath(self, path: str) -> bool:
        return True

    def _known(self, path: str) -> bytes | None:
        if path == "/":
            return None
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]

    def stat(self, path: str) -> os.stat_result:
        content = self._known(path)
        mode, size = (0o040755, 0) if content is None else (0o100644, len(content))
        return os.stat_result((mode, 1, 2, 1, 0, 0, size, 1_600_000_000, 1_600_000_000, 1_600_000_000))

    lstat = stat

    def isdir(self, path: str) -> bool:
        return path == "/" or (path in self.files and self.files[path] is None)

    def isfile(self, path: str) -> bool:
        return self.files.get(path) is not None

    def islink(self, path: str) -> bool:
        return False

    def lexists(self, path: str) -> bool:
        return path == "/" or path in self.files

    def getsize(self, path: str) -> int:
        return self.stat(path).st_size

    def getmtime(self, path: str) -> float:
        return self.stat(path).st_mtime

    def realpath(self, path: str) -> str:
        return path

    def chdir(self, path: str) -> None:
        self._known(path)
        self.cwd = path

    def listdir(self, path: str) -> Iterator[str]:
        for name in self.files:
            if os.path.dirname(name) == path:
                yield os.path.basename(name)

    def open(self, filename: str, mode: str) -> Any:
        if mode != "rb":
            raise FilesystemError("This place is for reading")
        content = self._known(filename)
        assert content is not None
        file = io.BytesIO(content)
        file.name = filename  # which hooks and the log show
        return file

    def remove(self, path: str) -> None:
        raise FilesystemError(f"{self.cmd_channel.username} must not remove {os.path.basename(path)}")

    def chmod(self, path: str, mode: int) -> None:
        raise NotImplementedError

    def mkdir(self, path: str) -> None:
        raise PermissionError(13, "Not today", path)


def test_files_that_are_nowhere(site: Site) -> None:
    client = site.serve(abstracted_fs=MadeUpFS).login()
    assert client.command("CWD made") == 250
    assert [line.split()[-1] for line in listing(client, "LIST")] == ["one.txt", "two.txt"]
    assert listing(client, "NLST") == ["one.txt", "two.txt"]
    assert [line.rpartition(" ")[2] for line in listing(client, "MLSD")] == ["one.txt", "two.txt"]
    assert client.command("SIZE two.txt") == 213
    assert client.retrieve("RETR two.txt") == b"second file"
    client.send("DELE one.txt")
    assert client.reply() == "550 ann must not remove one.txt."
    client.send("MKD more")
    assert client.reply().startswith("550 /made/more: Not today")
    assert client.command("SITE CHMOD 600 one.txt") == 504
    client.passive()
    client.send("STOR new")
    assert client.reply() == "550 This place is for reading."
    site.noted("sent two.txt")


class LazyFS(AbstractedFS):
    """Lists by a generator, which is closed whatever happens."""

    cmd_channel: Noting

    def listdir(self, path: str) -> Iterable[str]:
        try:
            for number in range(5000):
                yield f"file{number:04}"
        finally:
            self.cmd_channel.note("closed")

    def lstat(self, path: str) -> os.stat_result:
        return os.lstat(self.root)

    stat = lstat


@pytest.mark.parametrize("command", ["LIST", "NLST", "MLSD"])
def test_a_generator_of_names(site: Site, command: str) -> None:
    client = site.serve(abstracted_fs=LazyFS).login()
    names = [line.split()[-1] for line in listing(client, command)]
    assert names == [f"file{number:04}" for number in range(5000)]
    site.noted("closed")


class RoamingFS(AbstractedFS):
    """Begins in a directory, and tells when its session is over."""

    def __init__(self, root: str, cmd_channel: Any) -> None:
        super().__init__(root, cmd_channel)
        self.cwd = "/dir"


class Watching(Noting):
    def on_login(self, username: str) -> None:
        self.kept = self.fs
        self.note(type(self.fs).__name__, self.fs.cmd_channel is self, self.fs.cwd)
        self.fs.root = os.path.join(self.fs.root, "dir")
        self.fs.cwd = "/"

    def on_disconnect(self) -> None:
        self.note(self.fs)


def test_root_and_cwd_may_be_assigned(site: Site) -> None:
    (site.home / "dir").mkdir()
    (site.home / "dir" / "inner").write_bytes(b"")
    client = site.serve(Watching, abstracted_fs=RoamingFS).login()
    assert listing(client, "NLST /") == ["/inner"]
    client.command("QUIT")
    site.noted("RoamingFS True /dir", "None")


def test_the_unix_filesystem_is_the_whole_disk(site: Site) -> None:
    (site.home / "file").write_bytes(b"x")
    client = site.serve(abstracted_fs=UnixFilesystem).login()
    client.send("PWD")
    assert client.reply() == f'257 "{site.home}" is the current directory.'
    assert listing(client, "NLST") == ["file"]
    assert client.command("CWD /") == 250
    assert client.command(f"SIZE {site.home}/file") == 213


def test_each_login_has_a_filesystem_of_its_own(site: Site) -> None:
    other = site.home.parent / "other"
    other.mkdir()
    (other / "theirs").write_bytes(b"")
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "correct-horse", site.home, perm="elr")
    authorizer.add_user("bob", "pw", other, perm="elr")
    client = site.serve(authorizer=authorizer).login()
    assert listing(client, "NLST") == []
    client.send("USER bob", "PASS pw")
    assert client.codes(2) == [331, 230]
    assert listing(client, "NLST") == ["theirs"]
