"""The simplest ports there are: a clock that stands still, and an authorizer that knows one user."""

from __future__ import annotations

from datetime import UTC, tzinfo

from ftpcore._errors import AuthenticationFailed
from ftpcore._paths import VirtualPath
from ftpcore.ports import Account, FileSystem

__all__ = ["FixedClock", "SingleUser"]


class FixedClock:
    """A wall clock that stands still."""

    def __init__(self, seconds: float = 1_700_000_000.0, zone: tzinfo = UTC) -> None:
        self.seconds = seconds
        self.zone = zone

    def now(self) -> float:
        return self.seconds


class SingleUser:
    """An authorizer that knows one user."""

    blocking = False

    def __init__(
        self, filesystem: FileSystem, *, name: str = "ann", password: str = "pw", rights: str = "elradfmwMT"
    ) -> None:
        self.password = password
        self.account = Account(name=name, filesystem=filesystem, rights=rights)

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        if (username, password) != (self.account.name, self.password):
            raise AuthenticationFailed
        return self.account

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter in account.rights

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return account.rights
