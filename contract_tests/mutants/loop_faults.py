"""Asynchronous authorizers with one fault each."""

from __future__ import annotations

import time

from ftpcore import AuthenticationFailed, VirtualPath
from ftpcore.ports import Account
from mutants.user_tables import AsyncTable, digest

__all__ = ["ComputesInLoop", "PlainMethod", "RefusesTheCancelled", "WaitsInLoop"]


class ComputesInLoop(AsyncTable):
    """A password is hashed in the thread of the loop."""

    async def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        digest(b"as a password deserves", 400_000)
        return await super().authenticate(username, password, peer)


class WaitsInLoop(AsyncTable):
    """A login waits in the thread of the loop."""

    async def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        time.sleep(0.005)  # noqa: ASYNC251  the fault
        return await super().authenticate(username, password, peer)


class RefusesTheCancelled(AsyncTable):
    """A login that is cancelled is refused."""

    async def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        try:
            return await super().authenticate(username, password, peer)
        except BaseException:  # noqa: BLE001  the fault
            raise AuthenticationFailed("Authentication failed.") from None


class PlainMethod(AsyncTable):
    """One method of an asynchronous authorizer is not."""

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:  # type: ignore[override]  # the fault
        return self.table.rights_on(account, path)
