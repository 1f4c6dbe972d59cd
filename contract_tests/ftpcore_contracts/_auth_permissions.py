"""Rules of `Authorizer.check_permission` and `rights_on`, and of the rights that an account shows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Account, Authorizer
from ftpcore_contracts._auth_users import ROOT, Login, differing, entered
from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._threads import at_once

__all__ = ["Permissions"]

#: The letters of all commands.
_LETTERS = "elradfmwMT"

#: Letters that no command needs; all but one of the first are letters of rights in the other case.
_UNKNOWN = "ELRADFWt?zé \0"

#: Checks that one thread makes while others make theirs.
_ROUNDS = 20


class Permissions:
    """permissions"""

    @rule("Authorizer.check_permission")
    def test_each_letter_is_granted_as_described(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """`check_permission` returns True for the letters that a user holds on "/", and False for all others."""
        for user in logins:
            _check(port, entered(port, user), user, ROOT, user.rights)

    @rule("Authorizer.check_permission")
    def test_each_path_has_its_rights(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """Where rights vary, those of the path count, in whatever order paths are asked for."""
        varying = [user for user in logins if user.places]
        if not varying:
            pytest.skip("not offered: a user whose rights vary by path")
        for user in varying:
            account = entered(port, user)
            places = list(user.rights_by_path().items())
            for path, letters in [*places, *reversed(places)]:
                _check(port, account, user, path, letters)

    @rule("Authorizer.rights_on")
    def test_rights_on_a_path_are_those_that_are_granted(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """`rights_on` returns a text of the letters that `check_permission` grants on that path, and of no others."""
        for user in logins:
            account = entered(port, user)
            for path in user.rights_by_path():
                came = port.rights_on(account, path)
                if not isinstance(came, str):
                    broken(f"rights_on({path!r}) of {user.username!r}", expected="a text of letters", came=came)
                granted = [letter for letter in _letters(logins) if port.check_permission(account, letter, path)]
                expect(sorted(set(came)), sorted(granted), f"rights_on({path!r}) of {user.username!r}")

    @rule("Account.rights_vary")
    def test_an_account_says_what_holds_everywhere(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """If `everywhere()` returns letters, then they are `rights`, and hold on all paths: nobody is asked then."""
        for user in logins:
            account = entered(port, user)
            letters = account.everywhere()
            if letters is None:
                if not account.rights_vary:
                    broken(f"everywhere() of {user.username!r}", expected="letters: rights_vary is False", came=None)
                continue
            expect(sorted(set(letters)), sorted(set(account.rights)), f"everywhere() of {user.username!r}")
            for path, held in user.rights_by_path().items():
                if set(held) != set(letters):
                    expected = f"None: on {path!r} {held!r} hold"
                    broken(f"everywhere() of {user.username!r}", expected=expected, came=letters)

    @pytest.mark.parametrize("letter", list(_UNKNOWN), ids=ascii)
    @rule("Authorizer.check_permission")
    def test_a_letter_that_means_nothing_is_refused(
        self, port: Authorizer, logins: Sequence[Login], letter: str
    ) -> None:
        """`check_permission` returns False for a letter that no command has; letters keep their case."""
        for user in logins:
            account = entered(port, user)
            for path in user.rights_by_path():
                if letter not in _letters(logins):
                    came = port.check_permission(account, letter, path)
                    expect(came, False, f"check_permission({letter!r}, {path!r}) of {user.username!r}")

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("/contract-absent", id="nothing"),
            pytest.param("/contract-absent/deep/below", id="nothing, deep"),
            pytest.param("/a b'\"\\*?[x]", id="odd characters"),
            pytest.param("/line\nend\r", id="line ends"),
            pytest.param("/é/e\u0301", id="not ASCII"),
            pytest.param("/\udcff\udcfe", id="not UTF-8"),
            pytest.param("/" + "x" * 255, id="a long name"),
            pytest.param("/x" * 1000, id="a long path"),
        ],
    )
    @rule("Authorizer.check_permission")
    def test_any_path_may_be_asked_for(self, port: Authorizer, logins: Sequence[Login], path: str) -> None:
        """Rights are asked for before anything is looked up: a path need not exist, and no name is an error."""
        for user in logins:
            account = entered(port, user)
            for letter in "elw":
                came = port.check_permission(account, letter, VirtualPath(path))
                if not isinstance(came, bool):
                    broken(f"check_permission({letter!r}, {path!r})", expected="True or False", came=came)
            rights = port.rights_on(account, VirtualPath(path))
            if not isinstance(rights, str):
                broken(f"rights_on({path!r})", expected="a text of letters", came=rights)

    @rule("Authorizer.check_permission")
    def test_the_account_counts_not_the_latest_login(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """Rights are those of the account that is asked about, whoever has logged in since."""
        first, second = differing(logins)
        accounts = [(user, entered(port, user)) for user in (first, second)]
        for user, account in [*accounts, *reversed(accounts)]:
            expect(account.name, user.username, f"name of an account, after a login as {second.username!r}")
            expect(sorted(set(port.rights_on(account, ROOT))), sorted(set(user.rights)), f"rights of {user.username!r}")
            _check(port, account, user, ROOT, user.rights)

    @rule("Authorizer")
    def test_questions_at_once_do_not_mix(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """Sessions ask at the same time, from threads of their own: each is answered for its own account."""
        pair = differing(logins)
        accounts = [(user, entered(port, user)) for user in pair] * 3

        def ask(user: Login, account: Account) -> None:
            for _ in range(_ROUNDS):
                _check(port, account, user, ROOT, user.rights)

        at_once([partial(ask, user, account) for user, account in accounts])


def _letters(logins: Sequence[Login]) -> str:
    """Return the letters of all commands, and those that the author has besides."""
    described = "".join(letters for user in logins for letters in user.rights_by_path().values())
    return "".join(dict.fromkeys(_LETTERS + described))


def _check(port: Authorizer, account: Account, user: Login, path: VirtualPath, letters: str) -> None:
    """Fail unless exactly `letters` are granted on `path`."""
    for letter in dict.fromkeys(_LETTERS + letters):
        came = port.check_permission(account, letter, path)
        if came is not (letter in letters):
            broken(
                f"check_permission({letter!r}, {path!r}) of {user.username!r}", expected=letter in letters, came=came
            )
