"""The network of a host in memory: a listener, one data connection, and handshakes, as the test wants them."""

from __future__ import annotations

from collections import deque
from typing import Final

from ftpcore import (
    AcceptData,
    Address,
    CloseData,
    ConnectData,
    DataPart,
    Effect,
    OpenListener,
    ReceiveData,
    ReceiveFile,
    SendData,
    SendFile,
    StartTLS,
    StopTLS,
    TLSDetails,
    UnsupportedOperation,
)
from ftpcore.ports import BinaryFile

__all__ = ["NOTHING", "ScriptedNetwork"]

#: An answer of None.
NOTHING: Final = object()


class ScriptedNetwork:
    """Base of `ScriptedHost`, which tells what the attributes are."""

    def __init__(self) -> None:
        self.downloads: list[bytes] = []
        self.downloaded = b""
        self.window: int | None = None
        self.kernel = True
        self.tls: TLSDetails | Exception | None = TLSDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384")
        self.listening: Address | None = None
        self.connected = False
        self._incoming: deque[Address] = deque()
        self._uploads: deque[bytes | ConnectionError] = deque()
        self._ports = 20_000

    def _network(self, effect: Effect[object]) -> object | None:
        """Return the answer, `NOTHING` for an answer of None, or None: not yet."""
        match effect:
            case OpenListener(host, port):
                self._ports += 1
                self.listening = Address(host, port or self._ports)
                return self.listening
            case AcceptData():
                if not self._incoming:
                    return None
                self._open()
                return self._incoming.popleft()
            case ConnectData():
                self._open()
                return NOTHING
            case SendData(data):
                return self._sent(bytes(data))
            case SendFile(file, offset, size):
                return self._sent(_local(file, self.kernel).read_at(offset, size))
            case ReceiveData(size):
                return self._received(size)
            case ReceiveFile(file, offset, size):
                target = _local(file, self.kernel)
                block = self._received(size)
                if block:
                    target.write_at(offset, block)
                return None if block is None else len(block)
            case CloseData(part):
                self._close(part)
                return NOTHING
            case StartTLS() | StopTLS():
                if isinstance(self.tls, Exception):
                    raise self.tls
                return self.tls if isinstance(effect, StartTLS) or self.tls is None else NOTHING
            case _:
                raise UnsupportedOperation(f"unknown effect {effect!r}")

    def _open(self) -> None:
        self.connected = True
        self.downloaded = b""

    def _close(self, part: DataPart) -> None:
        if DataPart.LISTENER in part:
            self.listening = None
            self._incoming.clear()
        if DataPart.CONNECTION in part and self.connected:
            self.connected = False
            self.downloads.append(self.downloaded)
            self._uploads.clear()

    def _sent(self, data: bytes) -> int | None:
        if self._uploads and isinstance(self._uploads[0], ConnectionError):
            raise self._uploads.popleft()  # type: ignore[misc]  # isinstance does not narrow an item
        count = len(data) if self.window is None else min(len(data), self.window)
        if data and not count:
            return None
        if self.window is not None:
            self.window -= count
        self.downloaded += data[:count]
        return count

    def _received(self, size: int) -> bytes | None:
        if not self._uploads:
            return None
        block = self._uploads.popleft()
        if isinstance(block, ConnectionError):
            raise block
        if len(block) > size:
            self._uploads.appendleft(block[size:])
        return block[:size]


def _local(file: object, possible: bool) -> BinaryFile:
    if not possible:
        raise UnsupportedOperation("no such system call here")
    return file  # type: ignore[return-value]  # the ports of this host are synchronous
