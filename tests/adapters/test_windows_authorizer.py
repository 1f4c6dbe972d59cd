"""`WindowsAuthorizer` on a machine that the test brings along: its accounts, its tokens, and whom each thread acts for.

What pywin32 itself does is not tried here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import pytest

from ftpcore_adapters._credentials_loss import CredentialsLost
from ftpcore_adapters._windows_authorizer import _MOST_TOKENS
from ftpcore_adapters.authorizers import (
    AuthenticationFailed,
    AuthorizerError,
    BaseWindowsAuthorizer,
    WindowsAuthorizer,
)
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.seed import impersonates_process
from ftpcore_adapters.servers import FTPServer, ThreadedFTPServer
from tests.adapters.anyio_serving import AnyioServe
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, PATIENCE, USER, LogLines, received

BOBS: str = "battery-staple"


class Account(NamedTuple):
    name: str
    password: str
    profile: str | None


class Token(NamedTuple):
    name: str


class Machine:
    """A Windows machine: names without case, log-ons by password, tokens that a thread acts by.

    Attributes:
        logged_on: The names of all log-ons that came off.
        stuck: Nobody can become anybody any more.
    """

    def __init__(self, *accounts: Account) -> None:
        self._accounts = {account.name.upper(): account for account in accounts}
        self._thread = threading.local()
        self.logged_on: list[str] = []
        self.stuck = False

    def profile_directory(self, name: str, /) -> str | None:
        return self._accounts[name.upper()].profile

    def log_on(self, name: str, password: str, /) -> object:
        account = self._accounts.get(name.upper())
        if account is None or account.password != password:
            raise OSError(13, "The user name or password is incorrect")
        self.logged_on.append(account.name)
        return Token(account.name)

    def impersonate(self, token: object, /) -> None:
        self._check()
        self._thread.token = token

    def revert(self) -> None:
        self._check()
        self._thread.token = None

    def acting(self) -> str | None:
        """Return whom this thread acts for; None: the process."""
        token: Token | None = getattr(self._thread, "token", None)
        return None if token is None else token.name

    def forget(self, name: str) -> None:
        del self._accounts[name.upper()]

    def _check(self) -> None:
        if self.stuck:
            raise OSError(5, "Access is denied")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile/file").touch()
    return tmp_path / "profile"


@pytest.fixture
def machine(home: Path) -> Machine:
    return Machine(
        Account(USER, PASSWORD, str(home)),
        Account("Bob", BOBS, str(home)),
        Account("New", "new", None),
        Account("Lost", "lost", str(home / "missing")),
    )


def refusal(authorizer: Any, username: str, password: str = "") -> str:
    """Return what a client is told who can't log in."""
    with pytest.raises(AuthenticationFailed) as caught:
        authorizer.validate_authentication(username, password, None)
    return str(caught.value)


# -- who may log in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [WindowsAuthorizer, BaseWindowsAuthorizer])
def test_whom_windows_logs_on_logs_in(machine: Machine, home: Path, kind: type[BaseWindowsAuthorizer]) -> None:
    authorizer = kind(logons=machine)
    authorizer.validate_authentication(USER, PASSWORD, None)
    authorizer.validate_authentication("BOB", BOBS, None)
    assert {refusal(authorizer, name, "wrong") for name in (USER, "nobody-of-this-name", "")} == {
        "Authentication failed."
    }
    assert refusal(authorizer, "anonymous") == "Anonymous access not allowed."
    assert [authorizer.has_user(name) for name in (USER, "BOB", "zoe", "", "anonymous")] == [True, True, *[False] * 3]
    assert authorizer.get_home_dir("bob") == str(home)
    assert authorizer.get_perms(USER) == "elradfmwMT"
    assert authorizer.has_perm(USER, "w", "C:/anywhere")
    assert (authorizer.get_msg_login(USER), authorizer.get_msg_quit(USER)) == ("Login successful.", "Goodbye.")


def test_a_home_is_a_profile_directory(machine: Machine) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    for name, text in (("New", "no profile directory"), ("zoe", "Authentication failed.")):
        with pytest.raises(AuthorizerError, match=text):
            authorizer.get_home_dir(name)


@pytest.mark.parametrize("name", ["BOB", "bob", "Bob"])
def test_lists_do_not_look_at_case(machine: Machine, name: str) -> None:
    """As the system doesn't: it would log BOB on as Bob."""
    rejecting = WindowsAuthorizer(rejected_users=["bOB"], logons=machine)
    assert name in refusal(rejecting, name, BOBS)
    assert not rejecting.has_user(name)
    WindowsAuthorizer(allowed_users=["bOB"], logons=machine).validate_authentication(name, BOBS, None)


@pytest.mark.parametrize(
    "name", ["HOST\\Bob", "HOST/Bob", "Bob@host", ".\\Bob", "Bob ", " Bob", "Bob.", "Bob\0", "Bob\n", "Bob\udcff"]
)
def test_other_names_of_an_account_are_none(home: Path, name: str) -> None:
    """Else who is rejected by one name would come in by another."""

    class Lax(Machine):
        def log_on(self, name: str, password: str, /) -> object:
            if "\udcff" in name:
                raise UnicodeEncodeError("utf-16", name, 0, 1, "surrogates not allowed")
            return super().log_on("Bob", password)

        def profile_directory(self, name: str, /) -> str | None:
            return super().profile_directory("Bob")

    authorizer = WindowsAuthorizer(rejected_users=["Bob"], logons=Lax(Account("Bob", BOBS, str(home))))
    assert refusal(authorizer, name, BOBS) == "Authentication failed."
    assert "\udcff" in name or not authorizer.has_user(name)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        pytest.param({"allowed_users": [USER], "rejected_users": ["Bob"]}, AuthorizerError, "exclusive", id="both"),
        pytest.param({"allowed_users": ["Anonymous"]}, AuthorizerError, "anonymous_user", id="anonymous allowed"),
        pytest.param({"rejected_users": ["zoe"]}, AuthorizerError, "no such user 'zoe'", id="unknown"),
        pytest.param({"anonymous_user": "zoe"}, AuthorizerError, "no such user 'zoe'", id="unknown anonymous"),
        pytest.param({"anonymous_user": "New"}, AuthorizerError, "no profile directory", id="no profile"),
        pytest.param({"anonymous_user": "Lost"}, AuthorizerError, "no home directory", id="no home"),
        pytest.param({"anonymous_user": "Bob"}, AuthorizerError, "does not log 'Bob' on", id="no password"),
        pytest.param(
            {"anonymous_user": "Bob", "anonymous_password": "x"}, AuthorizerError, "incorrect", id="wrong password"
        ),
        pytest.param({"global_perm": "x"}, ValueError, "no such permission 'x'", id="letter"),
    ],
)
def test_what_is_refused_when_it_is_made(
    machine: Machine, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        WindowsAuthorizer(logons=machine, **options)
    assert machine.acting() is None


def test_anonymous_users_are_an_account(machine: Machine, home: Path) -> None:
    authorizer = WindowsAuthorizer(anonymous_user="Bob", anonymous_password=BOBS, logons=machine)
    assert machine.logged_on == ["Bob"], "the password is tried at once"
    assert machine.acting() is None
    authorizer.validate_authentication("anonymous", "me@example.org", None)
    assert authorizer.has_user("anonymous")
    assert authorizer.get_home_dir("anonymous") == str(home)
    assert authorizer.get_perms("anonymous") == "elr"
    authorizer.impersonate_user("anonymous", "me@example.org")
    assert machine.acting() == "Bob"
    authorizer.terminate_impersonation("anonymous")
    assert machine.acting() is None


def test_all_but_the_password_may_be_overridden(machine: Machine, tmp_path: Path) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    authorizer.override_user("bob", homedir=tmp_path, perm="elr", msg_login="Hello.", msg_quit="Bye.")
    assert authorizer.get_home_dir("BOB") == str(tmp_path)
    assert authorizer.get_perms("Bob") == "elr"
    assert (authorizer.get_msg_login("Bob"), authorizer.get_msg_quit("Bob")) == ("Hello.", "Bye.")
    with pytest.raises(AuthorizerError, match="leave password out"):
        authorizer.override_user("bob", password="secret")

    class Itself(WindowsAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None: ...

    itself = Itself(logons=machine)
    itself.override_user("bob", password="secret")
    itself.validate_authentication("BOB", "secret", None)
    assert refusal(itself, "BOB", BOBS) == "Authentication failed."


@pytest.mark.skipif(sys.platform == "win32", reason="here is Windows")
@pytest.mark.parametrize("kind", [WindowsAuthorizer, BaseWindowsAuthorizer])
def test_elsewhere_an_error_says_what_to_do(kind: type[BaseWindowsAuthorizer]) -> None:
    with pytest.raises(AuthorizerError, match="use UnixAuthorizer here"):
        kind()


# -- whom threads act for ----------------------------------------------------------------------------------------------


def test_one_within_the_other_comes_back_step_by_step(machine: Machine) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    seen = []
    authorizer.impersonate_user(USER, PASSWORD)
    authorizer.impersonate_user("Bob", BOBS)
    seen.append(machine.acting())
    for _ in range(3):  # one more than there are
        authorizer.terminate_impersonation("Bob")
        seen.append(machine.acting())
    assert seen == ["Bob", USER, None, None]


def test_a_login_logs_on_once_for_all_that_follows(machine: Machine) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    authorizer.validate_authentication("bob", BOBS, None)
    for _ in range(3):
        authorizer.impersonate_user("BOB", BOBS)
        authorizer.terminate_impersonation("BOB")
    assert machine.logged_on == ["Bob"]
    authorizer.validate_authentication("bob", BOBS, None)
    assert machine.logged_on == ["Bob", "Bob"], "a login asks the system, whatever is kept"


def test_tokens_are_kept_up_to_a_number(home: Path) -> None:
    names = [f"user{number}" for number in range(_MOST_TOKENS + 1)]
    machine = Machine(*[Account(name, "secret", str(home)) for name in names])
    authorizer = WindowsAuthorizer(logons=machine)
    for name in names:
        authorizer.validate_authentication(name, "secret", None)
    assert len(authorizer._tokens) == _MOST_TOKENS
    authorizer.impersonate_user(names[0], "secret")
    assert (machine.acting(), machine.logged_on[-1]) == (names[0], names[0])
    authorizer.terminate_impersonation(names[0])
    machine.forget(names[1])  # whose token has made way for that of the first
    with pytest.raises(AuthorizerError, match="does not log 'user1' on"):
        authorizer.impersonate_user(names[1], "secret")
    assert machine.acting() is None


def test_who_can_not_become_the_user_stays_itself(machine: Machine) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    machine.stuck = True
    with pytest.raises(OSError, match="Access is denied"):
        authorizer.impersonate_user("Bob", BOBS)
    machine.stuck = False
    authorizer.terminate_impersonation("Bob")
    assert machine.acting() is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # pytest notes SystemExit, too
def test_a_thread_that_can_not_become_itself_again_ends(machine: Machine) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    seen: list[object] = []

    def work() -> None:
        authorizer.impersonate_user("Bob", BOBS)
        machine.stuck = True
        try:
            authorizer.terminate_impersonation("Bob")
        except CredentialsLost:  # as the thread of a pool would
            machine.stuck = False
            with pytest.raises(CredentialsLost):
                authorizer.impersonate_user("Bob", BOBS)
            with pytest.raises(CredentialsLost):
                authorizer.terminate_impersonation("Bob")
            seen.append("lost")
            raise
        seen.append("went on")

    with LogLines() as log:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(PATIENCE)
    assert seen == ["lost"]
    assert len(log.errors) == 1
    authorizer.impersonate_user("Bob", BOBS)  # other threads go on
    authorizer.terminate_impersonation("Bob")


def test_threads_never_mix(machine: Machine) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    start = threading.Barrier(4)

    def work(name: str, password: str) -> set[tuple[str | None, str | None]]:
        start.wait(PATIENCE)
        seen = set()
        for _ in range(1000):
            authorizer.impersonate_user(name, password)
            within = machine.acting()
            authorizer.terminate_impersonation(name)
            seen.add((within, machine.acting()))
        return seen

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(work, [USER, "Bob"] * 2, [PASSWORD, BOBS] * 2))
    assert seen == [{(USER, None)}, {("Bob", None)}] * 2


# -- over FTP ----------------------------------------------------------------------------------------------------------


class Noting(AbstractedFS):
    """Notes whom each listing acts for."""

    machine: ClassVar[Machine]
    seen: ClassVar[list[str | None]]

    def listdir(self, path: str) -> list[str]:
        self.seen.append(self.machine.acting())
        return ["file"]


@pytest.fixture
def noting(machine: Machine) -> Iterator[type[Noting]]:
    yield cast("type[Noting]", type("Here", (Noting,), {"machine": machine, "seen": []}))
    assert machine.acting() is None


@pytest.mark.parametrize("server_class", [FTPServer, ThreadedFTPServer])
def test_files_are_touched_as_the_user(
    serve: Serve, machine: Machine, noting: type[Noting], server_class: type[FTPServer]
) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    assert not impersonates_process(authorizer)
    client = serve(server_class=server_class, authorizer=authorizer, abstracted_fs=noting).login()
    data = client.data()
    assert client.command("NLST") == 150
    assert received(data) == b"file\r\n"
    assert client.code() == 226
    assert set(noting.seen) == {USER}
    assert machine.logged_on == [USER]


def test_files_are_touched_as_the_user_in_worker_threads(
    anyio_serve: AnyioServe, machine: Machine, noting: type[Noting]
) -> None:
    authorizer = WindowsAuthorizer(logons=machine)
    client = anyio_serve(authorizer=authorizer, abstracted_fs=noting).login()
    data = client.data()
    assert client.command("NLST") == 150
    assert received(data) == b"file\r\n"
    assert client.code() == 226
    assert set(noting.seen) == {USER}
