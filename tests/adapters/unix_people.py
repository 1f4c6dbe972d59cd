"""Accounts for tests: people with passwords of their own, who are users of this system where files are concerned."""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Final

import pytest

from ftpcore_adapters._unix_accounts import UnixAccount
from ftpcore_adapters._unix_credentials import PER_THREAD, Credentials
from ftpcore_adapters._unix_crypt import crypt, is_available
from ftpcore_adapters._unix_shadow import ShadowEntry, ShadowPasswords
from ftpcore_adapters.authorizers import UnixAuthorizer

__all__ = ["ANN", "BOB", "PASSWORDS", "People", "authorizer_of", "hashed", "needs_crypt", "needs_root", "shadow_of"]

#: A group that has nothing but Ann in it.
TEAM: Final = 54321

#: The users "nobody" and "daemon" of Linux, for files.
ANN: Final = Credentials(65534, 65534, (65534, TEAM))
BOB: Final = Credentials(1, 1, (1,))

PASSWORDS: Final = {"ann": "correct-horse", "bob": "battery-staple", "carl": "paper-clip"}

#: Of the weakest work that there is.
_SETTING: Final = "$6$rounds=1000$saltsalt$"

needs_crypt = pytest.mark.skipif(not is_available(), reason="there is no libcrypt")
needs_root = pytest.mark.skipif(
    not (PER_THREAD and os.geteuid() == 0), reason="only root on Linux can touch files as somebody else"
)


class People:
    """Accounts that the system knows nothing of."""

    def __init__(self, accounts: Mapping[str, UnixAccount], shells: AbstractSet[str] | None = frozenset({"/bin/sh"})):
        self.accounts = dict(accounts)
        self.shells = shells

    @classmethod
    def at(cls, home: object) -> People:
        """Return Ann and Bob, and Carl without a valid shell, who are all at home there."""
        shells = {"ann": "/bin/sh", "bob": "/bin/sh", "carl": "/usr/sbin/nologin"}
        credentials = {"ann": ANN, "bob": BOB, "carl": BOB}
        return cls({name: UnixAccount(name, str(home), shell, credentials[name]) for name, shell in shells.items()})

    def require_privileges(self) -> None:
        """Anybody may ask here."""

    def account(self, name: str, /) -> UnixAccount:
        return self.accounts[name]

    def valid_shells(self) -> AbstractSet[str] | None:
        return self.shells


@cache
def hashed(password: str, setting: str = _SETTING) -> str:
    made = crypt(password, setting)
    assert made is not None, f"libcrypt does not know {setting}"
    return made


def shadow_of(passwords: Mapping[str, str] = PASSWORDS) -> dict[str, ShadowEntry]:
    return {name: ShadowEntry(name, hashed(password), 20000, 99999, None) for name, password in passwords.items()}


def authorizer_of(people: People, *args: Any, kind: type[UnixAuthorizer] = UnixAuthorizer, **options: Any) -> Any:
    """Return an authorizer of these people with `PASSWORDS`."""
    return kind(*args, passwords=ShadowPasswords(shadow_of), accounts=people, **options)
