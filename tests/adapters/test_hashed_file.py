"""`HashedFileAuthorizer`: whom it lets in, and when it reads its file again."""

from __future__ import annotations

import ftplib
import hashlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftpcore import VirtualPath
from ftpcore_adapters.authorizers import AuthenticationFailed, AuthorizerError, HashedFileAuthorizer, hash_password
from ftpcore_adapters.handlers import DTPHandler, FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.conftest import Serve
from tests.adapters.serving import PATIENCE, LogLines, received

HASH = hash_password("secret", ln=4)
OTHER_HASH = hash_password("passing", ln=5)

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")


class UsersOnDisk:
    """A file of users in the making, and a clock that shows it long after it was written."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "users"
        self.path.touch(0o600)
        self.later = 1_000.0

    def section(self, name: str, password: str = HASH, rights: str = "elr", *more: str) -> str:
        home = self.path.parent / name
        home.mkdir(exist_ok=True)
        return "\n".join([f"[{name}]", f"password = {password}", f"home = {home}", f"rights = {rights}", *more, ""])

    def write(self, text: str) -> None:
        """Write in place, as an editor may."""
        self.path.write_text(text)

    def replace(self, text: str) -> None:
        """Put another file in the place of the old one."""
        new = self.path.with_suffix(".new")
        new.touch(0o600)
        new.write_text(text)
        new.replace(self.path)

    def now(self) -> float:
        return time.time() + self.later

    def authorizer(self, **arguments: Any) -> HashedFileAuthorizer:
        return HashedFileAuthorizer(self.path, now=self.now, **arguments)


@pytest.fixture
def disk(tmp_path: Path) -> UsersOnDisk:
    disk = UsersOnDisk(tmp_path)
    disk.write(disk.section("ann"))
    return disk


@pytest.fixture
def log() -> Iterator[LogLines]:
    with LogLines() as log:
        yield log


def accepted(authorizer: HashedFileAuthorizer, name: str, password: str = "secret") -> bool:
    try:
        return authorizer.authenticate(name, password, "127.0.0.1").name == name
    except AuthenticationFailed:
        return False


# -- who logs in -------------------------------------------------------------------------------------------------------


def test_an_account_is_what_the_file_says(disk: UsersOnDisk) -> None:
    disk.write(disk.section("ann", HASH, "elrw", "read_limit = 5", "write_limit = 0"))
    (disk.path.parent / "ann" / "file").write_bytes(b"x")
    account = disk.authorizer().authenticate("ann", "secret", "127.0.0.1")
    assert (account.name, account.start, account.rights, account.everywhere()) == ("ann", "/", "elrw", "elrw")
    assert (account.read_limit, account.write_limit) == (5, 0)
    assert [info.name for info in account.filesystem.scan_dir(VirtualPath("/"), follow=True)] == ["file"]  # type: ignore[union-attr]  # it is synchronous


def test_a_user_may_have_to_use_tls(disk: UsersOnDisk) -> None:
    disk.write(disk.section("ann") + disk.section("bob", HASH, "elr", "tls = yes"))
    names = disk.authorizer().tls_users
    assert ["ann" in names, "bob" in names, "eve" in names] == [False, True, False]
    disk.write(disk.section("ann", HASH, "elr", "tls = yes") + disk.section("bob"))
    assert ["ann" in names, "bob" in names] == [True, False]
    disk.path.unlink()
    assert ["ann" in names, "bob" in names] == [True, False]


def test_a_user_may_be_disabled(disk: UsersOnDisk) -> None:
    """What they are told is what anybody is told."""
    disk.write(disk.section("ann") + disk.section("bob", HASH, "elr", "disabled = yes"))
    authorizer = disk.authorizer()
    texts = set()
    for name, password in (("bob", "secret"), ("bob", "wrong"), ("eve", "secret"), ("ann", "wrong")):
        with pytest.raises(AuthenticationFailed) as caught:
            authorizer.authenticate(name, password, "127.0.0.1")
        texts.add(str(caught.value))
    assert texts == {"Authentication failed."}


def test_a_login_costs_the_same_whoever_it_is(disk: UsersOnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One scrypt for each kind of hash in the file."""
    disk.write(
        disk.section("ann")
        + disk.section("bob", OTHER_HASH)
        + disk.section("eve", HASH, "", "disabled = yes")
        + disk.section("joe", OTHER_HASH)
    )
    authorizer = disk.authorizer()
    work: list[int] = []
    scrypt = hashlib.scrypt

    def noted(password: bytes, *, n: int, **arguments: Any) -> bytes:
        work.append(n)
        return scrypt(password, n=n, **arguments)

    monkeypatch.setattr(hashlib, "scrypt", noted)
    logins = [
        ("ann", "secret"),
        ("ann", "x"),
        ("bob", "passing"),
        ("bob", "secret"),
        ("eve", "secret"),
        ("nobody", "x"),
    ]
    assert [accepted(authorizer, *login) for login in logins] == [True, False, True, False, False, False]
    assert work == [16, 32] * len(logins)


def test_a_home_that_is_gone_is_told_to_the_operator(disk: UsersOnDisk, log: LogLines) -> None:
    authorizer = disk.authorizer()
    (disk.path.parent / "ann").rmdir()
    with pytest.raises(AuthenticationFailed) as caught:
        authorizer.authenticate("ann", "secret", "127.0.0.1")
    assert str(disk.path.parent) not in str(caught.value)
    (line,) = log.lines(logging.WARNING)
    assert "ann" in line
    (disk.path.parent / "ann").mkdir()
    assert accepted(authorizer, "ann")


def test_the_filesystem_is_made_of_the_home(disk: UsersOnDisk) -> None:
    homes: list[str] = []

    def make(home: str) -> MemoryFileSystem:
        homes.append(home)
        return MemoryFileSystem()

    account = disk.authorizer(filesystem=make).authenticate("ann", "secret", "127.0.0.1")
    assert isinstance(account.filesystem, MemoryFileSystem)
    assert homes == [str(disk.path.parent / "ann")]


def test_a_subclass_may_have_rights_of_its_own(disk: UsersOnDisk) -> None:
    class Wider(HashedFileAuthorizer):
        letters = HashedFileAuthorizer.letters + "Z"

    disk.write(disk.section("ann", HASH, "eZ"))
    account = Wider(disk.path).authenticate("ann", "secret", "127.0.0.1")
    assert Wider(disk.path).check_permission(account, "Z", VirtualPath("/"))
    with pytest.raises(AuthorizerError):
        disk.authorizer()


def test_a_mistake_at_the_start_is_raised(disk: UsersOnDisk) -> None:
    disk.write("nonsense")
    with pytest.raises(AuthorizerError, match="line 1"):
        disk.authorizer()
    disk.path.unlink()
    with pytest.raises(FileNotFoundError):
        disk.authorizer()


def test_the_path_is_that_of_the_start(disk: UsersOnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(disk.path.parent)
    authorizer = HashedFileAuthorizer("users", now=disk.now)
    monkeypatch.chdir("/")
    disk.replace(disk.section("bob"))
    assert accepted(authorizer, "bob")


# -- reading again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [UsersOnDisk.write, UsersOnDisk.replace], ids=["written", "replaced"])
def test_the_next_login_sees_a_change(disk: UsersOnDisk, change: Any, log: LogLines) -> None:
    authorizer = disk.authorizer()
    assert accepted(authorizer, "ann")
    change(disk, disk.section("bob") + disk.section("ann", OTHER_HASH))
    assert [accepted(authorizer, *login) for login in (("bob", "secret"), ("ann", "secret"), ("ann", "passing"))] == [
        True,
        False,
        True,
    ]
    assert authorizer.names() == ("bob", "ann")
    assert [line.endswith("read again, 2 users") for line in log.lines()] == [True]


def test_a_file_that_has_not_changed_is_not_opened(disk: UsersOnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    authorizer = disk.authorizer()
    opened: list[object] = []
    system_open = os.open

    def noted(path: Any, *arguments: Any, **keywords: Any) -> int:
        opened.append(path)
        return system_open(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", noted)
    for _ in range(3):
        accepted(authorizer, "ann", "wrong")
    assert str(disk.path) not in opened
    disk.replace(disk.section("bob"))
    accepted(authorizer, "ann", "wrong")
    assert str(disk.path) in opened


def test_a_change_of_the_same_moment_and_size_is_seen(disk: UsersOnDisk) -> None:
    """The times of a file that was just written say nothing: it is read again until they do."""
    disk.later = 0.0
    authorizer = disk.authorizer()
    before = disk.path.stat()
    disk.path.write_text(disk.path.read_text().replace("[ann]", "[bob]"))
    os.utime(disk.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert accepted(authorizer, "bob")
    assert not accepted(authorizer, "ann")


@pytest.mark.parametrize("later", [0.0, 1_000.0], ids=["at once", "later"])
def test_a_broken_file_leaves_the_users_as_they_were(disk: UsersOnDisk, log: LogLines, later: float) -> None:
    """With one warning, however many logins see it; what comes after is read as ever."""
    disk.later = later
    authorizer = disk.authorizer()
    disk.write(disk.section("bob") + "nonsense\n")
    assert [accepted(authorizer, name) for name in ("ann", "bob", "ann")] == [True, False, True]
    (line,) = log.lines(logging.WARNING)
    assert f"{disk.path}, line 5" in line
    disk.write(disk.section("bob"))
    assert [accepted(authorizer, name) for name in ("ann", "bob")] == [False, True]
    disk.write(disk.section("bob") + "nonsense\n")
    assert accepted(authorizer, "bob")
    assert len(log.lines(logging.WARNING)) == 2, "it is broken anew"


def test_a_missing_file_leaves_the_users_as_they_were(disk: UsersOnDisk, log: LogLines) -> None:
    authorizer = disk.authorizer()
    disk.path.unlink()
    assert [accepted(authorizer, "ann") for _ in range(2)] == [True, True]
    assert len(log.lines(logging.WARNING)) == 1
    disk.replace(disk.section("bob"))
    assert [accepted(authorizer, name) for name in ("ann", "bob")] == [False, True]


@needs_posix
def test_hashes_that_others_may_read_are_worth_a_warning(disk: UsersOnDisk, log: LogLines) -> None:
    disk.path.chmod(0o604)
    authorizer = disk.authorizer()
    assert [accepted(authorizer, "ann") for _ in range(2)] == [True, True]
    (line,) = log.lines(logging.WARNING)
    assert str(disk.path) in line
    disk.path.chmod(0o640)
    assert accepted(authorizer, "ann")
    assert len(log.lines(logging.WARNING)) == 1


@needs_posix
def test_a_file_that_others_may_write_from_now_on_is_not_read(disk: UsersOnDisk, log: LogLines) -> None:
    authorizer = disk.authorizer()
    disk.write(disk.section("bob"))
    disk.path.chmod(0o606)
    assert [accepted(authorizer, name) for name in ("ann", "bob")] == [True, False]
    assert len(log.lines(logging.WARNING)) == 1


# -- over the wire -----------------------------------------------------------------------------------------------------


def test_users_come_and_go_while_sessions_go_on(disk: UsersOnDisk, serve: Serve) -> None:
    """Who is logged in keeps the rights of the login."""
    disk.write(disk.section("ann", HASH, "elrw"))
    (disk.path.parent / "ann" / "hers").write_bytes(b"x")
    serving = serve(authorizer=HashedFileAuthorizer(disk.path))

    def login(name: str, password: str = "secret") -> ftplib.FTP:
        client = ftplib.FTP(timeout=PATIENCE)
        client.connect(*serving.address)
        try:
            client.login(name, password)
        except BaseException:
            client.close()
            raise
        return client

    with login("ann") as ann:
        disk.replace(disk.section("bob", OTHER_HASH))
        with login("bob", "passing") as bob:
            assert (ann.nlst(), bob.nlst()) == (["hers"], [])
            with pytest.raises(ftplib.error_perm):
                bob.mkd("d")
        with pytest.raises(ftplib.error_perm):
            login("ann")
        assert ann.nlst() == ["hers"]


def test_the_limit_of_a_user_holds(disk: UsersOnDisk, serve: Serve) -> None:
    """However fast the others may be."""

    class Fast(DTPHandler):
        write_limit = 10**9

    class Handler(FTPHandler):
        dtp_handler = Fast

    disk.write(disk.section("ann", HASH, "elr", "write_limit = 50000"))
    (disk.path.parent / "ann" / "f").write_bytes(b"x" * 60_000)
    serving = serve(Handler, authorizer=disk.authorizer())
    client = serving.client()
    client.send("USER ann", "PASS secret", "TYPE I")
    assert client.codes(4) == [220, 331, 230, 200]
    with client.data() as data:
        assert client.command("RETR f") == 150
        begun = serving.loop.sched.clock()
        assert len(received(data)) == 60_000
        assert client.code() == 226
    assert serving.loop.sched.clock() - begun > 0.1, "60 kB at 50 kB/s"
