"""Authorizers with one fault each: the accounts that they return, and the rights that they grant."""

from __future__ import annotations

from dataclasses import replace

from ftpcore import VirtualPath
from ftpcore.ports import Account
from ftpcore_contracts import Login
from mutants.user_tables import Table, digest

__all__ = [
    "AccountOnItself",
    "BlockingIsAsked",
    "CachesByLetter",
    "IgnoresPath",
    "LatestLogin",
    "LetterCase",
    "ListsMore",
    "LooksForPath",
    "OneAccount",
    "PathForFilesystem",
    "Renames",
    "RightsAsSet",
    "SaysNothingVaries",
    "StartsNowhere",
    "Truthy",
]


class Renames(Table):
    """The account has the name in capitals."""

    def account(self, user: Login) -> Account:
        return replace(super().account(user), name=user.username.upper())

    def rights(self, account: Account, path: VirtualPath) -> str:
        return super().rights(replace(account, name=account.name.lower()), path)


class RightsAsSet(Table):
    """The rights of an account are a set of letters."""

    def account(self, user: Login) -> Account:
        return replace(super().account(user), rights=frozenset(user.rights))  # type: ignore[arg-type]  # the fault


class StartsNowhere(Table):
    """The start is a directory that is not there."""

    def account(self, user: Login) -> Account:
        return replace(super().account(user), start=f"/home/{user.username}")


class PathForFilesystem(Table):
    """The filesystem of an account is the path of a directory."""

    def account(self, user: Login) -> Account:
        return replace(super().account(user), filesystem="/srv/ftp")  # type: ignore[arg-type]  # the fault


class OneAccount(Table):
    """All logins share one account, which is filled anew."""

    shared: Account | None = None

    def account(self, user: Login) -> Account:
        account = super().account(user)
        if self.shared is None:
            self.shared = account
        for name in ("name", "rights", "rights_vary"):
            object.__setattr__(self.shared, name, getattr(account, name))
        return self.shared


class BlockingIsAsked(Table):
    """`blocking` is a method."""

    def blocking(self) -> bool:  # type: ignore[override]  # the fault
        return True


class IgnoresPath(Table):
    """A check ignores the path."""

    def rights(self, account: Account, path: VirtualPath) -> str:
        return account.rights


class CachesByLetter(Table):
    """An answer is kept for the letter, whatever the path is."""

    def account(self, user: Login) -> Account:
        self.cache: dict[tuple[str, str], bool] = {}
        return super().account(user)

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return self.cache.setdefault((account.name, letter), super().check_permission(account, letter, path))


class LooksForPath(Table):
    """A right on a path that does not exist ends in FileNotFoundError."""

    def rights(self, account: Account, path: VirtualPath) -> str:
        if path not in ("/", *self.users[account.name].places):
            raise FileNotFoundError(path)
        return super().rights(account, path)


class SaysNothingVaries(Table):
    """The account says that its rights hold everywhere, while they vary."""

    def account(self, user: Login) -> Account:
        return replace(super().account(user), rights_vary=False)


class ListsMore(Table):
    """`rights_on` lists a letter that is not granted."""

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return super().rights_on(account, path) + "w"


class LetterCase(Table):
    """Letters are compared without case."""

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter.lower() in self.rights(account, path).lower()


class Truthy(Table):
    """A check returns something that is only as good as True."""

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return self.rights(account, path).count(letter)  # type: ignore[return-value]  # the fault


class LatestLogin(Table):
    """A check looks at the latest login instead of the account."""

    latest: Account | None = None

    def account(self, user: Login) -> Account:
        self.latest = super().account(user)
        return self.latest

    def rights(self, account: Account, path: VirtualPath) -> str:
        return super().rights(self.latest or account, path)


class AccountOnItself(Table):
    """The account that is asked about is kept on the authorizer during the check."""

    def rights(self, account: Account, path: VirtualPath) -> str:
        self.asked = account
        digest(b"as a look into a database takes", 200)
        return super().rights(self.asked, path)
