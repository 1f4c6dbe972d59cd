"""What authorizers for the accounts of an operating system share: who of them may log in, and what is overridden."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from ftpcore_adapters._passwords import check_password, costs_of
from ftpcore_adapters.exceptions import AuthenticationFailed, AuthorizerError

__all__ = ["ANONYMOUS", "AccountRules", "SystemAuthorizer", "peer_of", "replace_anonymous"]

ANONYMOUS: Final = "anonymous"

_ANONYMOUS_RIGHTS: Final = "elr"

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound="SystemAuthorizer")


def replace_anonymous(method: Callable[Concatenate[A, str, P], R]) -> Callable[Concatenate[A, str, P], R]:
    """Have a method called with the account of anonymous users in place of "anonymous", if there is one."""

    @wraps(method)
    def replaced(self: A, username: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if username == ANONYMOUS and self.anonymous_user:
            username = self.anonymous_user
        return method(self, username, *args, **kwargs)

    return replaced


class SystemAuthorizer(ABC):
    """Accounts of the system: all may log in, with their own passwords and rights to everything."""

    read_perms = "elr"
    write_perms = "adfmwMT"
    msg_no_such_user = "Authentication failed."
    msg_wrong_password = "Authentication failed."
    msg_anon_not_allowed = "Anonymous access not allowed."

    anonymous_user: str | None
    """The account that "anonymous" stands for; None: such users are refused."""

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless this is the password of the account, or anonymous users may come in."""
        if username == ANONYMOUS:
            if self.anonymous_user is None:
                raise AuthenticationFailed(self.msg_anon_not_allowed)
            return
        self.check_password(username, password, handler)

    @abstractmethod
    def check_password(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless this is the password of an account."""

    def has_user(self, username: str) -> bool:
        """Tell whether there is such an account; for "anonymous", whether such users may come in."""
        if username == ANONYMOUS:
            return self.anonymous_user is not None and self._exists(self.anonymous_user)
        return self._exists(username)

    @abstractmethod
    def get_home_dir(self, username: str) -> str:
        """Return the home of the account; AuthorizerError if there is none."""

    def get_msg_login(self, username: str) -> str:
        return "Login successful."

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."

    def get_perms(self, username: str) -> str:
        """Return the letters that the user holds."""
        return self.read_perms + self.write_perms

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        """Tell whether the user holds the letter `perm`, which is the same on all paths."""
        return perm in self.get_perms(username)

    @abstractmethod
    def _exists(self, username: str) -> bool:
        """Tell whether there is an account of this name."""

    def _spend(self, password: str) -> None:  # noqa: B027  who does not know the cost does nothing
        """Cost what `check_password` costs, where that is known."""

    def _key(self, username: str) -> str:
        """Return what is the same for all names of an account."""
        return username

    def _check_letters(self, perm: str) -> None:
        for letter in perm:
            if letter not in self.read_perms + self.write_perms:
                raise ValueError(f"no such permission {letter!r}")

    def _check_anonymous_user(self) -> None:
        """Raise AuthorizerError if it names nobody, or somebody without a home."""
        if self.anonymous_user is None:
            return
        if not self.has_user(ANONYMOUS):
            raise AuthorizerError(f"anonymous_user: no such user {self.anonymous_user!r}")
        home = self.get_home_dir(ANONYMOUS)
        if not os.path.isdir(home):
            raise AuthorizerError(f"anonymous_user: {self.anonymous_user!r} has no home directory: {home!r} is none")


class _Override(NamedTuple):
    """What holds for a user instead of what holds for all; None: nothing else."""

    password: str | None = None
    home: str | None = None
    perm: str | None = None
    msg_login: str | None = None
    msg_quit: str | None = None


class AccountRules(SystemAuthorizer):
    """Lists of who may log in and who may not, and overrides for single users, above a `SystemAuthorizer`."""

    msg_rejected_user = "User %s is not allowed to log in."

    global_perm: str
    allowed_users: list[str]
    rejected_users: list[str]
    msg_login: str
    msg_quit: str

    def _set_rules(
        self,
        global_perm: str,
        allowed_users: Iterable[str] | None,
        rejected_users: Iterable[str] | None,
        msg_login: str,
        msg_quit: str,
    ) -> None:
        """Set the attributes of the same names, and check them."""
        self._check_letters(global_perm)
        self.global_perm = global_perm
        self.allowed_users = _names("allowed_users", allowed_users)
        self.rejected_users = _names("rejected_users", rejected_users)
        self.msg_login, self.msg_quit = str(msg_login), str(msg_quit)
        self._overrides: dict[str, _Override] = {}
        if self.allowed_users and self.rejected_users:
            raise AuthorizerError("allowed_users and rejected_users are mutually exclusive: give one of them")
        for option in ("allowed_users", "rejected_users"):
            for name in getattr(self, option):
                if self._key(name) == self._key(ANONYMOUS):
                    raise AuthorizerError(f"{option}: {name!r} is no account; use anonymous_user to let such users in")
                if not super().has_user(name):
                    raise AuthorizerError(f"{option}: no such user {name!r}")

    def override_user(
        self,
        username: str,
        password: str | None = None,
        homedir: str | os.PathLike[str] | None = None,
        perm: str | None = None,
        msg_login: str | None = None,
        msg_quit: str | None = None,
    ) -> None:
        """Let something else hold for a user; a second call replaces the first entirely.

        `password` is the password, or what `hash_password` made of it.

        Raises:
            AuthorizerError: There is nothing to override, no such user, or one who may not log in.
            ValueError: There is no such directory or permission.
        """
        if all(value is None for value in (password, homedir, perm, msg_login, msg_quit)):
            raise AuthorizerError("override_user: nothing is overridden; give at least one of its keyword arguments")
        self._check_may_override(username)
        if self._key(username) == self._key(ANONYMOUS) and password is not None:
            raise AuthorizerError("override_user: anonymous users have no password; leave it out")
        home = None if homedir is None else os.path.realpath(homedir)
        if home is not None and not os.path.isdir(home):
            raise ValueError(f"no such directory: {homedir!r}")
        if perm is not None:
            self._check_letters(perm)
        self._overrides[self._key(username)] = _Override(password, home, perm, msg_login, msg_quit)

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless the user may log in with this password."""
        if username != ANONYMOUS and self._is_rejected(username):
            raise AuthenticationFailed(self.msg_rejected_user % username)
        super().validate_authentication(username, password, handler)

    def check_password(self, username: str, password: str, handler: object) -> None:
        secret = self._override(username).password
        # The same work for all whose passwords are compared here, and for the others before they are checked there.
        costs = costs_of([override.password for override in list(self._overrides.values())])
        right = check_password(secret, password, costs)
        if secret is None:
            super().check_password(username, password, handler)  # type: ignore[safe-super]  # the other base has it
            return
        self._spend(password)
        if not right:
            raise AuthenticationFailed(self.msg_wrong_password)

    def has_user(self, username: str) -> bool:
        """Tell whether there is such an account, which may log in."""
        if username != ANONYMOUS and self._is_rejected(username):
            return False
        return super().has_user(username)

    def get_home_dir(self, username: str) -> str:
        for name in (username, self._account_name(username)):
            home = self._override(name).home
            if home is not None:
                return home
        return super().get_home_dir(username)  # type: ignore[safe-super]  # as above

    def get_perms(self, username: str) -> str:
        perm = self._override(username).perm
        if perm is not None:
            return perm
        return _ANONYMOUS_RIGHTS if username == ANONYMOUS else self.global_perm

    def get_msg_login(self, username: str) -> str:
        message = self._override(username).msg_login
        return self.msg_login if message is None else message

    def get_msg_quit(self, username: str) -> str:
        message = self._override(username).msg_quit
        return self.msg_quit if message is None else message

    def _check_may_override(self, username: str) -> None:
        if self._key(username) != self._key(ANONYMOUS) and self._is_rejected(username):
            raise AuthorizerError(f"override_user: {username!r} may not log in, by allowed_users or rejected_users")
        if not self.has_user(username):
            raise AuthorizerError(f"override_user: no such user {username!r}")

    def _is_rejected(self, username: str) -> bool:
        key = self._key(username)
        if key in map(self._key, self.rejected_users):
            return True
        return bool(self.allowed_users) and key not in map(self._key, self.allowed_users)

    def _override(self, username: str) -> _Override:
        return self._overrides.get(self._key(username), _Override())

    def _account_name(self, username: str) -> str:
        return self.anonymous_user if username == ANONYMOUS and self.anonymous_user else username


def _names(option: str, names: Iterable[str] | None) -> list[str]:
    if isinstance(names, str):
        raise TypeError(f"{option}={names!r}; expected a list of names, as [{names!r}]")
    return list(names or ())


def peer_of(handler: Any) -> str:
    """Return the client's address as the handler has it; "" if it has none."""
    return str(getattr(handler, "remote_ip", "") or "")
