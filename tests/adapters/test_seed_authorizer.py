"""Seed-style authorizers behind the port, and whole sessions on seed-style objects."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, ClassVar

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem
from ftpcore.testing import ScriptedHost
from ftpcore_adapters._seed_authorizer import SeedAuthorizer, impersonates
from ftpcore_adapters._seed_filesystem import filesystem_port
from ftpcore_adapters.authorizers import AuthenticationFailed, AuthorizerError, DummyAuthorizer
from ftpcore_adapters.filesystems import AbstractedFS, FilesystemError, UnixFilesystem
from ftpcore_adapters.memory import MemoryFileSystem

HANDLER = object()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "pub" / "deep").mkdir(parents=True)
    (home / "file").write_bytes(b"0123456789")
    (home / "pub" / "file").write_bytes(b"")
    return home


@pytest.fixture
def dummy(home: Path) -> DummyAuthorizer:
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "pw", str(home), perm="elradfmwMT", msg_login="Hello.", msg_quit="Bye.")
    return authorizer


def port(authorizer: Any, kind: type[AbstractedFS] = AbstractedFS) -> SeedAuthorizer:
    def make_filesystem(home: str) -> tuple[FileSystem, str]:
        fs = kind(home, None)
        return filesystem_port(fs), fs.cwd

    return SeedAuthorizer(authorizer, HANDLER, make_filesystem)


class Duck:
    """An authorizer that derives from nothing."""

    def __init__(self, home: str, failing: str = "", error: Exception | None = None) -> None:
        self.home = home
        self.failing = failing
        self.error = error
        self.calls: list[tuple[object, ...]] = []

    def _note(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        if name == self.failing and self.error is not None:
            raise self.error

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        self._note("validate_authentication", username, password, handler)

    def get_home_dir(self, username: str) -> str:
        self._note("get_home_dir", username)
        return self.home

    def get_msg_login(self, username: str) -> str:
        self._note("get_msg_login", username)
        return "Hello."

    def get_msg_quit(self, username: str) -> str:
        return "Bye."

    def get_perms(self, username: str) -> str:
        return "elr"

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        self._note("has_perm", username, perm, path)
        return perm == "r"


def test_a_login_becomes_an_account(dummy: DummyAuthorizer) -> None:
    account = port(dummy).authenticate("ann", "pw", "127.0.0.1")
    assert (account.name, account.start, account.rights, account.rights_vary) == ("ann", "/", "elradfmwMT", True)
    assert (account.login_message, account.quit_message) == ("Hello.", "Bye.")
    assert [info.name for info in account.filesystem.scan_dir(VirtualPath("/pub/deep"), follow=True)] == []  # type: ignore[union-attr]  # it is synchronous


def test_the_start_is_what_the_filesystem_says(dummy: DummyAuthorizer, home: Path) -> None:
    assert port(dummy, UnixFilesystem).authenticate("ann", "pw", "").start == os.path.realpath(home)


def test_the_authorizer_is_asked_in_the_order_of_the_seed(home: Path) -> None:
    duck = Duck(str(home))
    port(duck).authenticate("ann", "pw", "127.0.0.1")
    assert duck.calls == [
        ("validate_authentication", "ann", "pw", HANDLER),
        ("get_home_dir", "ann"),
        ("get_msg_login", "ann"),
    ]


@pytest.mark.parametrize("method", ["validate_authentication", "get_home_dir", "get_msg_login"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(AuthenticationFailed("Go away."), AuthenticationFailed, id="refused"),
        pytest.param(AuthorizerError("Go away."), AuthenticationFailed, id="misconfigured"),
        pytest.param(KeyError("ann"), KeyError, id="a fault"),
    ],
)
def test_each_of_the_three_may_refuse(home: Path, method: str, error: Exception, expected: type[Exception]) -> None:
    """With its own text; anything else is a fault of the authorizer and comes out as it is."""
    with pytest.raises(expected) as caught:
        port(Duck(str(home), method, error)).authenticate("ann", "pw", "")
    assert str(caught.value) == str(error)


def test_a_refused_login_makes_no_filesystem(dummy: DummyAuthorizer) -> None:
    made = []

    def make_filesystem(home: str) -> tuple[FileSystem, str]:
        made.append(home)
        return MemoryFileSystem(), "/"

    with pytest.raises(AuthenticationFailed):
        SeedAuthorizer(dummy, HANDLER, make_filesystem).authenticate("ann", "wrong", "")
    assert made == []


def test_permissions_are_asked_for_real_paths(home: Path) -> None:
    duck = Duck(str(home))
    authorizer = port(duck)
    account = authorizer.authenticate("ann", "pw", "")
    duck.calls.clear()
    assert authorizer.check_permission(account, "r", VirtualPath("/pub/file"))
    assert not authorizer.check_permission(account, "w", VirtualPath("/"))
    assert duck.calls == [("has_perm", "ann", "r", str(home / "pub" / "file")), ("has_perm", "ann", "w", str(home))]


def test_permissions_are_asked_for_paths_mapped_by_the_class(home: Path) -> None:
    class Mapped(AbstractedFS):
        def ftp2fs(self, ftppath: str) -> str:
            return super().ftp2fs("/pub" + ftppath)

    duck = Duck(str(home))
    authorizer = port(duck, Mapped)
    account = authorizer.authenticate("ann", "pw", "")
    authorizer.check_permission(account, "r", VirtualPath("/file"))
    assert duck.calls[-1] == ("has_perm", "ann", "r", str(home / "pub" / "file"))


def test_permissions_on_a_port_without_real_paths_are_asked_for_virtual_ones() -> None:
    duck = Duck("")
    authorizer = SeedAuthorizer(duck, HANDLER, lambda home: (MemoryFileSystem(), "/"))
    account = authorizer.authenticate("ann", "pw", "")
    assert authorizer.check_permission(account, "r", VirtualPath("/file"))
    assert duck.calls[-1] == ("has_perm", "ann", "r", "/file")


def test_rights_are_those_of_the_path(dummy: DummyAuthorizer, home: Path) -> None:
    dummy.override_perm("ann", str(home / "pub"), "elw", recursive=True)
    authorizer = port(dummy)
    account = authorizer.authenticate("ann", "pw", "")
    found = [authorizer.rights_on(account, VirtualPath(path)) for path in ("/file", "/pub", "/pub/deep/x")]
    assert [set(rights) for rights in found] == [set("elradfmwMT"), set("elw"), set("elw")]


def test_rights_without_overrides_ask_nothing(dummy: DummyAuthorizer) -> None:
    """MLSD asks for every entry: one look into the table; an overridden `has_perm` is asked all the same."""

    class Strict(DummyAuthorizer):
        asked: ClassVar[list[str]] = []

        def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
            self.asked.append(perm)
            return perm in "el"

    strict = Strict()
    strict.user_table = dummy.user_table
    for authorizer, expected in ((dummy, "elradfmwMT"), (strict, "el")):
        ported = port(authorizer)
        account = ported.authenticate("ann", "pw", "")
        assert ported.rights_on(account, VirtualPath("/file")) == expected
    assert len(Strict.asked) == 10


def test_rights_include_letters_of_a_subclass(home: Path) -> None:
    class Wider(DummyAuthorizer):
        write_perms = DummyAuthorizer.write_perms + "Z"

    wider = Wider()
    wider.add_user("ann", "pw", str(home), perm="eZ")
    wider.override_perm("ann", str(home / "pub"), "lZ")
    authorizer = port(wider)
    account = authorizer.authenticate("ann", "pw", "")
    assert set(authorizer.rights_on(account, VirtualPath("/pub"))) == set("lZ")
    assert port(Duck(str(home))).rights_on(account, VirtualPath("/pub")) == "r"


def test_a_user_who_was_removed_is_a_fault(dummy: DummyAuthorizer) -> None:
    authorizer = port(dummy)
    account = authorizer.authenticate("ann", "pw", "")
    dummy.remove_user("ann")
    with pytest.raises(KeyError):
        authorizer.check_permission(account, "r", VirtualPath("/file"))


def test_only_users_in_memory_are_asked_inline(dummy: DummyAuthorizer) -> None:
    class Database(DummyAuthorizer):
        def validate_authentication(self, username: str, password: str, handler: object) -> None: ...

    class Messages(DummyAuthorizer):
        greeting = "Hello."

    assert [port(authorizer).blocking for authorizer in (dummy, Messages(), Database(), Duck(""))] == [
        False,
        False,
        True,
        True,
    ]


def test_impersonation_is_an_overridden_method(dummy: DummyAuthorizer) -> None:
    class Switching(DummyAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None: ...

    assert [impersonates(authorizer) for authorizer in (dummy, Switching(), Duck(""))] == [False, True, False]


# -- whole sessions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def session(dummy: DummyAuthorizer) -> Callable[[type[AbstractedFS]], ScriptedHost]:
    return lambda kind: ScriptedHost(port(dummy, kind)).login()


Session = Callable[[type[AbstractedFS]], ScriptedHost]


class Secretive(AbstractedFS):
    def validpath(self, path: str) -> bool:
        return super().validpath(path) and not path.endswith(("file", "nowhere"))


@pytest.mark.parametrize("command", ["RETR", "STOR", "DELE", "SIZE", "RNFR", "CWD", "MLST", "LIST", "MDTM"])
def test_a_refusal_names_the_request_and_nothing_else(session: Session, home: Path, command: str) -> None:
    """550 with the path of the client; the same for what is there and what is not."""
    host = session(Secretive)
    texts = []
    for name in ("file", "nowhere"):
        (reply,) = host.feed(f"PASV\r\n{command} pub/{name}\r\n".encode()).replies()[1:]
        assert reply.code == 550
        assert str(home) not in reply.lines[0]
        texts.append(reply.lines[0].replace(f"pub/{name}", "pub/..."))
    assert texts[0] == texts[1]
    assert "/pub/..." in texts[0]


def test_a_generator_of_names_can_be_listed(session: Session) -> None:
    class Generating(AbstractedFS):
        def listdir(self, path: str) -> Iterator[str]:
            yield from ("pub", "file", "absent")

    for command in (b"NLST", b"LIST", b"MLSD"):
        host = session(Generating)
        host.feed(b"PASV\r\n" + command + b"\r\n").connect()
        assert [line.split()[-1] for line in host.downloaded.splitlines()] in ([b"file", b"pub"], [b"pub", b"file"])
        assert host.codes() == [227, 150, 226]


def test_the_text_of_a_filesystem_error_is_told(session: Session) -> None:
    class Refusing(AbstractedFS):
        def remove(self, path: str) -> None:
            raise FilesystemError("files are for ever")

    (reply,) = session(Refusing).feed(b"DELE file\r\n").replies()
    assert (reply.code, reply.lines) == (550, ("files are for ever.",))


def test_an_upload_through_an_overridden_open(session: Session, home: Path) -> None:
    """A refusal of a new name comes before the 1yz; a file that is there is emptied once data can come."""
    modes: list[str] = []

    class Opening(AbstractedFS):
        def open(self, filename: str, mode: str) -> IO[bytes]:
            if filename.endswith(".exe"):
                raise PermissionError(errno.EACCES, "no programs")
            modes.append(mode)
            return super().open(filename, mode)

    host = session(Opening)
    assert host.feed(b"PASV\r\nSTOR x.exe\r\n").codes() == [227, 550]
    host.feed(b"STOR file\r\n")
    assert (modes, (home / "file").read_bytes()) == ([], b"0123456789")
    host.connect().upload(b"new").finish()
    assert host.codes() == [150, 226]
    assert (modes, (home / "file").read_bytes()) == (["wb"], b"new")
    host.feed(b"PASV\r\nREST 3\r\nSTOR file\r\n").connect().upload(b"er").finish()
    assert host.codes() == [227, 350, 150, 226]
    assert (modes, (home / "file").read_bytes()) == (["wb", "r+b"], b"newer")
    host.feed(b"PASV\r\nAPPE file\r\n").connect().upload(b"!").finish()
    assert host.codes() == [227, 150, 226]
    host.feed(b"PASV\r\nRETR file\r\n").connect()
    assert host.downloaded == b"newer!"
    assert modes == ["wb", "r+b", "ab", "rb"]


def test_an_upload_whose_connection_never_comes_keeps_the_file(session: Session, home: Path) -> None:
    class Opening(AbstractedFS):
        def open(self, filename: str, mode: str) -> IO[bytes]:
            return super().open(filename, mode)

    host = session(Opening)
    host.feed(b"PASV\r\nSTOR file\r\n").advance(31)
    assert host.codes() == [227, 150, 425]
    host.feed(b"PASV\r\nSTOR new\r\n").advance(31)
    assert host.codes() == [227, 150, 425]
    assert (home / "file").read_bytes() == b"0123456789"
    assert not (home / "new").exists()


def test_names_that_are_not_utf8_survive(session: Session, home: Path) -> None:
    class Opening(AbstractedFS):
        def open(self, filename: str, mode: str) -> IO[bytes]:
            return super().open(filename, mode)

    name = b"l\xe9on \xff"
    for kind in (AbstractedFS, Opening):
        host = session(kind)
        host.feed(b"PASV\r\nSTOR " + name + b"\r\n").connect().upload(b"x").finish()
        host.feed(b"PASV\r\nNLST\r\n").connect()
        assert name in host.downloaded.splitlines()
        assert name in os.listdir(os.fsencode(home))
        host.feed(b"RNFR " + name + b"\r\nRNTO " + name + b"2\r\nDELE " + name + b"2\r\n")
        assert host.codes() == [227, 150, 226, 227, 150, 226, 350, 250, 250]


def test_permissions_hold_per_path(dummy: DummyAuthorizer, home: Path) -> None:
    dummy.override_perm("ann", str(home / "pub"), "elr", recursive=True)
    host = ScriptedHost(port(dummy)).login()
    host.feed(b"DELE pub/file\r\nDELE file\r\nMLST pub\r\nQUIT\r\n")
    replies = host.replies()
    assert [reply.code for reply in replies] == [550, 250, 250, 221]
    assert "perm=el;" in replies[2].lines[1]
    assert replies[3].lines == ("Bye.",)


def test_a_login_leaves_the_password_with_the_handler(tmp_path: Path) -> None:
    """`impersonate_user` is called with it."""
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "pw", str(tmp_path))

    class Handler:
        password = ""

    handler = Handler()
    port = SeedAuthorizer(authorizer, handler, lambda home: (MemoryFileSystem(), "/"))
    with pytest.raises(AuthenticationFailed):
        port.authenticate("ann", "wrong", "127.0.0.1")
    assert handler.password == ""
    port.authenticate("ann", "pw", "127.0.0.1")
    assert handler.password == "pw"
