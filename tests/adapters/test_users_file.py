"""The file of users: what is read, what is refused, and that a change is made whole or not at all."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ftpcore_adapters._passwords import PasswordHash
from ftpcore_adapters._users_file import UserEntry, UsersText
from ftpcore_adapters._users_store import change_users, read_users
from ftpcore_adapters.authorizers import AuthorizerError, HashedFileAuthorizer, hash_password

HASH = hash_password("secret", ln=4)
OTHER_HASH = hash_password("passing", ln=4)

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes and links")


def section(
    name: str = "ann", home: str | Path = "/srv/ftp", password: str = HASH, rights: str = "elr", *more: str
) -> str:
    lines = [f"[{name}]", f"password = {password}", f"home = {home}", f"rights = {rights}", *more]
    return "".join(f"{line}\n" for line in lines)


def entry(name: str = "ann", home: str | Path = "/srv/ftp", rights: str = "elr") -> UserEntry:
    return UserEntry(name=name, password=PasswordHash.parse(HASH), home=str(home), rights=rights)


# -- the text ----------------------------------------------------------------------------------------------------------


def test_a_section_is_a_user() -> None:
    text = section(
        "ann", "/srv/ftp", HASH, "elr", "read_limit = 0", "write_limit = 100000", "tls = yes", "disabled = yes"
    )
    assert UsersText(text, "users").users == {
        "ann": UserEntry(
            name="ann",
            password=PasswordHash.parse(HASH),
            home="/srv/ftp",
            rights="elr",
            read_limit=0,
            write_limit=100_000,
            tls=True,
            disabled=True,
        )
    }


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("\n\n", id="empty lines"),
        pytest.param("# ann has left\n   # so has bob\n", id="comments"),
    ],
)
def test_a_file_without_users_has_none(text: str) -> None:
    assert UsersText(text, "users").users == {}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(section(), id="plain"),
        pytest.param(section().rstrip("\n"), id="no line end at the end"),
        pytest.param(section().replace("\n", "\r\n"), id="CR LF"),
        pytest.param(section().replace(" = ", "="), id="no blanks"),
        pytest.param("\n" + section().replace("\n", "  \n\n\t# note\n  "), id="blanks, empty lines and comments"),
        pytest.param("[ann]\nrights = elr\nhome = /srv/ftp\npassword = " + HASH, id="another order"),
        pytest.param(section() + "disabled = no\n", id="not disabled"),
        pytest.param(section() + "tls = no\n", id="in clear, too"),
    ],
)
def test_layout_does_not_matter(text: str) -> None:
    assert UsersText(text, "users").users == {"ann": entry()}


@pytest.mark.parametrize("name", ["a b", "ann@example.org", "Ann", "é€", "[x]", "#1", "a=b", "\udcff", "a\\b"])
def test_a_name_is_any_text(name: str) -> None:
    assert list(UsersText(section(name), "users").users) == [name]


@pytest.mark.parametrize("home", ["/", "/srv/my files", "/srv/a=b", "/srv/#1", "/srv/[x]", "/srv/\udcff", "/srv/c:d"])
def test_a_home_is_any_absolute_path(home: str) -> None:
    assert UsersText(section("ann", home), "users").users["ann"].home == home


def test_users_come_in_the_order_of_the_file() -> None:
    assert list(UsersText(section("b") + section("a") + section("c"), "users").users) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("ann\n", 1, id="no key and value"),
        pytest.param("home = /\n", 1, id="a value of nobody"),
        pytest.param("[ann\n", 1, id="half a header"),
        pytest.param("[]\n", 1, id="no name"),
        pytest.param("[ ann]\n", 1, id="a blank before the name"),
        pytest.param("[a\x07nn]\n", 1, id="a control character in the name"),
        pytest.param("[a\u2028nn]\n", 1, id="a line separator in the name"),
        pytest.param("\ufeff" + section(), 1, id="a byte order mark"),
        pytest.param(section() + section(), 5, id="a user twice"),
        pytest.param("# x\n[ann]\n", 2, id="nothing but the name"),
        pytest.param(section().replace("home", "hoem"), 3, id="an unknown key"),
        pytest.param(section().replace("home", "Home"), 3, id="a key in capitals"),
        pytest.param(section() + "rights = elr\n", 5, id="a key twice"),
        pytest.param(section("ann", "srv/ftp"), 3, id="a relative home"),
        pytest.param(section("ann", ""), 3, id="no home"),
        pytest.param(section("ann", "/srv\x00/x"), 3, id="a NUL in the home"),
        pytest.param(section(rights="elX"), 4, id="an unknown right"),
        pytest.param(section(rights="elr # read"), 4, id="a comment behind a value"),
        pytest.param(section(password="secret"), 2, id="a plain password"),
        pytest.param(section(password="$scrypt$ln=40,r=8,p=1$c2FsdHNhbHQ$" + "A" * 22), 2, id="a hash of gigabytes"),
        pytest.param(section() + "disabled = true\n", 5, id="neither yes nor no"),
        pytest.param(section() + "tls = required\n", 5, id="neither yes nor no about TLS"),
        pytest.param(section() + "read_limit = -1\n", 5, id="a limit below zero"),
        pytest.param(section() + "write_limit = 1e6\n", 5, id="a limit that is no whole number"),
        pytest.param(section() + "write_limit = ٣\n", 5, id="digits of another script"),
        pytest.param(section() + "read_limit = " + "9" * 5000 + "\n", 5, id="a limit too long to read"),
        pytest.param(section() + "read_limit =\n", 5, id="no limit"),
        pytest.param(section() + "[bob]\nhome = /\nrights =\n", 5, id="a user without a password"),
    ],
)
def test_a_mistake_is_told_by_its_line(text: str, line: int) -> None:
    with pytest.raises(AuthorizerError, match=rf"^users, line {line}: ") as caught:
        UsersText(text, "users")
    assert len(str(caught.value).splitlines()) == 1
    assert HASH not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_change_leaves_the_rest_as_it_was() -> None:
    text = "# ours\n\n" + section("ann") + "# bob is new\n\n" + section("bob", "/b") + "\n# the end\n"
    users = UsersText(text, "users")
    assert users.with_password("ann", PasswordHash.parse(OTHER_HASH)) == text.replace(HASH, OTHER_HASH, 1)
    assert users.without_user("bob") == "# ours\n\n" + section("ann") + "# bob is new\n\n# the end\n"
    assert users.without_user("ann") == "# ours\n\n# bob is new\n\n" + section("bob", "/b") + "\n# the end\n"
    assert users.with_user(entry("eve")) == text + "\n" + section("eve")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", section(), id="an empty file"),
        pytest.param("# x", "# x\n\n" + section(), id="no line end at the end"),
        pytest.param("# x\n\n\n", "# x\n\n" + section(), id="empty lines at the end"),
    ],
)
def test_a_user_is_added_at_the_end(text: str, expected: str) -> None:
    assert UsersText(text, "users").with_user(entry()) == expected


def test_line_ends_of_a_changed_password_stay() -> None:
    text = section().replace("\n", "\r\n")
    changed = UsersText(text, "users").with_password("ann", PasswordHash.parse(OTHER_HASH))
    assert changed == text.replace(HASH, OTHER_HASH)


def test_what_is_added_is_what_is_read() -> None:
    user = UserEntry(
        name="[a]",
        password=PasswordHash.parse(HASH),
        home="/srv/\udcff",
        rights="",
        read_limit=5,
        tls=True,
        disabled=True,
    )
    assert UsersText(UsersText("", "users").with_user(user), "users").users == {"[a]": user}


def test_the_last_user_can_go() -> None:
    assert UsersText(section(), "users").without_user("ann") == ""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda users: users.with_user(entry("ann")), id="added twice"),
        pytest.param(lambda users: users.without_user("eve"), id="removed, but not there"),
        pytest.param(lambda users: users.with_password("eve", PasswordHash.parse(HASH)), id="changed, but not there"),
    ],
)
def test_a_change_that_can_not_be_made_is_refused(change: Callable[[UsersText], str]) -> None:
    with pytest.raises(AuthorizerError, match=r"users: .*(ann|eve)"):
        change(UsersText(section(), "users"))


# -- the file ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A file of one user, ann, whose home is `tmp_path`/ann."""
    (tmp_path / "ann").mkdir()
    (tmp_path / "bob").mkdir()
    path = tmp_path / "users"
    path.touch(0o600)
    path.write_text(section("ann", tmp_path / "ann"))
    return path


@needs_posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
def test_a_change_keeps_the_mode(users: Path, mode: int) -> None:
    users.chmod(mode)
    change_users(str(users), lambda text: text.with_user(entry("bob")))
    assert users.stat().st_mode & 0o777 == mode
    assert list(read_users(str(users)).users) == ["ann", "bob"]


@needs_posix
def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    change_users(str(tmp_path / "new"), lambda text: text.with_user(entry()), create=True)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["new"]


def test_a_missing_file_is_made_only_if_told_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        change_users(str(tmp_path / "new"), lambda text: text.with_user(entry()))
    assert os.listdir(tmp_path) == []


@needs_posix
def test_a_link_to_the_file_stays_one(users: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(users)
    change_users(str(link), lambda text: text.with_user(entry("bob")))
    assert link.is_symlink()
    assert list(read_users(str(users)).users) == ["ann", "bob"]


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(lambda text: text.with_user(entry("ann")), id="a change that can't be made"),
        pytest.param(lambda text: "nonsense", id="a change that makes no sense"),
        pytest.param(lambda text: section("x\ud800"), id="a text that has no bytes"),
    ],
)
def test_a_change_that_fails_changes_nothing(users: Path, fail: Callable[[UsersText], str]) -> None:
    before = users.read_bytes(), users.stat().st_ino
    with pytest.raises((AuthorizerError, ValueError)):
        change_users(str(users), fail)
    assert (users.read_bytes(), users.stat().st_ino) == before
    assert sorted(os.listdir(users.parent)) == ["ann", "bob", "users"]


def test_a_disk_that_is_full_changes_nothing(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = users.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        change_users(str(users), lambda text: text.with_user(entry("bob")))
    assert users.read_bytes() == before
    assert sorted(os.listdir(users.parent)) == ["ann", "bob", "users"]


def test_the_new_file_is_on_the_disk_before_it_takes_the_place(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        steps.append("fsync")
        fsync(descriptor)

    def noted_replace(source: str, target: str) -> None:
        steps.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    change_users(str(users), lambda text: text.with_user(entry("bob")))
    assert steps[:2] == ["fsync", "replace"]


@needs_posix
def test_changes_at_once_are_all_made(users: Path) -> None:
    """Each of the writers waits for the one before, and sees what it wrote."""
    ready = threading.Barrier(8)

    def add(name: str) -> None:
        ready.wait()
        for user in [entry(f"{name}{number}") for number in range(4)]:
            change_users(str(users), partial(UsersText.with_user, user=user))

    writers = [threading.Thread(target=add, args=(f"user{number}-",)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(read_users(str(users)).users) == 1 + 8 * 4
    assert sorted(os.listdir(users.parent)) == ["ann", "bob", "users"]


@needs_posix
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a FIFO", "a directory"])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """At once: nobody waits for the other end of a FIFO."""
    make(tmp_path / "users")
    with pytest.raises((AuthorizerError, IsADirectoryError)):
        HashedFileAuthorizer(tmp_path / "users")


@needs_posix
def test_a_file_that_others_may_write_is_refused(users: Path) -> None:
    users.chmod(0o602)
    with pytest.raises(AuthorizerError, match="others may write"):
        HashedFileAuthorizer(users)
    with pytest.raises(AuthorizerError, match="others may write"):
        change_users(str(users), lambda text: text.with_user(entry("bob")))
