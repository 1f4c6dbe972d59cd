"""The client under TLS 1.3, control and data connections: it decrypts all that it throws away."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from benchmarks.client import Client

__all__ = ["SecureClient"]

_BLOCK: Final = 1 << 20


class SecureClient(Client):
    """A control connection that goes under TLS at login, and blocking transfers of big files by it."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE  # both servers show what they have made themselves

    def log_in(self) -> None:
        self.command(b"AUTH TLS\r\n", b"234")
        self._control = self._context.wrap_socket(self._control)
        self.command(b"PBSZ 0\r\n", b"200")
        self.command(b"PROT P\r\n", b"200")
        super().log_in()

    def download(self, command: bytes, *, extended: bool = True) -> int:
        size = 0
        with self._private(command, extended=extended) as data:
            while count := data.recv_into(self._block):
                size += count
            self._finish(data)
        return size

    def upload(self, command: bytes, content: bytes, *, extended: bool = True) -> None:
        with self._private(command, extended=extended) as data:
            data.sendall(content)
            self._finish(self._finished(data))

    def upload_file(self, command: bytes, file: int, size: int) -> None:
        with self._private(command, extended=True) as data, open(file, "rb", buffering=0, closefd=False) as source:
            for offset in range(0, size, _BLOCK):
                source.seek(offset)
                data.sendall(source.read(min(_BLOCK, size - offset)))
            self._finish(self._finished(data))

    @contextlib.contextmanager
    def _private(self, command: bytes, *, extended: bool) -> Iterator[ssl.SSLSocket]:
        plain = self._passive(extended=extended)
        try:
            self._begin(command)
            with self._context.wrap_socket(plain) as data:
                yield data
        finally:
            plain.close()

    def _finished(self, data: ssl.SSLSocket) -> socket.socket:
        """End the stream by close_notify, and wait for the server's."""
        return data.unwrap()
