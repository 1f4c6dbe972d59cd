"""The client of a script: over sockets, or of a session in memory.

A script says what it sends and which codes must come; what came is noted word for word.
"""

from __future__ import annotations

import socket
import struct
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

from ftpcore import Address, ConnectData
from ftpcore.testing import ScriptedHost
from ftpcore.wire import Reply, ReplyReader
from tests.adapters.serving import PATIENCE, received, wait_for
from tests.parity.transcripts import masked, shortened

__all__ = ["MemoryPlayer", "Player", "SocketPlayer"]

#: Where the client of a session in memory says that it listens.
_SOMEWHERE: Final = 50_002


class Player(ABC):
    """The client's side of one session.

    Attributes:
        noted: What was sent and what came, in order.
        root: What the server serves.
    """

    def __init__(self, root: Path) -> None:
        self.noted: list[str] = []
        self.root = root
        self.open = True
        self.port = 0

    # -- the control connection ----------------------------------------------------------------------------------------

    def send(self, *lines: str) -> None:
        """Send lines, all in one segment."""
        self.send_bytes("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def send_bytes(self, data: bytes) -> None:
        self.noted.append(f"> {masked(repr(data))}")
        self._send(data)

    def send_bytewise(self, *lines: str) -> None:
        """Send each byte in a segment of its own."""
        for byte in "".join(f"{line}\r\n" for line in lines).encode():
            self._send(bytes([byte]))

    def expect(self, *codes: int) -> None:
        """Take so many replies, which must have these codes."""
        came = []
        for _ in codes:
            reply = self._reply()
            self.noted.append(f"< {reply.code} " + masked("\n".join(reply.lines)))
            came.append(reply.code)
        assert came == list(codes), self.noted

    def expect_bytes(self, expected: bytes) -> None:
        """Take bytes that are no reply."""
        came = self._take(len(expected))
        self.noted.append(f"< {came!r}")
        assert came == expected, self.noted

    def command(self, line: str, *codes: int) -> None:
        self.send(line)
        self.expect(*codes)

    def login(self, *more: str) -> None:
        """Take the greeting, and log in for binary transfers."""
        self.expect(220)
        self.send("USER ann", "PASS pw", "TYPE I")
        self.expect(331, 230, 200)

    def settle(self) -> None:
        """Wait for the hook behind a transfer: this command does, where a QUIT would be acted on at once."""
        self.command("MODE S", 200)

    def quit(self) -> None:
        self.settle()
        self.command("QUIT", 221)
        self.ended()

    def ended(self) -> None:
        """The server must have closed the connection."""
        self._check_end()
        self.noted.append("< end")
        self.leave()

    # -- data connections ----------------------------------------------------------------------------------------------

    def passive(self, verb: str = "PASV") -> None:
        """Have the server listen."""
        self.send(verb)
        reply = self._reply()
        assert reply.code in (227, 229), reply
        self.noted.append(f"< {reply.code} " + masked("\n".join(reply.lines)))
        self.learn_port(reply)

    def learn_port(self, reply: Reply) -> None:
        text = reply.lines[0]
        if reply.code == 229:
            self.port = int(text.split("|")[3])
        else:
            high, low = text.partition("(")[2].partition(")")[0].split(",")[4:]
            self.port = int(high) * 256 + int(low)

    def connect_early(self) -> None:
        """Connect before the command, and have that accepted: the NOOP is read in the same turn or a later one."""
        self.connect()
        self.command("NOOP", 200)

    def active(self, verb: str = "PORT") -> None:
        """Listen, and tell the server where."""
        port = self._listen()
        where = f"127,0,0,1,{port // 256},{port % 256}" if verb == "PORT" else f"|1|127.0.0.1|{port}|"
        self.command(f"{verb} {where}", 200)

    def download(self) -> None:
        """Take what comes, to the end."""
        self.noted.append(f"< data {masked(shortened(self._download()))}")

    def retrieve(self, command: str) -> None:
        """Download over a passive connection that comes after the mark."""
        self.passive()
        self.command(command, 150)
        self.connect()
        self.download()
        self.expect(226)

    def store(self, command: str, *blocks: bytes) -> None:
        """Upload over a passive connection that comes after the mark."""
        self.passive()
        self.command(command, 150)
        self.connect()
        self.upload(*blocks)
        self.finish()
        self.expect(226)

    def upload_half(self) -> None:
        """Begin to store `new`, and go on when half of it is there."""
        self.passive()
        self.command("STOR new", 150)
        self.connect()
        self.upload(b"half")
        self.wait_for_content("new", b"half")

    def wait_for_content(self, name: str, content: bytes) -> None:
        """Wait until the server has stored this much."""
        file = self.root / name
        wait_for(lambda: file.exists() and file.read_bytes() == content, f"{content!r} in {name}")

    # -- what they differ in -------------------------------------------------------------------------------------------

    @abstractmethod
    def connect(self) -> None:
        """Connect to where the server listens."""

    @abstractmethod
    def accept(self) -> None:
        """Take the server's connection to where the client listens."""

    @abstractmethod
    def read_little(self) -> None:
        """Take no more than comes before anything is read from the next data connection."""

    @abstractmethod
    def await_data(self) -> None:
        """Wait for the first byte of a download, and leave it there."""

    @abstractmethod
    def upload(self, *blocks: bytes) -> None:
        """Send bytes over the data connection."""

    @abstractmethod
    def finish(self) -> None:
        """End the data connection in good order."""

    @abstractmethod
    def reset_data(self) -> None:
        """End the data connection by a reset."""

    @abstractmethod
    def send_urgent(self, signal: bytes, data: bytes) -> None:
        """Send the last byte of `signal` as urgent data, then `data`."""

    @abstractmethod
    def end_input(self) -> None:
        """Close the sending side of the control connection."""

    @abstractmethod
    def reset(self) -> None:
        """Lose the control connection."""

    @abstractmethod
    def leave(self) -> None:
        """Close the control connection, if it is open still."""

    def close(self) -> None:
        """Close all.  Idempotent."""
        self.leave()

    @abstractmethod
    def _take(self, count: int) -> bytes: ...

    @abstractmethod
    def _send(self, data: bytes) -> None: ...

    @abstractmethod
    def _reply(self) -> Reply: ...

    @abstractmethod
    def _check_end(self) -> None: ...

    @abstractmethod
    def _listen(self) -> int: ...

    @abstractmethod
    def _download(self) -> bytes: ...


class SocketPlayer(Player):
    """A client over sockets."""

    def __init__(self, root: Path, address: Address) -> None:
        super().__init__(root)
        self._control = socket.create_connection((address.host, address.port), PATIENCE)
        self._control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = ReplyReader()
        self._listener: socket.socket | None = None
        self._data: socket.socket | None = None

    def connect(self) -> None:
        self._data = socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def accept(self) -> None:
        assert self._listener is not None
        self._data, _ = self._listener.accept()
        self._data.settimeout(PATIENCE)
        self._listener.close()

    def read_little(self) -> None:
        """The kernel does what is to be done: it stops when its buffers are full."""

    def await_data(self) -> None:
        assert self._connection().recv(1, socket.MSG_PEEK)

    def upload(self, *blocks: bytes) -> None:
        for block in blocks:
            self._connection().sendall(block)

    def finish(self) -> None:
        self._connection().close()

    def reset_data(self) -> None:
        _reset(self._connection())

    def send_urgent(self, signal: bytes, data: bytes) -> None:
        self._control.sendall(signal[:-1])
        self._control.send(signal[-1:], socket.MSG_OOB)
        self._control.sendall(data)

    def end_input(self) -> None:
        self._control.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        _reset(self._control)
        self.open = False

    def leave(self) -> None:
        self.open = False
        self._control.close()

    def close(self) -> None:
        super().close()
        for sock in (self._listener, self._data):
            if sock is not None:
                sock.close()

    def _connection(self) -> socket.socket:
        assert self._data is not None, "there is no data connection"
        return self._data

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count and (block := self._control.recv(count - len(data))):
            data += block
        return data

    def _send(self, data: bytes) -> None:
        self._control.sendall(data)

    def _reply(self) -> Reply:
        while (reply := self._reader.next_reply()) is None:
            data = self._control.recv(65536)
            assert data, ("the server closed the connection", self.noted)
            self._reader.feed(data)
        return reply

    def _check_end(self) -> None:
        assert self._reader.next_reply() is None
        assert self._control.recv(1) == b""

    def _listen(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        return int(self._listener.getsockname()[1])

    def _download(self) -> bytes:
        return received(self._connection())


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class MemoryPlayer(Player):
    """The client of a session in memory.  Time passes when it waits for a reply."""

    def __init__(self, root: Path, host: ScriptedHost) -> None:
        super().__init__(root)
        self._host = host
        self._replies: list[Reply] = []

    def connect(self) -> None:
        self._host.connect()

    def accept(self) -> None:
        assert self._host.performed(ConnectData), self.noted

    def read_little(self) -> None:
        self._host.window = 1

    def await_data(self) -> None:
        assert self._host.downloaded

    def upload(self, *blocks: bytes) -> None:
        self._host.upload(*blocks)

    def finish(self) -> None:
        self._host.finish()

    def reset_data(self) -> None:
        self._host.reset()

    def send_urgent(self, signal: bytes, data: bytes) -> None:
        self._host.feed(signal + data)

    def end_input(self) -> None:
        self._host.end_control()

    def reset(self) -> None:
        self._host.lose_control()
        self.open = False

    def leave(self) -> None:
        if self.open and not self._host.control_closed:
            self._host.end_control()
        self.open = False

    def _take(self, count: int) -> bytes:
        assert not self._replies
        return self._host.take()

    def _send(self, data: bytes) -> None:
        self._host.feed(data)

    def _reply(self) -> Reply:
        while True:
            self._replies += self._host.replies()
            if self._replies:
                return self._replies.pop(0)
            self._pass_time()

    def _check_end(self) -> None:
        assert not self._replies
        while not self._host.control_closed:
            self._pass_time()

    def _pass_time(self) -> None:
        deadline = self._host.session.next_deadline()
        assert deadline is not None, ("nothing will come", self.noted)
        self._host.advance(max(0.0, deadline - self._host.now))

    def _listen(self) -> int:
        return _SOMEWHERE

    def _download(self) -> bytes:
        assert not self._host.connected, ("the data connection goes on", self.noted)
        return self._host.downloads[-1]
