"""Sound authorizers in memory, and the contracts of them: what the mutants are made from."""

from __future__ import annotations

import hashlib
import hmac
from typing import ClassVar, Final

import anyio
import pytest
from anyio.lowlevel import checkpoint

from ftpcore import AuthenticationFailed, VirtualPath
from ftpcore.ports import Account, AsyncAuthorizer, Authorizer
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_contracts import AsyncAuthorizerContract, AuthorizerContract, Login

__all__ = ["USERS", "AsyncTable", "AsyncTableContract", "Table", "TableContract", "digest"]

USERS: Final = (
    Login("ann", "Correct-horse", "elr", {"/pub": "elrw", "/pub/old": "el"}),
    Login("bob", "Battery-staple", "elradfmwMT"),
)


class Table:
    """Users in memory."""

    blocking = True

    def __init__(self) -> None:
        self.users = {user.username: user for user in USERS}
        self.secrets = {user.username: digest(self.given(user.password)) for user in USERS}
        self.files = MemoryFileSystem()
        self.work = 0
        """Digests that were computed."""

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        user = self.found(username)
        if not self.fits(user, password) or user is None:
            raise AuthenticationFailed(self.refusal(user, password))
        return self.account(user)

    def found(self, username: str) -> Login | None:
        return self.users.get(username)

    def fits(self, user: Login | None, password: str) -> bool:
        self.work += 1
        return hmac.compare_digest(digest(self.given(password)), self.secrets[user.username if user else "ann"])

    def given(self, password: str) -> bytes:
        return password.encode("utf-8", "surrogatepass")

    def refusal(self, user: Login | None, password: str) -> str:
        return "Authentication failed."

    def account(self, user: Login) -> Account:
        varying = bool(user.places)
        return Account(name=user.username, filesystem=self.files, rights=user.rights, rights_vary=varying)

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter in self.rights(account, path)

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return self.rights(account, path)

    def rights(self, account: Account, path: VirtualPath) -> str:
        return self.users[account.name].places.get(path, account.rights)


def digest(password: bytes, rounds: int = 1000) -> bytes:
    """Take a while, and let other threads go on.  A digest first: a key that is filled up with NULs is another."""
    return hashlib.pbkdf2_hmac("sha256", hashlib.sha256(password).digest(), b"a salt for all", rounds)


class TableContract(AuthorizerContract):
    """`Table` under contract.  Work is counted: time tells little on a busy machine."""

    users = USERS
    most_times = 1.0
    made: ClassVar[type[Table]] = Table

    @pytest.fixture
    def authorizer(self) -> Authorizer:
        return self.made()

    def effort(self, port: Authorizer, username: str, password: str) -> float:
        assert isinstance(port, Table)
        before = port.work
        super().effort(port, username, password)
        return port.work - before


class AsyncTable:
    """The same, asynchronous."""

    def __init__(self) -> None:
        self.table = Table()

    async def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        await checkpoint()
        return await anyio.to_thread.run_sync(self.table.authenticate, username, password, peer)

    async def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return self.table.check_permission(account, letter, path)

    async def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return self.table.rights_on(account, path)


class AsyncTableContract(AsyncAuthorizerContract):
    """`AsyncTable` under contract."""

    users = USERS
    made: ClassVar[type[AsyncTable]] = AsyncTable

    @pytest.fixture
    def authorizer(self) -> AsyncAuthorizer:
        return self.made()
