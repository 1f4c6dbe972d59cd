"""The store as its clients see it: connections that are kept for the next request, and uploads.

What a filesystem on the network has to mind is here:

- A call may be cancelled wherever it awaits.  A connection on which an answer is due is then of no use to anybody: it
  is closed, not kept.
- Each call may be made by another task, so nothing here belongs to a task: no task group, no cancel scope that is open
  between two calls.
- Every wait has a deadline, and ends in an `OSError`: `TimeoutError` is one.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final, NamedTuple

from anyio import aclose_forcefully, connect_tcp, fail_after

from examples.async_filesystem.messages import Connection, Message

__all__ = ["Conditions", "Facts", "StoreClient", "Upload", "connected"]

#: What must hold, and the errno of what is raised if it does not.
Conditions = Mapping[str, int]

#: Connections that are kept while nobody uses them.
_IDLE_LIMIT: Final = 8

_NONE: Final[Conditions] = MappingProxyType({})


class Facts(NamedTuple):
    """What the store tells of a blob."""

    version: str
    size: int
    modified: float


class StoreClient:
    """Requests to one store, any number of them at once, each on a connection of its own."""

    def __init__(self, host: str, port: int, *, timeout: float = 30.0) -> None:
        self.in_use = 0
        """Connections on which something is under way."""
        self._address = host, port
        self._timeout = timeout
        self._idle: list[Connection] = []

    async def look(self, *keys: str, conditions: Conditions = _NONE) -> tuple[Facts | None, ...]:
        """Return the facts of each of the keys."""
        answer = await self._ask(Message(("LOOK", *keys), tuple(conditions)), conditions)
        return tuple(map(_facts, answer.words[1:]))

    async def list(
        self, prefix: str, *, after: str = "", conditions: Conditions = _NONE
    ) -> list[tuple[str, Facts | None]]:
        """Return the next names below the prefix; those that stand for more keys end in "/"."""
        answer = await self._ask(Message(("LIST", prefix, after), tuple(conditions)), conditions)
        return [(name, _facts(facts)) for name, facts in json.loads(answer.body)]

    async def read(self, key: str, version: str, offset: int, size: int) -> bytes:
        """Return bytes of a blob; OSError(ESTALE): it is not that version any more."""
        return (await self._ask(Message(("READ", key, version, str(offset), str(size))))).body

    async def put(self, key: str, content: bytes, *, conditions: Conditions) -> None:
        """Store a small blob."""
        upload = await self.upload(key, conditions=conditions)
        try:
            await upload.send(content)
        except BaseException:
            await upload.abandon()
            raise
        await upload.commit()

    async def remove(self, key: str, *, conditions: Conditions) -> None:
        await self._ask(Message(("REMOVE", key), tuple(conditions)), conditions)

    async def upload(self, key: str, *, conditions: Conditions) -> Upload:
        """Begin an upload; it holds a connection until it is committed or abandoned."""
        connection = await self._acquire()
        try:
            answer = await self._exchange(connection, Message(("PUT", key), tuple(conditions)), conditions)
        except BaseException:
            await self._drop(connection)
            raise
        return Upload(self, connection, conditions, replaces=bool(answer.words[1]))

    async def aclose(self) -> None:
        while self._idle:
            await aclose_forcefully(self._idle.pop().stream)

    async def _ask(self, request: Message, conditions: Conditions = _NONE) -> Message:
        connection = await self._acquire()
        try:
            answer = await self._exchange(connection, request, conditions)
        except BaseException:  # cancellation, too
            await self._drop(connection)
            raise
        await self._keep(connection)
        return answer

    async def _exchange(self, connection: Connection, request: Message, conditions: Conditions) -> Message:
        with fail_after(self._timeout):
            await connection.send(request)
            answer = await connection.receive()
        match answer.words:
            case ("OK", *_):
                return answer
            case ("FAILED", number):
                code = list(conditions.values())[int(number)]
            case _:
                code = getattr(errno, answer.words[0], errno.EIO)
        raise OSError(code, os.strerror(code))

    async def _acquire(self) -> Connection:
        if self._idle:
            connection = self._idle.pop()
        else:
            with fail_after(self._timeout):
                connection = Connection(await connect_tcp(*self._address))
        self.in_use += 1
        return connection

    async def _keep(self, connection: Connection) -> None:
        self.in_use -= 1
        if len(self._idle) < _IDLE_LIMIT:
            self._idle.append(connection)
        else:
            await aclose_forcefully(connection.stream)

    async def _drop(self, connection: Connection) -> None:
        self.in_use -= 1
        await aclose_forcefully(connection.stream)


class Upload:
    """A blob on its way into the store; nobody sees anything of it before `commit`."""

    def __init__(self, client: StoreClient, connection: Connection, conditions: Conditions, *, replaces: bool) -> None:
        self.replaces = replaces
        """There was a blob when the upload began."""
        self._client = client
        self._connection = connection
        self._conditions = conditions
        self._torn = False

    async def send(self, data: bytes) -> None:
        """Send bytes that follow those before; when it fails, or is cancelled, only `abandon` is left to do."""
        if self._torn:
            raise OSError(errno.EIO, "a part of the upload was lost before")
        self._torn = True
        with fail_after(self._client._timeout):
            await self._connection.send(Message(("DATA",), body=data))
        self._torn = False

    async def commit(self) -> None:
        """Store the blob; when this raises OSError it was not stored."""
        if self._torn:
            await self.abandon()
            raise OSError(errno.EIO, "a part of the upload was lost")
        try:
            await self._client._exchange(self._connection, Message(("COMMIT",)), self._conditions)
        except BaseException:
            await self.abandon()
            raise
        await self._client._keep(self._connection)

    async def abandon(self) -> None:
        """Have the store forget what was sent: it does when the connection ends."""
        await self._client._drop(self._connection)


@asynccontextmanager
async def connected(host: str, port: int) -> AsyncIterator[StoreClient]:
    """Give a client whose connections are closed with the context."""
    client = StoreClient(host, port)
    try:
        yield client
    finally:
        await client.aclose()


def _facts(text: str) -> Facts | None:
    if not text:
        return None
    version, size, modified = text.split()
    return Facts(version, int(size), float(modified))
