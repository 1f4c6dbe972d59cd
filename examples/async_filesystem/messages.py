"""What client and store say to each other over TCP: messages of words, conditions and bytes.

A message is one line of JSON, `{"words": [...], "if": [...], "size": 5}`, and `size` bytes behind it.  JSON in ASCII
carries names that are not UTF-8, too: their surrogate escapes are written as any other character.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from anyio import BrokenResourceError, ClosedResourceError, DelimiterNotFound, EndOfStream, IncompleteRead
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream

__all__ = ["Connection", "Message"]

#: Bytes in the line of a message: some names of 255 bytes, each byte of which takes six.
_LINE_LIMIT: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Message:
    words: tuple[str, ...]
    """What is asked, or answered."""
    conditions: tuple[str, ...] = ()
    """What must hold: see `store`."""
    body: bytes = b""


class Connection:
    """One end of a connection.  Its methods raise `ConnectionError` when the other end is gone, or talks of something
    else.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._buffered = BufferedByteReceiveStream(stream)

    async def send(self, message: Message) -> None:
        line = json.dumps({"words": message.words, "if": message.conditions, "size": len(message.body)})
        with _lost():
            await self.stream.send(f"{line}\n".encode("ascii") + message.body)

    async def receive(self) -> Message:
        with _lost():
            line = await self._buffered.receive_until(b"\n", _LINE_LIMIT)
            try:
                said = json.loads(line)
                words, conditions, size = tuple(said["words"]), tuple(said["if"]), said["size"]
            except (KeyError, TypeError, ValueError) as error:
                raise ConnectionAbortedError("the other end does not send messages") from error
            body = await self._buffered.receive_exactly(size) if size else b""
        return Message(words, conditions, body)


@contextmanager
def _lost() -> Iterator[None]:
    """Turn what anyio raises for a connection that is gone into an OSError, which is what a port may raise."""
    try:
        yield
    except (BrokenResourceError, ClosedResourceError, DelimiterNotFound, EndOfStream, IncompleteRead) as error:
        raise ConnectionResetError("the connection to the store is lost") from error
