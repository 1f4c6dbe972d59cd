"""Rules of several logins at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ftpcore import AuthenticationFailed
from ftpcore.ports import Account, Authorizer
from ftpcore_contracts._auth_users import PEER, ROOT, Login, entered
from ftpcore_contracts._rules import expect, rule
from ftpcore_contracts._threads import at_once

__all__ = ["Sessions"]

#: Logins at once of each user: one with the right password, and one with a wrong one.
_EACH = 3

#: What a session reads of its account.
_FIELDS = ("name", "filesystem", "start", "login_message", "quit_message", "rights", "rights_vary")


class Sessions:
    """sessions"""

    @rule("Authorizer.authenticate")
    def test_logins_at_once_do_not_mix(self, port: Authorizer, logins: Sequence[Login], stranger: str) -> None:
        """Logins may come at the same time, from threads of their own: each gets its own account, or refusal."""
        users = logins[:2]
        attempts = [(user.username, user.password, True) for user in users]
        attempts += [(user.username, f"{user.password}?", False) for user in users]
        attempts += [(stranger, users[0].password, False)]

        def attempt(username: str, password: str) -> Account | None:
            try:
                return port.authenticate(username, password, PEER)
            except AuthenticationFailed:
                return None

        calls = [(username, partial(attempt, username, password), right) for username, password, right in attempts]
        calls *= _EACH
        accounts = at_once([call for _, call, _ in calls])
        for (username, _, right), account in zip(calls, accounts, strict=True):
            what = f"a login as {username!r} with a {'right' if right else 'wrong'} password, one of many at once"
            expect(None if account is None else account.name, username if right else None, what)
        for user in users:
            account = next(found for found in accounts if found is not None and found.name == user.username)
            expect(sorted(set(port.rights_on(account, ROOT))), sorted(set(user.rights)), f"rights of {user.username!r}")

    @rule("Account")
    def test_an_account_stays_as_it_is(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """An account is not changed by later logins, of the same user or another: sessions share no state by it."""
        account = entered(port, logins[0])
        before = {name: getattr(account, name) for name in _FIELDS}
        for user in logins:
            entered(port, user)
            after = {name: getattr(account, name) for name in _FIELDS}
            expect(after, before, f"the account of {logins[0].username!r}, after a login as {user.username!r}")
