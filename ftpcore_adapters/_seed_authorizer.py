"""The bridge from authorizers of the seed API to the port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, Self

from ftpcore import PeerCertificate, VirtualPath
from ftpcore.ports import Account, FileSystem
from ftpcore_adapters._passwords import is_hash
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.exceptions import AuthenticationFailed, AuthorizerError

__all__ = ["SeedAuthorizer", "SeedStyleAuthorizer", "impersonates", "impersonates_process", "refusal"]

#: What a login and the commands ask of an authorizer.  A class that overrides none of these never waits for anything.
_QUESTIONS: Final = (
    "validate_authentication",
    "has_user",
    "has_perm",
    "get_perms",
    "get_home_dir",
    "get_msg_login",
    "get_msg_quit",
)

#: The letters of all commands, for authorizers that don't name theirs.
_LETTERS: Final = "elradfmwMT"


#: The row of a user who was removed while logged in.
_NO_RIGHTS: Final[Mapping[str, object]] = {"perm": "", "operms": {}}


class SeedStyleAuthorizer(Protocol):
    """What a login and the commands ask of an authorizer of the seed API."""

    def validate_authentication(self, username: str, password: str, handler: object) -> None: ...
    def get_home_dir(self, username: str) -> str: ...
    def get_msg_login(self, username: str) -> str: ...
    def get_msg_quit(self, username: str) -> str: ...
    def get_perms(self, username: str) -> str: ...
    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool: ...


class SeedAuthorizer:
    """An authorizer of the seed API as a port.

    `validate_authentication`, `get_home_dir` and `get_msg_login` are called in this order; each may refuse the login.
    The quit message is asked for then, too: a port tells it with the account.

    If the client has shown a certificate, and the authorizer has a method `validate_certificate(username, certificate,
    handler)`, that is called first: true lets the user in (232), false has the password decide.

    Args:
        authorizer: Whose methods are called.
        handler: The third argument of `validate_authentication`.
        make_filesystem: Called with the home directory when the password was right; returns the user's filesystem and
            the virtual path of the first current directory.
    """

    def __new__(cls, authorizer: object, *_arguments: Any, **_options: Any) -> Self:  # Any: they are for __init__
        # The core asks a port about certificates that has the method.
        asked = cls is SeedAuthorizer and hasattr(authorizer, "validate_certificate")
        return super().__new__(_ByCertificate if asked else cls)  # type: ignore[return-value]  # a subclass of `cls`

    def __init__(
        self,
        authorizer: SeedStyleAuthorizer,
        handler: object,
        make_filesystem: Callable[[str], tuple[FileSystem, str]],
    ) -> None:
        self._authorizer = authorizer
        self._handler = handler
        self._make_filesystem = make_filesystem
        # A password in memory is compared inline; a hash takes long, whoever overrides something may ask a database.
        self.blocking = any(_overrides(authorizer, name) for name in _QUESTIONS) or _holds_hashes(authorizer)

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        try:
            home, login_message = self.validated(username, password)
        except AuthenticationFailed as error:
            raise AuthenticationFailed(refusal(username, str(error))) from error
        return self.account(username, home, password, login_message)

    def validated(self, username: str, password: str) -> tuple[str, str]:
        """Return the home and the login message of a user whose password is right; AuthenticationFailed if not."""
        authorizer = self._authorizer
        try:
            authorizer.validate_authentication(username, password, self._handler)
            return authorizer.get_home_dir(username), authorizer.get_msg_login(username)
        except AuthorizerError as error:
            raise AuthenticationFailed(*error.args) from error

    def account(self, username: str, home: str, password: str, login_message: str) -> Account:
        """Return the account of a user who is let in."""
        authorizer = self._authorizer
        if hasattr(self._handler, "password"):
            self._handler.password = password  # what impersonate_user is called with
        filesystem, start = self._make_filesystem(home)
        account: Callable[..., Account] = Account
        if isinstance(authorizer, DummyAuthorizer) and not _overrides(authorizer, "has_perm"):
            account = partial(_TableAccount, user_table=authorizer.user_table)
        return account(
            name=username,
            filesystem=filesystem,
            start=start,
            login_message=login_message,
            quit_message=authorizer.get_msg_quit(username),
            rights=authorizer.get_perms(username),
            rights_vary=True,
        )

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return bool(self._authorizer.has_perm(account.name, letter, _real_path(account, path)))

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        authorizer, name = self._authorizer, account.name
        letters = getattr(authorizer, "read_perms", "") + getattr(authorizer, "write_perms", "") or _LETTERS
        real_path = _real_path(account, path)
        return "".join([letter for letter in letters if authorizer.has_perm(name, letter, real_path)])


class _ByCertificate(SeedAuthorizer):
    """Of an authorizer that also knows certificates."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # Any: passed on
        super().__init__(*arguments, **options)
        self.blocking = True  # it may ask a directory

    def authenticate_certificate(self, username: str, certificate: PeerCertificate, peer: str, /) -> Account | None:
        authorizer: Any = self._authorizer  # that it has the method was looked at before
        try:
            if not authorizer.validate_certificate(username, certificate, self._handler):
                return None
            home, message = authorizer.get_home_dir(username), authorizer.get_msg_login(username)
        except AuthorizerError as error:
            raise AuthenticationFailed(*error.args) from error
        return self.account(username, home, "", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableAccount(Account):
    """An account of `DummyAuthorizer`: what its table says holds at once, and is asked for only where it varies."""

    user_table: Mapping[str, Mapping[str, object]] = field(repr=False)  # there are passwords in it

    def everywhere(self) -> str | None:
        row = self.user_table.get(self.name, _NO_RIGHTS)
        return None if row["operms"] else str(row["perm"])


def refusal(username: str, text: str) -> str:
    """Return what the client is told of a refused login; "": the usual."""
    return text or ("Anonymous access not allowed." if username == "anonymous" else "")


def impersonates(authorizer: object) -> bool:
    """Tell whether `impersonate_user` of an authorizer does anything: files are then touched as that user."""
    return hasattr(authorizer, "impersonate_user") and _overrides(authorizer, "impersonate_user")


def impersonates_process(authorizer: object) -> bool:
    """Tell whether `impersonate_user` of an authorizer may change whom the whole process acts for.

    So it is unless the class says `impersonates_thread = True`.  A class that overrides the method must say so again:
    what its base said was about another one.
    """
    if not impersonates(authorizer):
        return False
    for kind in type(authorizer).__mro__:
        stated = vars(kind)
        if "impersonates_thread" in stated:
            return not stated["impersonates_thread"]
        if "impersonate_user" in stated or "terminate_impersonation" in stated:
            break
    return True


def _overrides(authorizer: object, name: str) -> bool:
    function = getattr(authorizer, name, None)
    return getattr(function, "__func__", None) is not getattr(DummyAuthorizer, name)


def _holds_hashes(authorizer: object) -> bool:
    table = authorizer.user_table if isinstance(authorizer, DummyAuthorizer) else {}
    return any(is_hash(row.get("pwd")) for row in table.values())


def _real_path(account: Account, path: VirtualPath) -> str:
    """Return the real path of `path`; on a filesystem that has none, `path`."""
    real_path: Callable[[VirtualPath], str] | None = getattr(account.filesystem, "real_path", None)
    return path if real_path is None else real_path(path)
