"""Who is known to the authorizer that a contract tries, and how the tests log in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import pytest

from ftpcore import AuthenticationFailed, VirtualPath
from ftpcore.ports import Account, Authorizer
from ftpcore_contracts._rules import ContractBroken, broken

__all__ = ["PEER", "ROOT", "Effort", "Login", "checked", "differing", "entered", "refusal"]

ROOT: Final = VirtualPath("/")

#: The address that the tests log in from.
PEER: Final = "127.0.0.1"

#: A shorter password may stand in a text by chance.
_SHORTEST: Final = 6


class Login(NamedTuple):
    """A user whom the authorizer knows."""

    username: str
    password: str
    """Six characters at least."""
    rights: str = "elr"
    """The letters that hold on "/"."""
    places: Mapping[str, str] = MappingProxyType({})
    """The letters that hold elsewhere, by virtual path, such as {"/pub": "elrw"}; none: `rights` hold everywhere."""

    def rights_by_path(self) -> dict[VirtualPath, str]:
        """Return the letters by path, those of the root first."""
        return {ROOT: self.rights, **{VirtualPath(path): letters for path, letters in self.places.items()}}


#: Tells what it costs to refuse a login by this name and password.
Effort: TypeAlias = Callable[[str, str], float]


def checked(contract: str, users: Sequence[Login], unknown: str) -> Sequence[Login]:
    """Return `users`; fail if the tests can't work with them."""
    what = "the contract has to know whom the authorizer knows"
    if not users:
        broken(what, expected=f'{contract}.users = [Login("ann", "her password", rights="elr"), ...]', came="no users")
    if unknown in {user.username for user in users}:
        broken(what, expected=f"{contract}.unknown, a name that is not in {contract}.users", came=unknown)
    for user in users:
        if len(user.password) < _SHORTEST:
            expected = f"passwords of {_SHORTEST} characters or more, which stand in no text by chance"
            broken(what, expected=expected, came=f"that of {user.username!r} has {len(user.password)}")
    return users


def entered(port: Authorizer, user: Login) -> Account:
    """Log in with the right password; return the account."""
    account = port.authenticate(user.username, user.password, PEER)
    if not isinstance(account, Account):
        broken(
            f"what a login as {user.username!r} with the right password returned",
            expected="an ftpcore.ports.Account",
            came=account,
        )
    return account


def refusal(port: Authorizer, username: str, password: str, what: str) -> AuthenticationFailed:
    """Return the refusal of a login, `what`, that has to be refused."""
    try:
        account = port.authenticate(username, password, PEER)
        came = f"no exception, and the account of {getattr(account, 'name', account)!r}"
    except AuthenticationFailed as error:
        return error
    except Exception as error:  # noqa: BLE001  it is what came
        came = f"{type(error).__name__}: {error}"
    raise ContractBroken(what, expected="AuthenticationFailed", came=came)


def differing(logins: Sequence[Login]) -> tuple[Login, Login]:
    """Return two users with different rights on the root; skip the test if there are none."""
    for user in logins[1:]:
        if set(user.rights) != set(logins[0].rights):
            return logins[0], user
    pytest.skip("not offered: two users with different rights")
