"""`UnixAuthorizer`: who may log in, what is overridden, and what is refused when it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ftpcore_adapters._unix_accounts import SystemAccounts, UnixAccount
from ftpcore_adapters._unix_crypt import crypt
from ftpcore_adapters.authorizers import (
    AuthenticationFailed,
    AuthorizerError,
    BaseUnixAuthorizer,
    UnixAuthorizer,
    hash_password,
    replace_anonymous,
)
from tests.adapters.unix_people import ANN, BOB, PASSWORDS, People, authorizer_of, needs_crypt

pytestmark = needs_crypt


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def people(home: Path) -> People:
    return People.at(home)


def refusal(authorizer: Any, username: str, password: str = "") -> str:
    """Return what a client is told who can't log in."""
    with pytest.raises(AuthenticationFailed) as caught:
        authorizer.validate_authentication(username, password, None)
    return str(caught.value)


def enter(authorizer: Any, *names: str) -> None:
    for name in names:
        authorizer.validate_authentication(name, PASSWORDS[name], None)


def test_who_has_a_password_logs_in(people: People) -> None:
    authorizer = authorizer_of(people)
    enter(authorizer, "ann", "bob")
    assert refusal(authorizer, "ann", PASSWORDS["bob"]) == "Authentication failed."
    assert refusal(authorizer, "nobody-of-this-name", PASSWORDS["bob"]) == "Authentication failed."
    assert refusal(authorizer, "anonymous") == "Anonymous access not allowed."


def test_defaults_are_those_of_the_seed_api(people: People, home: Path) -> None:
    authorizer = authorizer_of(people)
    assert authorizer.get_perms("ann") == "elradfmwMT"
    assert authorizer.get_home_dir("ann") == str(home)
    assert (authorizer.get_msg_login("ann"), authorizer.get_msg_quit("ann")) == ("Login successful.", "Goodbye.")
    assert (authorizer.read_perms, authorizer.write_perms) == ("elr", "adfmwMT")
    assert authorizer.require_valid_shell is True
    assert authorizer.has_perm("ann", "w", "/anywhere")
    assert not authorizer.has_perm("ann", "x")


def test_whose_shell_is_not_valid_is_refused(people: People) -> None:
    authorizer = authorizer_of(people)
    assert "carl" in refusal(authorizer, "carl", PASSWORDS["carl"])
    assert refusal(authorizer, "carl", "wrong") == "Authentication failed."
    enter(authorizer_of(people, require_valid_shell=False), "carl")
    people.shells = None  # there is no /etc/shells
    enter(authorizer, "carl")


@pytest.mark.parametrize("lists", [{"allowed_users": ["ann"]}, {"rejected_users": ["bob", "carl"]}], ids=list)
def test_lists_say_who_may_log_in(people: People, lists: dict[str, Any]) -> None:
    authorizer = authorizer_of(people, **lists)
    enter(authorizer, "ann")
    assert "bob" in refusal(authorizer, "bob", PASSWORDS["bob"])
    assert [authorizer.has_user(name) for name in ("ann", "bob", "nobody-of-this-name")] == [True, False, False]


def test_anonymous_users_are_an_account(people: People, home: Path) -> None:
    people.accounts["ftp"] = UnixAccount("ftp", str(home), "/usr/sbin/nologin", BOB)
    authorizer = authorizer_of(people, anonymous_user="ftp", allowed_users=["ann"])
    authorizer.validate_authentication("anonymous", "me@example.org", None)
    assert authorizer.has_user("anonymous")
    assert authorizer.get_home_dir("anonymous") == str(home)
    assert authorizer.get_perms("anonymous") == "elr"
    assert refusal(authorizer, "ftp") != ""
    assert not authorizer_of(people).has_user("anonymous")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        pytest.param({"allowed_users": ["ann"], "rejected_users": ["bob"]}, AuthorizerError, "exclusive", id="both"),
        pytest.param({"allowed_users": ["anonymous"]}, AuthorizerError, "anonymous_user", id="anonymous allowed"),
        pytest.param({"rejected_users": ["anonymous"]}, AuthorizerError, "anonymous_user", id="anonymous rejected"),
        pytest.param({"allowed_users": ["zoe"]}, AuthorizerError, "no such user 'zoe'", id="unknown allowed"),
        pytest.param({"rejected_users": ["zoe"]}, AuthorizerError, "no such user 'zoe'", id="unknown rejected"),
        pytest.param({"anonymous_user": "zoe"}, AuthorizerError, "no such user 'zoe'", id="unknown anonymous"),
        pytest.param({"anonymous_user": "homeless"}, AuthorizerError, "no home directory", id="no home"),
        pytest.param({"allowed_users": ["carl"]}, AuthorizerError, "shell", id="no shell"),
        pytest.param({"allowed_users": "ann"}, TypeError, "list of names", id="a text for a list"),
        pytest.param({"global_perm": "elx"}, ValueError, "no such permission 'x'", id="letter"),
    ],
)
def test_what_is_refused_when_it_is_made(
    people: People, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    people.accounts["homeless"] = UnixAccount("homeless", "/nonexistent", "/bin/sh", ANN)
    with pytest.raises(error, match=text):
        authorizer_of(people, **options)


def test_the_shell_of_who_is_allowed_counts_only_if_it_is_required(people: People) -> None:
    enter(authorizer_of(people, allowed_users=["carl"], require_valid_shell=False), "carl")


def test_the_process_must_be_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for kind in (UnixAuthorizer, BaseUnixAuthorizer):
        with pytest.raises(AuthorizerError, match="super user privileges are required"):
            kind()


def test_a_choice_of_passwords_that_there_is_not_is_refused(people: People) -> None:
    with pytest.raises(ValueError, match="passwords='shadows'"):
        UnixAuthorizer(passwords="shadows", accounts=people)
    with pytest.raises(ValueError, match="leave one of them out"):
        UnixAuthorizer(passwords="shadow", pam_service="ftp", accounts=people)


def test_whoever_checks_passwords_is_told_the_address(people: People) -> None:
    asked: list[tuple[str, str, str]] = []

    class Check:
        def check(self, username: str, password: str, peer: str, /) -> bool:
            asked.append((username, password, peer))
            return True

        def spend(self, password: str, /) -> None: ...

    class Handler:
        remote_ip = "192.0.2.1"

    authorizer = UnixAuthorizer(passwords=Check(), accounts=people)
    authorizer.validate_authentication("ann", "x", Handler())
    authorizer.validate_authentication("ann", "y", None)
    assert refusal(authorizer, "zoe", "z") == "Authentication failed."
    assert asked == [("ann", "x", "192.0.2.1"), ("ann", "y", ""), ("zoe", "z", "")]


# -- overrides ---------------------------------------------------------------------------------------------------------


def test_what_is_overridden_holds_for_that_user_alone(people: People, home: Path, tmp_path: Path) -> None:
    authorizer = authorizer_of(people, msg_login="Hello.", msg_quit="Bye.", global_perm="el")
    authorizer.override_user("ann", "secret", tmp_path, "elr", "Hello, Ann.", "Bye, Ann.")
    authorizer.validate_authentication("ann", "secret", None)
    assert refusal(authorizer, "ann", PASSWORDS["ann"]) == "Authentication failed."
    enter(authorizer, "bob")
    told = [
        (getattr(authorizer, f"get_{what}")("ann"), getattr(authorizer, f"get_{what}")("bob"))
        for what in ("home_dir", "perms", "msg_login", "msg_quit")
    ]
    assert told == [(str(tmp_path), str(home)), ("elr", "el"), ("Hello, Ann.", "Hello."), ("Bye, Ann.", "Bye.")]


def test_a_second_override_replaces_the_first_entirely(people: People) -> None:
    authorizer = authorizer_of(people)
    authorizer.override_user("ann", password="secret", perm="el")
    authorizer.override_user("ann", msg_quit="Bye.")
    enter(authorizer, "ann")
    assert authorizer.get_perms("ann") == "elradfmwMT"
    assert authorizer.get_msg_quit("ann") == "Bye."


def test_a_password_may_be_overridden_by_a_hash(people: People) -> None:
    authorizer = authorizer_of(people)
    secret = hash_password("secret", ln=4)
    authorizer.override_user("ann", password=secret)
    authorizer.validate_authentication("ann", "secret", None)
    assert refusal(authorizer, "ann", secret) == "Authentication failed."


def test_anonymous_users_may_have_a_home_of_their_own(people: People, home: Path, tmp_path: Path) -> None:
    authorizer = authorizer_of(people, anonymous_user="bob")
    authorizer.override_user("bob", homedir=tmp_path)
    assert authorizer.get_home_dir("anonymous") == str(tmp_path)
    authorizer.override_user("anonymous", homedir=home, perm="e")
    assert authorizer.get_home_dir("anonymous") == str(home)
    assert authorizer.get_perms("anonymous") == "e"


@pytest.mark.parametrize(
    ("username", "options", "error", "text"),
    [
        pytest.param("ann", {}, AuthorizerError, "nothing is overridden", id="nothing"),
        pytest.param("zoe", {"perm": "elr"}, AuthorizerError, "may not log in", id="unknown"),
        pytest.param("bob", {"perm": "elr"}, AuthorizerError, "may not log in", id="not allowed"),
        pytest.param("carl", {"perm": "elr"}, AuthorizerError, "shell", id="no shell"),
        pytest.param("anonymous", {"password": "x"}, AuthorizerError, "have no password", id="anonymous"),
        pytest.param("ann", {"perm": "x"}, ValueError, "no such permission 'x'", id="letter"),
        pytest.param("ann", {"homedir": "/nonexistent"}, ValueError, "no such directory", id="home"),
    ],
)
def test_overrides_that_are_refused(
    people: People, username: str, options: dict[str, str], error: type[Exception], text: str
) -> None:
    people.shells = None
    authorizer = authorizer_of(people, allowed_users=["ann", "carl"], anonymous_user="ann")
    people.shells = frozenset({"/bin/sh"})
    with pytest.raises(error, match=text):
        authorizer.override_user(username, **options)


def test_an_unknown_or_rejected_user_is_not_overridden(people: People) -> None:
    authorizer = authorizer_of(people, rejected_users=["bob"])
    with pytest.raises(AuthorizerError, match="no such user 'zoe'"):
        authorizer.override_user("zoe", perm="elr")
    with pytest.raises(AuthorizerError, match="may not log in"):
        authorizer.override_user("bob", perm="elr")
    with pytest.raises(AuthorizerError, match="no such user 'anonymous'"):
        authorizer.override_user("anonymous", perm="elr")


# -- subclasses --------------------------------------------------------------------------------------------------------


def test_texts_may_be_overridden(people: People) -> None:
    class Terse(UnixAuthorizer):
        msg_no_such_user = "Who?"
        msg_wrong_password = "No."
        msg_anon_not_allowed = "Nobody?"
        msg_invalid_shell = "%s: shell?"
        msg_rejected_user = "%s: no."

    authorizer = authorizer_of(people, kind=Terse, rejected_users=["bob"])
    told = [refusal(authorizer, *who) for who in (("zoe",), ("ann",), ("anonymous",), ("carl", "paper-clip"), ("bob",))]
    assert told == ["Who?", "No.", "Nobody?", "carl: shell?", "bob: no."]
    with pytest.raises(AuthorizerError, match=r"Who\?"):
        authorizer.get_home_dir("zoe")


def test_letters_of_own_commands_may_be_given(people: People) -> None:
    class Signing(UnixAuthorizer):
        write_perms = UnixAuthorizer.write_perms + "s"

    authorizer = authorizer_of(people, "els", kind=Signing)
    assert authorizer.has_perm("ann", "s")


def test_the_base_lets_all_accounts_in(people: People, home: Path) -> None:
    authorizer = authorizer_of(people, kind=cast("type[UnixAuthorizer]", BaseUnixAuthorizer), anonymous_user="bob")
    enter(authorizer, "ann", "carl")
    assert refusal(authorizer, "zoe") == refusal(authorizer, "ann") == "Authentication failed."
    assert authorizer.has_user("anonymous")
    assert not authorizer.has_user("zoe")
    assert authorizer.get_home_dir("anonymous") == str(home)
    assert authorizer.get_perms("ann") == "elradfmwMT"
    assert (authorizer.get_msg_login("ann"), authorizer.get_msg_quit("ann")) == ("Login successful.", "Goodbye.")


def test_a_method_may_have_the_account_of_anonymous_users_instead(people: People) -> None:
    class Naming(BaseUnixAuthorizer):
        @replace_anonymous
        def name_of(self, username: str, ending: str) -> str:
            """Return it."""
            return username + ending

    for anonymous_user, expected in (("bob", "bob."), (None, "anonymous.")):
        authorizer = authorizer_of(people, kind=cast("type[UnixAuthorizer]", Naming), anonymous_user=anonymous_user)
        assert authorizer.name_of("anonymous", ending=".") == expected
        assert authorizer.name_of("ann", ".") == "ann."
    assert Naming.name_of.__doc__ == "Return it."


# -- the system's accounts ---------------------------------------------------------------------------------------------


def test_the_accounts_of_the_system_are_found_by_their_exact_names() -> None:
    accounts = SystemAccounts()
    root = accounts.account("root")
    assert (root.name, root.credentials.uid, root.credentials.gid) == ("root", 0, 0)
    assert 0 in root.credentials.groups
    for name in ("", "nobody-of-this-name", "ROOT", "root ", "root\0", "root\udcff", "root\ud800", "r" * 100_000):
        with pytest.raises(KeyError):
            accounts.account(name)


def test_shells_are_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "shells"
    accounts = SystemAccounts(str(file))
    assert accounts.valid_shells() is None
    file.write_bytes(b"# which may be used\n/bin/sh\n  /bin/b\xffsh # this one too\n\n")
    assert accounts.valid_shells() == {"/bin/sh", "/bin/b\udcffsh"}


def test_the_time_of_a_login_does_not_tell_whether_a_password_is_overridden(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorizer = authorizer_of(people)
    authorizer.override_user("ann", password="secret")
    calls: list[str] = []

    def counted(password: str, setting: str) -> str | None:
        calls.append(setting)
        return crypt(password, setting)

    monkeypatch.setattr("ftpcore_adapters._unix_crypt.crypt", counted)
    counts = []
    for name in ("ann", "bob", "zoe"):
        calls.clear()
        refusal(authorizer, name, "wrong")
        counts.append(len(calls))
    assert counts == [1, 1, 1]
