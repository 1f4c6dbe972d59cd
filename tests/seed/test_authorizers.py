"""`DummyAuthorizer`: users, passwords, permissions and their overrides."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from ftpcore_adapters import authorizers, exceptions
from ftpcore_adapters.authorizers import AuthenticationFailed, AuthorizerError, DummyAuthorizer

EVERY: str = "elradfmwMT"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a/b/c, beside it a directory whose name starts alike."""
    home = tmp_path / "home"
    (home / "a" / "b" / "c").mkdir(parents=True)
    (home / "ab").mkdir()
    (tmp_path / "home2").mkdir()
    for directory in ("", "a", "a/b", "a/b/c", "ab"):
        (home / directory / "file").write_bytes(b"")
    return home


@pytest.fixture
def authorizer(home: Path) -> DummyAuthorizer:
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "secret", str(home), perm="elr")
    return authorizer


def test_the_exceptions_are_one_family() -> None:
    """Both modules name the same classes, which code of either age catches."""
    assert authorizers.AuthenticationFailed is exceptions.AuthenticationFailed
    assert authorizers.AuthorizerError is exceptions.AuthorizerError


def test_a_user_is_told_of(authorizer: DummyAuthorizer, home: Path) -> None:
    assert authorizer.has_user("ann")
    assert not authorizer.has_user("bob")
    assert authorizer.get_perms("ann") == "elr"
    assert authorizer.get_home_dir("ann") == os.path.realpath(home)
    assert authorizer.get_msg_login("ann") == "Login successful."
    assert authorizer.get_msg_quit("ann") == "Goodbye."


def test_the_table_of_users_is_plain_data(authorizer: DummyAuthorizer, home: Path) -> None:
    """User code reads it, and changes a password in it."""
    assert authorizer.user_table["ann"] == {
        "pwd": "secret",
        "home": os.path.realpath(home),
        "perm": "elr",
        "operms": {},
        "msg_login": "Login successful.",
        "msg_quit": "Goodbye.",
    }
    authorizer.user_table["ann"]["pwd"] = "changed"
    authorizer.validate_authentication("ann", "changed", None)
    assert DummyAuthorizer().user_table == {}


def test_texts_and_passwords_become_strings(home: Path) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", 12345, str(home), msg_login=1, msg_quit=2)  # type: ignore[arg-type]  # as users do
    authorizer.validate_authentication("ann", "12345", None)
    assert (authorizer.get_msg_login("ann"), authorizer.get_msg_quit("ann")) == ("1", "2")


def test_a_home_is_kept_by_its_real_path(tmp_path: Path, home: Path) -> None:
    (tmp_path / "alias").symlink_to("home")
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "", str(tmp_path / "alias"))
    assert authorizer.get_home_dir("ann") == os.path.realpath(home)


@pytest.mark.parametrize(
    ("name", "directory", "perm"),
    [
        pytest.param("ann", "", "elr", id="a user twice"),
        pytest.param("bob", "absent", "elr", id="a directory that is missing"),
        pytest.param("bob", "file", "elr", id="a file"),
        pytest.param("bob", "", "elX", id="an unknown letter"),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(
    authorizer: DummyAuthorizer, home: Path, name: str, directory: str, perm: str
) -> None:
    with pytest.raises(ValueError):
        authorizer.add_user(name, "x", str(home / directory), perm=perm)
    assert set(authorizer.user_table) == {"ann"}


def test_a_subclass_may_have_letters_of_its_own(home: Path) -> None:
    class Wider(DummyAuthorizer):
        write_perms = DummyAuthorizer.write_perms + "Z"

    authorizer = Wider()
    authorizer.add_user("ann", "", str(home), perm="eZ")
    assert authorizer.has_perm("ann", "Z")


def test_a_removed_user_is_unknown(authorizer: DummyAuthorizer) -> None:
    authorizer.remove_user("ann")
    for ask in (authorizer.get_perms, authorizer.get_home_dir, authorizer.get_msg_login, authorizer.remove_user):
        with pytest.raises(KeyError):
            ask("ann")
    with pytest.raises(KeyError):
        authorizer.has_perm("ann", "e")
    assert authorizer.get_msg_quit("ann") == "Goodbye."


@pytest.mark.parametrize(
    ("name", "password"),
    [
        pytest.param("ann", "wrong", id="wrong"),
        pytest.param("ann", "", id="empty"),
        pytest.param("ann", "secret ", id="longer"),
        pytest.param("ann", "sécret\udcff", id="not ASCII, not UTF-8"),
        pytest.param("ann", "\ud800", id="a lone surrogate"),
        pytest.param("bob", "", id="unknown user"),
        pytest.param("anonymous", "", id="unknown anonymous"),
        pytest.param("Anonymous", "", id="names keep their case"),
    ],
)
def test_whoever_is_not_known_is_refused(authorizer: DummyAuthorizer, name: str, password: str) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        authorizer.validate_authentication(name, password, None)
    expected = "Anonymous access not allowed." if name == "anonymous" else "Authentication failed."
    assert str(caught.value) == expected


def test_a_password_may_be_any_text(home: Path) -> None:
    authorizer = DummyAuthorizer()
    for number, password in enumerate(["pä€", "\udcff", "", "\ud800", "x" * 10_000]):
        authorizer.add_user(f"user{number}", password, str(home))
        authorizer.validate_authentication(f"user{number}", password, None)


def test_no_text_is_the_password_of_who_has_none(authorizer: DummyAuthorizer) -> None:
    """Something else than text in the table matches nothing, not even its own representation."""
    authorizer.user_table["ann"]["pwd"] = None
    for password in ("", "None"):
        with pytest.raises(AuthenticationFailed):
            authorizer.validate_authentication("ann", password, None)


def test_an_unknown_user_costs_what_a_wrong_password_costs(authorizer: DummyAuthorizer) -> None:
    """The password is compared in every case."""
    encodings = []

    class Watched(str):
        __slots__ = ()

        def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
            encodings.append(str(self))
            return super().encode(encoding, errors)

    for name in ("ann", "bob", "anonymous"):
        with pytest.raises(AuthenticationFailed):
            authorizer.validate_authentication(name, Watched(name), None)
    assert encodings == ["ann", "bob", "anonymous"]


def test_anonymous_may_say_anything(home: Path) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(str(home), msg_quit="Bye.")
    for password in ("", "ann@example.org"):
        authorizer.validate_authentication("anonymous", password, None)
    assert authorizer.get_perms("anonymous") == "elr"
    assert authorizer.get_msg_quit("anonymous") == "Bye."


def test_an_anonymous_writer_is_warned_of_once(home: Path) -> None:
    authorizer = DummyAuthorizer()
    with pytest.warns(RuntimeWarning, match="write permissions assigned to anonymous user.") as caught:
        authorizer.add_anonymous(str(home), perm=EVERY)
    assert len(caught) == 1
    with pytest.warns(RuntimeWarning) as caught:
        authorizer.override_perm("anonymous", str(home / "a"), "ew")
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        authorizer.override_perm("anonymous", str(home / "a"), "elr")


def test_permissions_are_letters(authorizer: DummyAuthorizer, home: Path) -> None:
    assert [letter for letter in EVERY if authorizer.has_perm("ann", letter)] == list("elr")
    assert authorizer.has_perm("ann", "r", str(home / "a"))
    assert not authorizer.has_perm("ann", "w", str(home / "a"))


@pytest.mark.parametrize(
    ("recursive", "path", "expected"),
    [
        pytest.param(False, "a", True, id="the directory"),
        pytest.param(False, "a/file", True, id="a file in it"),
        pytest.param(False, "a/new", True, id="a name that is free"),
        pytest.param(False, "a/b", False, id="a directory in it"),
        pytest.param(False, "a/b/file", False, id="below"),
        pytest.param(False, "", False, id="above"),
        pytest.param(False, "ab", False, id="a name that starts alike"),
        pytest.param(False, "ab/file", False, id="below a name that starts alike"),
        pytest.param(True, "a", True, id="recursive, the directory"),
        pytest.param(True, "a/b", True, id="recursive, a directory in it"),
        pytest.param(True, "a/b/c/file", True, id="recursive, deep below"),
        pytest.param(True, "", False, id="recursive, above"),
        pytest.param(True, "ab/file", False, id="recursive, a name that starts alike"),
    ],
)
def test_an_override_holds_in_its_directory(
    authorizer: DummyAuthorizer, home: Path, recursive: bool, path: str, expected: bool
) -> None:
    authorizer.override_perm("ann", str(home / "a"), "elradfmw", recursive=recursive)
    assert authorizer.has_perm("ann", "w", str(home / path)) is expected
    assert not authorizer.has_perm("ann", "w")
    assert authorizer.get_perms("ann") == "elr"


@pytest.mark.parametrize("order", [("a", "a/b"), ("a/b", "a")], ids=["outer first", "inner first"])
def test_the_most_specific_override_counts(authorizer: DummyAuthorizer, home: Path, order: tuple[str, str]) -> None:
    """In whatever order they were made; an inner one that does not hold for the path leaves it to the outer one."""
    letters = {"a": ("elw", True), "a/b": ("elm", False)}
    for directory in order:
        authorizer.override_perm("ann", str(home / directory), *letters[directory])
    found = {
        path: "".join(letter for letter in EVERY if authorizer.has_perm("ann", letter, str(home / path)))
        for path in ("file", "a/file", "a/b", "a/b/file", "a/b/c", "a/b/c/file")
    }
    assert found == {
        "file": "elr",
        "a/file": "elw",
        "a/b": "elm",
        "a/b/file": "elm",
        "a/b/c": "elw",
        "a/b/c/file": "elw",
    }


def test_the_home_itself_may_be_overridden(authorizer: DummyAuthorizer, home: Path) -> None:
    authorizer.override_perm("ann", str(home), "elw")
    assert authorizer.has_perm("ann", "w", str(home / "new"))
    assert not authorizer.has_perm("ann", "w", str(home / "a" / "new"))


def test_the_root_of_the_host_can_be_a_home() -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "", "/")
    authorizer.override_perm("ann", "/", "elw", recursive=True)
    assert authorizer.has_perm("ann", "w", "/etc/x")


def test_a_second_override_replaces_the_first(authorizer: DummyAuthorizer, home: Path) -> None:
    authorizer.override_perm("ann", str(home / "a"), "elw", recursive=True)
    authorizer.override_perm("ann", str(home / "a" / "." / "b" / ".."), "el")
    assert authorizer.user_table["ann"]["operms"] == {os.path.realpath(home / "a"): ("el", False)}


@pytest.mark.parametrize(
    ("name", "directory", "perm", "error"),
    [
        pytest.param("bob", "a", "el", KeyError, id="unknown user"),
        pytest.param("ann", "absent", "el", ValueError, id="missing directory"),
        pytest.param("ann", "file", "el", ValueError, id="a file"),
        pytest.param("ann", "a", "e?", ValueError, id="unknown letter"),
        pytest.param("ann", "..", "el", ValueError, id="outside"),
        pytest.param("ann", "../home2", "el", ValueError, id="a sibling that starts alike"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(
    authorizer: DummyAuthorizer, home: Path, name: str, directory: str, perm: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        authorizer.override_perm(name, str(home / directory), perm)
    assert authorizer.user_table["ann"]["operms"] == {}


def test_impersonation_does_nothing(authorizer: DummyAuthorizer) -> None:
    authorizer.impersonate_user("ann", "secret")
    authorizer.terminate_impersonation("ann")


def test_an_authorizer_error_is_no_refusal() -> None:
    assert not issubclass(AuthorizerError, AuthenticationFailed)
