"""Rules of `Authorizer.authenticate` for those who may come in: the account."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ftpcore import AuthenticationFailed, resolve
from ftpcore.ports import Account, Authorizer, Capability, FileKind
from ftpcore_contracts._auth_users import ROOT, Login, entered, refusal
from ftpcore_contracts._rules import broken, expect, rule

__all__ = ["Logins"]

#: Fields of an account that are texts.
_TEXTS = ("name", "start", "login_message", "quit_message", "rights")


class Logins:
    """logins"""

    @rule("RFC 959 4.1.1, PASS")
    def test_the_right_password_opens(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """A user who is known logs in with the right password: what comes is an `Account` of that name."""
        for user in logins:
            expect(entered(port, user).name, user.username, f"Account.name of {user.username!r}")

    @rule("Account")
    def test_an_account_is_made_of_texts(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """Name, start, messages and rights of an account are texts, which go to the wire; `rights_vary` is a bool."""
        for user in logins:
            account = entered(port, user)
            kinds = {name: type(getattr(account, name)).__name__ for name in (*_TEXTS, "rights_vary")}
            expect(kinds, {**dict.fromkeys(_TEXTS, "str"), "rights_vary": "bool"}, f"types of the account {account}")

    @rule("Account.filesystem")
    def test_an_account_brings_a_filesystem(
        self, port: Authorizer, logins: Sequence[Login], settled: Callable[[object], object]
    ) -> None:
        """The filesystem of an account is a port: it declares its capabilities, and "/" is a directory."""
        for user in logins:
            files = entered(port, user).filesystem
            declared = getattr(files, "capabilities", None)
            if not isinstance(declared, Capability):
                broken(f"capabilities of the filesystem of {user.username!r}", expected="a Capability", came=declared)
            kind = getattr(settled(files.stat(ROOT, follow=True)), "kind", None)
            expect(kind, FileKind.DIRECTORY, f'kind of "/" in the filesystem of {user.username!r}')

    @rule("Account.start")
    def test_the_start_can_be_entered(
        self, port: Authorizer, logins: Sequence[Login], settled: Callable[[object], object]
    ) -> None:
        """The start of an account, looked up from "/", is a directory that may become the current one."""
        for user in logins:
            account = entered(port, user)
            try:
                settled(account.filesystem.enter_dir(resolve(ROOT, account.start)))
            except OSError as error:
                what = f"Account.start of {user.username!r}, {account.start!r}"
                broken(what, expected="a directory", came=f"{type(error).__name__}: {error}")

    @rule("Authorizer.authenticate")
    def test_a_user_may_log_in_again(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """A user has any number of sessions, and a wrong password between two of them locks nobody out."""
        user = logins[0]
        first = entered(port, user)
        refusal(port, user.username, f"{user.password}?", "a wrong password between two logins")
        second = entered(port, user)
        seen = [[getattr(account, name) for name in _TEXTS] for account in (first, second)]
        expect(seen[1], seen[0], f"the second account of {user.username!r}: {', '.join(_TEXTS)}")

    @pytest.mark.parametrize(
        "peer", ["192.0.2.7", "2001:db8::7", "fe80::1%eth0", "::ffff:192.0.2.7", ""], ids=lambda peer: peer or "none"
    )
    @rule("Authorizer.authenticate")
    def test_a_login_from_anywhere_is_answered(self, port: Authorizer, logins: Sequence[Login], peer: str) -> None:
        """Whatever the address of the client is, of either family and "" if it has none: an account, or a refusal."""
        user = logins[0]
        try:
            account = port.authenticate(user.username, user.password, peer)
        except AuthenticationFailed:
            return
        if not isinstance(account, Account):
            broken(f"a login from {peer!r}", expected="an Account, or AuthenticationFailed", came=account)

    @rule("RFC 2577 5")
    def test_an_account_tells_no_password(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """Neither the account nor its representation holds the password: it comes to stand in logs."""
        for user in logins:
            account = entered(port, user)
            for shown in (repr(account), str(account), *(getattr(account, name) for name in _TEXTS)):
                if user.password in shown:
                    told = shown.replace(user.password, "<the password>")
                    broken(f"the account of {user.username!r}", expected="no password in it", came=told)
