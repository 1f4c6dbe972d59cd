"""Authorizers for the accounts of a Windows machine: their passwords, their profiles, and files touched as they."""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from ftpcore_adapters._credentials_loss import CredentialsLost, give_up
from ftpcore_adapters._system_authorizer import ANONYMOUS, AccountRules, SystemAuthorizer, replace_anonymous
from ftpcore_adapters._windows_logons import SystemLogons, WindowsLogons
from ftpcore_adapters.exceptions import AuthenticationFailed, AuthorizerError

__all__ = ["BaseWindowsAuthorizer", "WindowsAuthorizer"]

#: Characters that no account of a machine has, and which would make a name one of another machine, or of a domain.
_FOREIGN: Final = re.compile(r'["/\\\[\]:;|=,+*?<>@\x00-\x1f\x7f]')

#: Tokens that are kept.  One takes a handle; another one takes a log-on, which is noted in the system's records.
_MOST_TOKENS: Final = 256


class BaseWindowsAuthorizer(SystemAuthorizer):
    """The accounts of the machine as they are, to derive an authorizer from.

    Files are touched as the user, by the thread that does so and no other: any server may run it.  Names are those of
    the machine itself, not of a domain, and their case does not count.

    Args:
        anonymous_user: The account that "anonymous" stands for, with any password; None: such users are refused.
        anonymous_password: The password of that account; it is tried at once.
        logons: What is asked of the system; None: pywin32.

    Raises:
        AuthorizerError: This is not Windows, or there is no pywin32; or `anonymous_user` is unknown, has no home, or
            another password.
    """

    impersonates_thread = True
    """As for `BaseUnixAuthorizer`."""

    def __init__(
        self,
        anonymous_user: str | None = None,
        anonymous_password: str | None = None,
        *,
        logons: WindowsLogons | None = None,
    ) -> None:
        self.anonymous_user = anonymous_user
        self.anonymous_password = anonymous_password
        self._logons: WindowsLogons = SystemLogons() if logons is None else logons
        self._tokens: OrderedDict[str, object] = OrderedDict()
        """Of the accounts that logged on latest: each call that touches a file needs one."""
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._check_anonymous_user()
        if anonymous_user is not None:
            self.impersonate_user(ANONYMOUS, "")
            self.terminate_impersonation(ANONYMOUS)

    def check_password(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless the system logs the account on with this password."""
        if not self._is_name(username):
            raise AuthenticationFailed(self.msg_no_such_user)
        try:
            token = self._logons.log_on(username, password)
        except (OSError, ValueError):  # NUL, or what no client can send
            raise AuthenticationFailed(self.msg_wrong_password) from None
        self._keep(username, token)

    @replace_anonymous
    def get_home_dir(self, username: str) -> str:
        """Return the profile directory of the account; AuthorizerError if there is none."""
        try:
            home = self._logons.profile_directory(username) if self._is_name(username) else None
        except KeyError:
            raise AuthorizerError(self.msg_no_such_user) from None
        if home is None:
            raise AuthorizerError(f"user {username} has no profile directory: nobody has worked there as this user yet")
        return home

    def impersonate_user(self, username: str, password: str) -> None:
        """Become the user in this thread, until `terminate_impersonation`; by the token of the latest login, if kept.

        Raises:
            AuthorizerError: The system does not log the account on with this password.
            OSError: The system refuses.
        """
        tokens = self._impersonated()
        token = self._token(username, password)
        tokens.append(token)
        try:
            self._logons.impersonate(token)
        except BaseException:
            tokens.pop()
            raise

    def terminate_impersonation(self, username: str) -> None:
        """Become whoever it was before, or end: the thread, or the process if this is its main thread."""
        tokens = self._impersonated()
        if not tokens:
            return
        try:
            # Reverting makes the thread what the process is, however many impersonate it.
            if len(tokens) > 1:
                self._logons.impersonate(tokens[-2])
            else:
                self._logons.revert()
        except OSError as error:
            self._thread.lost = True  # for whoever catches what is raised
            give_up(error)
        tokens.pop()

    def _impersonated(self) -> list[object]:
        """Return whom this thread acts for, the latest last."""
        if getattr(self._thread, "lost", False):
            raise CredentialsLost("this thread could not become itself again, and must not go on")
        try:
            tokens: list[object] = self._thread.tokens
        except AttributeError:
            tokens = self._thread.tokens = []
        return tokens

    def _token(self, username: str, password: str) -> object:
        if username == ANONYMOUS and self.anonymous_user:
            username, password = self.anonymous_user, self.anonymous_password or ""
        with self._lock:
            token = self._tokens.get(self._key(username))
            if token is not None:
                self._tokens.move_to_end(self._key(username))
                return token
        try:
            token = self._logons.log_on(username, password)
        except OSError as error:
            raise AuthorizerError(f"Windows does not log {username!r} on: {error.strerror}") from error
        self._keep(username, token)
        return token

    def _keep(self, username: str, token: object) -> None:
        with self._lock:
            self._tokens[self._key(username)] = token
            self._tokens.move_to_end(self._key(username))
            while len(self._tokens) > _MOST_TOKENS:
                self._tokens.popitem(last=False)

    def _exists(self, username: str) -> bool:
        if not self._is_name(username):
            return False
        try:
            self._logons.profile_directory(username)
        except KeyError:
            return False
        return True

    def _is_name(self, username: str) -> bool:
        """Tell whether an account of this machine can have this name; Windows cuts some ends of names off."""
        return bool(username) and not _FOREIGN.search(username) and username == username.strip(" .")

    def _key(self, username: str) -> str:
        # Letter by letter, as Windows does: it does not take \u00df for SS.
        return "".join([letter.upper() if len(letter.upper()) == 1 else letter for letter in username])


class WindowsAuthorizer(AccountRules, BaseWindowsAuthorizer):
    """The accounts of a Windows machine, who may log in with their passwords and touch files as they themselves.

    The process needs pywin32, and an account that may log others on:

        authorizer = WindowsAuthorizer(rejected_users=["Administrator"])
        authorizer.override_user("ann", homedir="D:/ftp/ann", perm="elr")

    Args:
        global_perm: The letters of all users that have no others by `override_user`; anonymous users have "elr".
        allowed_users: Only these may log in.  Empty: all accounts.
        rejected_users: These may not.
        anonymous_user: As for `BaseWindowsAuthorizer`, and so are the next and the last.
        anonymous_password: The password of that account.
        msg_login: What is said at a login.
        msg_quit: What is said at QUIT.

    Raises:
        AuthorizerError: This is not Windows, or there is no pywin32; both lists are given; one names somebody unknown,
            or "anonymous"; or `anonymous_user` is unknown, has no home, or another password.
        ValueError: There is no such permission.
    """

    def __init__(
        self,
        global_perm: str = "elradfmwMT",
        allowed_users: Iterable[str] | None = None,
        rejected_users: Iterable[str] | None = None,
        anonymous_user: str | None = None,
        anonymous_password: str | None = None,
        msg_login: str = "Login successful.",
        msg_quit: str = "Goodbye.",
        *,
        logons: WindowsLogons | None = None,
    ) -> None:
        self._overrides = {}
        self.allowed_users, self.rejected_users = [], []
        BaseWindowsAuthorizer.__init__(self, anonymous_user, anonymous_password, logons=logons)
        self._set_rules(global_perm, allowed_users, rejected_users, msg_login, msg_quit)

    def override_user(
        self,
        username: str,
        password: str | None = None,
        homedir: str | os.PathLike[str] | None = None,
        perm: str | None = None,
        msg_login: str | None = None,
        msg_quit: str | None = None,
    ) -> None:
        """As for `UnixAuthorizer`, but the password stays the account's: Windows logs the user on by it.

        Raises:
            AuthorizerError: There is nothing to override, no such user, one who may not log in, or a password.
            ValueError: There is no such directory or permission.
        """
        if password is not None and type(self).impersonate_user is BaseWindowsAuthorizer.impersonate_user:
            raise AuthorizerError(
                "override_user: Windows logs users on by the passwords of their accounts, and files could not be "
                "touched as a user with another; leave password out, or override impersonate_user"
            )
        super().override_user(username, password, homedir, perm, msg_login, msg_quit)
