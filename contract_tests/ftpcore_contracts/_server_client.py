"""Clients of servers under contract: raw sockets, every wait on them bounded, and what they saw kept to compare."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from ftpcore import Address, Reply
from ftpcore.wire import ReplyReader
from ftpcore_contracts._rules import broken, expect
from ftpcore_contracts._server_handler import ContractHandler
from ftpcore_contracts._server_record import Record, SessionRecord
from ftpcore_contracts._server_script import PASSWORD, USER, Script

__all__ = ["Client", "Served", "Start", "reset", "take_all"]

_BLOCK: Final = 65536


class Client:
    """A control connection.

    Attributes:
        raw: What came over it.
        at_end: The server closed it in good order.
    """

    def __init__(self, address: Address, record: Record, *, window: int | None = None) -> None:
        self.raw = bytearray()
        self.at_end = False
        self.sock = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET)
        self._record = record
        self._replies = ReplyReader()
        self._data: list[socket.socket] = []
        self.sock.settimeout(record.patience)
        if window is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        try:
            self.sock.connect(tuple(address))
        except BaseException:
            self.sock.close()
            raise
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = int(self.sock.getsockname()[1])

    @property
    def session(self) -> SessionRecord:
        """What is known of the session: all that it told before the replies that were read here."""
        session = self._record.session(self._port)
        self._record.wait(lambda: len(session.replies) >= len(self.raw), "the session to tell of replies that arrived")
        return session

    # -- the control connection ----------------------------------------------------------------------------------------

    def send(self, *lines: str) -> None:
        """Send lines in one segment."""
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def reply(self) -> Reply | None:
        """Return the next reply; None when the server has closed."""
        __tracebackhide__ = True
        while (reply := self._replies.next_reply()) is None and self._receive("the next reply"):
            pass
        return reply

    def code(self) -> int:
        """Return the code of the next reply, 0 when the server has closed; 125 counts as 150, for it is a race."""
        __tracebackhide__ = True
        reply = self.reply()
        return 0 if reply is None else 150 if reply.code == 125 else reply.code

    def codes(self, count: int) -> list[int]:
        __tracebackhide__ = True
        return [self.code() for _ in range(count)]

    def command(self, line: str) -> int:
        """Send a line, and return the code of the reply."""
        __tracebackhide__ = True
        self.send(line)
        return self.code()

    def rest(self) -> list[int]:
        """Return the codes of all further replies, until the server closes."""
        __tracebackhide__ = True
        while self._receive("the end of the control connection"):
            pass
        codes = []
        while code := self.code():
            codes.append(code)
        return codes

    def login(self) -> Self:
        """Take the greeting, and log in for binary transfers."""
        __tracebackhide__ = True
        self.send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
        expect(self.codes(4), [220, 331, 230, 200], "the replies to a login")
        return self

    def widen(self) -> None:
        """Make the small receive buffer a large one."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def close(self) -> None:
        for sock in self._data:
            sock.close()
        self.sock.close()

    def reset(self) -> None:
        """Close by a reset, as a client that crashed."""
        reset(self.sock)

    # -- data connections ----------------------------------------------------------------------------------------------

    def passive(self) -> Address:
        """Ask for a passive port."""
        __tracebackhide__ = True
        self.send("EPSV")
        reply = self.reply()
        if reply is None or reply.code != 229:
            broken("the reply to EPSV", expected=229, came=reply)
        return Address(str(self.sock.getpeername()[0]), int(reply.lines[0].split("|")[3]))

    def data(self, address: Address | None = None, *, window: int | None = None, source: str = "") -> socket.socket:
        """Connect to a passive port, a new one by default."""
        __tracebackhide__ = True
        address = address or self.passive()
        sock = self._kept(socket.socket(self.sock.family))
        if window is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        if source:
            sock.bind((source, 0))
        sock.connect(tuple(address))
        return sock

    def listener(self) -> tuple[socket.socket, str]:
        """Listen; return the socket, and the argument of EPRT that names it."""
        host = str(self.sock.getsockname()[0])
        sock = self._kept(socket.socket(self.sock.family))
        sock.bind((host, 0))
        sock.listen()
        return sock, f"|{2 if ':' in host else 1}|{host}|{sock.getsockname()[1]}|"

    def accept(self, listener: socket.socket) -> socket.socket:
        """Return the connection that the server makes."""
        return self._kept(listener.accept()[0])

    def _kept(self, sock: socket.socket) -> socket.socket:
        self._data.append(sock)
        sock.settimeout(self._record.patience)
        return sock

    def _receive(self, what: str) -> bool:
        """Take what comes; False at the end."""
        __tracebackhide__ = True
        if self.at_end:
            return False
        try:
            data = self.sock.recv(_BLOCK)
        except TimeoutError:
            came = f"nothing; {self._record.summary()}"
            broken(f"waited for {what}", expected=f"within {self._record.patience:g} s", came=came)
        except ConnectionError as error:
            broken(
                f"waited for {what}", expected="a reply, or an orderly end", came=f"{error!r}; {self._record.summary()}"
            )
        self.at_end = not data
        self.raw += data
        self._replies.feed(data)
        return bool(data)


class Served:
    """A server under contract, and the clients of one test.

    Leaving it closes the clients, waits for the ends of all sessions, and looks whether any rule was broken.
    """

    def __init__(self, address: Address, handler_class: type[ContractHandler], script: Script, record: Record) -> None:
        self.address = Address(*address)
        self.handler_class = handler_class
        self.record = record
        self._script = script
        self._clients: list[Client] = []

    def client(self, *, window: int | None = None) -> Client:
        """Connect."""
        client = Client(self.address, self.record, window=window)
        self._clients.append(client)
        return client

    def login(self) -> Client:
        """Connect and log in."""
        __tracebackhide__ = True
        return self.client().login()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        for gate in self._script.gates.values():
            gate.open()
        if error is not None:
            self.close()
            if isinstance(error, Exception):
                self.record.check()  # which says more than what it led to
            return
        self.finish()

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client.close()

    def finish(self) -> None:
        """Close the clients, and check what must hold then."""
        __tracebackhide__ = True
        # A client that never read anything may have gone before it got a session.
        sessions = [(client, client.session) for client in self._clients if client.raw]
        self.close()
        try:
            self.record.check_over()
        finally:
            self.record.check()
        for client, session in sessions:
            _compare(client, session)


def _compare(client: Client, session: SessionRecord) -> None:
    """Compare what a client saw with what its session said."""
    __tracebackhide__ = True
    said, over = bytes(session.replies), session.over
    assert over is not None, "it was waited for"
    if not said.startswith(client.raw):
        broken("bytes of replies arrive in the order of the outputs SendControl", expected=said, came=bytes(client.raw))
    if over.abandoned:
        return
    if client.at_end and len(client.raw) < len(said):
        broken("all replies leave before the close", expected=said, came=bytes(client.raw))
    if over.acknowledged < len(client.raw):
        broken(
            "control_sent tells of all bytes that reached the kernel",
            expected=f"{len(client.raw)} bytes or more, for they arrived",
            came=f"{over.acknowledged} bytes",
        )


Start = Callable[..., Served]


def take_all(sock: socket.socket) -> tuple[bytes, bool]:
    """Return all that comes, and whether it ended in good order."""
    __tracebackhide__ = True
    blocks = []
    try:
        while block := sock.recv(_BLOCK):
            blocks.append(block)
    except TimeoutError:
        broken("waited for the end of a connection", expected=f"within {sock.gettimeout():g} s", came="no end")
    except ConnectionError:
        return b"".join(blocks), False
    return b"".join(blocks), True


def reset(sock: socket.socket) -> None:
    """Close a connection by a reset."""
    with suppress(OSError):  # the peer was faster
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
