"""A client that costs as little as can be, so that the server is what is measured."""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Sequence
from typing import Final, Self

from benchmarks.serving import PASSWORD, USER

__all__ = ["Client"]

#: Seconds without a byte after which a server counts as hung.
_PATIENCE: Final = 60
_BLOCK: Final = 1 << 20
#: The last line of a reply.
_FINAL: Final = re.compile(rb"^(\d\d\d)(?: [^\r\n]*)?\r\n", re.MULTILINE)
_PASV_ADDRESS: Final = re.compile(rb"\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)")
_EPSV_PORT: Final = re.compile(rb"\(\|\|\|(\d+)\|\)")


class Client:
    """A control connection, and blocking transfers by it.

    RuntimeError if the server answers otherwise than expected, BlockingIOError if it hangs.
    """

    def __init__(self, port: int) -> None:
        self._control = _connected(port)
        self._control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._block = bytearray(_BLOCK)
        try:
            self._expect(b"220")
        except BaseException:
            self._control.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._control.close()

    # -- commands ------------------------------------------------------------------------------------------------------

    def log_in(self) -> None:
        """Log in, and choose type I."""
        self.command(f"USER {USER}\r\n".encode(), b"331")
        self.command(f"PASS {PASSWORD}\r\n".encode(), b"230")
        self.command(b"TYPE I\r\n", b"200")

    def quit(self) -> None:
        """Log out, and wait until the server has closed the connection."""
        self.command(b"QUIT\r\n", b"221")
        if self._control.recv(1):
            raise RuntimeError("the server goes on after 221")

    def command(self, line: bytes, code: bytes) -> bytes:
        """Send a command; return the last line of its reply."""
        self._control.send(line)
        return self._expect(code)

    def repeat(self, line: bytes, code: bytes, count: int) -> None:
        """Send a command `count` times, each when the one before is answered."""
        send, receive = self._control.send, self._control.recv
        final = code + b" "
        for _ in range(count):
            send(line)
            reply = receive(65536)
            if not (reply.startswith(final) and reply.endswith(b"\r\n")):  # of several lines, or not all of it
                self._received = reply
                self._expect(code)

    def pipeline(self, line: bytes, code: bytes, batches: int, batch: int) -> None:
        """Send a command `batch` times in one write, take all replies, and so on."""
        lines = line * batch
        for _ in range(batches):
            self._control.sendall(lines)
            replies: list[bytes] = []
            while len(replies) < batch:
                self._received += self._read()
                if self._received.endswith(b"\r\n"):
                    replies += _FINAL.findall(self._received)
                    self._received = b""
            if replies.count(code) != batch:
                raise RuntimeError(f"{line!r} was answered {set(replies)}, not {code!r}")

    # -- transfers -----------------------------------------------------------------------------------------------------

    def download(self, command: bytes, *, extended: bool = True) -> int:
        """Throw away what a command like RETR sends; return how much that was."""
        size = 0
        with self._passive(extended=extended) as data:
            self._begin(command)
            while count := data.recv_into(self._block, _BLOCK, socket.MSG_TRUNC):  # TCP: not even copied
                size += count
            self._finish(data)
        return size

    def listing(self, command: bytes) -> int:
        """Return how many lines a command like LIST sends."""
        lines = 0
        with self._passive(extended=True) as data:
            self._begin(command)
            while count := data.recv_into(self._block):
                lines += self._block.count(b"\n", 0, count)
            self._finish(data)
        return lines

    def upload(self, command: bytes, content: bytes, *, extended: bool = True) -> None:
        with self._passive(extended=extended) as data:
            self._begin(command)
            data.sendall(content)
            data.shutdown(socket.SHUT_WR)
            self._finish(data)

    def upload_file(self, command: bytes, file: int, size: int) -> None:
        """Upload the first `size` bytes of a descriptor."""
        with self._passive(extended=True) as data:
            self._begin(command)
            offset = 0
            while offset < size:
                offset += os.sendfile(data.fileno(), file, offset, size - offset)
            data.shutdown(socket.SHUT_WR)
            self._finish(data)

    # -- private -------------------------------------------------------------------------------------------------------

    def _passive(self, *, extended: bool) -> socket.socket:
        if extended:
            reply = self.command(b"EPSV\r\n", b"229")
            match = _EPSV_PORT.search(reply)
            numbers: Sequence[bytes] = (b"0", *match.groups()) if match else ()
        else:
            reply = self.command(b"PASV\r\n", b"227")
            match = _PASV_ADDRESS.search(reply)
            numbers = match.groups()[4:] if match else ()
        if not numbers:
            raise RuntimeError(f"there is no address in {reply!r}")
        return _connected(int(numbers[0]) * 256 + int(numbers[1]))

    def _begin(self, command: bytes) -> None:
        self._control.send(command)
        self._expect(b"1")

    def _finish(self, data: socket.socket) -> None:
        """Wait for 226, when the transfer is over for both sides, and have the connection reset by its close.

        A connection that is closed in the usual way blocks a port for a minute, and a server that has to search a free
        one among thousands of them takes milliseconds for it.
        """
        self._expect(b"226")
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))

    def _expect(self, code: bytes) -> bytes:
        """Return the last line of the next reply, whose code begins with `code`."""
        while (match := _FINAL.search(self._received)) is None:
            self._received += self._read()
        self._received = self._received[match.end() :]
        if not match[0].startswith(code):
            raise RuntimeError(f"expected {code.decode()}, got {match[0]!r}")
        return match[0]

    def _read(self) -> bytes:
        data = self._control.recv(65536)
        if not data:
            raise RuntimeError("the server closed the control connection")
        return data


def _connected(port: int) -> socket.socket:
    sock = socket.socket()
    try:
        # Python's own timeouts would cost a poll(2) per call.
        patience = struct.pack("@ll", _PATIENCE, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        sock.connect(("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return sock
