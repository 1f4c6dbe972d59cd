"""The contract of authorizers with coroutine methods."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from inspect import isawaitable
from typing import ClassVar, Literal

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.lowlevel import checkpoint

from ftpcore import VirtualPath
from ftpcore.ports import Account, AsyncAuthorizer, Authorizer
from ftpcore_contracts._auth_users import PEER, ROOT, Login, entered
from ftpcore_contracts._authorizer import EitherAuthorizer, answered
from ftpcore_contracts._loop import cancelled_after, stood_still
from ftpcore_contracts._rules import ContractBroken, broken, expect, rule

__all__ = ["AsyncAuthorizerContract"]

#: Rounds of the loop that a login is given before it is cancelled.
_ROUNDS = (0, 1, 2, 3, 5, 8, 16, 32, 64, 256)

#: Seconds that a login may wait, and compute, in the thread of the loop.
_STILL = 0.001
_STEP = 0.01

#: Logins that are watched.
_TRIES = 5


class Asynchrony:
    """asynchrony"""

    @pytest.mark.parametrize("method", ["authenticate", "check_permission", "rights_on"])
    @rule("AsyncAuthorizer")
    def test_methods_are_awaited(
        self,
        authorizer: AsyncAuthorizer,
        portal: BlockingPortal,
        port: Authorizer,
        logins: Sequence[Login],
        method: str,
    ) -> None:
        """Each method returns an awaitable: a port is asynchronous in all of them."""
        user = logins[0]
        account = entered(port, user)
        arguments: dict[str, tuple[object, ...]] = {
            "authenticate": (user.username, user.password, PEER),
            "check_permission": (account, "l", ROOT),
            "rights_on": (account, ROOT),
        }

        async def call() -> object:
            came = getattr(authorizer, method)(*arguments[method])
            if not isawaitable(came):
                return came
            await came
            return None

        came = portal.call(call)
        if came is not None:
            broken(f"what {method} returned", expected="an awaitable", came=came)

    @rule("AsyncAuthorizer.authenticate")
    def test_a_cancelled_login_is_no_refusal(
        self, authorizer: AsyncAuthorizer, portal: BlockingPortal, port: Authorizer, logins: Sequence[Login]
    ) -> None:
        """A login may be cancelled wherever it waits: it ends so, and is not refused; the authorizer goes on."""
        user = logins[0]
        login = partial(authorizer.authenticate, user.username, user.password, PEER)
        for rounds in _ROUNDS:
            try:
                ended = portal.call(cancelled_after, rounds, login)
            except Exception as error:
                what = f"a login as {user.username!r} that was cancelled, {rounds} rounds of the loop after it began"
                came = f"{type(error).__name__}: {error}"
                raise ContractBroken(what, expected="the cancellation, or the account", came=came) from error
            expect(entered(port, user).name, user.username, f"the account after a login was cancelled at {rounds}")
            if ended:
                break

    @rule("AsyncAuthorizer")
    def test_a_login_does_not_wait_in_the_loop(
        self, authorizer: AsyncAuthorizer, portal: BlockingPortal, logins: Sequence[Login]
    ) -> None:
        """What waits, for a network, a disk or a lock, lets the loop go on: all of its sessions wait else."""
        login = partial(authorizer.authenticate, logins[0].username, logins[0].password, PEER)
        still = min(portal.call(stood_still, login) for _ in range(_TRIES))  # what is always so, not by chance
        if still > _STILL:
            came = f"{still * 1000:.1f} ms of waiting in the thread of the loop, each time"
            broken(f"a login as {logins[0].username!r}", expected="none", came=came)

    @rule("AsyncAuthorizer")
    def test_a_login_does_not_compute_in_the_loop(
        self, authorizer: AsyncAuthorizer, portal: BlockingPortal, logins: Sequence[Login]
    ) -> None:
        """What computes for long, such as a hash of a password, does so in a thread: all sessions wait else."""
        login = partial(authorizer.authenticate, logins[0].username, logins[0].password, PEER)
        step = min(portal.call(_longest_step, login) for _ in range(_TRIES))  # as above
        if step > _STEP:
            came = f"{step * 1000:.0f} ms of computing in the thread of the loop, at a stretch"
            broken(f"a login as {logins[0].username!r}", expected=f"at most {_STEP * 1000:.0f} ms", came=came)


class AsyncAuthorizerContract(Asynchrony, EitherAuthorizer):
    """What every asynchronous authorizer keeps: what a synchronous one does, and to be a good guest of its loop.

    Subclass it as `TestX`, override `authorizer`, and say in `users` whom it knows.  The fixture `authorizer` may ask
    for the fixture `portal` in order to make it on the loop:

        @pytest.fixture
        def authorizer(self, portal):
            with portal.wrap_async_context_manager(connected_directory()) as authorizer:
                yield authorizer
    """

    backend: ClassVar[Literal["asyncio", "trio"]] = "asyncio"
    """The event loop."""

    @pytest.fixture
    def authorizer(self) -> AsyncAuthorizer:
        """Return the implementation, fresh."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `authorizer`: a fresh one")

    @pytest.fixture
    def portal(self) -> Iterator[BlockingPortal]:
        """The loop, in a thread of its own: `portal.call(function, *arguments)` runs on it and returns what comes."""
        with start_blocking_portal(self.backend) as portal:
            yield portal

    @pytest.fixture
    def port(self, authorizer: AsyncAuthorizer, portal: BlockingPortal) -> Authorizer:
        """What the tests call, from any thread: logins at once are tasks of one loop."""
        return _OnLoop(authorizer, portal)

    @pytest.fixture
    def settled(self, portal: BlockingPortal) -> Callable[[object], object]:
        """Waits for what an asynchronous filesystem answers, on the same loop."""
        return lambda value: portal.call(answered, value)


async def _longest_step(call: Callable[[], Awaitable[object]]) -> float:
    """Return the longest time, in seconds, that the thread computed for between two rounds of the loop."""
    steps: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.thread_time()
            await checkpoint()
            steps.append(time.thread_time() - begun)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await checkpoint()
        await call()
        await checkpoint()
        tasks.cancel_scope.cancel()
    return max(steps)


class _OnLoop:
    """An asynchronous authorizer, called from other threads than that of its loop."""

    blocking = True

    def __init__(self, authorizer: AsyncAuthorizer, portal: BlockingPortal) -> None:
        self._authorizer = authorizer
        self._portal = portal

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        return self._portal.call(self._authorizer.authenticate, username, password, peer)

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return self._portal.call(self._authorizer.check_permission, account, letter, path)

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return self._portal.call(self._authorizer.rights_on, account, path)
