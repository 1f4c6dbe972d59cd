"""Authorizers for the accounts of a Unix system: their passwords, their homes, and files touched as they themselves."""

from __future__ import annotations

from collections.abc import Iterable

from ftpcore_adapters._system_authorizer import (
    ANONYMOUS,
    AccountRules,
    SystemAuthorizer,
    peer_of,
    replace_anonymous,
)
from ftpcore_adapters._unix_accounts import Accounts, SystemAccounts, UnixAccount
from ftpcore_adapters._unix_credentials import PER_THREAD, Credentials, ProcessCredentials, Switch, ThreadCredentials
from ftpcore_adapters._unix_passwords import PasswordCheck, password_check
from ftpcore_adapters.exceptions import AuthenticationFailed, AuthorizerError

__all__ = ["BaseUnixAuthorizer", "UnixAuthorizer"]


class BaseUnixAuthorizer(SystemAuthorizer):
    """The accounts of the system as they are, to derive an authorizer from.

    Files are touched as the user: user, group and supplementary groups.  On Linux they are those of the thread that
    does so, and any server may run it.  Elsewhere they are those of the process: sessions in threads are refused, and
    asyncio and trio call everything inline.

    Args:
        anonymous_user: The account that "anonymous" stands for, with any password; None: such users are refused.
        passwords: What checks them: "pam", "shadow", an object with the methods `check` and `spend`; None: what works
            here.
        pam_service: The service of PAM; None: "ftp" if there is one, else "login".
        accounts: Where accounts are looked up; None: the system's.

    Raises:
        AuthorizerError: The process is not root, or nothing here can check passwords, or there is no `anonymous_user`,
            or it has no home.
    """

    impersonates_thread = PER_THREAD
    """Whether `impersonate_user` is a matter of the calling thread alone.

    A subclass that overrides that method must say so again.
    """

    def __init__(
        self,
        anonymous_user: str | None = None,
        *,
        passwords: str | PasswordCheck | None = None,
        pam_service: str | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self.anonymous_user = anonymous_user
        self._accounts: Accounts = SystemAccounts() if accounts is None else accounts
        self._accounts.require_privileges()
        self._passwords = password_check(passwords, pam_service)
        self._switch: Switch = ThreadCredentials() if PER_THREAD else ProcessCredentials()
        self._credentials: dict[str, Credentials] = {}
        """Of accounts that have logged in, as they were then: each call that touches a file needs them."""
        self._check_anonymous_user()

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless this is the password of the account, or anonymous users may come in."""
        super().validate_authentication(username, password, handler)
        name = self.anonymous_user if username == ANONYMOUS and self.anonymous_user else username
        try:
            self._credentials[name] = self._accounts.account(name).credentials
        except KeyError:
            raise AuthenticationFailed(self.msg_no_such_user) from None

    def check_password(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless this is the password of an account; a stranger costs as much."""
        right = self._passwords.check(username, password, peer_of(handler))
        if not self._exists(username):
            raise AuthenticationFailed(self.msg_no_such_user)
        if not right:
            raise AuthenticationFailed(self.msg_wrong_password)

    @replace_anonymous
    def get_home_dir(self, username: str) -> str:
        """Return the home of the account; AuthorizerError if there is none."""
        return self._account(username).home

    @replace_anonymous
    def impersonate_user(self, username: str, password: str) -> None:
        """Become the user for files, until `terminate_impersonation`; the groups are those of the latest login.

        Raises:
            AuthorizerError: There is no such account.
            OSError: The system refuses.
        """
        credentials = self._credentials.get(username)
        if credentials is None:
            credentials = self._account(username).credentials
        self._switch.become(credentials)

    def terminate_impersonation(self, username: str) -> None:
        """Become whoever it was before, or end: the thread, or the process if this is its main thread."""
        self._switch.restore()

    def _spend(self, password: str) -> None:
        self._passwords.spend(password)

    def _account(self, username: str) -> UnixAccount:
        try:
            return self._accounts.account(username)
        except KeyError:
            raise AuthorizerError(self.msg_no_such_user) from None

    def _exists(self, username: str) -> bool:
        try:
            self._accounts.account(username)
        except KeyError:
            return False
        return True


class UnixAuthorizer(AccountRules, BaseUnixAuthorizer):
    """The accounts of a Unix system, who may log in with their passwords and touch files as they themselves.

    The process must run as root:

        authorizer = UnixAuthorizer(rejected_users=["root"], anonymous_user="ftp")
        authorizer.override_user("ann", homedir="/srv/ann", perm="elr")

    `docs/users.md` tells what checks passwords, and what touching files as another means.

    Args:
        global_perm: The letters of all users that have no others by `override_user`; anonymous users have "elr".
        allowed_users: Only these may log in.  Empty: all accounts.
        rejected_users: These may not.
        require_valid_shell: Refuse accounts whose shell is not in /etc/shells; no such file: none is refused.
        anonymous_user: As for `BaseUnixAuthorizer`, and so are the last three.
        msg_login: What is said at a login.
        msg_quit: What is said at QUIT.

    Raises:
        AuthorizerError: The process is not root; nothing here can check passwords; both lists are given; one names
            somebody unknown, or "anonymous"; the shell of an allowed user is not valid; or `anonymous_user` is unknown
            or has no home.
        ValueError: There is no such permission.
    """

    msg_invalid_shell = "User %s has no valid shell."

    def __init__(
        self,
        global_perm: str = "elradfmwMT",
        allowed_users: Iterable[str] | None = None,
        rejected_users: Iterable[str] | None = None,
        require_valid_shell: bool = True,
        anonymous_user: str | None = None,
        msg_login: str = "Login successful.",
        msg_quit: str = "Goodbye.",
        *,
        passwords: str | PasswordCheck | None = None,
        pam_service: str | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self._overrides = {}
        self.allowed_users, self.rejected_users = [], []
        BaseUnixAuthorizer.__init__(
            self, anonymous_user, passwords=passwords, pam_service=pam_service, accounts=accounts
        )
        self.require_valid_shell = require_valid_shell
        self._set_rules(global_perm, allowed_users, rejected_users, msg_login, msg_quit)
        for name in self.allowed_users:
            self._check_shell(name, "allowed_users")

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless the user may log in with this password."""
        super().validate_authentication(username, password, handler)
        if self.require_valid_shell and username != ANONYMOUS and not self._has_valid_shell(username):
            raise AuthenticationFailed(self.msg_invalid_shell % username)

    def _check_may_override(self, username: str) -> None:
        super()._check_may_override(username)
        if username != ANONYMOUS:
            self._check_shell(username, "override_user")

    def _check_shell(self, username: str, where: str) -> None:
        if self.require_valid_shell and not self._has_valid_shell(username):
            shell = self._account(username).shell
            raise AuthorizerError(
                f"{where}: the shell of {username!r}, {shell!r}, is not in /etc/shells; "
                "add it there, or pass require_valid_shell=False"
            )

    def _has_valid_shell(self, username: str) -> bool:
        shells = self._accounts.valid_shells()
        return shells is None or self._account(username).shell in shells
