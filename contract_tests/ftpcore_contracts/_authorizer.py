"""The contract of authorizers, put together from its areas."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar

import anyio
import pytest

from ftpcore import AuthenticationFailed
from ftpcore.ports import Authorizer
from ftpcore_contracts._auth_logins import Logins
from ftpcore_contracts._auth_permissions import Permissions
from ftpcore_contracts._auth_refusals import Refusals
from ftpcore_contracts._auth_sessions import Sessions
from ftpcore_contracts._auth_users import PEER, Effort, Login, checked
from ftpcore_contracts._contract import Contract
from ftpcore_contracts._rules import broken, rule

__all__ = ["AuthorizerContract", "EitherAuthorizer", "answered"]


class EitherAuthorizer(Sessions, Permissions, Refusals, Logins, Contract):
    """What every authorizer keeps, synchronous or not."""

    users: ClassVar[Sequence[Login]] = ()
    """Whom the authorizer knows.

    Two users with different rights and passwords, one of them with `places`, have all rules tried.
    """
    unknown: ClassVar[str] = "nobody-of-this-name"
    """The name of a user whom it does not know."""
    most_times: ClassVar[float] = 5.0
    """How many times as much as the other the dearer one of two refusals may cost: see `effort`."""

    def effort(self, port: Authorizer, username: str, password: str) -> float:
        """Return what it costs to refuse a login: by default, milliseconds.  What is below 1 does not count.

        Count the work instead, by an override, where a machine is too busy to measure time.
        """
        begun = time.perf_counter()
        with suppress(AuthenticationFailed):
            port.authenticate(username, password, PEER)
        return (time.perf_counter() - begun) * 1000

    @pytest.fixture
    def logins(self) -> Sequence[Login]:
        """Whom the authorizer knows."""
        return checked(type(self).__name__, self.users, self.unknown)

    @pytest.fixture
    def stranger(self) -> str:
        """Whom it does not know."""
        return self.unknown

    @pytest.fixture(name="effort")
    def _effort(self, port: Authorizer) -> Effort:
        return partial(self.effort, port)

    @pytest.fixture(name="most_times")
    def _most_times(self) -> float:
        return self.most_times


class Declarations:
    """declarations"""

    @rule("Authorizer.blocking")
    def test_blocking_is_declared(self, authorizer: Authorizer) -> None:
        """`blocking` is True or False: it says whether a call may wait, for a disk, a network, a hash or a lock."""
        came = getattr(authorizer, "blocking", "nothing of that name")
        if not isinstance(came, bool):
            broken("blocking of the authorizer", expected="True or False", came=came)


class AuthorizerContract(Declarations, EitherAuthorizer):
    """What every synchronous authorizer keeps.

    Subclass it as `TestX`, override `authorizer`, and say in `users` whom it knows:

        class TestTable(AuthorizerContract):
            users = [Login("ann", "secret", "elrw", places={"/pub": "el"}), Login("bob", "passing", "elr")]

            @pytest.fixture
            def authorizer(self) -> Authorizer:
                return Table({"ann": "secret", "bob": "passing"})
    """

    @pytest.fixture
    def authorizer(self) -> Authorizer:
        """Return the implementation, fresh."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `authorizer`: a fresh one")

    @pytest.fixture
    def port(self, authorizer: Authorizer) -> Authorizer:
        """What the tests call."""
        return authorizer

    @pytest.fixture
    def settled(self) -> Callable[[object], object]:
        """Waits for what an asynchronous filesystem answers; an authorizer of either kind may bring one."""
        return lambda value: anyio.run(answered, value)


async def answered(value: object) -> object:
    """Return what a call answered, once an asynchronous port has."""
    return await value if isinstance(value, Awaitable) else value
