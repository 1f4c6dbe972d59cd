"""Authorizers under their contracts: users in memory, behind the bridge of the seed API, in a file, and far away."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from ftpcore import AuthenticationFailed, VirtualPath
from ftpcore.ports import Account, AsyncAuthorizer, Authorizer, FileSystem
from ftpcore.testing import SingleUser
from ftpcore_adapters.authorizers import DummyAuthorizer, HashedFileAuthorizer, hash_password
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.seed import SeedAuthorizer, filesystem_port
from ftpcore_contracts import AsyncAuthorizerContract, AuthorizerContract, Login

ANN = Login("ann", "correct-horse", "elr", {"/pub": "elradfmw", "/pub/new": "elradfmw", "/pubs": "elr", "/x": "elr"})
BOB = Login("bob", "battery-staple", "elradfmwMT")


class Counting:
    """Counts the work of a refusal, for time tells little on a busy machine."""

    most_times = 1.0

    def effort(self, port: Authorizer, username: str, password: str) -> float:
        work: list[int] = []

        def counted(function: Callable[..., bytes], *arguments: Any, **keywords: Any) -> bytes:
            work.append(keywords.get("n", 1) * keywords.get("r", 1) * keywords.get("p", 1))
            return function(*arguments, **keywords)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hashlib, "scrypt", partial(counted, hashlib.scrypt))
            patch.setattr(hmac, "digest", partial(counted, hmac.digest))
            with pytest.raises(AuthenticationFailed):
                port.authenticate(username, password, "127.0.0.1")
        assert work, "passwords are compared by other means now; count those"
        return sum(work)


def dummy(home: Path, secret: Callable[[str], str]) -> SeedAuthorizer:
    """Return a `DummyAuthorizer` of ANN and BOB behind the bridge, with what `secret` makes of their passwords."""
    (home / "pub").mkdir(parents=True)
    authorizer = DummyAuthorizer()
    for user in (ANN, BOB):
        authorizer.add_user(user.username, secret(user.password), home, perm=user.rights)
    authorizer.override_perm(ANN.username, home / "pub", ANN.places["/pub"], recursive=True)

    def make_filesystem(home: str) -> tuple[FileSystem, str]:
        fs = AbstractedFS(home, None)
        return filesystem_port(fs), fs.cwd

    return SeedAuthorizer(authorizer, object(), make_filesystem)


class TestDummy(Counting, AuthorizerContract):
    users = [ANN, BOB]

    @pytest.fixture
    def authorizer(self, tmp_path: Path) -> Authorizer:
        return dummy(tmp_path / "home", str)


class TestDummyWithHashes(Counting, AuthorizerContract):
    users = [ANN, BOB]

    @pytest.fixture
    def authorizer(self, tmp_path: Path) -> Authorizer:
        return dummy(tmp_path / "home", partial(hash_password, ln=4))


class TestDummyWithSomeHashes(Counting, AuthorizerContract):
    """As it is while passwords are hashed one by one."""

    users = [BOB, ANN]

    @pytest.fixture
    def authorizer(self, tmp_path: Path) -> Authorizer:
        return dummy(
            tmp_path / "home", lambda password: hash_password(password, ln=4) if password[0] == "b" else password
        )


class TestHashedFile(Counting, AuthorizerContract):
    users = [Login("ann", "correct-horse", "elr"), BOB]

    @pytest.fixture
    def authorizer(self, tmp_path: Path) -> Authorizer:
        path = tmp_path / "users"
        path.touch(0o600)
        path.write_text(
            "".join(
                f"[{user.username}]\npassword = {hash_password(user.password, ln=ln)}\n"
                f"home = {tmp_path}\nrights = {user.rights}\n\n"
                for user, ln in zip(self.users, (4, 5), strict=True)
            )
        )
        return HashedFileAuthorizer(path)


class TestSingleUser(AuthorizerContract):
    users = [Login("ann", "correct-horse", "elradfmwMT")]

    @pytest.fixture
    def authorizer(self) -> Authorizer:
        return SingleUser(MemoryFileSystem(), password="correct-horse")


class Remote:
    """Waits for somebody else at each login and for each right, and computes digests in a thread."""

    def __init__(self, users: Mapping[str, Login]) -> None:
        self._users = users
        self._digests = {name: _digest(user.password) for name, user in users.items()}
        self._files = MemoryFileSystem()

    async def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        await checkpoint()
        given = await anyio.to_thread.run_sync(_digest, password)
        user = self._users.get(username)
        right = hmac.compare_digest(given, self._digests.get(username, bytes(len(given))))
        if user is None or not right:
            raise AuthenticationFailed("Who are you?")
        return Account(name=username, filesystem=self._files, rights=user.rights, rights_vary=bool(user.places))

    async def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter in await self.rights_on(account, path)

    async def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        await checkpoint()
        return self._users[account.name].places.get(path, account.rights)


def _digest(password: str) -> bytes:
    return hmac.digest(b"a key", password.encode("utf-8", "surrogatepass"), "sha256")


class TestAsynchronous(Counting, AsyncAuthorizerContract):
    users = [ANN, BOB]

    @pytest.fixture
    def authorizer(self) -> AsyncAuthorizer:
        return Remote({user.username: user for user in self.users})


class TestAsynchronousOnTrio(TestAsynchronous):
    backend = "trio"
