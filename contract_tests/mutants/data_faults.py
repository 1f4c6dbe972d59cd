"""Hosts with one fault each, in what they do with data connections."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any, ClassVar

from ftpcore import AcceptData, ConnectData, DataPart, Output, Perform, ReceiveData, ReceiveFile, SendData
from tests.adapters.small_asyncio_host import SmallAsyncioHost

__all__ = [
    "AnybodyIsTheClient",
    "CancelledThoughMoved",
    "ClosesByReset",
    "ConnectsAtOnce",
    "CountsAll",
    "FillsBlocks",
    "IgnoresCancel",
    "KeepsConnection",
    "ListensOn",
    "LosesLastBlock",
    "ResetIsEnd",
    "SendsAll",
    "WaitsBeforeItTries",
    "WritesLater",
]


class SendsAll(SmallAsyncioHost):
    """SendData is answered when all of the block has left."""

    sent = 0

    def attempt(self, effect: Any) -> object:
        if not isinstance(effect, SendData):
            return super().attempt(effect)
        assert self._data is not None
        self._data.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        while self.sent < len(effect.data):
            count = super().attempt(SendData(effect.data[self.sent :]))
            assert isinstance(count, int)
            self.sent += count
        self.sent = 0
        return len(effect.data)

    def cancel(self, serial: int) -> None:
        sent, self.sent = self.sent, 0
        if sent and self._data is not None and self._waiting is not None and self._waiting.serial == serial:
            self._waiting = None
            self.unwatch(self._data)
            self.session.succeed(serial, sent, now=self.now())
        else:
            super().cancel(serial)


class CancelledThoughMoved(SendsAll):
    """A block of which a part has left is cancelled as if nothing had."""

    def cancel(self, serial: int) -> None:
        self.sent = 0
        super().cancel(serial)


class IgnoresCancel(SmallAsyncioHost):
    """Cancel is ignored."""

    grace = 0.05

    def cancel(self, serial: int) -> None:
        pass


class WaitsBeforeItTries(SmallAsyncioHost):
    """ReceiveData is tried when the system says that something is there, and a Cancel comes before that."""

    def carry_out(self, output: Output) -> None:
        if isinstance(output, Perform) and isinstance(output.effect, ReceiveData):
            assert self._data is not None
            self._waiting = output
            self.loop.add_reader(self._data, self.retry, self._data)
        else:
            super().carry_out(output)


class CountsAll(SmallAsyncioHost):
    """SendData is answered by the whole block, though send took a part of it."""

    def attempt(self, effect: Any) -> object:
        answer = super().attempt(effect)
        return len(effect.data) if isinstance(effect, SendData) else answer


class FillsBlocks(SmallAsyncioHost):
    """ReceiveData is answered when the block is full."""

    block = b""

    def attempt(self, effect: Any) -> object:
        if not isinstance(effect, ReceiveData):
            return super().attempt(effect)
        while len(self.block) < effect.size:
            data = super().attempt(ReceiveData(effect.size - len(self.block)))
            assert isinstance(data, bytes)
            if not data:
                break
            self.block += data
        block, self.block = self.block, b""
        return block


class LosesLastBlock(SmallAsyncioHost):
    """What came last is lost when the end comes behind it."""

    latest = b""

    def attempt(self, effect: Any) -> object:
        if not isinstance(effect, ReceiveData):
            return super().attempt(effect)
        while True:
            data = super().attempt(effect)
            assert isinstance(data, bytes)
            block, self.latest = self.latest, data
            if block or not data:
                return block if data else data


class WritesLater(SmallAsyncioHost):
    """ReceiveFile is answered before what came is in the file."""

    later: tuple[int, int, bytes] | None = None

    def attempt(self, effect: Any) -> object:
        if not isinstance(effect, ReceiveFile):
            return super().attempt(effect)
        if self.later is not None:
            descriptor, offset, data = self.later
            os.pwrite(descriptor, data, offset)
            self.later = None
        block = super().attempt(ReceiveData(effect.size))
        assert isinstance(block, bytes)
        if block:
            self.later = (effect.file.fileno(), effect.offset, block)  # type: ignore[union-attr]  # it is asked for then
        return len(block)


class ResetIsEnd(SmallAsyncioHost):
    """A data connection that breaks looks like one that ends."""

    def attempt(self, effect: Any) -> object:
        try:
            return super().attempt(effect)
        except ConnectionError:
            if isinstance(effect, ReceiveData):
                return b""
            raise


class AnybodyIsTheClient(SmallAsyncioHost):
    """Whoever connects is told to be the client."""

    def attempt(self, effect: Any) -> object:
        answer = super().attempt(effect)
        return self.session.peer if isinstance(effect, AcceptData) else answer


class ListensOn(SmallAsyncioHost):
    """A listener is forgotten, but not closed."""

    forgotten: ClassVar[list[socket.socket]] = []

    def close_data(self, part: DataPart) -> None:
        if DataPart.LISTENER in part and self._listener is not None:
            self.unwatch(self._listener)
            self.forgotten.append(self._listener)
            self._listener = None
        super().close_data(part)


class KeepsConnection(SmallAsyncioHost):
    """A data connection is forgotten, but not closed."""

    forgotten: ClassVar[list[socket.socket]] = []

    def close_data(self, part: DataPart) -> None:
        if DataPart.CONNECTION in part and self._data is not None:
            self.unwatch(self._data)
            self.forgotten.append(self._data)
            self._data = None
        super().close_data(part)


class ClosesByReset(SmallAsyncioHost):
    """A data connection is closed by a reset, which takes what was under way."""

    def close_data(self, part: DataPart) -> None:
        if DataPart.CONNECTION in part and self._data is not None:
            self._data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        super().close_data(part)


class ConnectsAtOnce(SmallAsyncioHost):
    """A data connection that is being made is taken for one that is there."""

    def attempt(self, effect: Any) -> object:
        if not isinstance(effect, ConnectData):
            return super().attempt(effect)
        try:
            return super().attempt(effect)
        except BlockingIOError:
            assert self._data is not None
            self.unwatch(self._data)
            return None
