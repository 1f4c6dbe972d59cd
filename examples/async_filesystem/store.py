"""A small blob store: bytes under keys, on the network.

It stands for whatever keeps files somewhere else.  As such stores do, it has no directories, replaces a blob as a whole
when its upload is complete, and forgets an upload whose connection ends before.

| words | answer |
| --- | --- |
| LOOK, key ... | OK, facts of each: `version size modified`, or "" |
| LIST, prefix, after | OK, and in the body the next names below the prefix, up to "/", with their facts |
| READ, key, version, offset, size | OK, and bytes in the body; ESTALE if the blob is another one by now |
| REMOVE, key | OK |
| PUT, key | OK, facts of what is there; then DATA with bytes in the body, any number of times, without an answer, and at the end COMMIT: OK, or ENOSPC |

Every request may carry conditions, which are looked at in their order, and in one step with what they are for: `+key`
it exists; `-key` it does not; `!prefix` nothing is below the prefix.  The first that does not hold is answered with
FAILED and its number.  Those of PUT are looked at twice, at the start and at the end.
"""  # noqa: E501  the lines of a table

from __future__ import annotations

import json
import time
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count, islice
from typing import Final, NamedTuple

from anyio import create_task_group, create_tcp_listener
from anyio.abc import SocketAttribute, SocketStream

from examples.async_filesystem.messages import Connection, Message

__all__ = ["BlobStore", "serve_store"]

#: Names in one answer to LIST.
_PAGE: Final = 500

_OK: Final = Message(("OK",))


class _Blob(NamedTuple):
    content: bytes
    version: int
    modified: float

    @property
    def facts(self) -> str:
        return f"{self.version} {len(self.content)} {self.modified}"


class BlobStore:
    """The blobs, and the answers about them.

    Args:
        limit: Bytes that all blobs together may have; None: as many as come.
    """

    def __init__(self, *, limit: int | None = None) -> None:
        self._limit = limit
        self._versions = count(1)
        self._blobs: dict[str, _Blob] = {}
        self._keys: list[str] = []
        self._size = 0
        self.put("", b"")  # by which clients know that they have come to a store

    def put(self, key: str, content: bytes) -> bool:
        """Store or replace a blob; False: there is no room for it."""
        old = self._blobs.get(key)
        size = self._size + len(content) - (len(old.content) if old else 0)
        if self._limit is not None and size > self._limit:
            return False
        if old is None:
            insort(self._keys, key)
        self._blobs[key] = _Blob(content, next(self._versions), time.time())
        self._size = size
        return True

    def answer(self, request: Message) -> Message:
        """Return the answer to any request but an upload."""
        failed = self.failed(request.conditions)
        if failed is not None:
            return failed
        match request.words:
            case ("LOOK", *keys):
                return Message(("OK", *(self.facts(key) for key in keys)))
            case ("LIST", prefix, after):
                page = [(name, self.facts(prefix + name)) for name in islice(self._names(prefix, after), _PAGE)]
                return Message(("OK",), body=json.dumps(page).encode("ascii"))
            case ("READ", key, version, offset, size):
                blob = self._blobs.get(key)
                if blob is None or str(blob.version) != version:
                    return Message(("ESTALE",))
                return Message(("OK",), body=blob.content[int(offset) : int(offset) + int(size)])
            case ("REMOVE", key) if key in self._blobs:
                self._size -= len(self._blobs.pop(key).content)
                del self._keys[bisect_left(self._keys, key)]
                return _OK
        return Message(("EINVAL",))

    def facts(self, key: str) -> str:
        blob = self._blobs.get(key)
        return blob.facts if blob else ""

    def failed(self, conditions: Sequence[str]) -> Message | None:
        """Return the answer that names the first condition that does not hold, if there is one."""
        for number, condition in enumerate(conditions):
            sign, key = condition[0], condition[1:]
            if sign == "!":
                holds = next(self._names(key, ""), None) is None
            else:
                holds = (key in self._blobs) is (sign == "+")
            if not holds:
                return Message(("FAILED", str(number)))
        return None

    def has_room(self, size: int) -> bool:
        """Tell whether an upload of `size` bytes may fit, so that what can't is not kept."""
        return self._limit is None or size <= self._limit

    def _names(self, prefix: str, after: str) -> Iterator[str]:
        """Iterate over what follows the prefix in keys, up to and with the first "/", behind the name `after`."""
        at = bisect_left(self._keys, _behind(prefix, after))
        while at < len(self._keys) and self._keys[at].startswith(prefix):
            name, slash, _ = self._keys[at][len(prefix) :].partition("/")
            yield name + slash
            at = bisect_left(self._keys, _behind(prefix, name + slash))


@asynccontextmanager
async def serve_store(store: BlobStore) -> AsyncIterator[int]:
    """Serve on loopback while the context is open, at the port that it gives."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            connection = Connection(stream)
            try:
                while True:
                    request = await connection.receive()
                    if request.words[0] == "PUT":
                        await _take_upload(store, connection, request)
                    else:
                        await connection.send(store.answer(request))
            except (ConnectionError, ValueError):
                pass  # the client is gone, or is none, and with it what it was uploading

    async with await create_tcp_listener(local_host="127.0.0.1") as listener, create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def _take_upload(store: BlobStore, connection: Connection, request: Message) -> None:
    """Take an upload to its end; nobody sees anything of it before."""
    _, key = request.words
    answer = store.failed(request.conditions) or Message(("OK", store.facts(key)))
    await connection.send(answer)
    if answer.words[0] != "OK":
        return
    content = bytearray()
    fits = True
    while (part := await connection.receive()).words != ("COMMIT",):
        fits = fits and store.has_room(len(content) + len(part.body))
        if fits:
            content += part.body
    answer = store.failed(request.conditions) or _OK
    if answer is _OK and not (fits and store.put(key, bytes(content))):
        answer = Message(("ENOSPC",))
    await connection.send(answer)


def _behind(prefix: str, name: str) -> str:
    """Return the least key that sorts behind the name, and behind all below it if it ends in "/"."""
    return f"{prefix}{name[:-1]}0" if name.endswith("/") else f"{prefix}{name}\0"
