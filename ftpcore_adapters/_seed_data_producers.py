"""Producers: objects with a `more()` that returns bytes, b"" at the end, for `push_dtp_data`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Protocol

from ftpcore import AsciiCodec

__all__ = ["BufferedIteratorProducer", "FileProducer", "Producer", "Readable"]

#: Bytes that `FileProducer` reads at once.
BUFFER_SIZE: Final = 65536


class Producer(Protocol):
    """What `push_dtp_data` takes with `isproducer`."""

    def more(self) -> bytes:
        """Return what is to be sent next; b"": no more."""
        ...


class Readable(Protocol):
    """A file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes: ...


class FileProducer:
    r"""Produces a file, from where it is, in blocks of `buffer_size` bytes.

    >>> import io
    >>> FileProducer(io.BytesIO(b"1\n2\n"), "a").more()
    b'1\r\n2\r\n'
    """

    buffer_size: int = BUFFER_SIZE

    def __init__(self, file: Readable, type: str) -> None:
        r"""Read `file`, which stays the caller's, as it is ("i") or with lines that end in "\r\n" ("a").

        Raises:
            TypeError: `type` is neither.
        """
        if type not in ("a", "i"):
            raise TypeError(f"unsupported type {type!r}; expected 'a' or 'i'")
        self.file = file
        self.type = type
        self._codec = AsciiCodec() if type == "a" else None

    def more(self) -> bytes:
        block = self.file.read(self.buffer_size)
        return block if self._codec is None else self._codec.encode(block)


class BufferedIteratorProducer:
    """Produces what an iterator yields, `loops` items at once.

    >>> producer = BufferedIteratorProducer(b"line\\r\\n" for _ in range(21))
    >>> [len(producer.more()), len(producer.more()), len(producer.more())]
    [120, 6, 0]
    """

    loops: int = 20

    def __init__(self, iterator: Iterable[bytes]) -> None:
        self.iterator: Iterator[bytes] = iter(iterator)

    def more(self) -> bytes:
        while items := list(islice(self.iterator, self.loops)):
            block = b"".join(items)
            if block:  # an empty one would be taken for the end
                return block
        return b""
